"""The table of losses, declared, and put together from the trajectories' own."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ontogeny.errors import TableError
from ontogeny.files import atomic_path
from ontogeny.results.tables import RUN, SEED, STEP, Metric, Table, check, read_text

LOSS_FILE = "loss.tsv"
COLUMNS = ["step", "metric", "value"]

LOSS = Table(
    "loss",
    keys=(RUN, SEED, STEP),
    metrics=(
        Metric(
            "train_loss",
            "mean, over the updates since the last checkpoint, of the mean cross entropy of the "
            "update's predictions, before the update; no row at step 0",
            "nats per token",
            0,
        ),
        Metric(
            "dev_loss",
            "mean cross entropy over the predictions in the dev text, the same ones at every step",
            "nats per token",
            0,
        ),
        Metric(
            "syntactic_attention",
            "mean, over the updates since the last checkpoint in which a regularizer of this kind "
            "was on, of the attention between a word and its syntactic head in both directions, "
            "summed over all layers and heads and averaged over the words of the update that have "
            "a head, before the update; no row where no such update was",
            "attention",
            0,
        ),
        Metric(
            "learning_rate",
            "learning rate after it was rescaled at this step, because the dev loss had failed to "
            "improve (decay: plateau); no row where it wasn't",
            "1",
            0,
        ),
    ),
)


def write_losses(rows: Iterable[Mapping[str, Any]], folder: str | os.PathLike[str]) -> None:
    """Write a trajectory's `loss.tsv`: `step`, `metric`, `value`, by step, then metric."""
    frame = pd.DataFrame(list(rows), columns=COLUMNS).sort_values(["step", "metric"])
    with atomic_path(Path(folder) / LOSS_FILE) as scratch:
        frame.to_csv(scratch, sep="\t", index=False, lineterminator="\n", float_format="%.17g")


def join_losses(trajectories: Mapping[tuple[str, int], str | os.PathLike[str]]) -> pd.DataFrame:
    """Return the `LOSS` table of several trajectories.

    `trajectories` gives for each run and seed the path of its `loss.tsv`. Raises `TableError` if a
    file is absent or malformed.
    """
    frames = []
    for (run, seed), path in trajectories.items():
        frame = read_text(path, COLUMNS, "losses", converters={"value": float})
        frames.append(frame.assign(run=run, seed=seed))
        try:
            check(frames[-1], LOSS)
        except TableError as error:
            raise TableError(f"{path}: {error}") from error
    names = [column.name for column in LOSS.columns]
    joined = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=names)
    return joined[names]
