"""Forms: points of the space of functions that training turns around."""

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from ontogeny.measures.essential_dynamics.curvature import turning, vertices
from ontogeny.measures.essential_dynamics.smoothing import Smoothed


@dataclass(frozen=True)
class Form:
    """A point that the curve turns around, in every projection at the same time and place.

    - `time`: the mean of the projections' (`smoothing.log_steps`).
    - `coordinates` (components,): the mean of what projections say.
    - `disagreement`: the largest difference between two projections on a coordinate, as a share of
      the curve's extent in it.
    """

    time: float
    coordinates: np.ndarray
    disagreement: float


def cusps(curve: Smoothed) -> dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]:
    """Return the cusps of the evolute in each projection on two of the curve's components.

    The curve's values are (times, components). A projection's are their times (cusps,) and places
    (cusps, 2).
    """
    found = {}
    for pair in combinations(range(curve.values.shape[1]), 2):
        plane = Smoothed(
            curve.times, *(part[:, pair] for part in (curve.values, curve.first, curve.second))
        )
        turns = turning(plane)
        places = vertices(turns.curvature)
        found[pair] = curve.times[places], turns.centres[places]
    return found


def find_forms(curve: Smoothed, *, time_tolerance: float, place_tolerance: float) -> list[Form]:
    """Return the forms of a curve of three components, values (times, 3), in order of time.

    A cusp may be an artefact of its projection; one that counts as a form lies at the same time, to
    `time_tolerance`, and at the same coordinates, to `place_tolerance` as a share of the curve's
    extent, in all three projections. Of those that share a cusp the one with the least disagreement
    stays.
    """
    by_pair = cusps(curve)
    extent = np.ptp(curve.values, axis=0)
    candidates = []
    for chosen in product(*(range(len(times)) for times, _ in by_pair.values())):
        times = np.array([by_pair[pair][0][c] for pair, c in zip(by_pair, chosen, strict=True)])
        if np.ptp(times) > time_tolerance:
            continue
        said: dict[int, list[float]] = {}
        for (pair, (_, places)), cusp in zip(by_pair.items(), chosen, strict=True):
            for axis, coordinate in zip(pair, places[cusp], strict=True):
                said.setdefault(axis, []).append(coordinate)
        values = np.array([said[axis] for axis in sorted(said)])  # (components, projections)
        disagreement = float((np.ptp(values, axis=1) / extent).max())
        if disagreement <= place_tolerance:
            form = Form(float(times.mean()), values.mean(axis=1), disagreement)
            candidates.append((chosen, form))
    candidates.sort(key=lambda candidate: candidate[1].disagreement)
    kept: list[tuple[tuple[int, ...], Form]] = []
    for chosen, form in candidates:
        if not any(a == b for other, _ in kept for a, b in zip(chosen, other, strict=True)):
            kept.append((chosen, form))
    return sorted((form for _, form in kept), key=lambda form: form.time)
