"""Forms: points of the space of functions that training turns around."""

from dataclasses import dataclass
from functools import reduce
from itertools import combinations

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
    grids = np.meshgrid(*(times for times, _ in by_pair.values()), indexing="ij", sparse=True)
    latest, earliest = reduce(np.maximum, grids), reduce(np.minimum, grids)
    chosen = np.argwhere(latest - earliest <= time_tolerance)  # (candidates, projections)
    times = np.stack(
        [times[one] for one, (times, _) in zip(chosen.T, by_pair.values(), strict=True)]
    ).mean(axis=0)
    said: dict[int, list[np.ndarray]] = {}
    for one, (pair, (_, places)) in zip(chosen.T, by_pair.items(), strict=True):
        for axis, coordinate in zip(pair, places[one].T, strict=True):
            said.setdefault(axis, []).append(coordinate)
    # (components, projections, candidates)
    values = np.stack([said[axis] for axis in sorted(said)])
    disagreement = (np.ptp(values, axis=1) / extent[:, None]).max(axis=0)
    candidates = [
        (
            tuple(chosen[n]),
            Form(float(times[n]), values[:, :, n].mean(axis=1), float(disagreement[n])),
        )
        for n in np.flatnonzero(disagreement <= place_tolerance)
    ]
    candidates.sort(key=lambda candidate: candidate[1].disagreement)
    kept: list[tuple[tuple[int, ...], Form]] = []
    for places_of, form in candidates:
        if not any(a == b for other, _ in kept for a, b in zip(places_of, other, strict=True)):
            kept.append((places_of, form))
    return sorted((form for _, form in kept), key=lambda form: form.time)
