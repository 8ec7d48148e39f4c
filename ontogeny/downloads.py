"""Downloads: each file whole, and the one that is expected, however often the line is cut.

What has come lies in a part file, which survives a killed process: the next attempt asks for the
rest alone. It is hashed as it comes, so it isn't read again.
"""

import fcntl
import hashlib
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from ontogeny.files import atomic_path, digest_like, flush, is_gits

TIMEOUT = 30  # seconds without a byte
LONGEST_PAUSE = 60  # seconds, unless the server asks for more
LONGEST_ASKED = 600  # seconds that a server may ask for
PROGRESS_EVERY = 5  # seconds between two lines of progress in the log

# What a request raises if it fails.
FAILURES = (httpx2.HTTPError, httpx2.InvalidURL)

# Makes a request with the given headers and yields its answer, the body still to come.
Ask = Callable[[dict[str, str]], AbstractContextManager[httpx2.Response]]
Result = TypeVar("Result")

logger = logging.getLogger("ontogeny")


@dataclass(frozen=True)
class RemoteFile:
    """A file to be had: its size in bytes and its digest, each None where it isn't known.

    The digest is the SHA-256 of its content (64 digits), or git's SHA-1 of it as a blob (40).
    """

    name: str
    size: int | None
    digest: str | None


@dataclass(frozen=True)
class Patience:
    """How long to go on while a fault may pass.

    `attempts` counts the requests in a row that bring nothing new; before the second there is a
    pause of `pause` seconds, doubled before each further one.
    """

    attempts: int = 5
    pause: float = 1.0


class WrongContent(Exception):
    """What came isn't the file. Its digest and size are the arguments; nothing of it was kept."""


@contextmanager
def ask(url: str, headers: dict[str, str]) -> Iterator[httpx2.Response]:
    """Yield the answer to a request, its body still to come; raise one of `FAILURES` if it fails.

    Credentials in the address aren't sent to another host, to which the answer may lead.
    """
    settings: dict[str, Any] = {"timeout": TIMEOUT, "follow_redirects": True}
    with httpx2.stream("GET", url, headers=headers, **settings) as answer:
        answer.raise_for_status()
        yield answer


def download(file: RemoteFile, ask: Ask, place: Path, path: Path, patience: Patience) -> None:
    """Bring a file to `place` by way of the part at `path`, from where an earlier one goes on.

    Raises the last of `FAILURES` once it stays, `WrongContent`, and, if the disk is full, an
    `OSError` that names the part. The part stays, unless it is wrong.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = Part(path, file)
    while True:
        if not path.exists() or part.size != file.size:
            persist(lambda: part.extend(ask), file.name, patience, lambda: part.size)
        # The hash is of what came here; another process may have written to the file as well.
        digest, size = part.digest, part.size
        if file.digest in (None, digest) and file.size in (None, size):
            return part.put(place)
        resumed = part.resumed
        part.clear()
        if not resumed:
            raise WrongContent(digest, size)
        logger.warning("%s: what was resumed is not the file; starting over", file.name)


class Part:
    """What has come of a file, and its hash, in step."""

    def __init__(self, path: Path, file: RemoteFile) -> None:
        """Take up what lies at `path`, unless it is more than the file can have."""
        self.path, self.file = path, file
        self.sha256 = hashlib.sha256()
        self.resumed = self.size > 0  # by an earlier process: of what isn't known for sure
        if file.size is not None and self.size > file.size:
            self.clear()
        elif self.resumed:
            with open(path, "rb") as handle:
                hashlib.file_digest(handle, lambda: self.sha256)

    @property
    def size(self) -> int:
        """How many bytes are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def digest(self) -> str:
        """The digest of what is there, of the kind that the file's is."""
        # Git's begins with the size, which may be known at the end alone; it is of small files.
        gits = is_gits(self.file.digest)
        return digest_like(self.file.digest, self.path) if gits else self.sha256.hexdigest()

    def clear(self) -> None:
        """Start over with nothing."""
        self.path.unlink(missing_ok=True)
        self.sha256, self.resumed = hashlib.sha256(), False

    def extend(self, ask: Ask) -> None:
        """Ask for the rest, once. Raises an `httpx2.HTTPError` if it doesn't come whole."""
        start, size = self.size, self.file.size
        # Without compression, since a range counts the bytes that travel.
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        try:
            with ask(headers) as answer:
                is_rest = answer.status_code == 206
                begins = answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
                if not (is_rest and begins):
                    self.clear()  # the server sends all of it
                if is_rest and not begins:
                    raise httpx2.RemoteProtocolError(f"what comes isn't from byte {start} on")
                self.append(answer.iter_bytes())
        except httpx2.HTTPError as error:
            if start and _status(error) == 416:  # so what is there can't be of the file
                self.clear()
                raise httpx2.RemoteProtocolError(f"nothing comes after byte {start}") from error
            raise
        # An answer that tells its length came whole: if that is too short, it is of another file.
        told = not is_rest and "Content-Length" in answer.headers
        if size is not None and self.size < size and not told:
            raise httpx2.RemoteProtocolError(f"{self.size} of {size} bytes came")

    def append(self, blocks: Iterator[bytes]) -> None:
        """Append an answer's blocks as they come; no more than can be right."""
        name, size = self.file.name, self.file.size
        said = time.monotonic()
        try:
            with open(self.path, "ab") as handle:
                for block in blocks:
                    handle.write(block)
                    self.sha256.update(block)
                    if size is not None and handle.tell() > size:
                        return
                    if time.monotonic() - said > PROGRESS_EVERY:
                        said = time.monotonic()
                        logger.info("%s: %s of %s", name, megabytes(handle.tell()), megabytes(size))
        except OSError as error:  # a full disk, for example, doesn't name the file
            raise OSError(error.errno, error.strerror, str(self.path)) from error

    def put(self, place: Path) -> None:
        """Make it the file at `place`, on the disk first: a crash leaves no empty file there."""
        flush(self.path)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(self.path, place)
        except OSError:  # another file system
            with atomic_path(place) as scratch:
                shutil.move(self.path, scratch)


