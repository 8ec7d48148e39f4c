"""How chains are to be run, chosen by a sweep: step size and localisation from where it is flat."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from ontogeny.errors import ConfigError
from ontogeny.measures.learning_coefficient import Estimates, Examples, calibrate
from ontogeny.measures.learning_coefficient.sampling import ExampleLosses
from ontogeny.studies.stages.geometry import Sampling, coefficients

LOGGER = logging.getLogger("ontogeny")
SWEPT = {"coefficient": "llc", "r_hat": "llc_rhat", "diverged": "llc_diverged"}
NAMES = ["seed", "step", "step_size", "localisation", "inverse_temperature", "metric", "value"]


class Checkpoint(NamedTuple):
    """A checkpoint that the sweep samples around."""

    seed: int
    step: int
    module: torch.nn.Module


def calibrated(
    checkpoints: Sequence[Checkpoint],
    losses: ExampleLosses,
    examples: Examples,
    sampling: Sampling,
    sweep: Mapping[str, Any],
) -> tuple[Sampling, pd.DataFrame]:
    """Sweep step size, localisation and temperature, and return how chains are to be run.

    Of what `sampling` leaves open, step size and localisation are those of the plateau that
    `calibrate` finds at its temperature, over all checkpoints; what it names stays. The rows are
    those of the table `stages_calibration`, without run and corpus: `llc_change`, how much the
    estimates differ from those of neighbouring settings, and `chosen`, 1 for the settings that are
    used, have the seed and step of every checkpoint. Raises `ConfigError`, as `calibrate` does, if
    something is open and no plateau is sound.
    """
    own = sampling.temperature(len(examples))
    heats = sorted({own, *(sweep["inverse_temperatures"] or [])})
    step_sizes, pulls = sorted(sweep["step_sizes"]), sorted(sweep["localisations"])
    conditions = list(product(heats, step_sizes, pulls))
    found = coefficients(
        [checkpoint.module for checkpoint in checkpoints],
        losses,
        examples,
        sampling,
        [(size, pull, heat) for heat, size, pull in conditions],
    )
    number = len(step_sizes) * len(pulls)
    first = heats.index(own) * number
    at_own = Estimates(
        **{
            name: np.concatenate([getattr(each, name)[:, first : first + number] for each in found])
            for name in vars(found[0])
        }
    )
    change: dict[tuple[float, float], float] = {}
    try:
        plateau = calibrate(at_own, np.array(step_sizes), np.array(pulls))
    except ConfigError:
        if sampling.step_size is None or sampling.localisation is None:
            raise
    else:
        pairs = product(step_sizes, pulls)
        change = dict(zip(pairs, map(float, plateau.change.ravel()), strict=True))
        sampling = replace(
            sampling,
            step_size=sampling.step_size or plateau.step_size,
            localisation=(
                plateau.localisation if sampling.localisation is None else sampling.localisation
            ),
        )
    LOGGER.info("step size %g, localisation %g", sampling.step_size, sampling.localisation)
    rows = []
    for checkpoint, estimates in zip(checkpoints, found, strict=True):
        for place, (heat, size, pull) in enumerate(conditions):
            values = {m: float(getattr(estimates, name)[0, place]) for name, m in SWEPT.items()}
            if heat == own:
                values["llc_change"] = change.get((size, pull), float("nan"))
                chosen = (size, pull) == (sampling.step_size, sampling.localisation)
                values["chosen"] = float(chosen)
            rows += [
                (checkpoint.seed, checkpoint.step, size, pull, heat, metric, value)
                for metric, value in values.items()
                if np.isfinite(value)
            ]
    return sampling, pd.DataFrame(rows, columns=NAMES)
