"""When a model is half-way to its final similarity to each tagger, for the atlas."""

import numpy as np
import pandas as pd

from ontogeny.planning.study import Settings
from ontogeny.results.half_way import FEWEST, half_way
from ontogeny.results.timeline import milestones
from ontogeny.studies.similarity.curves import Curves
from ontogeny.studies.similarity.tables import PRIMARY

OF_WORD = {"next": "next word's", "input": "word's own"}
KEYS = ["run", "corpus", "seed"]


def half_way_to_taggers(
    measured: pd.DataFrame, taggers: pd.DataFrame, settings: Settings
) -> pd.DataFrame:
    """Return where the similarity to each tagger, mean over layers, is half-way to its last value.

    The taggers are those of the corpus whose words were represented, trained on true tags, that
    learned something. Words aren't redrawn (a canonical correlation of words that come twice is
    larger), so the interval of a seed is the gap between the two checkpoints around the step. A
    curve without a half-way (`ontogeny.results.half_way`) has no milestone.
    """
    learned = _learned(taggers)
    own = measured["other"].eq("tagger") & measured["domain"].eq(measured["corpus"])
    curves = measured[
        own & measured["metric"].eq(PRIMARY) & measured["shuffled"].eq(0) & measured["layer"].gt(0)
    ]
    rows = []
    for (run, corpus, seed, tagset, tagging), part in curves.groupby([*KEYS, "tagset", "tagging"]):
        curve = part.groupby("step")["value"].mean()
        if (corpus, tagset, tagging) not in learned or len(curve) < FEWEST:
            continue
        step, low, high = half_way(curve.index.to_numpy(), curve.to_numpy())
        name = f"like a tagger of the {OF_WORD[str(tagging)]} {tagset}"
        rows.append((run, corpus, seed, name, float(step), float(low), float(high)))
    columns = (*KEYS, "milestone", "step", "low", "high")
    frame = pd.DataFrame(rows, columns=list(columns)).dropna(subset="step")
    return milestones(frame.assign(kind="half-way"))


def _learned(taggers: pd.DataFrame) -> set[tuple[str, str, str]]:
    """Return domain, tag set and tagging of the taggers that learned something."""
    found = set()
    there = taggers[["domain", "tagging"]].drop_duplicates()
    for domain, tagging in there.itertuples(index=False, name=None):
        curves = Curves(pd.DataFrame(), {}, taggers, domain, np.ones((1, 1), dtype=np.int64))
        found |= {(domain, tagset, tagging) for tagset in curves.learned(tagging)}
    return found
