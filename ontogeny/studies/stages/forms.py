"""Forms of a trajectory: what function it turns around, and whose loss that function moves most."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ontogeny.measures.essential_dynamics import (
    Components,
    find_forms,
    gram_matrix,
    lift,
    log_steps,
    principal_components,
    smooth,
)
from ontogeny.measures.essential_dynamics.smoothing import Smoothed

TIME_TOLERANCE = 0.25  # in log step, between the projections' cusps
PLACE_TOLERANCE = 0.1  # of the curve's extent, between the projections' coordinates
PER_BANDWIDTH = 20  # points of the smoothed curve
MOVED = 8  # tokens that are named of a form
WALKS = 100  # random walks that say how many forms chance has


@dataclass(frozen=True)
class Shown:
    """What the outputs that essential dynamics follows are about.

    `losses` takes outputs (features,) and returns the loss at each place (places,); `tokens` and
    `before` say which token is predicted there, and what comes before it.
    """

    losses: Callable[[np.ndarray], np.ndarray]
    tokens: Sequence[str]
    before: Sequence[str]


def dense(times: np.ndarray, scores: np.ndarray, bandwidth: float) -> Smoothed:
    """Return a smoothed curve of scores (checkpoints, components) at many even times."""
    count = int(np.ceil(np.ptp(times) / bandwidth * PER_BANDWIDTH)) + 1
    return smooth(times, scores, bandwidth, np.linspace(times[0], times[-1], count))


def form_rows(
    steps: Sequence[int], outputs: np.ndarray, shown: Shown, bandwidth: float, seed: int
) -> pd.DataFrame:
    """Return the rows of the table `stages_forms` of one trajectory, without run and seed.

    `outputs` are (checkpoints, features). A form is lifted to a function, and so is the place of
    the curve at its time, by the same components: what the losses differ by is then due to these
    alone. As a random walk has cusps too, rows without a form give how many forms there are, and
    how many a random walk over the same steps has on average, drawn from `seed`.
    """
    times = log_steps(np.asarray(steps))
    components = principal_components(gram_matrix([outputs]))
    curve = dense(times, components.scores, bandwidth)
    rows: list[tuple[int | None, int | None, str, float, str | None, str | None]] = []
    found = _forms(curve)
    for number, form in enumerate(found, start=1):
        # In the middle between projections' cusps, which are at places of the curve.
        here = curve.values[np.abs(curve.times - form.time).argmin()]
        losses = _losses(components, form.coordinates, outputs, shown)
        change = losses - _losses(components, here, outputs, shown)
        rows += [
            (number, None, metric, float(value), None, None)
            for metric, value in (
                ("step", np.expm1(form.time)),
                *((f"pc{n + 1}", own) for n, own in enumerate(form.coordinates)),
                ("disagreement", form.disagreement),
                ("loss", losses.mean()),
                ("loss_change", change.mean()),
            )
        ]
        moved = np.argsort(-np.abs(change), kind="stable")[:MOVED]
        rows += [
            (number, rank, "loss_change", float(change[p]), shown.tokens[p], shown.before[p])
            for rank, p in enumerate(moved, start=1)
        ]
    by_chance = forms_by_chance(times, bandwidth, seed)
    rows += [
        (None, None, "forms", float(len(found)), None, None),
        (None, None, "forms_by_chance", by_chance, None, None),
    ]
    names = ["form", "rank", "metric", "value", "token", "before"]
    return pd.DataFrame(rows, columns=names).astype({"form": "Int64", "rank": "Int64"})


def forms_by_chance(times: np.ndarray, bandwidth: float, seed: int, walks: int = WALKS) -> float:
    """Return how many forms a random walk in log step has, the mean over so many of them.

    From each of `times` (checkpoints,) to the next it takes a normal step whose variance is the
    time between, in as many dimensions as there are checkpoints: a walk in more of them has
    components of the same shape.
    """
    generator = np.random.default_rng([seed, 4])
    pace = np.sqrt(np.diff(times, prepend=times[0]))[:, None]
    counts = []
    for _ in range(walks):
        walk = np.cumsum(pace * generator.normal(size=(len(times), len(times))), axis=0)
        scores = principal_components(gram_matrix([walk])).scores
        counts.append(len(_forms(dense(times, scores, bandwidth))))
    return float(np.mean(counts))


def _forms(curve: Smoothed) -> list:
    return find_forms(curve, time_tolerance=TIME_TOLERANCE, place_tolerance=PLACE_TOLERANCE)


def _losses(
    components: Components, point: np.ndarray, outputs: np.ndarray, shown: Shown
) -> np.ndarray:
    return shown.losses(lift(components, point, outputs))
