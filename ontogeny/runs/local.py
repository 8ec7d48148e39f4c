"""Checkpoints that already lie somewhere, taken in as a trajectory by links."""

import glob
import os
import re
import string
from collections.abc import Iterable
from pathlib import Path

from ontogeny.errors import CheckpointError, ConfigError
from ontogeny.files import atomic_path
from ontogeny.runs.checkpoints.loading import check_weights
from ontogeny.runs.checkpoints.manifest import Entry, checkpoint_path, describe, write_manifest
from ontogeny.runs.checkpoints.model_configs import check_family, read_config
from ontogeny.runs.checkpoints.tokenizer_files import (
    TOKENIZER_PARTS,
    check_tokenizer,
    vocabulary_files,
)
from ontogeny.runs.patterns import fields, fill_in
from ontogeny.runs.schedules import check_steps

# What a checkpoint consists of. A pickle beside the weights, or an optimiser's state, is left out.
LINKED = (".json", ".safetensors", ".txt", ".model", ".jinja")


def local_path(pattern: str, seed: int, step: int, run: str = "") -> Path:
    """Return the folder that a pattern such as `/data/seed{seed}/{step:07d}` names.

    Raises `ConfigError`, naming `runs.{run}.path`, if the pattern lacks `{step}` or has a field
    other than `{seed}` and `{step}`.
    """
    where = f"runs.{run}.path"
    filled = fill_in(pattern, where, seed, step)
    if "step" not in fields(pattern):
        raise ConfigError(f"{where}: is {pattern!r}; expected a path with {{step}} in it.")
    try:
        return Path(filled).expanduser().absolute()
    except RuntimeError as error:
        raise ConfigError(f"{where}: {pattern!r} can't be found ({error}).") from error


def list_steps(pattern: str, seed: int, run: str = "") -> tuple[int, ...]:
    """Return the steps for which the folder that a pattern names exists, in increasing order.

    Raises `ConfigError` as `local_path`.
    """
    local_path(pattern, seed, 0, run)
    # A number that the path can't contain by chance marks where the steps stand.
    marker = "7" * 30
    expression = re.escape(str(local_path(_without_specification(pattern), seed, int(marker), run)))
    expression = expression.replace(marker, "([0-9]+)")
    wildcard = glob.escape(str(local_path(_without_specification(pattern), seed, int(marker), run)))
    found = set()
    for folder in glob.iglob(wildcard.replace(marker, "*")):
        match = re.fullmatch(expression, folder)
        # Filling the step in again sorts out names that a format such as 07d would not give.
        if match and os.path.isdir(folder):
            step = int(match[1])
            if str(local_path(pattern, seed, step, run)) == folder:
                found.add(step)
    return tuple(sorted(found))


def check_local_steps(pattern: str, seed: int, steps: Iterable[int], run: str) -> None:
    """Raise `ConfigError`, listing the steps that exist, if a step's folder doesn't."""
    check_steps(steps, list_steps(pattern, seed, run), f"{run} (seed {seed}, {pattern})")


def link_trajectory(
    pattern: str,
    folder: str | os.PathLike[str],
    *,
    run: str,
    seed: int,
    steps: Iterable[int],
    tokenizer: str | os.PathLike[str] | None = None,
) -> tuple[Entry, ...]:
    """Make `folder` a trajectory of the checkpoints that `pattern` names; return its manifest.

    Each `step-{step}` is a folder of absolute links to the checkpoint's files. `tokenizer` is a
    folder whose tokenizer stands in for checkpoints without one. Raises `ConfigError` if a step
    doesn't exist, and `CheckpointError` if a checkpoint lacks config, safetensors weights or
    tokenizer, is truncated, or is of a family that can't be measured; then nothing is linked.
    """
    steps = tuple(steps)
    check_local_steps(pattern, seed, steps, run)
    sources = {step: local_path(pattern, seed, step, run) for step in steps}
    files = {step: _files(source, step, tokenizer) for step, source in sources.items()}
    entries = [describe(source, step, str(source)) for step, source in sources.items()]
    for step in steps:
        with atomic_path(checkpoint_path(folder, step)) as scratch:
            scratch.mkdir()
            for file in files[step]:
                (scratch / file.name).symlink_to(file)
    write_manifest(entries, folder)
    return tuple(sorted(entries, key=lambda entry: entry.step))


def _files(source: Path, step: int, tokenizer: str | os.PathLike[str] | None) -> list[Path]:
    """Return the files that make up a checkpoint, with the stand-in tokenizer where it has none."""
    try:
        check_weights(source)
        check_family(read_config(source), source)
        files = [
            file
            for file in sorted(source.iterdir())
            if file.is_file() and file.suffix in LINKED and not file.name.startswith(".")
        ]
        if tokenizer is not None and not vocabulary_files(source):
            stand_in = _expanded(tokenizer)
            check_tokenizer(stand_in)
            files = [file for file in files if file.name not in TOKENIZER_PARTS]
            files += [stand_in / name for name in TOKENIZER_PARTS if (stand_in / name).is_file()]
        else:
            check_tokenizer(source)
    except CheckpointError as error:
        raise CheckpointError(f"step {step}: {error}") from error
    return files


def _expanded(tokenizer: str | os.PathLike[str]) -> Path:
    try:
        return Path(tokenizer).expanduser().absolute()
    except RuntimeError as error:
        raise CheckpointError(
            f"{tokenizer}: can't be found ({error}). Correct `tokenizer` of the run."
        ) from error


def _without_specification(pattern: str) -> str:
    """Return the pattern with `{step:07d}` and the like reduced to `{step}`."""
    pieces = []
    for text, name, specification, _ in string.Formatter().parse(pattern):
        pieces.append(text.replace("{", "{{").replace("}", "}}"))
        if name == "step":
            pieces.append("{step}")
        elif name is not None:
            pieces.append(f"{{{name}:{specification}}}")
    return "".join(pieces)
