"""Tables of similarities in which every claim holds, each unless told otherwise."""

import numpy as np
import pandas as pd

from ontogeny.results.tables import check
from ontogeny.studies.similarity.curves import read_curves
from ontogeny.studies.similarity.tables import SIMILARITY, TAGGERS, TAGGINGS

STEPS = (0, 1, 4, 40, 80, 120, 160, 200)  # of which the publication would have seen all from 4 on
SEEN = 6
SEEDS = (0, 1, 2)
TAGSETS = ("upos", "xpos", "deprel", "topic")
LAYERS = (0, 1, 2)

# Where a tag set's curve ends above the embeddings, and how soon it is there.
LEVEL = {"upos": 0.6, "xpos": 0.5, "deprel": 0.45, "topic": 0.3}
FLOOR = {"upos": 0.4, "xpos": 0.4, "deprel": 0.4, "topic": 0.35}
SETTLES = {"upos": 3, "xpos": 4, "deprel": 4, "topic": 5}


def tagger_curve(tagset, tagging, layer, shuffled):
    """What is planted at the steps that the publication would have seen."""
    if layer == 0:
        return np.linspace(0.7, 0.6, SEEN)
    level = FLOOR[tagset] if shuffled else LEVEL[tagset]
    if tagging == "input":
        level = {"upos": 0.4, "xpos": 0.5}.get(tagset, 0.45)
    curve = np.full(SEEN, level)
    curve[: SETTLES[tagset]] -= 0.02 * np.arange(SETTLES[tagset], 0, -1)
    curve[0] = level - 0.01 if layer == 1 and not shuffled else curve[0]
    curve[1] = level - 0.15 if layer == 1 else curve[1]
    return curve


def planted(seeds=SEEDS, noise=0.001, corpora=("here", "elsewhere"), **changes):
    """Return the rows of the study's table; `changes` replace the curves of that name.

    A change maps what a curve is of, such as `own_final` or `tagger`, to a function of its curve
    and its keys.
    """
    generator = np.random.default_rng(0)
    rows = []

    def add(other, layer, curve, **keys):
        key = {"other": other, "layer": layer, **keys}
        if other in changes:
            curve = changes[other](np.asarray(curve), key)
        if curve is None:
            return
        for seed in seeds:
            values = np.concatenate([[0.1, 0.1], curve])  # before anything the publication saw
            values = np.clip(values + generator.normal(0, noise, len(values)), 0, 1)
            rows.extend(
                {"run": "planted", "seed": seed, **key, "step": step, "metric": name, "value": v}
                for step, v in zip(STEPS, values, strict=True)
                for name in ([key["metric"]] if "metric" in key else ["svcca", "cca"])
            )

    for corpus in corpora:
        for layer in LAYERS:
            add("own_final", layer, np.linspace(0.5, 1, SEEN), corpus=corpus, other_layer=layer)
            add("seed_final", layer, np.linspace(0.3, 0.64, SEEN), corpus=corpus, other_layer=layer)
            add("chance", layer, np.full(SEEN, 0.1), corpus=corpus, other_layer=layer)
            for high in range(layer + 1, 3):
                level = 0.5 if high - layer == 1 else 0.4
                curve = np.linspace(0.2, level, SEEN)
                add("layer", layer, curve, corpus=corpus, other_layer=high)
            for domain in corpora:
                for tagset in TAGSETS:
                    for tagging in TAGGINGS:
                        for shuffled in (0, 1):
                            curve = tagger_curve(tagset, tagging, layer, shuffled)
                            keys = {"tagset": tagset, "tagging": tagging, "shuffled": shuffled}
                            keys |= {"domain": domain, "other_layer": min(layer, 1)}
                            less = 0.05 * (domain != corpus)
                            add("tagger", layer, curve - less, corpus=corpus, **keys)
            for tagset in ("upos", "xpos", "deprel"):
                for tagging in TAGGINGS:
                    keys = {"corpus": corpus, "tagset": tagset, "tagging": tagging, "shuffled": 0}
                    add("diagnostic", layer, np.full(SEEN, 0.9), metric="accuracy", **keys)
                    keys["metric"] = "majority_accuracy"
                    add("diagnostic", layer, np.full(SEEN, 0.2), **keys)
    columns = [column.name for column in SIMILARITY.columns]
    frame = pd.DataFrame(rows).reindex(columns=columns)
    check(frame, SIMILARITY)
    return frame


def planted_taggers(learned=TAGSETS, domains=("here", "elsewhere"), tagsets=TAGSETS):
    """Return the rows of the table of taggers, of which those of `learned` learned their tags."""
    rows = []
    for domain in domains:
        for tagset in tagsets:
            for tagging in TAGGINGS:
                for shuffled in (0, 1):
                    key = {"tagset": tagset, "tagging": tagging, "shuffled": shuffled}
                    accuracy = 0.6 if tagset in learned and not shuffled else 0.3
                    values = {"accuracy": accuracy, "majority_accuracy": 0.3, "test_words": 1000}
                    values |= {"classes": 9, "documents": 4, "perplexity": 3.0}
                    values |= {"train_words": 5000, "dev_words": 600}
                    rows += [
                        {"domain": domain, **key, "metric": name, "value": float(value)}
                        for name, value in values.items()
                    ]
    frame = pd.DataFrame(rows)
    check(frame, TAGGERS)
    return frame


def curves(table=None, taggers=None, corpus="here"):
    """Return planted curves as claims read them."""
    table = planted() if table is None else table
    taggers = planted_taggers() if taggers is None else taggers
    return read_curves(table, taggers, corpus, draws=50, seed=0)
