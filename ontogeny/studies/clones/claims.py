"""The claims about clones, as statistics.

Source of all: Rende et al. (2024), "A distributional simplicity bias in the learning dynamics of
transformers". Statistics and thresholds are ours. Intervals redraw seeds and held-out sequences or
sentences together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ontogeny.results.claims import Claim, Estimate
from ontogeny.results.milestones import (
    bootstrap_interval,
    crossed_weights,
    log_step,
    mean_over_seeds,
)
from ontogeny.studies.clones.evidence import Evidence, saturation
from ontogeny.studies.clones.learned import Learned
from ontogeny.studies.clones.tables import ORIGINAL

PUBLICATION = "Rende et al. 2024, A distributional simplicity bias"
OFF = 0.25  # of the gap to the optimum of the order below
GOES_ON = 0.05  # of the whole fall: what a curve that has saturated may have left


@dataclass(frozen=True)
class Synthetic:
    """What was learned from a Hamiltonian, and how it is redrawn."""

    learned: Learned
    draws: int
    seed: int

    @cached_property
    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """How often each draw has each seed, and each held-out sequence."""
        generator = np.random.default_rng([self.seed, 8])
        seeds, sequences = self.learned.losses.shape[1:]
        return crossed_weights(seeds, sequences, self.draws, generator)


def _estimate(values: np.ndarray, seeds: int, steps: int) -> Estimate:
    low, high = bootstrap_interval(values)
    return Estimate(float(values[0]), float(low), float(high), seeds, steps)


def _levels_off(data: Synthetic) -> Estimate | None:
    """Of all depths, the farthest from its order's optimum, in gaps to the order below."""
    learned = data.learned
    highest = max(learned.optima)
    of_seeds, of_sequences = data.weights
    shares = of_sequences / of_sequences.sum(axis=1, keepdims=True)
    off = []
    for represented, losses in zip(learned.orders, learned.losses, strict=True):
        order = min(represented, highest)
        gap = shares @ (learned.optima[order - 1] - learned.optima[order])
        excess = mean_over_seeds(shares @ (losses - learned.optima[order]).T, of_seeds)
        off.append(np.abs(excess) / gap)
    return _estimate(np.max(off, axis=0), len(learned.seeds), len(learned.steps))


def halfway(steps: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Return the log step at which rising curves (..., steps) pass half of their end, (...)."""
    x, half = log_step(steps), curves[..., -1:] / 2
    first = np.maximum((curves >= half).argmax(axis=-1), 1)[..., None]
    low, high = (np.take_along_axis(curves, first + shift, -1)[..., 0] for shift in (-1, 0))
    left, right = x[first[..., 0] - 1], x[first[..., 0]]
    share = np.divide(half[..., 0] - low, high - low, out=np.ones_like(low), where=high > low)
    return left + share * (right - left)


def _in_order(data: Synthetic) -> Estimate | None:
    """The least ratio, in powers of ten, between the times at which neighbouring layers move."""
    moved = data.learned.displacement  # (seeds, steps, layers)
    if moved.shape[2] < 2:
        return None
    of_seeds, _ = data.weights
    curves = np.einsum("ds,stl->dlt", of_seeds / of_seeds.sum(1, keepdims=True), moved)
    times = halfway(np.array(data.learned.steps), curves) / np.log(10)
    gaps = np.diff(times, axis=1).min(axis=1)
    return _estimate(gaps, len(data.learned.seeds), len(data.learned.steps))


def _saturation_ratio(data: Evidence) -> Estimate | None:
    """How much later, in powers of ten, the highest order saturates than the lowest."""
    low, high = data.lowest(), data.highest()
    if low is None or high is None or low == high:
        return None
    times = [
        np.log10(saturation(data.steps, data.drawn_curves((name, data.sweeps)), data.tolerance))
        for name in (high, low)
    ]
    return _estimate(times[0] - times[1], len(data.seeds), len(data.steps))


def _original_goes_on(data: Evidence) -> Estimate | None:
    """The share of the original's fall that comes after the lowest order has saturated.

    At each step the loss counts as the lowest so far: a loss that has risen and comes back to what
    it was hasn't gone on falling.
    """
    low = data.lowest()
    if low is None:
        return None
    at = saturation(data.steps, data.drawn_curves((low, data.sweeps)), data.tolerance)
    original = np.minimum.accumulate(data.drawn_curves(ORIGINAL), axis=1)
    x = log_step(data.steps)
    with np.errstate(divide="ignore"):
        there = np.array(
            [
                np.interp(place, x, curve) if np.isfinite(place) else np.nan
                for place, curve in zip(np.log(at), original, strict=True)
            ]
        )
    lowest = original.min(axis=1)
    left = (there - lowest) / (original[:, 0] - lowest)
    return _estimate(left, len(data.seeds), len(data.steps))


def _of(kind: type, objective: str | None, estimate: Callable[[Any], Estimate | None]) -> Any:
    """Return an estimate that is made of one kind of evidence alone, and of one objective."""

    def made(data: Any) -> Estimate | None:
        fits = isinstance(data, kind) and objective in (None, getattr(data, "objective", None))
        return estimate(data) if fits else None

    return made


def _claim(
    number: str,
    statement: str,
    where: str,
    statistic: str,
    threshold: tuple[str, float],
    estimate: Callable[[Any], Estimate | None],
) -> Claim:
    return Claim(
        id=f"clones.{number}",
        study="clones",
        statement=statement,
        source=f"{PUBLICATION}, {where}",
        statistic=statistic,
        direction="above" if threshold[0] == ">" else "below",
        threshold=threshold[1],
        estimate=estimate,
        seeds=2,
        steps=5,
    )


LATER = (
    "ratio, in powers of ten, of the steps at which the loss saturates on clones of the highest "
    "order and on clones of the lowest"
)
LEFT = "share of the original's fall in loss that comes after the lowest order has saturated"

CLAIMS = (
    _claim(
        "1",
        "Models of one, two and three factored layers level off at the losses of the best two-, "
        "three- and four-body models",
        "figure 2b",
        "distance of the final loss from the optimum of the order, as a share of the gap between "
        "that and the optimum of the order below; the largest over depths",
        ("<", OFF),
        _of(Synthetic, None, _levels_off),
    ),
    _claim(
        "2",
        "The layers of a model move one after another, the first first",
        "figure 2c",
        "least ratio, in powers of ten, of the steps at which neighbouring layers have made half "
        "of their mean squared displacement",
        (">", 0.0),
        _of(Synthetic, None, _in_order),
    ),
    _claim(
        "3.order",
        "On clones of text a masked model's loss saturates earlier where the order is low",
        "figures 1 and 4",
        LATER,
        (">", 0.0),
        _of(Evidence, "masked", _saturation_ratio),
    ),
    _claim(
        "3.original",
        "A masked model goes on learning the original after low orders have stopped",
        "figures 1 and 4",
        LEFT,
        (">", GOES_ON),
        _of(Evidence, "masked", _original_goes_on),
    ),
    _claim(
        "4.order",
        "On clones of text a causal model's loss saturates earlier where the order is low",
        "section on next-token prediction",
        LATER,
        (">", 0.0),
        _of(Evidence, "causal", _saturation_ratio),
    ),
    _claim(
        "4.original",
        "A causal model goes on learning the original after low orders have stopped",
        "section on next-token prediction",
        LEFT,
        (">", GOES_ON),
        _of(Evidence, "causal", _original_goes_on),
    ),
)
