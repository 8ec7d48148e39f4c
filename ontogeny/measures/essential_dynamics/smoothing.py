"""Curves over training, smoothed in log step, with their derivatives."""

from dataclasses import dataclass

import numpy as np

from ontogeny.errors import TrajectoryError

DEGREE = 3  # of the polynomials: the second derivative is then free of bias of the first order
FEWEST_CHECKPOINTS = 2 * (DEGREE + 1)


@dataclass(frozen=True)
class Smoothed:
    """A curve at `times` (times,), its value and first two derivatives there, (times, ...)."""

    times: np.ndarray
    values: np.ndarray
    first: np.ndarray
    second: np.ndarray


def log_steps(steps: np.ndarray) -> np.ndarray:
    """Return the time that training is measured in: log(1 + step), which step 0 has as well."""
    return np.log1p(np.asarray(steps, dtype=np.float64))


def smooth(
    times: np.ndarray, values: np.ndarray, bandwidth: float, at: np.ndarray | None = None
) -> Smoothed:
    """Smooth curves by local cubic regression, and return their derivatives in time.

    `times` (checkpoints,) rise; `values` (checkpoints, ...); `at` are the times to give, by default
    those of the checkpoints. Around each time the points, weighted by a normal curve whose standard
    deviation is `bandwidth` (in units of time) or as much wider as the eight nearest points need,
    are fitted by a cubic, whose value and derivatives are given (Fan and Gijbels 1996, chapter 3).
    A cubic comes out as it is. Raises `TrajectoryError` with fewer than 8 checkpoints.
    """
    times, values = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if len(times) < FEWEST_CHECKPOINTS:
        raise TrajectoryError(
            f"smoothing: {len(times)} checkpoints; expected at least {FEWEST_CHECKPOINTS}. Save "
            "more of the training run."
        )
    if not bandwidth > 0:
        raise TrajectoryError(f"smoothing: bandwidth is {bandwidth}; expected more than 0.")
    at = times if at is None else np.asarray(at, dtype=np.float64)
    distances = times[None] - at[:, None]  # (at, checkpoints)
    nearest = np.sort(np.abs(distances), axis=1)[:, FEWEST_CHECKPOINTS - 1]
    width = np.maximum(bandwidth, nearest / 2)[:, None]
    scaled = distances / width
    roots = np.exp(-(scaled**2) / 4)
    design = roots[..., None] * scaled[..., None] ** np.arange(DEGREE + 1)
    flat = values.reshape(len(values), -1)
    coefficients = np.linalg.pinv(design) @ (roots[..., None] * flat[None])
    shape = (len(at), *values.shape[1:])
    factors = (1.0, 1 / width, 2 / width**2)
    found = [
        (factor * coefficients[:, order]).reshape(shape) for order, factor in enumerate(factors)
    ]
    return Smoothed(at, *found)
