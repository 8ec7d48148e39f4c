"""Where plane curves turn: curvature, osculating circles, the evolute, its cusps."""

from dataclasses import dataclass

import numpy as np

from ontogeny.measures.essential_dynamics.smoothing import Smoothed

LEAST_PROMINENCE = 0.01


@dataclass(frozen=True)
class Turning:
    """How a plane curve turns at each of its times.

    - `curvature` (times,): of either sign, positive where it turns left; one over the radius.
    - `centres` (times, 2): of the osculating circles. All of them make up the evolute. Infinite
      where the curve is straight.
    """

    curvature: np.ndarray
    centres: np.ndarray


def turning(curve: Smoothed) -> Turning:
    """Return curvature and osculating circles of a curve in the plane, values (times, 2).

    The curvature is (x' y'' - y' x'') / (x'^2 + y'^2)^(3/2), and the circle's centre lies one over
    it from the curve along its normal, to the left (do Carmo 1976, section 1-5, exercises 7, 12).
    """
    (dx, dy), (ddx, ddy) = curve.first.T, curve.second.T
    cross = dx * ddy - dy * ddx
    square = dx**2 + dy**2
    with np.errstate(divide="ignore", invalid="ignore"):
        curvature = cross / square**1.5
        normal = np.stack([-dy, dx], axis=1)
        centres = curve.values + normal * (square / cross)[:, None]
    return Turning(curvature, centres)


def vertices(curvature: np.ndarray, least_prominence: float = LEAST_PROMINENCE) -> np.ndarray:
    """Return the places (vertices,) where the curvature has an extremum, in order.

    There, and only there, the evolute has a cusp: its velocity is -(k' / k^2) times the normal, of
    curvature k. An extremum counts if it stands out from the others around it by `least_prominence`
    times the curvature's median size or more: what rounding does to a circle is no vertex.
    """
    # Not above: most figures of stages draw no vertex, and SciPy's signals take long to load.
    from scipy.signal import find_peaks

    values = np.asarray(curvature, dtype=np.float64)
    scale = float(np.median(np.abs(values[np.isfinite(values)])))
    safe = np.nan_to_num(values, nan=0.0, posinf=np.finfo(float).max, neginf=-np.finfo(float).max)
    least = max(least_prominence * scale, np.finfo(float).tiny)
    places = [find_peaks(sign * safe, prominence=least)[0] for sign in (1, -1)]
    found: np.ndarray = np.sort(np.concatenate(places))
    return found
