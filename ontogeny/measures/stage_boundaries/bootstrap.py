"""How sure the boundaries of stages are, by resampling the chains and seeds they come from."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

from ontogeny.errors import TrajectoryError
from ontogeny.measures.essential_dynamics.smoothing import Smoothed, smooth
from ontogeny.measures.stage_boundaries.boundaries import (
    boundaries_of,
    find_boundaries,
    grid,
    within_reach,
)

SHARE_OF_UNITS = 2 / 3  # the exponent of the number that is drawn


@dataclass(frozen=True)
class Intervals:
    """Boundaries of the mean curve, with their intervals; dimensions (boundaries,).

    - `times`, log(1 + step); `low`, `high`: 95% intervals.
    - `found`: the share of resamples that have a boundary there at all: nearer to it than half way
      to its neighbours.
    """

    times: np.ndarray
    low: np.ndarray
    high: np.ndarray
    found: np.ndarray


def bootstrap_boundaries(
    times: np.ndarray,
    values: np.ndarray,
    bandwidth: float,
    *,
    resamples: int,
    generator: np.random.Generator,
) -> Intervals:
    """Return the boundaries of the mean over seeds and chains, with bootstrap intervals.

    `times` (checkpoints,) as in `find_boundaries`; `values` (seeds, chains, checkpoints), NaN for a
    chain that is left out of a checkpoint. A resample draws seeds with replacement, and for each of
    them chains, whole curves, as a chain's randomness is the same at all checkpoints.

    Where a minimum lies is no smooth function of the curve: two dips nearly alike change places.
    The bootstrap of as many units as there are is then inconsistent, and that of m out of n isn't,
    with m = n^(2/3) (Bickel, Goetze and van Zwet 1997). So of n seeds and of n chains so many are
    drawn, rounded up, and the distances from the boundaries are shrunk by the square root of m / n,
    that of seeds, or with one seed that of chains; with several seeds the part of chains is then
    overrated. As n is small they are stretched again, as Student's interval of n values is wider
    than a normal one (Hesterberg 2015, section 4.1). Raises `TrajectoryError` if there is one chain
    alone, if a checkpoint has no chain left in some seed, and as `smooth` does.
    """
    seeds, chains, _ = values.shape
    if seeds == chains == 1:
        raise TrajectoryError(
            "stage boundaries: one chain of one seed has no interval; expected more of either."
        )
    if np.isnan(values).all(axis=1).any():
        raise TrajectoryError(
            "stage boundaries: a checkpoint has no chain that stayed near it. Take a smaller step "
            "size or a stronger localisation."
        )
    at = grid(times, bandwidth)
    of_all = np.nanmean(values, axis=1)
    found = find_boundaries(times, of_all.mean(axis=0), bandwidth)
    drawn_seeds, drawn_chains = (int(np.ceil(n**SHARE_OF_UNITS)) for n in (seeds, chains))
    drawn, units = (drawn_seeds, seeds) if seeds > 1 else (drawn_chains, chains)
    stretch = np.sqrt(drawn / units) * _small_sample(units)
    curves = []
    for _ in range(resamples):
        of_seeds = generator.integers(seeds, size=drawn_seeds)
        of_chains = generator.integers(chains, size=(drawn_seeds, drawn_chains))
        resample = values[of_seeds[:, None], of_chains]
        left = (~np.isnan(resample)).sum(axis=1)
        own = np.nansum(resample, axis=1) / np.maximum(left, 1)
        # Where none of those drawn is left, all of the seed's stand for them.
        curves.append(np.where(left > 0, own, of_all[of_seeds]).mean(axis=0))
    smoothed = smooth(times, np.stack(curves, axis=1), bandwidth, at)
    reach = within_reach(at, times, bandwidth)
    every = [
        boundaries_of(
            Smoothed(at, *(part[:, number] for part in _parts(smoothed))),
            np.interp(at, times, curves[number]),
            reach,
        )
        for number in range(resamples)
    ]
    limits = [at[0], *(found[:-1] + found[1:]) / 2, at[-1]] if len(found) else []
    low, high, share = np.full((3, len(found)), np.nan)
    for number, time in enumerate(found):
        near = []
        for other in every:
            own = other[(other >= limits[number]) & (other < limits[number + 1])]
            if len(own):
                near.append(own[np.abs(own - time).argmin()])
        share[number] = len(near) / resamples
        if near:
            # No boundary lies outside of the training.
            stretched = np.clip(time + stretch * (np.array(near) - time), at[0], at[-1])
            low[number], high[number] = np.quantile(stretched, [0.025, 0.975])
    return Intervals(found, low, high, share)


def _small_sample(units: int) -> float:
    """Return how much wider Student's 95% interval is than one of the plain deviation."""
    factor = np.sqrt(units / (units - 1)) * t.ppf(0.975, units - 1) / norm.ppf(0.975)
    return float(factor)


def _parts(curve: Smoothed) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return curve.values, curve.first, curve.second
