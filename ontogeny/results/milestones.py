"""Milestones of training with their uncertainty: drops, bootstrap intervals, rank trends.

The bootstrap works on weights. A draw says how often each seed and each sentence was drawn; a
measure that is a ratio of sums over sentences is then two matrix products for all draws, steps
and layers at once (`resampled_ratio`), and whatever is computed from it keeps the draws as its
first dimension. Row 0 is, by convention, the data themselves, each unit once; the rows after it
are the draws. So one computation yields the value and its interval.
"""

import math

import numpy as np

PRODUCT_CELLS = 2**22  # of a matrix product at once: 32 MiB of float64


def bootstrap_weights(groups: int, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Return how often each group is drawn when as many are drawn, with replacement.

    The result has shape (1 + draws, groups), integers; row 0 is all ones, and each other row is
    multinomial and sums to `groups`. (Efron and Tibshirani 1993, chapter 6.)
    """
    drawn = generator.multinomial(groups, np.full(groups, 1 / groups), size=draws)
    return np.vstack([np.ones((1, groups), dtype=drawn.dtype), drawn])


def crossed_weights(
    seeds: int, sentences: int, draws: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return bootstrap weights of seeds, (1 + draws, seeds), and sentences, (1 + draws, sentences).

    Seeds and sentences are crossed: the models of all seeds answer the same test sentences, so a
    draw takes seeds and, independently, sentences, and applies the same sentences to every seed
    (the pigeonhole bootstrap of Owen 2007; the weight of a cell is the product of the two). To
    draw other sentences for each seed would count the luck of a test set as many times as there
    are seeds, and average it away. Words are nested in sentences, and steps and layers in seeds:
    a sentence comes with all its words, and a trajectory is drawn whole.

    With one seed its weight is 1 in every draw: the interval is over sentences alone and says
    nothing about another seed. An interval over few seeds is narrower than its level promises: it
    reaches at most from the lowest to the highest, and where seeds are all that varies, all lie on
    one side of the truth once in 2 ** (seeds - 1) times: half the time with two, 6% with five.
    """
    sentence_weights = bootstrap_weights(sentences, draws, generator)
    return bootstrap_weights(seeds, draws, generator), sentence_weights


def resampled_ratio(
    weights: np.ndarray, numerators: np.ndarray, denominators: np.ndarray
) -> np.ndarray:
    """Return sum(weight * numerator) / sum(weight * denominator) over sentences, for each draw.

    `weights` has shape (draws, sentences), the counts (sentences, ...); the result (draws, ...),
    NaN where the denominator is 0. Denominators that are the same for all may be given once, in the
    shape (sentences, 1, ...). Sums of whole numbers are exact in float64, so the result doesn't
    depend on the order in which a linear algebra library adds them up.
    """
    weights = weights.astype(np.float64)
    tops, bottoms = (
        counts.reshape(len(counts), math.prod(counts.shape[1:]))
        for counts in (numerators, denominators)
    )
    ratio = np.full((len(weights), tops.shape[1]), np.nan)
    block = max(1, PRODUCT_CELLS // len(weights))
    for start in range(0, tops.shape[1], block):
        columns = slice(start, start + block)
        top = weights @ tops[:, columns].astype(np.float64)
        once = bottoms.shape[1] == 1
        bottom = weights @ (bottoms if once else bottoms[:, columns]).astype(np.float64)
        np.divide(top, bottom, out=ratio[:, columns], where=bottom > 0)
    return ratio.reshape(len(weights), *numerators.shape[1:])


def mean_over_seeds(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean over seeds in each draw, each seed as often as it was drawn.

    `values` has shape (draws, seeds, ...), `weights` (draws, seeds); the result (draws, ...). NaN
    or infinite where that is the value of a seed that was drawn; a seed not drawn has no say.
    """
    weights = weights.reshape(*weights.shape, *[1] * (values.ndim - 2))
    weighted = np.where(weights > 0, values * np.maximum(weights, 1), 0.0)
    return weighted.sum(axis=1) / weights.sum(axis=1)


def percentile_interval(draws: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper end of the percentile interval over the first dimension.

    `draws` has shape (draws, ...), both results (...). Draws that are NaN (undefined) are left
    out; where all are, both ends are NaN. A draw may be infinite (never reached within the data):
    an infinite end means that the data don't bound the interval on that side. The ends are drawn
    values, rounded outwards to the next, since between a number and infinity there is no point.
    (Efron and Tibshirani 1993, section 13.3.)
    """
    ordered = np.sort(np.asarray(draws, dtype=np.float64), axis=0)  # NaN last
    last = np.maximum((~np.isnan(ordered)).sum(axis=0) - 1, 0)
    # 0.05 has no exact float, so a product meant to be whole may miss it by a rounding error.
    tail = np.round((1 - level) / 2 * last, 9)
    low = np.floor(tail).astype(np.int64)
    high = last - low
    pick = [np.take_along_axis(ordered, at[None], axis=0)[0] for at in (low, high)]
    return pick[0], pick[1]


def bootstrap_interval(rows: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of a measure of which row 0 is the value and the others are the draws.

    `rows` has shape (1 + draws, ...), both results (...). It is the percentile interval of the
    draws, extended to the value where it would miss it. That happens to measures that hang on the
    best of many noisy numbers: drawing adds noise, so the best of a draw is better still, and all
    draws are shifted. To extend the interval never turns a doubtful result into a certain one.
    """
    low, high = percentile_interval(rows[1:], level)
    return np.fmin(low, rows[0]), np.fmax(high, rows[0])


def ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 1 along the last dimension; ties share the mean of their places.

    `values` has shape (..., n), the result too. NaN is not ranked and stays NaN.
    """
    from scipy import stats  # not above: studies are declared with this module, and plan without it

    return stats.rankdata(values, axis=-1, nan_policy="omit")


def spearman(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation along the last dimension, ties at their mean rank.

    `values` and `others` broadcast to (..., n); the result has shape (...). Pairs in which either
    is NaN are left out. NaN where fewer than three pairs remain (two always correlate fully) or
    where one side is constant. A rank correlation with log step equals that with step itself.
    """
    values, others = np.broadcast_arrays(values, others)
    missing = np.isnan(values) | np.isnan(others)
    count = (~missing).sum(axis=-1)
    deviations = [
        np.where(missing, 0.0, ranks(np.where(missing, np.nan, side)) - (count[..., None] + 1) / 2)
        for side in (values, others)
    ]
    covariance = (deviations[0] * deviations[1]).sum(axis=-1)
    spread = np.sqrt((deviations[0] ** 2).sum(axis=-1) * (deviations[1] ** 2).sum(axis=-1))
    defined = (count >= 3) & (spread > 0)
    correlation = np.divide(covariance, spread, out=np.full(count.shape, np.nan), where=defined)
    return np.clip(correlation, -1, 1)


def log_step(steps: np.ndarray) -> np.ndarray:
    """Return the natural logarithm of steps, with a place for step 0; shape (steps,).

    `steps` rise strictly. Step 0, the initialisation, stands one gap of the schedule to the left of
    the first positive step, as on a figure's axis: it anchors a curve's flat beginning, and isn't
    so far away that whatever follows looks abrupt.
    """
    steps = np.asarray(steps, dtype=np.float64)
    if steps[0] > 0:
        return np.log(steps)
    places = np.log(steps[1:])
    gap = places[1] - places[0] if len(places) > 1 else 1.0
    return np.concatenate([[places[0] - gap], places]) if len(places) else np.zeros(1)


def local_derivatives(
    steps: np.ndarray, values: np.ndarray, bandwidth: float = 1.0, neighbours: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Return a curve's slope and acceleration in log step, at each of its steps.

    `steps` has shape (steps,), `values` and both results (..., steps). A parabola is fitted around
    each step to the points within `bandwidth` (in units of the natural logarithm), weighted by
    1 - (distance / bandwidth)^2: local quadratic regression with the Epanechnikov kernel (Fan and
    Gijbels 1996, section 3.1), which needs no even spacing. Where fewer than `neighbours` points on
    either side lie well within it, the bandwidth grows until they do. NaN at steps that have fewer
    than `neighbours` steps on a side, and in a curve that has a NaN.
    """
    x = log_step(steps)
    matrices = np.full((2, len(x), len(x)), np.nan)
    for at in range(neighbours, len(x) - neighbours):
        farthest = max(x[at] - x[at - neighbours], x[at + neighbours] - x[at])
        distance = (x - x[at]) / max(bandwidth, 1.5 * farthest)
        root = np.sqrt(np.maximum(1 - distance**2, 0))
        powers = np.stack([np.ones(len(x)), x - x[at], (x - x[at]) ** 2], axis=1)
        fit = np.linalg.pinv(powers * root[:, None]) * root
        matrices[:, at] = fit[1], 2 * fit[2]
    slope, acceleration = (values @ matrix.T for matrix in matrices)
    return slope, acceleration


def steepest_drop(
    steps: np.ndarray, values: np.ndarray, bandwidth: float = 1.0, share: float = 0.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where a curve falls most steeply in log step, and the window of that drop.

    `values` has shape (..., steps), the three results (...): the step of the steepest slope, and
    the first and the last of the steps around it, without a gap, at which the slope is at least
    `share` as steep. The first and the last step can't be among them. NaN for a curve that nowhere
    falls or has a NaN. Raises `ValueError` with fewer than three steps.
    """
    slope = local_derivatives(steps, _curves(steps, values, 3), bandwidth, neighbours=1)[0]
    fall = np.where(np.isnan(slope), 0.0, -slope)
    steepest = _place_of_largest(steps, -slope, values)
    at = fall.argmax(axis=-1)[..., None]
    shallow = fall < share * np.take_along_axis(fall, at, axis=-1)
    places = np.arange(fall.shape[-1])
    first = np.where(shallow & (places < at), places + 1, 0).max(axis=-1)
    last = np.where(shallow & (places > at), places - 1, fall.shape[-1] - 1).min(axis=-1)
    ends = np.asarray(steps, dtype=np.float64)[np.stack([first, last])]
    ends = np.where(np.isnan(steepest), np.nan, ends)
    return steepest, ends[0], ends[1]


def _curves(steps: np.ndarray, values: np.ndarray, least: int) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if len(steps) < least or values.shape[-1] != len(steps):
        raise ValueError(
            f"a curve has {values.shape[-1]} values at {len(steps)} steps; expected as many values "
            f"as steps, and at least {least}"
        )
    return values


def _place_of_largest(steps: np.ndarray, numbers: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the step of the largest number, NaN where none is positive beyond rounding errors."""
    numbers = np.where(np.isnan(numbers), -np.inf, numbers)
    found = np.asarray(steps, dtype=np.float64)[numbers.argmax(axis=-1)]
    return np.where(numbers.max(axis=-1) > 1e-9 * np.abs(values).max(axis=-1), found, np.nan)