def persist(
    action: Callable[[], Result],
    what: str,
    patience: Patience,
    progress: Callable[[], int] = lambda: 0,
) -> Result:
    """Return what `action` gives, tried again while it fails of what `may_pass`.

    `progress` is a number that grows with what has been done; growth starts the count of attempts
    anew. A pause that the server asks for (429, 503) is kept. Raises the last error.
    """
    failures, most = 0, progress()
    while True:
        try:
            return action()
        except httpx2.HTTPError as error:
            # Held against the most there ever was, so that starting over is no progress for ever.
            failures = 1 if progress() > most else failures + 1
            most = max(most, progress())
            if not may_pass(error) or failures >= patience.attempts:
                raise
            pause = min(patience.pause * 2 ** (failures - 1), LONGEST_PAUSE)
            wait = max(pause, _asked_pause(error))
            logger.warning("%s: %s; next attempt in %.0f s", what, problem(error), wait)
            time.sleep(wait)


def may_pass(error: Exception) -> bool:
    """Tell whether the request may succeed later: no connection, timeout, 408, 429 or 5xx."""
    if status := _status(error):
        return status >= 500 or status in (408, 429)
    return isinstance(error, httpx2.TransportError) and not isinstance(
        error, httpx2.UnsupportedProtocol
    )


def problem(error: Exception) -> str:
    """Return what a request failed of: the answer's status, or the error."""
    if status := _status(error):
        return f"{status} {error.response.reason_phrase}".strip()  # type: ignore[attr-defined]
    return f"{type(error).__name__}: {error}"


def _status(error: Exception) -> int:
    """Return the status of the answer that an error is about, huggingface_hub's too; 0 if none."""
    return error.response.status_code if hasattr(error, "response") else 0


def _asked_pause(error: Exception) -> int:
    """Return how many seconds the server asks to be left alone; 0 if it asks for nothing."""
    headers = error.response.headers if hasattr(error, "response") else {}
    # `"api";r=0;t=55`: no request is left in this window, which ends in 55 s.
    window = re.search(r"\br=0\s*;\s*t=([0-9]+)", headers.get("ratelimit", ""))
    asked = window[1] if window else headers.get("retry-after", "")
    return min(int(asked), LONGEST_ASKED) if asked.isdecimal() else 0


@contextmanager
def one_at_a_time(path: Path, what: str) -> Iterator[None]:
    """Hold the lock beside a path in the block; wait, and say so, while another process has it.

    Such processes are a cluster's job that outlived the workflow which submitted it, and that of
    the next workflow. The system takes the lock from a process that is killed. On a file system
    without such locks, as some networked ones are, none is taken.
    """
    lock = path.with_name(f"{path.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("%s: another process is fetching it; waiting (%s)", what, lock)
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            break
        # Who had the lock has removed the file that it was on: this one is no lock any more.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), lock.stat()):
                break
        os.close(handle)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)


def megabytes(size: int | None) -> str:
    """Return a size in bytes as a message tells it; None is one that isn't known."""
    return "?" if size is None else f"{size / 1e6:.1f} MB"
