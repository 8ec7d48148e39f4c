"""A job of a sweep: members trained in lockstep and measured on the way, whatever interrupts it."""

import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pandas as pd

from ontogeny.ensemble.states import restore_state, save_state
from ontogeny.ensemble.training import LockstepTraining
from ontogeny.files import atomic_path

LOGGER = logging.getLogger("ontogeny")


class Member(Protocol):
    """What a member of a sweep is: a dataclass of its condition and seed."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def keys(self) -> dict[str, Any]:
        """Return the key columns of the member's rows."""


# Returns what is measured of the members that live: frames by kind, with the members' key columns.
Measure = Callable[[LockstepTraining[Any]], Mapping[str, pd.DataFrame]]


def run_job(
    training: LockstepTraining[Any],
    members: Sequence[Member],
    settings: Mapping[str, Any],
    measure: Measure,
    files: Mapping[str, str | os.PathLike[str]],
    working: str | os.PathLike[str],
) -> None:
    """Train the members, measure them at each scheduled step, and write what they showed.

    `training` is at its beginning. Of `settings`, `steps` says when `measure` is called, and with
    the last one how long the members train; every `state_every` updates the training's state is
    kept. `files` says where the rows of each kind go, by step; where a job was interrupted doesn't
    show in them. A member that diverges is reported in the log and left out of all; raises
    `TrainingError` if all do.

    The folder `working` holds what an interrupted job resumes from: that state, and what was
    measured up to then. It goes away at the end. What it holds of other members or settings is
    removed: all that `members` and `settings` say counts.
    """
    working = Path(working)
    _of_this_job(working, members, settings)
    state = working / "state.safetensors"
    if state.exists():
        restore_state(training, state)
        LOGGER.info("going on after %d updates", training.step)

    def look(training: LockstepTraining[Any]) -> None:
        if training.step in settings["steps"]:
            for kind, frame in measure(training).items():
                _write(frame, working / f"{kind}.step-{training.step}.parquet")
        if training.step % settings["state_every"] == 0 and training.step:
            save_state(training, state)

    last = settings["steps"][-1]
    saved = range(0, last, settings["state_every"])
    training.run(last, at={*settings["steps"], *saved}, callback=look)
    for place in training.diverged:
        LOGGER.warning("left out, since it diverged: %s", members[place])
    living = [members[place] for place in training.members]
    for kind, path in files.items():
        parts = [working / f"{kind}.step-{step}.parquet" for step in settings["steps"]]
        _write(_join(parts, living), path)
    shutil.rmtree(working)


def _of_this_job(working: Path, members: Sequence[Member], settings: Mapping[str, Any]) -> None:
    """Empty the working folder if it is of another job, and say whose it is now."""
    what = {"members": [asdict(member) for member in members], "settings": dict(settings)}
    description = json.dumps(what, sort_keys=True, indent=1)
    label = working / "job.json"
    if label.exists() and label.read_text(encoding="utf-8") == description:
        return
    shutil.rmtree(working, ignore_errors=True)
    with atomic_path(label) as scratch:
        scratch.write_text(description, encoding="utf-8")


def _join(parts: Sequence[Path], living: Sequence[Member]) -> pd.DataFrame:
    """Return what was measured of the members that live, at all steps."""
    joined = pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)
    keys = list(living[0].keys())
    kept = {tuple(member.keys().values()) for member in living}
    chosen = [row in kept for row in joined[keys].itertuples(index=False, name=None)]
    return joined[chosen].reset_index(drop=True)


def _write(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    with atomic_path(path) as scratch:
        frame.to_parquet(scratch, index=False)
