"""The local learning coefficient from the losses of chains, and whether they can be trusted.

Lau et al. (2023), "The Local Learning Coefficient: A Singularity-Aware Complexity Measure":

    lambda-hat = n beta (E[L_n(w)] - L_n(w*)),

the expectation under the density that the chains sample from (`ontogeny.ensemble.langevin`). At a
minimum, for large n beta and weak localisation, it tends to the learning coefficient there: half
the number of parameters if the loss is quadratic in all of them, less where it is degenerate. At a
point that is no minimum it can be negative.
"""

import math
from dataclasses import dataclass

import numpy as np

from ontogeny.errors import ConfigError
from ontogeny.measures.learning_coefficient.diagnostics import (
    FEWEST_DRAWS,
    effective_sample_size,
    split_r_hat,
)
from ontogeny.measures.learning_coefficient.sampling import Traces


@dataclass(frozen=True)
class Estimates:
    """Local learning coefficients and what goes with them; dimensions (centres, conditions).

    - `coefficient`: lambda-hat, mean over the chains that are left; NaN if none is.
    - `standard_error` of it, from the chains' effective sample size.
    - `baseline`: L_n(w*) on the draws' batches, and `baseline_error`, its standard error.
    - `loss`: mean loss of the draws.
    - `r_hat`, `effective_size`: of the draws' losses less the baseline's (`diagnostics`).
    - `acceptance`: of the Metropolis checks; NaN if no chain that is left was checked.
    - `negative`: share of the chains whose own estimate is negative.
    - `diverged`: chains that are left out.
    - `by_chain` (centres, conditions, chains): each chain's estimate, NaN for those left out.
    """

    coefficient: np.ndarray
    standard_error: np.ndarray
    baseline: np.ndarray
    baseline_error: np.ndarray
    loss: np.ndarray
    r_hat: np.ndarray
    effective_size: np.ndarray
    acceptance: np.ndarray
    negative: np.ndarray
    diverged: np.ndarray
    by_chain: np.ndarray


def default_inverse_temperature(examples: int) -> float:
    """Return n beta for beta = 1 / log n, with n the number of examples (Watanabe 2013)."""
    if examples < 2:
        raise ConfigError(f"examples: is {examples}; expected at least 2, for n / log n.")
    return examples / math.log(examples)


def estimate(traces: Traces, inverse_temperatures: np.ndarray) -> Estimates:
    """Return the local learning coefficients that chains come to.

    `inverse_temperatures` (conditions,) are n beta. A chain is left out as diverged if a loss or a
    parameter of it isn't a number, or if its own estimate exceeds the number of parameters that
    were sampled. A coefficient is at most half that number, which is a regular model's (Watanabe
    2009, section 7.1), and chains scatter around it; at twice as much, the steps are over half as
    long as those that diverge for certain, or the chain has left the surroundings of its centre.
    Raises `ConfigError` with fewer draws than the diagnostics need.
    """
    check_draws(len(traces.losses))
    scale = np.asarray(inverse_temperatures)[None, :, None]
    with np.errstate(invalid="ignore", over="ignore"):
        excess = traces.losses - traces.baselines
        by_chain = scale * excess.mean(axis=0)
        kept = traces.sound & (by_chain <= traces.free[:, None, None])
    by_chain = np.where(kept, by_chain, np.nan)
    shape = kept.shape[:2]
    found = {
        name: np.full(shape, np.nan)
        for name in (
            *("coefficient", "standard_error", "baseline", "baseline_error", "loss"),
            *("r_hat", "effective_size", "acceptance", "negative"),
        )
    }
    for place in zip(*np.nonzero(kept.any(axis=-1)), strict=True):
        own = (slice(None), *place, kept[place])
        difference = excess[own]
        size = effective_sample_size(difference)
        baseline = traces.baselines[own]
        found["coefficient"][place] = by_chain[place][kept[place]].mean()
        found["standard_error"][place] = scale[0, place[1], 0] * _error(difference, size)
        found["baseline"][place] = baseline.mean()
        # Its batches are independent of each other.
        found["baseline_error"][place] = baseline.std(ddof=1) / math.sqrt(baseline.size)
        found["loss"][place] = traces.losses[own].mean()
        found["r_hat"][place] = split_r_hat(difference)
        found["effective_size"][place] = size
        checked = traces.acceptances[place][kept[place]]
        if np.isfinite(checked).any():
            found["acceptance"][place] = np.nanmean(checked)
        found["negative"][place] = np.mean(by_chain[place][kept[place]] < 0)
    return Estimates(diverged=(~kept).sum(axis=-1), by_chain=by_chain, **found)


def check_draws(draws: int, key: str = "draws") -> None:
    """Raise `ConfigError` if chains have fewer draws than their diagnostics need."""
    if draws < FEWEST_DRAWS:
        raise ConfigError(
            f"{key}: is {draws}; expected at least {FEWEST_DRAWS}, with fewer neither R-hat nor an "
            "effective sample size can be computed."
        )


def _error(draws: np.ndarray, effective_size: np.ndarray) -> float:
    """Return the standard error of the mean of draws, (draws, chains)."""
    between = draws.mean(axis=0).var(ddof=1) if draws.shape[1] > 1 else 0.0
    variance = draws.var(axis=0).mean() + between
    return math.sqrt(variance / float(effective_size))
