"""Requests to the Hugging Face hub: tried again while a fault may pass, explained once it stays.

They go through huggingface_hub, so that its endpoint (`HF_ENDPOINT`), token (`HF_TOKEN`, or that
of `hf auth login`) and offline mode (`HF_HUB_OFFLINE`) hold.
"""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import httpx2
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from ontogeny.errors import DownloadError

TIMEOUT = 30  # seconds without a byte
LONGEST_PAUSE = 60  # seconds, unless the server asks for more
LONGEST_ASKED = 600  # seconds that a server may ask for
LISTED = 12  # revisions that a message lists one by one

# What a request raises if it fails, other than an answer that can't be read.
FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, OfflineModeIsEnabled)

logger = logging.getLogger("ontogeny")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Hub:
    """Where to ask, and how long to go on.

    `endpoint` None means `HF_ENDPOINT`, or huggingface.co. `attempts` counts the requests in a row
    that bring nothing new; before the second there is a pause of `pause` seconds, doubled before
    each further one.
    """

    endpoint: str | None = None
    attempts: int = 5
    pause: float = 1.0

    @property
    def host(self) -> str:
        """The endpoint's address."""
        return self.endpoint or constants.ENDPOINT

    @property
    def api(self) -> HfApi:
        """huggingface_hub's interface to the endpoint."""
        return HfApi(endpoint=self.endpoint)


def persist(
    action: Callable[[], Result], what: str, hub: Hub, progress: Callable[[], int] = lambda: 0
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
            if not may_pass(error) or failures >= hub.attempts:
                raise
            wait = max(min(hub.pause * 2 ** (failures - 1), LONGEST_PAUSE), _asked_pause(error))
            logger.warning("%s: %s; next attempt in %.0f s", what, _problem(error), wait)
            time.sleep(wait)


def may_pass(error: Exception) -> bool:
    """Tell whether the request may succeed later: no connection, timeout, 408, 429 or 5xx."""
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        return status >= 500 or status in (408, 429)
    return isinstance(error, httpx2.TransportError) and not isinstance(
        error, httpx2.UnsupportedProtocol
    )


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
            f"{repository}: {hub.host} refuses access ({_problem(error)}). Accept the repository's "
            "terms there, and set HF_TOKEN to a token of that account."
        )
    if isinstance(error, RevisionNotFoundError):
        return DownloadError(
            f"{repository}: has no revision {revision}{_revisions(repository, revision, hub)}. "
            "Correct the run's `revision` or `steps`."
        )
    if may_pass(error):
        return DownloadError(
            f"{where}: can't be downloaded from {hub.host}: {_problem(error)} ({hub.attempts} "
            "attempts in a row). What came is kept. Check the connection and run the workflow "
            "again."
        )
    return DownloadError(
        f"{where}: can't be downloaded from {hub.host}: {_problem(error)}. Check HF_ENDPOINT and "
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


def _asked_pause(error: Exception) -> float:
    """Return how many seconds the server asks to be left alone; 0 if it asks for nothing."""
    if not isinstance(error, HfHubHTTPError):
        return 0
    headers = error.response.headers
    # `"api";r=0;t=55`: no request is left in this window, which ends in 55 s.
    window = re.search(r"\br=0\s*;\s*t=([0-9]+)", headers.get("ratelimit", ""))
    asked = window[1] if window else headers.get("retry-after", "")
    return min(int(asked), LONGEST_ASKED) if asked.isdecimal() else 0


def _problem(error: Exception) -> str:
    if isinstance(error, HfHubHTTPError):
        return f"{error.response.status_code} {error.response.reason_phrase}".strip()
    return f"{type(error).__name__}: {error}"
