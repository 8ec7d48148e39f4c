"""Snapshots: what a repository of the hub holds in one commit, file by file.

huggingface_hub's own `hf_hub_download` isn't used: from version 1.18 on it keeps nothing of a file
of which a killed process had a part, and it compares sizes but no hashes. Its session, addresses
and cache are, so its settings hold.
"""

import logging
import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import OfflineModeIsEnabled

from ontogeny import downloads
from ontogeny.downloads import TIMEOUT, RemoteFile, WrongContent, persist
from ontogeny.errors import DownloadError
from ontogeny.files import digest_like
from ontogeny.runs.checkpoints.tokenizer_files import TOKENIZER_PARTS
from ontogeny.runs.hub.requests import FAILURES, Hub, ask, explained

DIGEST = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")

logger = logging.getLogger("ontogeny")


@dataclass(frozen=True)
class Snapshot:
    """A repository at a commit. `reached` is False if only huggingface_hub's cache tells of it.

    The digest of a file is what the hub calls its ETag: of a large one (LFS) the SHA-256 of its
    content, else git's SHA-1.
    """

    repository: str
    revision: str
    commit: str
    files: tuple[RemoteFile, ...]
    reached: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files."""
        return tuple(file.name for file in self.files)

    def file(self, name: str) -> RemoteFile:
        """Return the file of a name that is among `names`."""
        return next(file for file in self.files if file.name == name)


def look_up(repository: str, revision: str, hub: Hub) -> Snapshot:
    """Return the commit that a revision (branch, tag or commit) stands for, and its files.

    It takes one request. Where the hub may not be asked (`HF_HUB_OFFLINE=1`) or, after all
    attempts, can't be reached, it is what huggingface_hub's cache has.
    Raises `DownloadError` if there is no such repository or revision (it says which revisions there
    are), if a token is needed, or if neither the hub nor the cache has it.
    """
    settings: dict[str, Any] = {"files_metadata": True, "timeout": TIMEOUT}
    listing = partial(hub.api.model_info, repository, revision=revision, **settings)
    try:
        info: Any = persist(listing, f"{repository}, revision {revision}", hub.patience)
        files = tuple(
            RemoteFile(
                sibling.rfilename,
                sibling.size,
                sibling.lfs.sha256 if sibling.lfs is not None else sibling.blob_id,
            )
            for sibling in info.siblings
        )
        return Snapshot(repository, revision, str(info.sha), files)
    except FAILURES as error:
        if isinstance(error, OfflineModeIsEnabled) or downloads.may_pass(error):
            cached = cached_snapshot(repository, revision)
            if cached is not None:
                logger.info("%s, revision %s: as the cache has it", repository, revision)
                return cached
        raise explained(error, repository, revision, hub) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DownloadError(
            f"{repository}, revision {revision}: {hub.host} doesn't answer as a hub does "
            f"({error!r}). Check HF_ENDPOINT and the name of the repository."
        ) from error


def cached_snapshot(repository: str, revision: str) -> Snapshot | None:
    """Return what huggingface_hub's cache has of a revision; None if it has nothing to begin with.

    The cache is that of `HF_HUB_CACHE` or `HF_HOME`, by default ~/.cache/huggingface/hub.
    """
    for name in ("config.json", *TOKENIZER_PARTS):
        path = try_to_load_from_cache(repository, name, revision=revision)
        if isinstance(path, str):
            folder = Path(path).parent
            files = tuple(map(_cached_file, sorted(folder.iterdir())))
            return Snapshot(repository, revision, folder.name, files, reached=False)
    return None


def _cached_file(path: Path) -> RemoteFile:
    # The cache keeps contents under their digests, and links to them by name.
    blob = path.resolve()
    digest = blob.name if DIGEST.fullmatch(blob.name) else None
    return RemoteFile(path.name, blob.stat().st_size if blob.is_file() else None, digest)


def fetch_file(
    snapshot: Snapshot, file: RemoteFile, place: str | os.PathLike[str], hub: Hub
) -> None:
    """Bring one file of a snapshot to `place`, checked by its digest.

    A file that stands at `place` was checked when it came there, and stays if it has its size
    still, which it may not have after a crash of the machine. One that
    huggingface_hub's cache has is linked (a hard link, or a symbolic one where that can't be).
    Any other is downloaded by way of `place`.part, from where a download that was cut off goes on.
    Raises `DownloadError`, naming the file and what to do, if it can't be had or isn't the one that
    the hub tells of; then it doesn't stay.
    """
    place = Path(place)
    if place.exists() and file.size in (None, place.stat().st_size):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    cached = try_to_load_from_cache(snapshot.repository, file.name, revision=snapshot.commit)
    if isinstance(cached, str):
        source = Path(cached).resolve()
        found = digest_like(file.digest, source)
        if file.digest in (None, found):
            _link(source, place)
            return
        damaged = (
            f"{source}: the hash of this file of {snapshot.repository} ({file.name}) is {found}; "
            f"the hub tells of {file.digest}. Delete it from the cache"
        )
        if not snapshot.reached:
            raise DownloadError(f"{damaged} and, with HF_HUB_OFFLINE=0, have it downloaded again.")
        logger.warning("%s: it is damaged.", damaged)
    try:
        _download(snapshot, file, place, hub)
    except FAILURES as error:
        raise explained(error, snapshot.repository, snapshot.revision, hub, file.name) from error


def _download(snapshot: Snapshot, file: RemoteFile, place: Path, hub: Hub) -> None:
    name = f"{snapshot.repository}, revision {snapshot.revision}, {file.name}"
    url = hf_hub_url(
        snapshot.repository, file.name, revision=snapshot.commit, endpoint=hub.endpoint
    )
    size, digest = file.size, file.digest
    if size is None or digest is None:  # not every mirror lists them
        about = partial(get_hf_file_metadata, url, timeout=TIMEOUT, endpoint=hub.endpoint)
        known = persist(about, name, hub.patience)
        size = known.size if size is None else size
        # An ETag is whatever a mirror likes; that of the hub is a digest.
        digest = digest or (known.etag if DIGEST.fullmatch(known.etag or "") else None)
    part = place.with_name(f"{place.name}.part")
    remote = RemoteFile(name, size, digest)
    try:
        downloads.download(remote, lambda headers: ask(url, headers), place, part, hub.patience)
    except WrongContent as error:
        found, held = error.args
        raise DownloadError(
            f"{name}: the hash of what {url} gives is {found}; the hub tells of {digest} "
            f"({held} bytes, expected {size}). Nothing of it was kept. Run the workflow again; if "
            "it stays so, the repository, or the mirror in HF_ENDPOINT, is damaged."
        ) from error
    logger.info("%s: %s", name, downloads.megabytes(size))


def _link(source: Path, place: Path) -> None:
    """Link a file of the cache, which may lie on another file system or be another user's."""
    place.unlink(missing_ok=True)  # a link to what is no longer there
    try:
        os.link(source, place)
    except OSError:
        place.symlink_to(source)
