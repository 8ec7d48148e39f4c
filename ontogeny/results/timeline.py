"""Milestones as rows: what a study says of when things happened, for all studies alike."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ontogeny.results.tables import RUN, Column, Metric, Table

# What a step says of the curve that it was read from. They aren't the same moment of one rise: its
# onset comes before it is half-way, and that before it has all but arrived.
KINDS = ("onset", "steepest", "half-way", "arrival", "boundary", "saturation")

KEYS = (
    RUN,
    Column("seed", "int", "seed of the trajectory; null: all seeds together", nullable=True),
    Column("study", "string", "study that measured it"),
    Column("milestone", "string", "what happened"),
    Column("layer", "int", "layer in which it did; null where it has none", nullable=True),
    Column("corpus", "string", "corpus on which it was measured; null without one", nullable=True),
)
FURTHER = (
    Column(
        "low",
        "float",
        "lower end of its 95% interval, or of the gap between checkpoints in which it lies; null "
        "where the data don't bound it",
        "updates",
        nullable=True,
    ),
    Column("high", "float", "upper end", "updates", nullable=True),
    Column("kind", "string", "which moment of a rise it is", values=KINDS),
)


def timeline_table(name: str) -> Table:
    """Return the declaration of a table of milestones."""
    step = Metric("step", "when it happened; between two checkpoints, a curve says where", "", 0)
    return Table(name, keys=KEYS, metrics=(step,), further=FURTHER)


COLUMNS = (*(column.name for column in (*KEYS, *FURTHER)), "step")


def milestones(rows: Iterable[tuple] | pd.DataFrame, columns: Iterable[str] = ()) -> pd.DataFrame:
    """Return rows of milestones in one form, `COLUMNS`, without `study`, which the atlas adds.

    `rows` are a frame, or tuples of `columns`. Columns that they lack are null.
    """
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows, columns=list(columns))
    wanted = [name for name in COLUMNS if name != "study"]
    frame = frame.reindex(columns=wanted)
    for name in ("low", "high", "step"):
        frame[name] = frame[name].astype(np.float64)
    return frame.astype({"seed": "Int64", "layer": "Int64"}).reset_index(drop=True)
