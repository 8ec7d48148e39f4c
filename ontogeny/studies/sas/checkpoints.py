"""A trajectory's checkpoints, loaded and measured one after the other."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from ontogeny.files import atomic_path
from ontogeny.runs.checkpoints.loading import load_language_model, load_tokenizer, objective

LOGGER = logging.getLogger("ontogeny")

# Takes a model and its tokenizer, and `objective` by name; returns rows of SAS and rows for the
# bootstrap.
Measure = Callable[..., tuple[pd.DataFrame, pd.DataFrame]]


def measure_checkpoints(
    measure: Measure,
    checkpoints: Mapping[int, str | os.PathLike[str]],
    keys: Mapping[str, Any],
    outputs: Sequence[str | os.PathLike[str]],
) -> None:
    """Measure checkpoints, by step, and write each of the two kinds of rows to one of `outputs`.

    `measure` is called as `measure(model, tokenizer, objective=...)`; its rows get the columns
    `keys` and `step`. Raises `CheckpointError` as loading does, and what `measure` raises.
    """
    measured = []
    for step, path in checkpoints.items():
        LOGGER.info("step %d", step)
        found = measure(load_language_model(path), load_tokenizer(path), objective=objective(path))
        measured.append([rows.assign(**keys, step=step) for rows in found])
    for frames, path in zip(zip(*measured, strict=True), outputs, strict=True):
        with atomic_path(path) as scratch:
            pd.concat(frames, ignore_index=True).to_parquet(scratch, index=False)
