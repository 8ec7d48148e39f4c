"""What is measured of any trajectory: local learning coefficients, and essential dynamics."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from ontogeny.ensemble.langevin import RMSProp
from ontogeny.measures.essential_dynamics import (
    gram_matrix,
    log_steps,
    principal_components,
    smooth,
    turning,
)
from ontogeny.measures.essential_dynamics.smoothing import Smoothed
from ontogeny.measures.learning_coefficient import (
    Condition,
    Estimates,
    Examples,
    default_inverse_temperature,
    estimate,
    sample,
)
from ontogeny.measures.learning_coefficient.sampling import ExampleLosses

# What is said of chains, by the names of the estimates.
CHAINS = {
    "coefficient": "llc",
    "standard_error": "llc_se",
    "r_hat": "llc_rhat",
    "effective_size": "llc_ess",
    "baseline": "llc_baseline",
    "baseline_error": "llc_baseline_se",
    "acceptance": "llc_acceptance",
    "negative": "llc_negative",
    "diverged": "llc_diverged",
}


@dataclass(frozen=True)
class Sampling:
    """How chains are run: `ontogeny.measures.learning_coefficient.sample` explains each.

    Step size and localisation are None where a sweep is to choose them (`calibration`); the
    preconditioner is `none` or `rmsprop`.
    """

    step_size: float | None
    localisation: float | None
    inverse_temperature: float | None
    preconditioner: str
    chains: int
    burn_in: int
    draws: int
    batch_size: int
    checkpoints_at_once: int
    seed: int

    def temperature(self, examples: int) -> float:
        """Return n beta: as it was given, or n / log n of so many examples."""
        return self.inverse_temperature or default_inverse_temperature(examples)


def coefficients(
    modules: Sequence[torch.nn.Module],
    losses: ExampleLosses,
    examples: Examples,
    sampling: Sampling,
    conditions: Sequence[tuple[float, float, float]] | None = None,
) -> list[Estimates]:
    """Return the estimates around each module, (1, conditions) each.

    Conditions are a step size, a localisation and an inverse temperature each, by default those of
    `sampling`. So many modules go in lockstep as `sampling` says, fewer with several conditions.
    """
    if conditions is None:
        assert sampling.step_size is not None
        assert sampling.localisation is not None
        heat = sampling.temperature(len(examples))
        conditions = [(sampling.step_size, sampling.localisation, heat)]
    at_once = max(1, sampling.checkpoints_at_once // len(conditions))
    found = []
    for start in range(0, len(modules), at_once):
        for_each = estimate(
            sample(
                modules[start : start + at_once],
                losses,
                examples,
                [Condition(*condition) for condition in conditions],
                chains=sampling.chains,
                burn_in=sampling.burn_in,
                draws=sampling.draws,
                batch_size=sampling.batch_size,
                seed=sampling.seed,
                preconditioner=RMSProp() if sampling.preconditioner == "rmsprop" else None,
            ),
            np.array([heat for *_, heat in conditions]),
        )
        for place in range(len(for_each.coefficient)):
            parts = {name: values[place : place + 1] for name, values in vars(for_each).items()}
            found.append(Estimates(**parts))
    return found


def coefficient_rows(steps: Sequence[int], found: Sequence[Estimates]) -> pd.DataFrame:
    """Return rows of step, metric and value; what can't be computed has none."""
    rows = [
        (step, metric, float(getattr(own, name)[0, 0]))
        for step, own in zip(steps, found, strict=True)
        for name, metric in CHAINS.items()
    ]
    frame = pd.DataFrame(rows, columns=["step", "metric", "value"])
    return frame[np.isfinite(frame["value"])]


def chain_rows(steps: Sequence[int], found: Sequence[Estimates]) -> pd.DataFrame:
    """Return each chain's own estimate: rows of step, chain and value; NaN if it was left out."""
    rows = [
        (step, chain, float(value))
        for step, own in zip(steps, found, strict=True)
        for chain, value in enumerate(own.by_chain[0, 0])
    ]
    return pd.DataFrame(rows, columns=["step", "chain", "value"])


def dynamics_rows(steps: Sequence[int], outputs: np.ndarray, bandwidth: float) -> pd.DataFrame:
    """Return principal components and curvature of outputs (checkpoints, features), as rows."""
    scores = principal_components(gram_matrix([outputs])).scores
    curve = smooth(log_steps(np.asarray(steps)), scores, bandwidth)
    plane = Smoothed(curve.times, *(part[:, :2] for part in vars_of(curve)))
    curvature = turning(plane).curvature
    rows = [
        (step, f"pc{component + 1}", float(scores[place, component]))
        for place, step in enumerate(steps)
        for component in range(3)
    ]
    rows += [(step, "curvature", float(k)) for step, k in zip(steps, curvature, strict=True)]
    frame = pd.DataFrame(rows, columns=["step", "metric", "value"])
    return frame[np.isfinite(frame["value"])]


def vars_of(curve: Smoothed) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a curve's value and derivatives."""
    return curve.values, curve.first, curve.second
