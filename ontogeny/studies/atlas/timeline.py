"""The timeline: what all studies say of when things happened, as one frame and as arrays."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ontogeny.results.tables import check
from ontogeny.studies.atlas.tables import TIMELINE


def timeline(found: Iterable[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Return the milestones of several studies, each with its name, as rows of `TIMELINE`.

    Raises `TableError` if a study's rows don't keep to the declaration.
    """
    parts = [
        rows.rename(columns={"step": "value"}).assign(study=name, metric="step")
        for name, rows in found
    ]
    columns = [column.name for column in TIMELINE.columns]
    frame = pd.concat([pd.DataFrame(columns=columns), *parts], ignore_index=True)[columns]
    frame = frame.astype({"seed": "Int64", "layer": "Int64"})
    for name in ("value", "low", "high"):
        frame[name] = frame[name].astype(np.float64)
    check(frame, TIMELINE)
    return frame


@dataclass(frozen=True)
class Times:
    """When the milestones of a run come, seed by seed.

    `names` (milestones,) and the study and the kind of each; `times` (milestones, seeds), natural
    logarithms of 1 + step, NaN where a seed lacks one. In the order in which they come on average.
    """

    names: tuple[str, ...]
    studies: tuple[str, ...]
    kinds: tuple[str, ...]
    seeds: tuple[int, ...]
    times: np.ndarray


def times_of(rows: pd.DataFrame, run: str) -> Times:
    """Return the times of a run's milestones, rows of `TIMELINE`, seed by seed.

    What comes layer by layer comes once here, at the layer where it comes first: the layers of one
    task are no milestones of their own when pairs are counted. If a run is measured on several
    corpora, the corpus is part of the name.
    """
    own = rows[rows["run"].eq(run) & rows["seed"].notna()].copy()
    corpora = own["corpus"].dropna().nunique()
    own["name"] = own["milestone"]
    if corpora > 1:
        on = own["corpus"].notna()
        own.loc[on, "name"] = own["milestone"] + " (" + own["corpus"].astype(str) + ")"
    own["time"] = np.log1p(own["value"].astype(np.float64))
    table = own.pivot_table(
        index=["name", "study", "kind"], columns="seed", values="time", aggfunc="min"
    )
    if table.empty:
        return Times((), (), (), (), np.zeros((0, 0)))
    order = table.mean(axis=1).to_numpy().argsort(kind="stable")
    table = table.iloc[order]
    names, studies, kinds = (tuple(table.index.get_level_values(level)) for level in range(3))
    seeds = tuple(int(seed) for seed in table.columns)
    return Times(names, studies, kinds, seeds, table.to_numpy(dtype=np.float64))
