"""The manifest of a trajectory: which checkpoints it has, where they come from, what they hold."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from ontogeny.errors import CheckpointError
from ontogeny.runs.checkpoints.loading import check_weights
from ontogeny.runs.checkpoints.tokenizer_files import check_tokenizer
from ontogeny.runs.checkpoints.weight_files import count_parameters, weight_files
from ontogeny.tab_separated import read_rows, write_rows

MANIFEST = "manifest.tsv"


@dataclass(frozen=True)
class Entry:
    """A line of the manifest.

    `source` and `revision` say where the checkpoint comes from: for a run trained here
    `pretrain` and the recipe's fingerprint; for one that lay somewhere its folder and nothing; for
    one from the hub the repository and the revision. `sha256` is that of the weights (of the
    shards' bytes, one after the other), `parameters` how many numbers they hold.
    """

    step: int
    source: str
    revision: str
    sha256: str
    parameters: int


COLUMNS = [field.name for field in fields(Entry)]


def checkpoint_path(folder: str | os.PathLike[str], step: int) -> Path:
    """Return where a trajectory's folder keeps the checkpoint of a step."""
    return Path(folder) / f"step-{step}"


def describe(path: str | os.PathLike[str], step: int, source: str, revision: str = "") -> Entry:
    """Return the manifest's line for the checkpoint in the folder `path`.

    Raises `CheckpointError` if it has no weights or its weights are truncated.
    """
    return Entry(step, source, revision, weights_sha256(path), count_parameters(path))


def weights_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a checkpoint's weights, shards one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for file in weight_files(path):
        with open(file, "rb") as handle:
            hashlib.file_digest(handle, lambda: digest)
    return digest.hexdigest()


def write_manifest(entries: Iterable[Entry], folder: str | os.PathLike[str]) -> None:
    """Write `manifest.tsv` into a trajectory's folder, in the order of steps."""
    rows = [astuple(entry) for entry in sorted(entries, key=lambda entry: entry.step)]
    write_rows(Path(folder) / MANIFEST, COLUMNS, rows)


def read_manifest(folder: str | os.PathLike[str]) -> tuple[Entry, ...]:
    """Read a trajectory's manifest; lines in the order of steps.

    Raises `CheckpointError`, naming file and line, if it is absent or malformed.
    """
    file = Path(folder) / MANIFEST
    if not file.exists():
        raise CheckpointError(
            f"{file}: there is no such file; the trajectory was not finished. Run its rule again."
        )
    entries = []
    for number, row in read_rows(file, COLUMNS, CheckpointError):
        try:
            step, source, revision, sha256, parameters = row
            entries.append(Entry(int(step), source, revision, sha256, int(parameters)))
        except ValueError as error:
            raise CheckpointError(
                f"{file}, line {number}: is {row}; expected {', '.join(COLUMNS)}, with whole "
                "numbers for step and parameters."
            ) from error
    return tuple(sorted(entries, key=lambda entry: entry.step))


def check_trajectory(
    folder: str | os.PathLike[str], steps: Sequence[int] | None = None, *, hashes: bool = True
) -> tuple[Entry, ...]:
    """Return the manifest's lines for `steps` (all by default) once their checkpoints are checked.

    Raises `CheckpointError`, naming step and file, if a step is not in the manifest, its folder,
    config, tokenizer or weights are missing, the weights are truncated, or (if `hashes`) are not
    those that the manifest tells of. The message says which files to delete so that the workflow
    makes the trajectory anew, and all that was measured on it.
    """
    entries = {entry.step: entry for entry in read_manifest(folder)}
    for step in entries if steps is None else steps:
        if step not in entries:
            raise CheckpointError(
                f"{Path(folder) / MANIFEST}: has no step {step}; it has "
                f"{', '.join(map(str, entries)) or 'none'}."
            )
        path = checkpoint_path(folder, step)
        again = _remedy(entries[step], path)
        try:
            check_weights(path)
            check_tokenizer(path)
            found = weights_sha256(path) if hashes else entries[step].sha256
        except CheckpointError as error:
            raise CheckpointError(f"step {step}: {error} {again}") from error
        if found != entries[step].sha256:
            raise CheckpointError(
                f"step {step}: {path}: the weights have SHA-256 {found}; the manifest tells of "
                f"{entries[step].sha256}. They changed since. {again}"
            )
    return tuple(entries[step] for step in (entries if steps is None else steps))


def _remedy(entry: Entry, path: Path) -> str:
    """Return what to do about a checkpoint that isn't what the manifest beside it tells of."""
    manifest = path.parent / MANIFEST
    if entry.revision:
        return f"Delete {path} and {manifest} and run the workflow again."
    # Of a checkpoint that lies elsewhere there are links alone.
    return (
        f"If {entry.source} is as it should be, delete {manifest} and run the workflow again: the "
        "run is linked and measured anew."
    )
