"""Step size and localisation of chains, chosen where the estimate hardly depends on them."""

from dataclasses import dataclass

import numpy as np

from ontogeny.errors import ConfigError
from ontogeny.measures.learning_coefficient.estimates import Estimates

LARGEST_R_HAT = 1.1  # Gelman et al. 2013, section 11.5


@dataclass(frozen=True)
class Calibration:
    """What a sweep says; dimensions (step sizes, localisations).

    - `step_size`, `localisation`: those that were chosen.
    - `change`: how much the estimates differ from those of the neighbouring settings, as a share of
      their mean, averaged over neighbours and checkpoints; infinite where chains aren't sound.
    - `sound`: whether no chain diverged, at any checkpoint, and all converged.
    """

    step_size: float
    localisation: float
    change: np.ndarray
    sound: np.ndarray


def calibrate(found: Estimates, step_sizes: np.ndarray, localisations: np.ndarray) -> Calibration:
    """Choose the settings on the plateau of a sweep.

    The conditions of `found` (`sampling.sample`) are all pairs of `step_sizes` and `localisations`,
    both rising, localisations fastest; its centres are checkpoints. Of the settings that are sound,
    the one is chosen at which the estimates differ least from those of its neighbours that are
    sound, and, of equals, the one with the largest step. A setting is sound if at every checkpoint
    no chain diverged and split R-hat is at most 1.1. The acceptance of moves isn't asked: it
    tells of the whole step, so in many dimensions it is low where each dimension's share of the
    bias is small, and it doesn't fall below one half. Raises `ConfigError` if there are no two
    neighbours that are sound.
    """
    shape = len(step_sizes), len(localisations)
    values = found.coefficient.reshape(-1, *shape)
    sound = (found.diverged == 0) & (found.r_hat <= LARGEST_R_HAT)
    sound = sound.reshape(-1, *shape).all(axis=0)
    changes = np.zeros(shape)
    neighbours = np.zeros(shape)
    for axis in (0, 1):
        one, other = _neighbours(axis)
        both = sound[one] & sound[other]
        first, second = values[:, *one], values[:, *other]
        with np.errstate(invalid="ignore", divide="ignore"):
            change = 2 * np.abs(first - second) / (np.abs(first) + np.abs(second))
        change = np.where(both, np.nan_to_num(change).mean(axis=0), 0.0)
        for side in (one, other):
            changes[side] += change
            neighbours[side] += both
    change = np.full(shape, np.inf)
    np.divide(changes, neighbours, out=change, where=neighbours > 0)
    if not np.isfinite(change).any():
        raise ConfigError(
            f"calibration: no two neighbouring settings of {sound.size} have sound chains (step "
            f"sizes {step_sizes.tolist()}, localisations {localisations.tolist()}). Take smaller "
            "step sizes, or more draws."
        )
    least = change <= change.min()
    row = np.nonzero(least.any(axis=1))[0][-1]
    column = np.nonzero(least[row])[0][0]
    return Calibration(float(step_sizes[row]), float(localisations[column]), change, sound)


def _neighbours(axis: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the places of all pairs of neighbours along an axis of two."""
    if axis == 0:
        return (slice(None, -1), slice(None)), (slice(1, None), slice(None))
    return (slice(None), slice(None, -1)), (slice(None), slice(1, None))
