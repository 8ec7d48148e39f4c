"""Where a curve is half-way to its final value, by the monotone curve that fits it best."""

from collections.abc import Iterator

import numpy as np

from ontogeny.results.milestones import bootstrap_interval, log_step

CELLS = 2**22  # of arrays at once: 32 MiB of float64
FEWEST = 4  # steps of a curve of which a half can be told


def monotone(values: np.ndarray) -> np.ndarray:
    """Return the rising curve nearest to each curve by least squares; (..., steps) to (..., steps).

    At each step the largest, over beginnings not after it, of the smallest, over ends not before
    it, of the mean between the two: the max-min formula of isotonic regression (Robertson, Wright
    and Dykstra 1988, theorem 1.4.4).
    """
    curves = np.asarray(values, dtype=np.float64).reshape(-1, np.shape(values)[-1])
    steps = curves.shape[1]
    fitted = np.empty_like(curves)
    places = np.arange(steps)
    lengths = places[None, :] - places[:, None] + 1
    for rows in _blocks(len(curves), steps**2):
        sums = np.concatenate([np.zeros((len(curves[rows]), 1)), curves[rows].cumsum(axis=1)], 1)
        means = (sums[:, None, 1:] - sums[:, :-1, None]) / np.maximum(lengths, 1)
        means = np.where(lengths > 0, means, np.inf)  # from a beginning (1) to an end (2)
        least = np.minimum.accumulate(means[:, :, ::-1], axis=2)[:, :, ::-1]
        least = np.where(lengths > 0, least, -np.inf)
        fitted[rows] = least.max(axis=1)
    return fitted.reshape(np.shape(values))


def half_way(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where each curve is half-way from its first to its last value, and in which gap.

    `values` has shape (..., steps), the three results (...): the step, and the two checkpoints
    between which it lies. The curve is first made monotone (`monotone`), in the direction in which
    it changes in all; between two checkpoints the way is a line in log step. NaN for a curve that
    has a NaN, or that changes by less than three times the error that a difference of two of its
    values has by the scatter around the monotone curve: what goes up and down has no half-way.
    Raises `ValueError` with fewer than four steps.
    """
    values = np.asarray(values, dtype=np.float64)
    steps = np.asarray(steps, dtype=np.float64)
    if len(steps) < FEWEST or values.shape[-1] != len(steps):
        raise ValueError(
            f"a curve has {values.shape[-1]} values at {len(steps)} steps; expected as many values "
            f"as steps, and at least {FEWEST}"
        )
    curves = values.reshape(-1, len(steps))
    whole = np.isfinite(curves).all(axis=1)
    curves = np.where(whole[:, None], curves, 0.0)
    curves = curves * np.where(curves[:, -1:] < curves[:, :1], -1.0, 1.0)
    fitted = monotone(curves)
    change = fitted[:, -1] - fitted[:, 0]
    size = 1e-9 * np.abs(curves).max(axis=1)  # of rounding errors
    # A monotone curve takes as many numbers as it has levels (Meyer and Woodroofe 2000).
    levels = 1 + (np.diff(fitted, axis=1) > size[:, None]).sum(axis=1)
    left = np.maximum(len(steps) - levels, 1)
    error = np.sqrt(2 * ((curves - fitted) ** 2).sum(axis=1) / left)
    known = whole & (change > np.maximum(3 * error, size))
    half = (fitted[:, 0] + fitted[:, -1]) / 2
    after = np.clip((fitted < half[:, None]).sum(axis=1), 1, len(steps) - 1)
    x = log_step(steps)
    rows = np.arange(len(curves))
    low, high = fitted[rows, after - 1], fitted[rows, after]
    share = np.divide(half - low, high - low, out=np.zeros_like(half), where=high > low)
    place = x[after - 1] + share * (x[after] - x[after - 1])
    # Left of the first positive step stands a step between 0 and that one.
    first = x[1 if steps[0] == 0 else 0]
    at = np.where(place < first, np.interp(place, x, steps), np.exp(place))
    results = [np.where(known, found, np.nan) for found in (at, steps[after - 1], steps[after])]
    shape = values.shape[:-1]
    return results[0].reshape(shape), results[1].reshape(shape), results[2].reshape(shape)


def half_way_interval(steps: np.ndarray, rows: np.ndarray) -> tuple[float, float, float]:
    """Return where a curve is half-way, and the 95% interval of that; NaN if it doesn't change.

    `rows` has shape (1 + draws, steps): the curve as measured, then as it comes out when what was
    measured is redrawn. It changes if the interval of its last value less its first leaves 0 out.
    Half-way points move smoothly with a curve, so that the percentiles of their draws make an
    interval; the place of a largest difference jumps, and its bootstrap fails (Seijo and Sen 2011).
    """
    low, high = bootstrap_interval(rows[:, -1] - rows[:, 0])
    if low <= 0 <= high:
        return np.nan, np.nan, np.nan
    at = half_way(steps, rows)[0]
    if np.isnan(at[0]):
        return np.nan, np.nan, np.nan
    low, high = bootstrap_interval(at)
    return float(at[0]), float(low), float(high)


def _blocks(rows: int, cells: int) -> Iterator[slice]:
    block = max(1, CELLS // cells)
    for start in range(0, rows, block):
        yield slice(start, start + block)
