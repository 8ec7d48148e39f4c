"""Snapshots: what a repository of the hub holds in one commit."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import OfflineModeIsEnabled

from ontogeny.errors import DownloadError
from ontogeny.runs.checkpoints.tokenizer_files import TOKENIZER_PARTS
from ontogeny.runs.hub.requests import FAILURES, TIMEOUT, Hub, explained, may_pass, persist

DIGEST = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")

logger = logging.getLogger("ontogeny")


@dataclass(frozen=True)
class HubFile:
    """A file of a snapshot, with its size in bytes.

    `digest` is what the hub calls its ETag: the SHA-256 of the content of a large file (LFS), else
    git's SHA-1 of it as a blob. Either is None where it isn't known.
    """

    name: str
    size: int | None
    digest: str | None


@dataclass(frozen=True)
class Snapshot:
    """A repository at a commit. `reached` is False if only huggingface_hub's cache tells of it."""

    repository: str
    revision: str
    commit: str
    files: tuple[HubFile, ...]
    reached: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files."""
        return tuple(file.name for file in self.files)

    def file(self, name: str) -> HubFile:
        """Return the file of a name that is among `names`."""
        return next(file for file in self.files if file.name == name)


def look_up(repository: str, revision: str, hub: Hub) -> Snapshot:
    """Return the commit that a revision (branch, tag or commit) stands for, and its files.

    It takes one request. Where the hub may not be asked (`HF_HUB_OFFLINE=1`) or, after all
    attempts, can't be reached, it is what huggingface_hub's cache has.
    Raises `DownloadError` if there is no such repository or revision (it says which revisions there
    are), if a token is needed, or if neither the hub nor the cache has it.
    """

    def ask() -> Any:
        return hub.api.model_info(
            repository, revision=revision, files_metadata=True, timeout=TIMEOUT
        )

    try:
        info = persist(ask, f"{repository}, revision {revision}", hub)
        files = tuple(
            HubFile(
                sibling.rfilename,
                sibling.size,
                sibling.lfs.sha256 if sibling.lfs is not None else sibling.blob_id,
            )
            for sibling in info.siblings
        )
        return Snapshot(repository, revision, str(info.sha), files)
    except FAILURES as error:
        if isinstance(error, OfflineModeIsEnabled) or may_pass(error):
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


def _cached_file(path: Path) -> HubFile:
    # The cache keeps contents under their digests, and links to them by name.
    blob = path.resolve()
    digest = blob.name if DIGEST.fullmatch(blob.name) else None
    return HubFile(path.name, blob.stat().st_size if blob.is_file() else None, digest)
