"""One trajectory of a language model measured whole, and what jobs write of a run."""

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ontogeny.files import atomic_path
from ontogeny.measures.learning_coefficient.examples import Examples
from ontogeny.measures.learning_coefficient.language_models import causal_losses, masked_losses
from ontogeny.measures.learning_coefficient.sampling import ExampleLosses
from ontogeny.runs.checkpoints.loading import Loaded, load_checkpoint
from ontogeny.studies.stages import language, masked
from ontogeny.studies.stages.calibration import Checkpoint, calibrated
from ontogeny.studies.stages.forms import Shown, form_rows
from ontogeny.studies.stages.geometry import Sampling, chains, dynamics_rows
from ontogeny.studies.stages.refined import refined_rows

LOGGER = logging.getLogger("ontogeny")
Path = str | os.PathLike[str]
Sentences = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Reading:
    """What is read of a run's checkpoints: chains' examples and their losses, and behaviour."""

    examples: Examples
    losses: ExampleLosses
    behaviour: Callable[[Any], tuple[pd.DataFrame, np.ndarray]]
    shown: Shown


def reading(
    loaded: Loaded, training: Sentences, held_out: Sentences, settings: Mapping[str, Any], seed: int
) -> Reading:
    """Return what is read, by a checkpoint of the run and the study's settings of the text.

    These are `sequence_length`, `sequences`, `shown` and, of a masked model, `mask_share`.
    """
    sizes = {
        "length": settings["sequence_length"],
        "sequences": settings["sequences"],
        "shown": settings["shown"],
        "seed": seed,
    }
    if loaded.objective == "masked":
        hidden = masked.prepare(
            loaded.tokenizer, held_out, mask_share=settings["mask_share"], **sizes
        )
        return Reading(
            hidden.examples,
            masked_losses,
            lambda model: masked.behaviour(model, hidden),
            hidden.described(loaded.tokenizer),
        )
    text = language.prepare(loaded.tokenizer, training, held_out, **sizes)
    return Reading(
        text.examples,
        causal_losses,
        lambda model: language.behaviour(model, text),
        text.described(loaded.tokenizer),
    )


def calibrate_run(
    checkpoints: Mapping[tuple[int, int], Path],
    training: Sentences,
    held_out: Sentences,
    sampling: Sampling,
    sweep: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> tuple[Sampling, pd.DataFrame]:
    """Sweep the chains' settings at checkpoints by seed and step: `calibrated` says the rest."""
    found, read = [], None
    for (seed, step), path in checkpoints.items():
        loaded = load_checkpoint(path)
        read = read or reading(loaded, training, held_out, settings, sampling.seed)
        found.append(Checkpoint(seed, step, loaded.model.cpu()))
    assert read is not None
    return calibrated(found, read.losses, read.examples, sampling, sweep)


def measure(
    checkpoints: Mapping[int, Path],
    training: Sentences,
    held_out: Sentences,
    sampling: Sampling,
    settings: Mapping[str, Any],
    refined: Mapping[str, Any],
    bandwidth: float,
) -> dict[str, pd.DataFrame]:
    """Return the rows of measures, of chains and their traces, and of forms, by kind.

    All checkpoints, by step, are in memory together: chains take several in lockstep. `settings`
    are those of `reading`, `refined` those of `layout.refined`.
    """
    steps, models, rows, outputs, read = list(checkpoints), [], [], [], None
    for step, path in checkpoints.items():
        LOGGER.info("step %d", step)
        loaded = load_checkpoint(path)
        read = read or reading(loaded, training, held_out, settings, sampling.seed)
        own, predicted = read.behaviour(loaded.model)
        models.append(loaded.model.cpu())
        rows.append(own.assign(step=step))
        outputs.append(predicted)
    assert read is not None
    found = chains(steps, models, read.losses, read.examples, sampling)
    chosen = {step: models[steps.index(step)] for step in refined["steps"]}
    every = np.stack(outputs)
    rows += [
        found["measures"],
        refined_rows(chosen, read.losses, read.examples, sampling, refined["parts"]),
        dynamics_rows(steps, every, bandwidth),
    ]
    return {
        **found,
        "measures": pd.concat(rows, ignore_index=True),
        "forms": form_rows(steps, every, read.shown, bandwidth, sampling.seed),
    }


def write(found: Mapping[str, pd.DataFrame], keys: Mapping[str, Any], paths: Any) -> None:
    """Write what was measured, each kind to the path of its name, with the columns `keys`."""
    for kind, rows in found.items():
        frame = rows.assign(**keys)
        if kind == "measures":
            frame = frame.assign(**{n: frame[n].astype("Int64") for n in ("layer", "head")})
        with atomic_path(getattr(paths, kind)) as scratch:
            frame.to_parquet(scratch, index=False)


def write_sampling(sampling: Sampling, path: Path) -> None:
    """Write how chains are to be run, for `read_sampling`."""
    with atomic_path(path) as scratch:
        scratch.write_text(json.dumps(vars(sampling), indent=1) + "\n", encoding="utf-8")


def read_sampling(path: Path) -> Sampling:
    """Read what `write_sampling` wrote."""
    with open(path, encoding="utf-8") as handle:
        return Sampling(**json.load(handle))
