"""What is measured of any trajectory: local learning coefficients, and essential dynamics."""

from collections.abc import Container, Iterator, Sequence
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
    Traces,
    default_inverse_temperature,
    estimate,
    sample,
)
from ontogeny.measures.learning_coefficient.sampling import ExampleLosses

# A step size, a localisation, and an inverse temperature.
Settings = tuple[float, float, float]

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

    def settings(self, examples: int) -> Settings:
        """Return step size, localisation and inverse temperature, none of them open."""
        assert self.step_size is not None
        assert self.localisation is not None
        return self.step_size, self.localisation, self.temperature(examples)

    def temperature(self, examples: int) -> float:
        """Return n beta: as it was given, or n / log n of so many examples."""
        return self.inverse_temperature or default_inverse_temperature(examples)


def around(
    modules: Sequence[torch.nn.Module],
    losses: ExampleLosses,
    examples: Examples,
    sampling: Sampling,
    conditions: Sequence[Settings],
    *,
    free: Sequence[torch.Tensor] | None = None,
    whole: Container[int] = (),
) -> Iterator[Traces]:
    """Yield what chains around each module went through; centres are the parts `free`, if any.

    So many centres go in lockstep as `sampling` says, fewer with several conditions. The traces of
    modules whose places are in `whole` have the centre's losses in the burn-in as well.
    """
    parts = 1 if free is None else len(free)
    at_once = max(1, sampling.checkpoints_at_once // (len(conditions) * parts))
    for start in range(0, len(modules), at_once):
        places = range(start, min(start + at_once, len(modules)))
        traces = sample(
            modules[start : start + at_once],
            losses,
            examples,
            [Condition(*condition) for condition in conditions],
            chains=sampling.chains,
            burn_in=sampling.burn_in,
            draws=sampling.draws,
            batch_size=sampling.batch_size,
            seed=sampling.seed,
            free=free,
            preconditioner=RMSProp() if sampling.preconditioner == "rmsprop" else None,
            whole=any(place in whole for place in places),
        )
        for number in range(len(places)):
            yield traces.around(slice(number * parts, (number + 1) * parts))


def coefficients(
    modules: Sequence[torch.nn.Module],
    losses: ExampleLosses,
    examples: Examples,
    sampling: Sampling,
    conditions: Sequence[Settings] | None = None,
) -> list[Estimates]:
    """Return the estimates around each module, (1, conditions) each.

    Conditions are a step size, a localisation and an inverse temperature each, by default those of
    `sampling`.
    """
    if conditions is None:
        conditions = [sampling.settings(len(examples))]
    heats = np.array([heat for *_, heat in conditions])
    found = around(modules, losses, examples, sampling, conditions)
    return [estimate(traces, heats) for traces in found]


def chains(
    steps: Sequence[int],
    modules: Sequence[torch.nn.Module],
    losses: ExampleLosses,
    examples: Examples,
    sampling: Sampling,
) -> dict[str, pd.DataFrame]:
    """Return the rows of chains around all checkpoints of a trajectory, by kind.

    `measures` has what is said of them together, `chains` each one's own estimate, and `traces`
    every loss of those around the first checkpoint, the middle one, and the last.
    """
    settings = sampling.settings(len(examples))
    traced = {0, len(steps) // 2, len(steps) - 1}
    found, traces = [], []
    for place, own in enumerate(
        around(modules, losses, examples, sampling, [settings], whole=traced)
    ):
        found.append(estimate(own, np.array(settings[2:])))
        if place in traced:
            traces.append(trace_rows(own, found[-1]).assign(step=steps[place]))
    return {
        "measures": coefficient_rows(steps, found),
        "chains": chain_rows(steps, found),
        "traces": pd.concat(traces, ignore_index=True),
    }


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


def trace_rows(traces: Traces, found: Estimates) -> pd.DataFrame:
    """Return every loss of the chains around one centre at one condition, those of numbers alone.

    Rows of chain (from 1), draw (from 1; 0 and below in the burn-in), use, metric and value: `loss`
    is a chain's, `baseline` the centre's on the same batch. `found` says which chains are used.
    """
    before = traces.burn_in_baselines
    of_losses = np.concatenate([traces.burn_in, traces.losses])
    of_centre = traces.baselines if before is None else np.concatenate([before, traces.baselines])
    last = len(traces.losses)
    kept = np.isfinite(found.by_chain[0, 0])
    frames = []
    for metric, values in (("loss", of_losses), ("baseline", of_centre)):
        draws = np.arange(last - len(values), last) + 1
        for chain, line in enumerate(values[:, 0, 0].T):
            frames.append(
                pd.DataFrame({"draw": draws, "metric": metric, "value": line}).assign(
                    chain=chain + 1, use="kept" if kept[chain] else "left out"
                )
            )
    frame = pd.concat(frames, ignore_index=True)
    return frame[np.isfinite(frame["value"])]


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
