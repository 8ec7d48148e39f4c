"""Whether milestones come in the same order whatever the seed."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ontogeny.results.milestones import bootstrap_interval, bootstrap_weights, spearman


@dataclass(frozen=True)
class Agreement:
    """How alike seeds order their milestones.

    `pairs` gives for two seeds, by their places, the rank correlation of their milestones; `value`
    is the mean over pairs, `low` and `high` its 95% interval, and `chance` how often it is as large
    when the names of milestones are permuted. NaN where it can't be computed.
    """

    pairs: dict[tuple[int, int], float]
    value: float
    low: float
    high: float
    chance: float


def rank_agreement(
    times: np.ndarray,
    kinds: Sequence[Hashable],
    *,
    permutations: int,
    draws: int,
    generator: np.random.Generator,
) -> Agreement:
    """Return how alike seeds order their milestones; `times` is (milestones, seeds), NaN if never.

    Two seeds are compared by Spearman's correlation over the milestones that both have. The unit of
    the permutation is the name of a milestone, within a seed and among milestones of one kind
    (`kinds`, (milestones,)): that an onset comes before an arrival is so by definition, and any
    permutation keeps it. The interval redraws seeds; a seed that is drawn twice isn't compared with
    itself. With two seeds there is one comparison, and no interval.
    """
    seeds = times.shape[1]
    places = list(combinations(range(seeds), 2))
    if not places:
        return Agreement({}, np.nan, np.nan, np.nan, np.nan)
    first, second = np.array(places).T
    found = spearman(times[:, first].T, times[:, second].T)
    pairs = {place: float(value) for place, value in zip(places, found, strict=True)}
    value = _mean(found, np.ones((1, len(places))))[0]
    if np.isnan(value):
        return Agreement(pairs, np.nan, np.nan, np.nan, np.nan)
    weights = bootstrap_weights(seeds, draws, generator)
    resampled = _mean(found, weights[:, first] * weights[:, second])
    low, high = bootstrap_interval(resampled) if seeds > 2 else (np.nan, np.nan)
    groups = [np.flatnonzero([kind == one for kind in kinds]) for one in dict.fromkeys(kinds)]
    as_large = 0
    for _ in range(permutations):
        mixed = times.copy()
        for group in groups:
            mixed[group] = generator.permuted(times[group], axis=0)
        drawn = spearman(mixed[:, first].T, mixed[:, second].T)
        as_large += bool(_mean(drawn, np.ones((1, len(places))))[0] >= value - 1e-12)
    chance = (1 + as_large) / (1 + permutations)
    return Agreement(pairs, float(value), float(low), float(high), chance)


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return weighted means of what is defined, (draws,); `weights` is (draws, values)."""
    there = np.isfinite(values)
    total = (weights * there).sum(axis=1)
    sums = (weights * np.where(there, values, 0.0)).sum(axis=1)
    return np.divide(sums, total, out=np.full(len(weights), np.nan), where=total > 0)
