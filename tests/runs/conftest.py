"""A hub to download from, and how to do it."""

import pytest
from hub_server import serving

from ontogeny.runs.checkpoints.manifest import checkpoint_path
from ontogeny.runs.hub.fetching import fetch_checkpoint


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of huggingface_hub's cache, empty; the network is allowed."""
    folder = tmp_path / "huggingface" / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return folder


@pytest.fixture
def hub(cache):
    """A hub on the loopback address that holds nothing yet."""
    with serving() as hub:
        yield hub


@pytest.fixture
def fetch(hub, tmp_path):
    """Fetch a checkpoint into `run/step-{step}` of the test's folder; pauses are short."""

    def fetch(location, step=1, **settings):
        return fetch_checkpoint(
            location,
            checkpoint_path(tmp_path / "run", step),
            step=step,
            working=tmp_path / "unfinished",
            **{"endpoint": hub.url, "pause": 0.01, "attempts": 3, **settings},
        )

    return fetch
