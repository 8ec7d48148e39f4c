"""Files that are downloaded once, and are the ones that were pinned."""

import logging
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath

import httpx2

from ontogeny import downloads
from ontogeny.downloads import Patience, RemoteFile, WrongContent, ask, download
from ontogeny.errors import SourceError
from ontogeny.files import atomic_path, sha256
from ontogeny.tab_separated import read_rows

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
    (by default beside the file). `attempts` and `pause` (seconds) are for faults that may pass, as
    in `Patience`. Of several processes that download a file one goes first and the others wait.

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
                part = Path(folder if partial is None else partial) / f"{file.path}.part"
                _download(file, place, part, Patience(attempts, pause))
        places.append(place)
    size = downloads.megabytes(sum(file.bytes for file in files))
    logger.info("source %s: %d files, %s", source, len(files), size)
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


def _download(file: SourceFile, place: Path, part: Path, patience: Patience) -> None:
    remote = RemoteFile(file.path, file.bytes, file.sha256)
    with downloads.one_at_a_time(part, file.path):
        if _is_right(place, file):  # by now, thanks to another process
            return
        try:
            download(remote, lambda headers: ask(file.url, headers), place, part, patience)
        except WrongContent as error:
            digest, size = error.args
            raise SourceError(
                f"{file.path}: the SHA-256 of what {file.url} gives is {digest} ({size} bytes), "
                f"pinned is {file.sha256} ({file.bytes} bytes). If the file was changed on "
                "purpose, pin the new one in config/sources.tsv; else name a `mirror` that has "
                "the pinned one."
            ) from error
        except downloads.FAILURES as error:
            raise _explained(error, file, part, patience) from error


def _explained(error: Exception, file: SourceFile, part: Path, patience: Patience) -> SourceError:
    """Return what the user is told of a fault that stays, and what to do about it."""
    answers = " answers" if isinstance(error, httpx2.HTTPStatusError) else ":"
    what = f"{file.path}: can't be downloaded: {file.url}{answers} {downloads.problem(error)}"
    if downloads.may_pass(error):
        came = part.stat().st_size if part.exists() else 0
        return SourceError(
            f"{what} ({patience.attempts} attempts in a row, {came} of {file.bytes} bytes so far). "
            "Check the connection and run again, or name a `mirror` that has the file."
        )
    return SourceError(
        f"{what}. Correct the url in config/sources.tsv, or name a `mirror` that has the file."
    )
