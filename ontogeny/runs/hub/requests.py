"""Requests to the Hugging Face hub: where they go, and what is said of a fault that stays.

They go through huggingface_hub, so that its endpoint (`HF_ENDPOINT`), token (`HF_TOKEN`, or that
of `hf auth login`) and offline mode (`HF_HUB_OFFLINE`) hold.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
from huggingface_hub import HfApi, constants, get_session
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

from ontogeny import downloads
from ontogeny.downloads import TIMEOUT, Patience, may_pass, problem
from ontogeny.errors import DownloadError

LISTED = 12  # revisions that a message lists one by one

# What a request raises if it fails, other than an answer that can't be read.
FAILURES = (*downloads.FAILURES, OfflineModeIsEnabled)


@dataclass(frozen=True)
class Hub:
    """Where to ask (None means `HF_ENDPOINT`, or huggingface.co), and how long to go on."""

    endpoint: str | None
    patience: Patience

    @property
    def host(self) -> str:
        """The endpoint's address."""
        return self.endpoint or constants.ENDPOINT

    @property
    def api(self) -> HfApi:
        """huggingface_hub's interface to the endpoint."""
        return HfApi(endpoint=self.endpoint)


@contextmanager
def ask(url: str, headers: dict[str, str]) -> Iterator[httpx2.Response]:
    """Yield the hub's answer to a request, as `downloads.ask` does, which the token goes with."""
    headers = build_hf_headers(headers=headers)
    with get_session().stream("GET", url, headers=headers, timeout=TIMEOUT) as answer:
        hf_raise_for_status(answer)
        yield answer


def explained(
    error: Exception, repository: str, revision: str, hub: Hub, file: str | None = None
) -> DownloadError:
    """Return what the user is told of an error that stays, and what to do about it."""
    where = f"{repository}, revision {revision}" + (f", {file}" if file else "")
    if isinstance(error, OfflineModeIsEnabled):
        return DownloadError(
            f"{where}: is not in the cache {constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE forbids to "
            "download it. Set HF_HUB_OFFLINE=0, or fill that cache where there is a network."
        )
    if isinstance(error, RepositoryNotFoundError) and not isinstance(error, GatedRepoError):
        return DownloadError(
            f"{repository}: there is no such repository on {hub.host}, or it is private. Correct "
            "the run's `repository`, `seeds` or `steps`, or set HF_TOKEN to a token that may read "
            "it."
        )
    if isinstance(error, HfHubHTTPError) and error.response.status_code in (401, 403):
        return DownloadError(
            f"{repository}: {hub.host} refuses access ({problem(error)}). Accept the repository's "
            "terms there, and set HF_TOKEN to a token of that account."
        )
    if isinstance(error, RevisionNotFoundError):
        return DownloadError(
            f"{repository}: has no revision {revision}{_revisions(repository, revision, hub)}. "
            "Correct the run's `revision` or `steps`."
        )
    if may_pass(error):
        return DownloadError(
            f"{where}: can't be downloaded from {hub.host}: {problem(error)} "
            f"({hub.patience.attempts} attempts in a row). What came is kept. Check the connection "
            "and run the workflow again."
        )
    return DownloadError(
        f"{where}: can't be downloaded from {hub.host}: {problem(error)}. Check HF_ENDPOINT and "
        "the name of the repository."
    )


def _revisions(repository: str, wanted: str, hub: Hub) -> str:
    """Say which revisions there are: those that differ in a number alone, or else all."""
    try:
        refs = hub.api.list_repo_refs(repository)
    except (*FAILURES, ValueError, KeyError):
        return ""
    names = sorted({ref.name for ref in (*refs.branches, *refs.tags)}, key=_by_number)
    kin = [name for name in names if re.sub(r"\d+", "", name) == re.sub(r"\d+", "", wanted)]
    listed = kin or names
    if len(listed) <= LISTED:
        return f"; it has {', '.join(listed) or 'none'}"
    before = sum(_by_number(name) < _by_number(wanted) for name in listed)
    near = listed[max(before - 2, 0) : before + 2]
    return f"; it has {len(listed)}, {listed[0]} to {listed[-1]}, the nearest {', '.join(near)}"


def _by_number(name: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts step2 before step10."""
    return tuple(
        (int(piece), "") if piece.isdecimal() else (-1, piece)
        for piece in re.split(r"([0-9]+)", name)
    )
