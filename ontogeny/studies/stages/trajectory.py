"""One trajectory of a language model measured whole, and what jobs write of a run."""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ontogeny.files import atomic_path
from ontogeny.measures.learning_coefficient.language_models import causal_losses
from ontogeny.runs.checkpoints.loading import load_checkpoint
from ontogeny.studies.stages.geometry import (
    Sampling,
    chain_rows,
    coefficient_rows,
    coefficients,
    dynamics_rows,
    sweep_rows,
)
from ontogeny.studies.stages.language import behaviour, prepare

LOGGER = logging.getLogger("ontogeny")
KINDS = ("measures", "chains", "calibration")

Rows = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def measure(
    checkpoints: Mapping[int, str | os.PathLike[str]],
    training: Sequence[Sequence[str]],
    held_out: Sequence[Sequence[str]],
    sampling: Sampling,
    sweep: Mapping[str, Any],
    text: Mapping[str, Any],
    bandwidth: float,
) -> Rows:
    """Return the rows of measures, of chains, and of the sweep, of checkpoints by step.

    All checkpoints are in memory together: chains take several in lockstep. `text` has
    `sequence_length`, `sequences` and `shown` (`language.prepare`).
    """
    steps, models, rows, outputs, read = list(checkpoints), [], [], [], None
    for step, path in checkpoints.items():
        LOGGER.info("step %d", step)
        loaded = load_checkpoint(path)
        if read is None:
            read = prepare(
                loaded.tokenizer,
                training,
                held_out,
                length=text["sequence_length"],
                sequences=text["sequences"],
                shown=text["shown"],
                seed=sampling.seed,
            )
        own, predicted = behaviour(loaded.model, read)
        models.append(loaded.model.cpu())
        rows.append(own.assign(step=step))
        outputs.append(predicted)
    assert read is not None
    found = coefficients(models, causal_losses, read.examples, sampling)
    rows += [coefficient_rows(steps, found), dynamics_rows(steps, np.stack(outputs), bandwidth)]
    return (
        pd.concat(rows, ignore_index=True),
        chain_rows(steps, found),
        sweep_rows(steps, models, causal_losses, read.examples, sampling, sweep),
    )


def write(found: Rows, keys: Mapping[str, Any], paths: Any) -> None:
    """Write what was measured, each kind to the path of its name, with the columns `keys`."""
    for kind, rows in zip(KINDS, found, strict=True):
        frame = rows.assign(**keys)
        if kind == "measures":
            frame = frame.assign(**{n: frame[n].astype("Int64") for n in ("layer", "head")})
        with atomic_path(getattr(paths, kind)) as scratch:
            frame.to_parquet(scratch, index=False)
