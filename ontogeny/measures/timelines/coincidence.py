"""Whether two milestones come together more often than their usual times would have it."""

from dataclasses import dataclass
from math import factorial

import numpy as np
from scipy import stats

CELLS = 2**22  # of arrays at once: 32 MiB of float64
EXACT = 12  # seeds up to which all pairings are counted


@dataclass(frozen=True)
class Coincidence:
    """How often pairs of milestones come together; all arrays are (milestones, milestones).

    `share`: in what share of the seeds. `expected`: in what share if the seeds of one milestone are
    paired with those of the other at random. `p`: how often such pairings come together as often at
    least. `adjusted`: the same, over all pairs (Benjamini and Hochberg 1995). `attainable`: the
    least that `adjusted` could have been with these times. The last three are NaN for pairs that
    come together as often however they are paired, and on the diagonal.
    """

    share: np.ndarray
    expected: np.ndarray
    p: np.ndarray
    adjusted: np.ndarray
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

    With up to 12 seeds p is exact, over all pairings; with more, over `permutations` of them and
    the one that was found.
    """
    count, seeds = times.shape
    nothing = np.full((count, count), np.nan)
    if not times.size:
        return Coincidence(nothing, nothing, nothing, nothing, nothing)
    first, second = np.triu_indices(count, 1)
    near = _near(times[:, None, :, None], times[None, :, None, :], within)
    pairs = near[first, second]
    if seeds <= EXACT:
        tails = _tails(_distribution(pairs))
    else:
        tails = _drawn_tails(pairs, permutations, generator)
    found = np.einsum("pss->p", pairs).astype(int)
    rows = np.arange(len(pairs))
    p = tails[rows, found]
    largest = seeds - (tails[:, ::-1] > 0).argmax(axis=1)
    varies = tails[rows, largest] < 1 - 1e-12
    p = np.where(varies, p, np.nan)
    best = np.where(varies, tails[rows, largest], np.nan)
    adjusted = _adjusted(p)
    attainable = np.array([_adjusted(_replaced(p, at, best[at]))[at] for at in range(len(p))])
    return Coincidence(
        np.einsum("abss->ab", near) / seeds,
        near.sum(axis=(2, 3)) / seeds**2,
        *(_symmetric(values, count) for values in (p, adjusted, attainable)),
    )


def _near(times: np.ndarray, others: np.ndarray, within: float) -> np.ndarray:
    """Tell which times are together: 1.0 or 0.0; NaN is near nothing."""
    with np.errstate(invalid="ignore"):
        return (np.abs(times - others) <= within + 1e-12).astype(np.float64)


def _distribution(near: np.ndarray) -> np.ndarray:
    """Return how likely each number of coincidences is over all pairings of seeds.

    `near` is (pairs, seeds, seeds), the result (pairs, seeds + 1). The permanent of a matrix whose
    entries are x where two seeds are near and 1 elsewhere is a polynomial in x that counts them; it
    is expanded row by row, over sets of columns that are taken.
    """
    number, seeds, _ = near.shape
    sets = np.arange(2**seeds)
    sizes = np.array([int(one).bit_count() for one in sets])
    found = np.empty((number, seeds + 1))
    block = max(1, CELLS // (2**seeds * (seeds + 1)))
    for start in range(0, number, block):
        own = near[start : start + block]
        ways = np.zeros((len(own), 2**seeds, seeds + 1))
        ways[:, 0, 0] = 1
        for row in range(seeds):
            for column in range(seeds):
                taken = sets[(sizes == row) & (sets >> column & 1 == 0)]
                before = ways[:, taken]
                after = np.zeros_like(before)
                after[:, :, 1:] = before[:, :, :-1]
                is_near = own[:, row, column, None, None] > 0
                ways[:, taken | 1 << column] += np.where(is_near, after, before)
        found[start : start + block] = ways[:, -1]
    return found / factorial(seeds)


def _tails(distribution: np.ndarray) -> np.ndarray:
    """Return how likely each number of coincidences, or a larger one, is."""
    return np.minimum(distribution[:, ::-1].cumsum(axis=1)[:, ::-1], 1.0)


def _drawn_tails(near: np.ndarray, permutations: int, generator: np.random.Generator) -> np.ndarray:
    """Return the same, over permutations that are drawn and the one that was found."""
    number, seeds, _ = near.shape
    places = np.arange(seeds)
    counts = np.zeros((number, seeds + 1))
    rows = np.arange(number)
    for order in (places, *(generator.permutation(seeds) for _ in range(permutations))):
        counts[rows, near[:, places, order].sum(axis=1).astype(int)] += 1
    return _tails(counts / (permutations + 1))


def _adjusted(p: np.ndarray) -> np.ndarray:
    adjusted = np.full(len(p), np.nan)
    there = ~np.isnan(p)
    if there.any():
        adjusted[there] = stats.false_discovery_control(p[there])
    return adjusted


def _replaced(values: np.ndarray, at: int, value: float) -> np.ndarray:
    values = values.copy()
    values[at] = value
    return values


def _symmetric(values: np.ndarray, count: int) -> np.ndarray:
    square = np.full((count, count), np.nan)
    first, second = np.triu_indices(count, 1)
    square[first, second] = square[second, first] = values
    return square
