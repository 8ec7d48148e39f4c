"""Files that are downloaded once, and are the ones that were pinned."""

import logging
import os
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import requests

from ontogeny.errors import SourceError
from ontogeny.files import atomic_path, sha256
from ontogeny.tab_separated import read_rows

TIMEOUT = 30  # seconds without a byte
LONGEST_PAUSE = 60  # seconds between two attempts
PROGRESS_EVERY = 5  # seconds between two lines of progress in the log
BLOCK = 1 << 14  # bytes

logger = logging.getLogger("ontogeny")


@dataclass(frozen=True)
class SourceFile:
    """One pinned file: the source it belongs to, where it lies, and what it must be."""

    source: str
    path: str  # below the folder of sources, with forward slashes
    url: str
    sha256: str
    bytes: int
    licence: str


def read_sources(path: str | os.PathLike[str]) -> list[SourceFile]:
    """Read a table of pinned files: source, path, url, sha256, bytes, licence; tab-separated.

    Raises `SourceError`, naming file and line, if a column is missing, a value malformed, a path
    leads out of its folder, or two lines have the same path.
    """
    names = [field.name for field in fields(SourceFile)]
    files: list[SourceFile] = []
    seen: dict[str, int] = {}
    for number, cells in read_rows(path, names, SourceError, quoted=False):
        where = f"{path}, line {number}"
        if len(cells) != len(names):
            raise SourceError(f"{where}: {len(cells)} columns; expected {len(names)}.")
        source, file, url, digest, size, licence = cells
        if not re.fullmatch(r"[\w.-]+", source):
            raise SourceError(f"{where}: source {source!r}; expected a name.")
        parts = PurePosixPath(file).parts
        if not parts or parts[0] == "/" or ".." in parts or "\\" in file:
            raise SourceError(f"{where}: path {file!r}; expected a relative path without '..'.")
        if not re.match(r"https?://", url):
            raise SourceError(f"{where}: url {url!r}; expected http:// or https://.")
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise SourceError(f"{where}: sha256 {digest!r}; expected 64 hexadecimal digits.")
        if not re.fullmatch(r"[0-9]+", size):
            raise SourceError(f"{where}: bytes {size!r}; expected a number.")
        if file in seen:
            raise SourceError(
                f"{where}: path {file} is on line {seen[file]} too; expected it once."
            )
        seen[file] = number
        files.append(SourceFile(source, file, url, digest, int(size), licence))
    return files


def files_of(source: str, sources: Sequence[SourceFile]) -> list[SourceFile]:
    """Return the pinned files of one source. Raises `SourceError` if there are none."""
    files = [file for file in sources if file.source == source]
    if not files:
        known = ", ".join(dict.fromkeys(file.source for file in sources))
        raise SourceError(f"source {source!r} is unknown; config/sources.tsv has {known}.")
    return files


def fetch(
    source: str,
    sources: Sequence[SourceFile],
    folder: str | os.PathLike[str],
    *,
    mirror: str | os.PathLike[str] | None = None,
    partial: str | os.PathLike[str] | None = None,
    attempts: int = 5,
    pause: float = 1.0,
) -> list[Path]:
    """Bring all files of a source to `folder`/{path} and return where they are.

    A file that is there already is kept if it is right and replaced if not. Else `mirror`, a
    folder with the same paths, is looked in first, and a file that isn't there is downloaded. A
    download that was cut off goes on where it stopped: its bytes lie in `partial`/{path}.part
    (by default beside the file). `attempts` counts the requests in a row that bring nothing new,
    for lack of a connection, on a timeout or on a passing fault of the server (5xx, 408, 429);
    before the next there is a pause of `pause` seconds, doubled each time.

    Raises `SourceError`, naming the file and what to do, if the source is unknown, the file can't
    be downloaded, or size or SHA-256 isn't the pinned one, in the mirror or after the download.
    """
    files = files_of(source, sources)
    places = []
    for file in files:
        place = Path(folder) / file.path
        if not _is_right(place, file):
            from_mirror = Path(mirror) / file.path if mirror is not None else None
            if from_mirror is not None and from_mirror.is_file():
                _copy(from_mirror, place, file)
            else:
                part = Path(partial if partial is not None else folder) / f"{file.path}.part"
                _download(file, place, part, attempts, pause)
        places.append(place)
    logger.info("source %s: %d files, %s", source, len(files), _size(sum(f.bytes for f in files)))
    return places


