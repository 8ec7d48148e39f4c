"""Rank correlations kept as sums over sentences, so that sentences can be redrawn."""

import numpy as np
import pandas as pd

from ontogeny.results.milestones import ranks

SUMS = ("n", "x", "y", "xx", "yy", "xy")


def correlation_sums(
    values: np.ndarray, others: np.ndarray, strata: np.ndarray, sentence: np.ndarray
) -> pd.DataFrame:
    """Return, for each sentence, the sums behind the rank correlation of `values` with `others`.

    All arguments are (pairs,). `values` are ranked among those of the same stratum, `others` among
    all. Columns: `sentence` and `SUMS`. Ranks are those of the data, and stay when sentences are
    redrawn.
    """
    y = np.zeros(len(values))
    for stratum in np.unique(strata):
        at = strata == stratum
        y[at] = ranks(values[at]) / (at.sum() + 1) - 0.5
    x = ranks(others.astype(float)) / (len(values) + 1) - 0.5
    sums = {"n": np.ones(len(x)), "x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y}
    return pd.DataFrame({"sentence": sentence, **sums}).groupby("sentence").sum().reset_index()


def pearson(sums: np.ndarray) -> np.ndarray:
    """Return correlations from `SUMS` in the last dimension; NaN where a side is constant."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread = (n * xx - x**2) * (n * yy - y**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (n * xy - x * y) / np.sqrt(np.maximum(spread, 0))
    return np.where(spread > 1e-12 * n**4, np.clip(found, -1, 1), np.nan)
