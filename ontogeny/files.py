"""Files that are either whole or absent."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; move it into place when the block succeeds.

    The block may write a file or make a folder there. If it raises, or makes nothing, what stood
    at `path` stays as it was and nothing else is left behind. The move is atomic (the same file
    system), so a reader sees the old content or the new, never half; between an old folder and a
    new one there is a moment at which it sees none. Raises `FileNotFoundError` if the block made
    nothing.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        new = scratch / path.name
        yield new
        if not os.path.lexists(new):
            raise FileNotFoundError(f"{path}: nothing was written in its place")
        _flush(new)
        old = scratch / f"{path.name}.old"
        if os.path.lexists(path) and (_is_folder(path) or _is_folder(new)):
            os.replace(path, old)  # a move can overwrite neither a folder with content nor its kind
        try:
            os.replace(new, path)
        except OSError:
            if os.path.lexists(old):
                os.replace(old, path)
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _flush(path: Path) -> None:
    """Make sure the content is on disk before its name is, so that a crash can't leave a hole."""
    files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
    for file in files:
        with open(file, "rb") as handle:
            os.fsync(handle.fileno())


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
