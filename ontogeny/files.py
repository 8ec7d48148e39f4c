"""Files that are either whole or absent."""

import errno
import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ontogeny.errors import OntogenyError

# A file system that has less left refuses to write, to some users at least.
NOTHING_LEFT = 1 << 20  # bytes
MADE_OF = "made-of.sha256"  # of what a resumable folder was begun with

logger = logging.getLogger("ontogeny")


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; move it into place when the block succeeds.

    The block may write a file or make a folder there. If it raises, or makes nothing, what stood
    at `path` stays as it was and nothing else is left behind. The move is atomic (the same file
    system), so a reader sees the old content or the new, never half; between an old folder and a
    new one there is a moment at which it sees none. What a process that was killed left of an
    attempt at the same path is removed. Raises `FileNotFoundError` if the block made
    nothing, and an `OSError` with the number `ENOSPC` or `EDQUOT` and the name `path` if the block
    failed because the disk is full, whatever it raised then itself.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    lock = os.open(scratch, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        new = scratch / path.name
        yield new
        if not os.path.lexists(new):
            raise FileNotFoundError(f"{path}: nothing was written in its place")
        flush(new)
        old = scratch / f"{path.name}.old"
        if os.path.lexists(path) and (_is_folder(path) or _is_folder(new)):
            os.replace(path, old)  # a move can overwrite neither a folder with content nor its kind
        try:
            os.replace(new, path)
        except OSError:
            if os.path.lexists(old):
                os.replace(old, path)
            raise
    except Exception as error:
        if number := _disk_full(error, scratch):
            raise OSError(number, os.strerror(number), str(path)) from error
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        os.close(lock)


def flush(path: Path) -> None:
    """Make sure the content is on disk before its name is, so that a crash can't leave a hole."""
    files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
    for file in files:
        with open(file, "rb") as handle:
            os.fsync(handle.fileno())


def check_writable(folder: str | os.PathLike[str]) -> None:
    """Raise `OntogenyError` unless files can be made in a folder, which need not exist yet."""
    place = Path(folder).absolute()
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        raise OntogenyError(
            f"{place}: can't be written, since its disk is mounted read-only or you lack the "
            "permission. Make it writable, or run in another folder (`--directory`)."
        )


def _remove_leftovers(path: Path) -> None:
    """Remove the temporary folders in which processes that were killed wrote what was for `path`.

    A process has a lock on its folder as long as it lives. On a file system without such locks,
    as some networked ones are, none can be taken, and what is left stays.
    """
    name = re.compile(re.escape(f".{path.name}.") + "[a-z0-9_]{8}")
    for folder in path.parent.iterdir():
        if name.fullmatch(folder.name) and _is_folder(folder):
            with suppress(OSError):
                lock = os.open(folder, os.O_RDONLY)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder)
                finally:
                    os.close(lock)


def _disk_full(error: Exception, folder: Path) -> int:
    """Return the error number of a full disk or quota if a write to `folder` failed of it, else 0.

    Only some libraries raise an error with that number. Those in Rust (safetensors, tokenizers)
    have an error of their own that says so in words; NumPy and PyTorch say no more than that fewer
    bytes were written than should have been.
    """
    for number in (errno.ENOSPC, errno.EDQUOT):
        if getattr(error, "errno", None) == number or os.strerror(number) in str(error):
            return number
    unspecific = isinstance(error, RuntimeError) or (
        isinstance(error, OSError) and error.errno is None
    )
    if unspecific and shutil.disk_usage(folder).free < NOTHING_LEFT:
        return errno.ENOSPC
    return 0


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def link_or_copy(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Give a file a second name, or else copy it: on another file system, or one without links."""
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def digest_like(digest: str | None, path: str | os.PathLike[str]) -> str:
    """Return the digest of a file's bytes, of the kind that another is of; by default SHA-256."""
    if not is_gits(digest):
        return sha256(path)
    start = hashlib.sha1(b"blob %d\0" % os.path.getsize(path), usedforsecurity=False)
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, lambda: start).hexdigest()


def is_gits(digest: str | None) -> bool:
    """Tell whether a digest is git's of a blob: a SHA-1, 40 digits."""
    return digest is not None and len(digest) == 40


def remove_folder(folder: Path) -> None:
    """Remove a folder so that, killed on the way, it doesn't look whole under its name."""
    scratch = folder.with_name(f".{folder.name}.removed")
    shutil.rmtree(scratch, ignore_errors=True)
    os.replace(folder, scratch)
    shutil.rmtree(scratch)


def resumable_folder(path: str | os.PathLike[str], made_of: Mapping[str, Any]) -> Path:
    """Return a folder that holds nothing but what an attempt at the same work left there.

    It is where work that is killed leaves what it goes on from. `made_of`, in terms of JSON, is all
    that the work depends on, such as settings and hashes of files: if it differs from that of the
    attempt before, what lies there is removed.
    """
    folder = Path(path)
    says = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    note = folder / MADE_OF
    if folder.is_dir() and not (note.is_file() and note.read_text() == says):
        logger.info("%s: is left of other settings or files; starting anew", folder)
        shutil.rmtree(folder)
    if not folder.is_dir():
        with atomic_path(folder) as scratch:
            scratch.mkdir()
            (scratch / MADE_OF).write_text(says)
    return folder
