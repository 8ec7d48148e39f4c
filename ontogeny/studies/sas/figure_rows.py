"""Which rows of the study's tables its figures show."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ontogeny.errors import TableError
from ontogeny.studies.sas.tables import SAS

# What figures read of SAS: all but the scores of single heads, of which large models have millions.
SHOWN = tuple(m.name for m in SAS.metrics if m.name not in ("head_uas", "edge_mass"))

# What is measured on minimal pairs, not on the corpus.
ON_PAIRS = (
    "minimal_pair_accuracy",
    "capability_rise",
    "capability_onset",
    "capability_change_point",
)


def check_one(table: pd.DataFrame, *, several_runs: bool = False) -> None:
    """Raise `TableError` if a table to be drawn holds several runs, corpora or suites of pairs."""
    on_pairs = table["metric"].isin(ON_PAIRS)
    names = {
        "corpus": table.loc[~on_pairs, "corpus"],
        "suite of minimal pairs": table.loc[on_pairs, "corpus"],
    }
    if not several_runs:
        names = {"run": table["run"]} | names
    for what, column in names.items():
        found = sorted(column.unique())
        if len(found) > 1:
            raise TableError(
                f"a figure of syntactic attention shows one {what}, the table holds "
                f"{', '.join(found)}. Select one before drawing."
            )


def of_all_words(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the rows of a metric that are about no relation in particular."""
    return table[(table["metric"] == metric) & table["relation"].isna()]


def of_relations(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the rows of a metric that are about one relation each."""
    return table[(table["metric"] == metric) & table["relation"].notna()]


def capability(table: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy on minimal pairs, overall (`field` null) and for each field."""
    return table[(table["metric"] == "minimal_pair_accuracy") & table["paradigm"].isna()]


def overall_capability(table: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy on all minimal pairs together."""
    rows = capability(table)
    return rows[rows["field"].isna()]


def words_by_relation(table: pd.DataFrame) -> pd.Series:
    """Return how many words each relation counts, the most frequent first.

    Relations that are as frequent come in alphabetical order, those of unknown frequency last (0).
    """
    words = of_relations(table, "uas").groupby("relation")["n"].max().fillna(0).astype(int)
    return words.sort_values(ascending=False, kind="stable")


class Milestone(NamedTuple):
    """A step of training with its 95% interval, NaN where there is none."""

    step: float
    low: float
    high: float


def of_the_mean(onsets: pd.DataFrame) -> dict[str, Milestone]:
    """Return the milestones of the mean over seeds, by metric."""
    rows = onsets[onsets["seed"].isna()]
    numbers = rows[["value", "low", "high"]].astype(float).to_numpy()
    return {
        metric: Milestone(*row.tolist())
        for metric, row in zip(rows["metric"], numbers, strict=True)
    }


def last_step(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the last checkpoint."""
    return rows[rows["step"] == rows["step"].max()]


def steps_of(table: pd.DataFrame) -> np.ndarray:
    """Return the steps of all checkpoints, ascending."""
    return np.unique(table["step"])


def state_absent(figure: Figure, absent: Sequence[str]) -> None:
    """Say below a figure's legend what is not shown, and why: `absent` are phrases."""
    if absent:
        legend = figure.legends[-1]
        legend.set_title(textwrap.fill(f"Not shown: {'; '.join(absent)}.", 110))
        legend.get_title().set_fontstyle("italic")
