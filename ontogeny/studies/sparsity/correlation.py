"""Correlations over words, as measured and with words redrawn."""

import numpy as np

from ontogeny.results.milestones import spearman


def weighted_pearson(weights: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation over words for each draw of them.

    `weights` (draws, words) says how often each word was drawn, `one` is (words,), `other` (words,
    ...), NaN where a word has no value; the result is (draws, ...). NaN where fewer than three
    different words were drawn, or a side is constant.
    """
    shape = other.shape[1:]
    values = other.reshape(len(other), -1)
    there = ~np.isnan(values)
    # Around their means, so that sums of squares keep their digits.
    x = (one - one.mean())[:, None] * there
    y = np.where(there, values - np.nanmean(values, axis=0, keepdims=True), 0.0)
    w = weights.astype(np.float64)
    count = w @ there
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_x, mean_y = w @ x / count, w @ y / count
        covariance = w @ (x * y) / count - mean_x * mean_y
        spread_x = w @ (x * x) / count - mean_x**2
        spread_y = w @ (y * y) / count - mean_y**2
        found = covariance / np.sqrt(spread_x * spread_y)
    different = (weights > 0).astype(np.float64) @ there
    tiny = 1e-12
    constant = (spread_x <= tiny * (x * x).mean()) | (spread_y <= tiny * (y * y).mean())
    found = np.where((different < 3) | constant, np.nan, found)
    return np.clip(found, -1, 1).reshape(len(weights), *shape)


def correlations(frequency: np.ndarray, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return `rho` and `rank_correlation` of values (words, ...) with frequency (words,), (...)."""
    if len(frequency) < 3:
        nothing = np.full(values.shape[1:], np.nan)
        return {"rho": nothing, "rank_correlation": nothing}
    rho = weighted_pearson(np.ones((1, len(frequency))), frequency, values)[0]
    by_rank = spearman(np.moveaxis(values, 0, -1), frequency.astype(np.float64))
    return {"rho": rho, "rank_correlation": by_rank}
