"""Whether two milestones come together more often than their usual times would have it."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

CELLS = 2**22  # of arrays at once: 32 MiB of float64


@dataclass(frozen=True)
class Coincidence:
    """How often pairs of milestones come together; all arrays are (milestones, milestones).

    `share`: in what share of the seeds. `expected`: in what share if the seeds of one milestone are
    paired with those of the other at random. `p`: how often the most striking of all pairs would
    strike as much, were all milestones independent. `attainable`: the least that `p` could have
    been with these times. Both are NaN for pairs that come together as often however they are
    paired, and on the diagonal.
    """

    share: np.ndarray
    expected: np.ndarray
    p: np.ndarray
    attainable: np.ndarray


def coincidence(
    times: np.ndarray, within: float, *, permutations: int, generator: np.random.Generator
) -> Coincidence:
    """Test which milestones coincide more often than chance; `times` (milestones, seeds).

    Two milestones coincide in a seed if they are no further apart than `within`, in the unit of
    `times` (log step); one that never comes, NaN, coincides with none. The unit of the permutation
    is the seed, within a milestone: each milestone keeps its times, and they are dealt out to the
    seeds anew. So what is tested is whether milestones move together from seed to seed. Two that
    come at the same step in every seed coincide always, and as often after any permutation: they
    share a date, and nothing else is known of them.

    Counts are compared as deviations from their mean under permutation in units of their standard
    deviation there (both in closed form, Hoeffding 1951), and each with the largest over all pairs
    in each permutation: so the chance that any pair is found, if no two belong together, is at
    most the level (Westfall and Young 1993, single-step maxT), however many pairs there are.
    """
    count, seeds = times.shape
    if not times.size:
        nothing = np.full((count, count), np.nan)
        return Coincidence(nothing, nothing, nothing, nothing)
    near = _near(times[:, None, :, None], times[None, :, None, :], within)
    expected = near.sum(axis=(2, 3)) / seeds
    centred = (
        near
        - near.mean(axis=2, keepdims=True)
        - near.mean(axis=3, keepdims=True)
        + near.mean(axis=(2, 3), keepdims=True)
    )
    variance = (centred**2).sum(axis=(2, 3)) / max(seeds - 1, 1)
    varies = (variance > 1e-9) & ~np.eye(count, dtype=bool)
    deviation = np.sqrt(np.where(varies, variance, 1.0))

    def striking(counts: np.ndarray) -> np.ndarray:
        return np.where(varies, (counts - expected) / deviation, -np.inf)

    together = np.einsum("abss->ab", near)
    best = _largest_counts(near, varies)
    largest = np.empty(permutations)
    block = max(1, CELLS // (count**2 * seeds))
    for start in range(0, permutations, block):
        number = min(block, permutations - start)
        dealt = generator.permuted(np.broadcast_to(times, (number, count, seeds)), axis=2)
        counts = _near(dealt[:, :, None], dealt[:, None], within).sum(axis=3)
        largest[start : start + number] = striking(counts).max(axis=(1, 2))

    def chance(counts: np.ndarray) -> np.ndarray:
        reached = np.sort(largest)
        below = np.searchsorted(reached, striking(counts) - 1e-9, side="left")
        found = (1 + permutations - below) / (1 + permutations)
        return np.where(varies, found, np.nan)

    return Coincidence(together / seeds, expected / seeds, chance(together), chance(best))


def _near(times: np.ndarray, others: np.ndarray, within: float) -> np.ndarray:
    """Tell which times are together: 1.0 or 0.0; NaN is near nothing."""
    with np.errstate(invalid="ignore"):
        return (np.abs(times - others) <= within + 1e-12).astype(np.float64)


def _largest_counts(near: np.ndarray, varies: np.ndarray) -> np.ndarray:
    """Return in how many seeds each pair could coincide at most, by the best way of pairing."""
    best = np.zeros(near.shape[:2])
    for one, other in np.argwhere(varies):
        if one < other:
            rows, columns = linear_sum_assignment(near[one, other], maximize=True)
            best[one, other] = best[other, one] = near[one, other][rows, columns].sum()
    return best
