"""How DI of pairs of words hangs on distance and frequency, with seeds and sentences redrawn."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ontogeny.results.claims import Estimate
from ontogeny.results.milestones import (
    bootstrap_interval,
    crossed_weights,
    mean_over_seeds,
    resampled_ratio,
)
from ontogeny.studies.interdependence.correlation_sums import SUMS, pearson


@dataclass(frozen=True)
class Resampled:
    """One run on one corpus, at its first and last step; row 0 as measured, then the draws.

    `cells` has a row for each sequential distance, syntactic distance and word class, with `cases`;
    `means` (1 + draws, seeds, steps, cells) are its mean DI. `by_distance` (1 + draws, seeds,
    steps, distances) are means over all pairs that are so far apart, `distances` and
    `distance_cases` (distances,) tell how far and how many. `correlations` (1 + draws, seeds,
    steps, 2) are those with the earlier and the later word's frequency. `seed_weights` (1 + draws,
    seeds) say how often each seed was drawn.
    """

    cells: pd.DataFrame
    means: np.ndarray
    distances: np.ndarray
    distance_cases: np.ndarray
    by_distance: np.ndarray
    correlations: np.ndarray
    seed_weights: np.ndarray
    least_cases: int

    def estimate(self, values: np.ndarray) -> Estimate:
        """Return the mean over seeds of a statistic (1 + draws, seeds), with its interval."""
        drawn = np.round(mean_over_seeds(values, self.seed_weights), 12)
        low, high = bootstrap_interval(drawn)
        seeds = int((~np.isnan(values[0])).sum())
        return Estimate(float(drawn[0]), float(low), float(high), seeds, self.means.shape[2])


def resample(
    sentences: pd.DataFrame, frequencies: pd.DataFrame, *, least_cases: int, draws: int, seed: int
) -> Resampled:
    """Return the means and correlations of a run, and their bootstrap draws.

    `sentences` and `frequencies` are what `measure_pairs` returns besides rows, of all seeds at the
    first and the last step. Seeds and sentences are crossed (`milestones.crossed_weights`).
    """
    axes = [np.unique(sentences[key]) for key in ("sentence", "seed", "step")]
    keys = ["sequential_distance", "syntactic_distance", "word_class"]
    cells = sentences[keys].drop_duplicates().sort_values(keys).reset_index(drop=True)
    place = pd.MultiIndex.from_frame(cells).get_indexer(pd.MultiIndex.from_frame(sentences[keys]))
    places = [
        np.searchsorted(axis, sentences[key])
        for axis, key in zip(axes, ("sentence", "seed", "step"), strict=True)
    ]
    total, cases = (np.zeros((*map(len, axes), len(cells))) for _ in range(2))
    total[(*places, place)], cases[(*places, place)] = sentences["total"], sentences["cases"]
    seed_weights, weights = crossed_weights(
        len(axes[1]), len(axes[0]), draws, np.random.default_rng(seed)
    )
    distances, of_distance = np.unique(cells["sequential_distance"], return_inverse=True)
    collect = np.eye(len(distances))[of_distance]
    sums = np.zeros((*map(len, axes), 2, len(SUMS)))
    word = (frequencies["word"] == "later").astype(int)
    places = [
        np.searchsorted(axis, frequencies[key])
        for axis, key in zip(axes, ("sentence", "seed", "step"), strict=True)
    ]
    sums[(*places, word.to_numpy())] = frequencies[list(SUMS)]
    drawn = np.tensordot(weights.astype(float), sums, 1)
    return Resampled(
        cells.assign(cases=cases[:, 0, 0].sum(0)),
        resampled_ratio(weights, total, cases),
        distances,
        (cases[:, 0, 0] @ collect).sum(0),
        resampled_ratio(weights, total @ collect, cases @ collect),
        pearson(drawn),
        seed_weights,
        least_cases,
    )


def sequential_slope(found: Resampled) -> np.ndarray:
    """Return by how much log mean DI changes with each word of distance, (1 + draws, seeds, steps).

    A least-squares line over the distances with enough cases; NaN with fewer than three of them.
    """
    kept = found.distance_cases >= found.least_cases
    if kept.sum() < 3:
        return np.full(found.by_distance.shape[:-1], np.nan)
    x = found.distances[kept] - found.distances[kept].mean()
    return np.log(found.by_distance[..., kept]) @ x / (x @ x)


def syntactic_slope(found: Resampled, word_class: str) -> np.ndarray:
    """Return by how much DI changes with each edge of syntactic distance.

    (1 + draws, seeds, steps). Within each sequential distance, in units of its mean DI: one
    least-squares slope for all, over the means of cells with enough cases, weighted by cases. NaN
    if no sequential distance has two such cells.
    """
    cells = found.cells
    chosen = (cells["word_class"] == word_class) & (cells["cases"] >= found.least_cases)
    across = np.zeros(found.means.shape[:-1])
    within = 0.0
    for _, stratum in cells[chosen].groupby("sequential_distance"):
        weight = stratum["cases"].to_numpy(dtype=float) / stratum["cases"].sum()
        x = stratum["syntactic_distance"] - weight @ stratum["syntactic_distance"]
        y = found.means[..., stratum.index]
        level = y @ weight
        mass = stratum["cases"].sum()
        across += mass * ((y / level[..., None]) @ (weight * x.to_numpy()))
        within += mass * float(weight @ x**2)
    return across / within if within > 0 else np.full(across.shape, np.nan)
