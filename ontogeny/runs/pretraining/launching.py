"""Starting a training on one device or several."""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from ontogeny import errors
from ontogeny.errors import ConfigError, OntogenyError, TrainingError
from ontogeny.runs.recipes import Recipe

FAILURE = "failure.json"

logger = logging.getLogger("ontogeny")


def pretrain(
    recipe: Recipe,
    *,
    run: str,
    seed: int,
    train: Sequence[str | os.PathLike[str]],
    dev: Sequence[str | os.PathLike[str]] = (),
    folder: str | os.PathLike[str],
    working: str | os.PathLike[str],
    devices: int | None = None,
    threads: int = 1,
) -> None:
    """Train a model and leave its trajectory in `folder`.

    `train` and `dev` are corpus splits; several are read one after the other, and without a dev
    split there is no dev loss. `folder` gets `step-{step}/` for each scheduled step,
    `manifest.tsv` and `loss.tsv`. Until then everything lies in `working`, on the same file system
    at best; called again after it was killed, this resumes there. `devices` is the number of GPUs,
    or of processes where there is none (None: all GPUs, or one process); the batch stays the same.
    `threads` bounds the CPU threads of each process.
    Raises `TrainingError` (loss no longer a number), `CorpusError` and `ConfigError`.
    """
    import torch

    from ontogeny.runs.pretraining.preparation import prepare
    from ontogeny.runs.pretraining.trajectory import finish, train_trajectory

    available = torch.cuda.device_count()
    devices = devices or max(available, 1)
    if available and devices > available:
        raise ConfigError(f"runs.{run}: {devices} devices are asked for; there are {available}.")
    if devices > recipe.batch_size:
        raise ConfigError(
            f"runs.{run}.batch_size: is {recipe.batch_size}, less than the {devices} devices; "
            "expected at least one sequence for each."
        )
    if devices > 1 and recipe.sequences == "stream":
        raise ConfigError(
            f"runs.{run}.devices: is {devices}, but streams are read on by one device, which "
            "carries their state; expected 1."
        )
    prepare(recipe, run=run, seed=seed, train=train, dev=dev, working=working)
    if devices == 1:
        train_trajectory(recipe, run=run, seed=seed, working=working, threads=threads)
    else:
        launch(devices, recipe, run=run, seed=seed, working=working, threads=threads)
    finish(recipe, working=working, folder=folder)


def launch(
    devices: int,
    recipe: Recipe,
    *,
    run: str,
    seed: int,
    working: str | os.PathLike[str],
    threads: int = 1,
) -> None:
    """Train in a prepared working folder with a process for each device, on this machine.

    Raises what a process raised, if it is an `OntogenyError`, else `TrainingError`.
    """
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    failure = Path(working) / FAILURE
    failure.unlink(missing_ok=True)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=devices,
        run_id=f"{run}-{seed}",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        start_method="spawn",
    )
    try:
        elastic_launch(config, _work)(recipe, run, seed, str(working), threads)
    except ChildFailedError as error:
        if failure.is_file():
            kind, message = json.loads(failure.read_text())
            raise getattr(errors, kind)(message) from error
        raise TrainingError(
            f"run {run}, seed {seed}: a process of the training ended ({error}). Its own message "
            "stands above; what was done is kept, and the next attempt resumes."
        ) from error


def _work(recipe: Recipe, run: str, seed: int, working: str, threads: int) -> None:
    """Do one process's part; what goes wrong is left in a file, for `launch` to raise."""
    from ontogeny.runs.pretraining.trajectory import train_trajectory

    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        train_trajectory(recipe, run=run, seed=seed, working=working, threads=threads)
    except OntogenyError as error:
        (Path(working) / FAILURE).write_text(json.dumps([type(error).__name__, str(error)]))
        raise
