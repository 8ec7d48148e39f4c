"""Boundaries between stages of training: where a curve over log step hardly changes for a while."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from ontogeny.measures.essential_dynamics.smoothing import Smoothed, smooth

LEAST_DIP = 2.0
LEAST_CHANGE = 0.015
FLOOR = 1e-3
GRID_PER_BANDWIDTH = 8


@dataclass(frozen=True)
class Stage:
    """A stage: from one time to another, how much the curve changes, and its type.

    Times are log(1 + step). The change is that of the checkpoints' own values, read off the lines
    between them: a smooth curve swings before and after a sudden rise, and would fall there. The
    type is A where the curve rises, B where it falls.
    """

    start: float
    end: float
    change: float
    type: str


def grid(times: np.ndarray, bandwidth: float) -> np.ndarray:
    """Return even times from the first to the last, close enough for the bandwidth."""
    count = max(int(np.ceil((times[-1] - times[0]) / bandwidth * GRID_PER_BANDWIDTH)), 2)
    return np.linspace(times[0], times[-1], count + 1)


def find_boundaries(times: np.ndarray, values: np.ndarray, bandwidth: float) -> np.ndarray:
    """Return the times (boundaries,) at which one stage ends and the next begins, rising.

    `times` (checkpoints,) are log(1 + step), `values` (checkpoints,) the learning coefficient's.
    After smoothing (`smooth`) a boundary is a minimum of the slope's size, |d value / d time|, that
    is less than half the largest on either side; the ends of the curve are none. Of the stages that
    change the curve by less than 1.5% of its range the flatter boundary stays alone. Where no
    checkpoint lies within a bandwidth there is none: the curve is interpolated there. Sign changes
    of the slope are among these points; between two stages that both rise there is none. Raises
    `TrajectoryError` with too few checkpoints to smooth.
    """
    at = grid(times, bandwidth)
    curve, levels = smooth(times, values, bandwidth, at), np.interp(at, times, values)
    return boundaries_of(curve, levels, within_reach(at, times, bandwidth))


def within_reach(at: np.ndarray, times: np.ndarray, bandwidth: float) -> np.ndarray:
    """Return at which times (times,) a checkpoint lies within a bandwidth."""
    reach: np.ndarray = np.abs(at[:, None] - times).min(axis=1) <= bandwidth
    return reach


def boundaries_of(curve: Smoothed, levels: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Return `find_boundaries` of a curve that is smooth already, values (times,).

    `levels` (times,) are the values at the same times before smoothing, which stages change by;
    `reach` (times,) is `within_reach`.
    """
    slopes = np.abs(curve.first)
    extent = np.ptp(levels)
    if extent == 0 or slopes.max() == 0:
        return np.empty(0)
    depth = -np.log(np.maximum(slopes, FLOOR * slopes.max()))
    # A curve that goes on being flat up to its end has no boundary before it.
    found = find_peaks(depth, prominence=np.log(LEAST_DIP))[0]
    places = list(found[reach[found]])
    while places:
        ends = [0, *places, len(slopes) - 1]
        changes = np.abs(np.diff(levels[ends]))
        smallest = int(changes.argmin())
        if changes[smallest] >= LEAST_CHANGE * extent:
            break
        sides = [side for side in (smallest - 1, smallest) if 0 <= side < len(places)]
        places.pop(max(sides, key=lambda side: slopes[places[side]]))
    return np.array([_between(curve.times, curve.first, place) for place in places])


def _between(times: np.ndarray, slopes: np.ndarray, place: int) -> float:
    """Return where near a place the slope's size is least, between the times of the grid."""
    before, here, after = slopes[place - 1 : place + 2]
    space = times[place] - times[place - 1]
    if before * here < 0:  # the line between two slopes crosses 0
        return float(times[place] - space * here / (here - before))
    if here * after < 0:
        return float(times[place] + space * here / (here - after))
    bend = before - 2 * here + after
    share = (before - after) / (2 * bend) if bend != 0 else 0.0
    return float(times[place] + space * np.clip(share, -0.5, 0.5))


def stages(times: np.ndarray, values: np.ndarray, bandwidth: float) -> list[Stage]:
    """Return the stages between the boundaries of a curve, the first and the last included.

    Arguments and errors are those of `find_boundaries`.
    """
    ends = [times[0], *find_boundaries(times, values, bandwidth), times[-1]]
    levels = np.interp(ends, times, values)
    return [
        Stage(float(start), float(end), float(change), "A" if change > 0 else "B")
        for start, end, change in zip(ends[:-1], ends[1:], np.diff(levels), strict=True)
    ]