def _is_right(path: Path, file: SourceFile) -> bool:
    return path.is_file() and path.stat().st_size == file.bytes and sha256(path) == file.sha256


def _copy(mirror: Path, place: Path, file: SourceFile) -> None:
    if not _is_right(mirror, file):
        raise SourceError(
            f"{mirror}: its SHA-256 is {sha256(mirror)} ({mirror.stat().st_size} bytes), pinned is "
            f"{file.sha256} ({file.bytes} bytes). Replace the file in the mirror, or delete it "
            f"there to have it downloaded from {file.url}."
        )
    with atomic_path(place) as scratch:
        shutil.copyfile(mirror, scratch)


def _download(file: SourceFile, place: Path, part: Path, attempts: int, pause: float) -> None:
    """Download one file by way of `part`, check it, and move it to its place."""
    part.parent.mkdir(parents=True, exist_ok=True)
    resumed = part.exists()  # bytes of an earlier call: what they are of isn't known for sure
    failures, most = 0, _bytes(part)
    while _bytes(part) < file.bytes or not part.exists():
        problem = _request(file, part)
        if problem is None:
            break
        # Held against the most there ever was, so that starting over is no progress for ever.
        failures = 1 if _bytes(part) > most else failures + 1
        most = max(most, _bytes(part))
        if failures >= attempts:
            raise SourceError(
                f"{file.path}: can't be downloaded from {file.url}: {problem} ({attempts} attempts "
                f"in a row, {_bytes(part)} of {file.bytes} bytes so far). Check the connection and "
                "run again, or name a `mirror` that has the file."
            )
        wait = min(pause * 2 ** (failures - 1), LONGEST_PAUSE)
        logger.warning("%s: %s; next attempt in %.0f s", file.path, problem, wait)
        time.sleep(wait)
    if not _is_right(part, file):
        digest, size = sha256(part), _bytes(part)
        part.unlink()
        if resumed:
            logger.warning("%s: what was resumed is not the pinned file; starting over", file.path)
            return _download(file, place, part, attempts, pause)
        raise SourceError(
            f"{file.path}: the SHA-256 of what {file.url} gives is {digest} ({size} bytes), pinned "
            f"is {file.sha256} ({file.bytes} bytes). If the file was changed on purpose, pin the "
            "new one in config/sources.tsv; else name a `mirror` that has the pinned one."
        )
    with atomic_path(place) as scratch:
        shutil.move(part, scratch)
    return None


def _request(file: SourceFile, part: Path) -> str | None:
    """Ask for the rest of a file and append it to `part`.

    Returns None when the server's answer came whole, else what passing problem cut it short.
    Raises `SourceError` on an answer that another attempt won't change.
    """
    start = _bytes(part)
    # Without compression, since a range counts the bytes that travel.
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        with requests.get(file.url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            status = answer.status_code
            if status >= 500 or status in (408, 429):
                return f"the server answers {status} {answer.reason}"
            if status == 416:  # nothing after what is there, so that can't be a part of the file
                part.unlink()
                return "the server has no such range"
            if not answer.ok:
                raise SourceError(
                    f"{file.path}: {file.url} answers {status} {answer.reason}. Correct the url in "
                    "config/sources.tsv, or name a `mirror` that has the file."
                )
            begins = f"bytes {start}-"
            goes_on = status == 206 and answer.headers.get("Content-Range", "").startswith(begins)
            with open(part, "ab" if goes_on else "wb") as handle:
                _receive(answer, handle, file)
            whole = not goes_on and "Content-Length" in answer.headers
    except requests.RequestException as error:
        return f"{type(error).__name__}: {error}"
    return None if whole or _bytes(part) >= file.bytes else "the answer ended early"


def _receive(answer: requests.Response, handle: BinaryIO, file: SourceFile) -> None:
    """Write the answer's body, with a line of progress now and then; no more than can be right."""
    said = time.monotonic()
    for block in answer.iter_content(BLOCK):
        handle.write(block)
        if handle.tell() > file.bytes:
            return
        if time.monotonic() - said > PROGRESS_EVERY:
            said = time.monotonic()
            logger.info("%s: %s of %s", file.path, _size(handle.tell()), _size(file.bytes))


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
