"""Files of the Hugging Face hub: each whole, and the one that the hub tells of.

huggingface_hub's own `hf_hub_download` isn't used: from version 1.18 on it keeps nothing of a file
of which a killed process had a part, and it compares sizes but no hashes. Its session, addresses
and cache are, so its settings hold.
"""

import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import get_hf_file_metadata, get_session, hf_hub_url, try_to_load_from_cache
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

from ontogeny.errors import DownloadError
from ontogeny.runs.hub.requests import FAILURES, TIMEOUT, Hub, explained, persist
from ontogeny.runs.hub.snapshots import DIGEST, HubFile, Snapshot

PROGRESS_EVERY = 5  # seconds between two lines of progress in the log
BLOCK = 1 << 20  # bytes

logger = logging.getLogger("ontogeny")


class Part:
    """A file that is being written, and the hash of what it holds, in step.

    The hash is of the kind that `file.digest` is of. Bytes that an earlier process left are read
    once, to be hashed.
    """

    def __init__(self, path: Path, file: HubFile) -> None:
        """Take up what lies at `path`, unless it is more than the file can have."""
        self.path, self.file = path, file
        self.resumed = path.exists()
        self.hash = _empty_hash(file)
        if file.size is not None and self.bytes > file.size:
            self.clear()
        elif self.resumed:
            _feed(self.hash, path)

    @property
    def bytes(self) -> int:
        """How many bytes are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def clear(self) -> None:
        """Start over with nothing."""
        self.path.unlink(missing_ok=True)
        self.hash = _empty_hash(self.file)

    def append(self, blocks: Any, name: str) -> None:
        """Append an answer's blocks as they come; no more than can be right."""
        said = time.monotonic()
        with open(self.path, "ab") as handle:
            for block in blocks:
                handle.write(block)
                self.hash.update(block)
                if self.file.size is not None and handle.tell() > self.file.size:
                    return
                if time.monotonic() - said > PROGRESS_EVERY:
                    said = time.monotonic()
                    logger.info("%s: %s of %s", name, _size(handle.tell()), _size(self.file.size))

    def put(self, place: Path) -> None:
        """Make it the file at `place`, on the disk first: a crash leaves no empty file there."""
        with open(self.path, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(self.path, place)


@contextmanager
def one_at_a_time(working: Path, what: str) -> Iterator[None]:
    """Hold the lock beside a folder in the block; wait, and say so, while another process has it.

    Such processes are a cluster's job that outlived the workflow which submitted it, and that of
    the next workflow. The system takes the lock from a process that is killed. On a file system
    without such locks, as some networked ones are, none is taken.
    """
    lock = working.with_name(f"{working.name}.lock")
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


def fetch_file(snapshot: Snapshot, file: HubFile, place: str | os.PathLike[str], hub: Hub) -> None:
    """Bring one file of a snapshot to `place`, checked by its digest.

    A file that stands at `place` was checked when it came there, and stays if it has its size
    still, which it may not have after a crash of the machine. One that
    huggingface_hub's cache has is linked (a hard link, or a symbolic one where that can't be).
    Any other is downloaded by way of `place`.part, from where a download that was cut off goes on;
    it is hashed as it comes, so it isn't read again. Raises `DownloadError`, naming the file and
    what to do, if it can't be had or isn't the one that the hub tells of; then it doesn't stay.
    """
    place = Path(place)
    if place.exists() and file.size in (None, place.stat().st_size):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    cached = try_to_load_from_cache(snapshot.repository, file.name, revision=snapshot.commit)
    if isinstance(cached, str):
        source = Path(cached).resolve()
        found = _digest(source, file)
        if file.digest in (None, found):
            _link(source, place)
            return
        logger.warning(
            "%s: its hash is %s; the hub tells of %s. Delete it: it is damaged.",
            source,
            found,
            file.digest,
        )
        if not snapshot.reached:
            raise DownloadError(
                f"{source}: the hash of this file of {snapshot.repository} ({file.name}) is "
                f"{found}; the hub tells of {file.digest}. Delete it from the cache and, with "
                "HF_HUB_OFFLINE=0, have it downloaded again."
            )
    try:
        _download(snapshot, file, place, hub)
    except FAILURES as error:
        raise explained(error, snapshot.repository, snapshot.revision, hub, file.name) from error


def _download(snapshot: Snapshot, file: HubFile, place: Path, hub: Hub) -> None:
    name = f"{snapshot.repository}, revision {snapshot.revision}, {file.name}"
    url = hf_hub_url(
        snapshot.repository, file.name, revision=snapshot.commit, endpoint=hub.endpoint
    )
    if file.size is None or file.digest is None:  # not every mirror lists them
        known = persist(
            lambda: get_hf_file_metadata(url, timeout=TIMEOUT, endpoint=hub.endpoint), name, hub
        )
        size = known.size if file.size is None else file.size
        # An ETag is whatever a mirror likes; that of the hub is a digest.
        etag = known.etag if known.etag and DIGEST.fullmatch(known.etag) else None
        file = HubFile(file.name, size, file.digest or etag)
    part = Part(place.with_name(f"{place.name}.part"), file)
    while True:
        if not part.path.exists() or part.bytes != file.size:
            persist(lambda: _request(url, part, name), name, hub, lambda: part.bytes)
        found = part.hash.hexdigest()
        # The hash is of what came here; another process may have written to the file as well.
        held = part.bytes
        if file.digest in (None, found) and file.size in (None, held):
            part.put(place)
            logger.info("%s: %s", name, _size(file.size))
            return
        part.clear()
        if not part.resumed:
            raise DownloadError(
                f"{name}: the hash of what {url} gives is {found}; the hub tells of {file.digest} "
                f"({held} bytes, expected {file.size}). Nothing of it was kept. Run the workflow "
                "again; if it stays so, the repository, or the mirror in HF_ENDPOINT, is damaged."
            )
        # The bytes of an earlier process may be of something else.
        part.resumed = False
        logger.warning("%s: what was resumed is not the file; starting over", name)


def _request(url: str, part: Part, name: str) -> None:
    """Ask for the rest of a file. Raises an `httpx2.HTTPError` if it doesn't come whole."""
    start = part.bytes
    # Without compression, since a range counts the bytes that travel.
    headers = build_hf_headers(headers={"Accept-Encoding": "identity"})
    if start:
        headers["Range"] = f"bytes={start}-"
    with get_session().stream("GET", url, headers=headers, timeout=TIMEOUT) as answer:
        if answer.status_code == 416:  # nothing after what is there, so that can't be of the file
            part.clear()
            raise httpx2.RemoteProtocolError(f"there is nothing from byte {start} on")
        hf_raise_for_status(answer)
        begins = answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if not (answer.status_code == 206 and begins):
            part.clear()  # the server sends all of it
        part.append(answer.iter_bytes(), name)
    if part.file.size is not None and part.bytes < part.file.size:
        raise httpx2.RemoteProtocolError(f"{part.bytes} of {part.file.size} bytes came")


def _link(source: Path, place: Path) -> None:
    """Link a file of the cache, which may lie on another file system or be another user's."""
    place.unlink(missing_ok=True)  # a link to what is no longer there
    try:
        os.link(source, place)
    except OSError:
        place.symlink_to(source)


def _empty_hash(file: HubFile) -> Any:
    if file.digest is not None and len(file.digest) == 40:
        return hashlib.sha1(b"blob %d\0" % (file.size or 0), usedforsecurity=False)
    return hashlib.sha256()


def _feed(hashing: Any, path: Path) -> None:
    with open(path, "rb") as handle:
        while block := handle.read(BLOCK):
            hashing.update(block)


def _digest(path: Path, file: HubFile) -> str:
    hashing = _empty_hash(HubFile(file.name, path.stat().st_size, file.digest))
    _feed(hashing, path)
    return str(hashing.hexdigest())


def _size(count: int | None) -> str:
    return "?" if count is None else f"{count / 1e6:.1f} MB"
