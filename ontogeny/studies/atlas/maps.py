"""The training map of each run, from the statistics of the weights that its audit took."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from ontogeny.measures.training_maps import TrainingMap, training_map
from ontogeny.studies.atlas.tables import STATES, STATISTICS


def states(
    tables: Iterable[pd.DataFrame], *, states: int, restarts: int, seed: int
) -> pd.DataFrame:
    """Return the rows of `STATES`: a training map of every run in the tables of weights.

    `states` is the largest number of states that is tried. Statistics that a checkpoint lacks, or
    that are the same everywhere, are left out; a run of which none is left has no map.
    """
    rows: list[tuple] = []
    parts = [(run, part) for weights in tables for run, part in weights.groupby("run")]
    for run, part in parts:
        table = part[part["metric"].isin(STATISTICS)].pivot_table(
            index=["seed", "step"], columns="metric", values="value"
        )
        table = table.dropna(axis="columns")
        table = table.loc[:, table.std() > 0]
        if table.empty or table.size <= 2 * table.shape[1]:
            continue
        sequences = [own.to_numpy() for _, own in table.groupby(level="seed")]
        found = training_map(sequences, range(1, states + 1), restarts=restarts, seed=seed)
        rows += _rows(str(run), table, found)
    columns = [column.name for column in STATES.columns]
    frame = pd.DataFrame(rows, columns=columns)
    frame = frame.astype(dict.fromkeys(("seed", "step", "states", "state"), "Int64"))
    return frame.astype({"value": np.float64})


def _rows(run: str, table: pd.DataFrame, found: TrainingMap) -> Iterator[tuple]:
    number = found.number
    path, sure = np.concatenate(found.states), np.concatenate(found.probabilities)
    for (seed, step), state, probability in zip(table.index, path, sure, strict=True):
        yield run, seed, step, number, None, None, "state", state
        yield run, seed, step, number, None, None, "probability", min(1.0, round(probability, 9))
    for tried, criterion in found.criteria.items():
        yield run, None, None, tried, None, None, "bic", round(criterion, 6)
    for place in range(number):
        for name, mean in zip(table.columns, found.means[place], strict=True):
            yield run, None, None, number, place + 1, name, "mean", round(mean, 9)
        for other in range(number):
            probability = min(1.0, round(float(found.transitions[place, other]), 9))
            yield run, None, None, number, place + 1, str(other + 1), "transition", probability
