"""What a job measures at several checkpoints, written as rows from which tables are joined."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from ontogeny.files import atomic_path

LOGGER = logging.getLogger("ontogeny")


def measure_steps(
    measure: Callable[[int], tuple[pd.DataFrame, ...]],
    steps: Iterable[int],
    keys: Mapping[str, Any],
    outputs: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame] | None],
) -> None:
    """Measure one step after the other, and write each kind of rows to a file, as parquet.

    `measure` returns a frame for each of `outputs`, in their order; its rows get the columns `keys`
    and `step`. `outputs` maps paths to what is to be made of a step's rows before they are kept, or
    None. Files are whole or absent.
    """
    measured = []
    for step in steps:
        LOGGER.info("step %d", step)
        found = [rows.assign(**keys, step=step) for rows in measure(step)]
        measured.append(
            [
                rows if make is None else make(rows)
                for rows, make in zip(found, outputs.values(), strict=True)
            ]
        )
    for frames, path in zip(zip(*measured, strict=True), outputs, strict=True):
        with atomic_path(path) as scratch:
            pd.concat(frames, ignore_index=True).to_parquet(scratch, index=False)
