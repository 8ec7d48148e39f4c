"""A fetch that is killed, meets another one, or finds what an earlier attempt left behind."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hub_server import sha256
from huggingface_hub import hf_hub_download
from tiny_checkpoints import make, save, shard

from ontogeny.errors import CheckpointError, ConfigError, DownloadError
from ontogeny.runs.checkpoints.manifest import checkpoint_path
from ontogeny.runs.hub.fetching import fetch_checkpoint
from ontogeny.runs.hub.locations import Location, hub_location

pytestmark = pytest.mark.slow

MAIN = Location("a/model", "main")

# Run in a process of its own, which each of `KILLS` makes kill itself at some moment.
FETCH = """
import itertools, os, signal, sys
from pathlib import Path

def die():
    os.kill(os.getpid(), signal.SIGKILL)

{kill}

from ontogeny.runs.hub.fetching import fetch_checkpoint
from ontogeny.runs.hub.locations import Location
endpoint, folder, working = sys.argv[1:]
fetch_checkpoint(
    Location("a/model", "main"), folder, step=1, working=working, endpoint=endpoint, pause=0.01
)
"""
KILLS = {
    "bytes have come and some are on the disk": """
import time
time.sleep = lambda seconds: die()  # the pause after the server has cut it off
""",
    "bytes have come and none is on the disk": """
from ontogeny.downloads import Part
append = Part.append
def interrupted(blocks):
    yield next(blocks)[:500]
    die()
Part.append = lambda part, blocks: append(
    part, interrupted(blocks) if "model-" in part.file.name else blocks
)
""",
    "the second shard is half converted": """
from ontogeny.runs.checkpoints import conversion
save_file, count = conversion.save_file, itertools.count(1)
def interrupted(tensors, file, **settings):
    save_file(tensors, file, **settings)
    if next(count) == 2:
        os.truncate(file, os.path.getsize(file) // 2)
        die()
conversion.save_file = interrupted
""",
    "one shard is in its place and another isn't": """
from ontogeny.runs.hub import fetching as hub
link_or_copy = hub.link_or_copy
def interrupted(file, target):
    if file.name.startswith("model-00002"):
        die()
    link_or_copy(file, target)
hub.link_or_copy = interrupted
""",
    "the checkpoint is in its place, the working folder still there": """
import shutil
rmtree = shutil.rmtree
shutil.rmtree = lambda path, **settings: (
    die() if Path(path) == Path(sys.argv[3]) else rmtree(path, **settings)
)
""",
}
NO_LINKS = """
def refuse(*arguments, **settings):
    raise OSError(95, "Operation not supported")
os.link = refuse
"""


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """One model twice: `sharded` in three safetensors, `pickled` in three pickles."""
    folder = tmp_path_factory.mktemp("published")
    model = make("llama")
    shard(save(model, folder / "pickled", pickled=True), 3)
    save(model, folder / "sharded")
    (folder / "sharded" / "model.safetensors").unlink()
    model.save_pretrained(folder / "sharded", max_shard_size="4KB")
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def fetch_and_be_killed(hub, kill, tmp_path):
    """Fetch in another process, at the folders that the fixture `fetch` has."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "0", "HF_HUB_CACHE": str(tmp_path / "empty")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[3])
    folders = [str(checkpoint_path(tmp_path / "run", 1)), str(tmp_path / "unfinished")]
    code = FETCH.format(kill=kill)
    child = subprocess.run(
        [sys.executable, "-c", code, hub.url, *folders], env=environment, capture_output=True
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()


@pytest.mark.parametrize(
    ("form", "moment"),
    [
        ("sharded", "bytes have come and some are on the disk"),
        ("sharded", "bytes have come and none is on the disk"),
        ("pickled", "the second shard is half converted"),
        ("pickled", "one shard is in its place and another isn't"),
        ("sharded", "the checkpoint is in its place, the working folder still there"),
    ],
)
def test_a_run_after_a_killed_one_gives_the_same_bytes(
    hub, fetch, published, tmp_path, form, moment
):
    hub.publish("a/model", published / form)
    undisturbed = {"working": tmp_path / "other", "endpoint": hub.url}
    fetch_checkpoint(MAIN, tmp_path / "undisturbed", step=1, **undisturbed)
    hub.requests.clear()
    if "some are on the disk" in moment:
        name = next(published.glob("sharded/model-00002*")).name
        hub.cuts[name] = [700]
    fetch_and_be_killed(hub, KILLS[moment], tmp_path)
    assert (tmp_path / "unfinished").exists()
    before = len(hub.fetched())
    fetch(MAIN)
    assert contents(checkpoint_path(tmp_path / "run", 1)) == contents(tmp_path / "undisturbed")
    assert {path.name for path in tmp_path.glob("unfinished*")} == set()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["step-1"]
    if form == "pickled" or "in its place" in moment:
        assert hub.fetched()[before:] == []
    if "some are on the disk" in moment:
        assert hub.ranges(name)[-1] == "bytes=700-"


def test_a_kill_between_shards_loses_none_without_hard_links(hub, fetch, published, tmp_path):
    hub.publish("a/model", published / "pickled")
    moment = "one shard is in its place and another isn't"
    fetch_and_be_killed(hub, NO_LINKS + KILLS[moment], tmp_path)
    before = len(hub.fetched())
    fetch(MAIN)
    assert hub.fetched()[before:] == []
    assert len(list(checkpoint_path(tmp_path / "run", 1).glob("model-*"))) == 3


def test_a_converted_shard_that_was_lost_is_fetched_and_converted_again(
    hub, fetch, published, tmp_path, monkeypatch
):
    hub.publish("a/model", published / "pickled")
    with monkeypatch.context() as patch:
        patch.setattr("ontogeny.runs.hub.fetching.check_tokenizer", lambda path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fetch(MAIN)
    next((tmp_path / "unfinished").glob("*/model-00002*")).unlink()
    fetch(MAIN)
    assert len(list(checkpoint_path(tmp_path / "run", 1).glob("model-*"))) == 3


class TestStandIn:
    """A tokenizer that is corrected after an attempt was cut off takes the place of the first."""

    @pytest.fixture
    def cut(self, hub, published, tmp_path):
        """A hub with two tokenizers and a checkpoint without one, cut off in the weights."""
        folder = save(make("gpt-neox"), tmp_path / "bare", tokens=False)
        hub.publish("a/model", folder)
        for name in "ab":
            tokens = shutil.copytree(published / "sharded", tmp_path / f"tokens-{name}")
            config = tokens / "tokenizer_config.json"
            config.write_text(config.read_text().rstrip()[:-1] + f', "which": "{name}"}}')
            hub.publish(f"tokens/{name}", tokens)
        (tmp_path / "tokens-a" / "merges.txt").write_text("of a alone")
        hub.cuts["model.safetensors"] = [100, 0, 0]
        return hub

    @pytest.mark.parametrize("first", ["tokens/a", "folder a"])
    @pytest.mark.parametrize("second", ["tokens/b", "folder b"])
    def test_wherever_they_come_from(self, cut, fetch, tmp_path, first, second):
        first = first.replace("folder ", f"{tmp_path}/tokens-")
        second = second.replace("folder ", f"{tmp_path}/tokens-")
        with pytest.raises(DownloadError, match="is kept"):
            fetch(MAIN, tokenizer=first)
        fetch(MAIN, tokenizer=second)
        found = contents(checkpoint_path(tmp_path / "run", 1))
        expected = contents(tmp_path / "tokens-b")
        assert found["tokenizer_config.json"] == expected["tokenizer_config.json"]
        assert found["tokenizer.json"] == expected["tokenizer.json"]
        assert "merges.txt" not in found
        assert cut.ranges("model.safetensors")[-1] == "bytes=100-"

    @pytest.mark.parametrize("hard_links", [True, False])
    def test_nothing_is_written_into_the_cache(
        self, cut, cache, fetch, tmp_path, monkeypatch, hard_links
    ):
        for name in ("tokenizer.json", "tokenizer_config.json"):
            hf_hub_download("tokens/a", name, endpoint=cut.url, cache_dir=cache)
        before = {blob: blob.read_bytes() for blob in cache.rglob("blobs/*")}
        if not hard_links:
            monkeypatch.setattr("os.link", lambda *names: os.stat("/there is no such file"))
        with pytest.raises(DownloadError):
            fetch(MAIN, tokenizer="tokens/a")
        fetch(MAIN, tokenizer=str(tmp_path / "tokens-b"))
        assert {blob: blob.read_bytes() for blob in cache.rglob("blobs/*")} == before

    @pytest.mark.parametrize("name", ["~no-such-user/tokenizer", "x" * 300])
    def test_a_folder_that_can_not_be_looked_for_is_told(self, cut, fetch, name):
        with pytest.raises(ConfigError, match=r"its stand-in tokenizer .* can't be looked for"):
            fetch(MAIN, tokenizer=name)


class TestTwoProcesses:
    """Two that fetch one checkpoint don't disturb each other."""

    def test_the_second_waits_and_says_so(self, hub, fetch, published, tmp_path, caplog):
        caplog.set_level(logging.INFO, "ontogeny")
        hub.publish("a/model", published / "sharded")
        hub.delay = 0.1
        entries = []
        threads = [threading.Thread(target=lambda: entries.append(fetch(MAIN))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(entries) == 3
        assert len(set(entries)) == 1
        assert hub.most_at_once == 1
        assert "a/model, revision main: another process is fetching it; waiting" in caplog.text
        assert not list(tmp_path.glob("unfinished*"))


class TestCrash:
    """After a crash of the machine, files may be there that lack their content."""

    @pytest.mark.parametrize("lists_sizes", [True, False])
    def test_an_empty_file_heals(self, hub, fetch, published, tmp_path, lists_sizes):
        hub.lists_sizes = lists_sizes
        hub.publish("a/model", published / "sharded")
        hub.cuts["model.safetensors.index.json"] = [0] * 9
        with pytest.raises(DownloadError):
            fetch(MAIN)
        hub.cuts.clear()
        (place,) = (tmp_path / "unfinished").iterdir()
        name = next(published.glob("sharded/model-00002*")).name
        (place / name).write_bytes(b"")
        if not lists_sizes:
            with pytest.raises(CheckpointError, match=r"main was deleted; another run fetches"):
                fetch(MAIN)
        fetch(MAIN)
        found = contents(checkpoint_path(tmp_path / "run", 1))
        assert found[name] == (published / "sharded" / name).read_bytes()


def test_an_etag_that_is_no_digest_is_held_against_nothing(hub, fetch, published, monkeypatch):
    hub.publish("a/model", published / "sharded")
    hub.lists_sizes = False
    monkeypatch.setattr("hub_server.git_sha1", lambda content: f"5f3a-{len(content)}")
    monkeypatch.setattr("hub_server.sha256", lambda content: f"5f3a{len(content):x}")
    entry = fetch(MAIN)
    assert len(entry.sha256) == 64
    assert entry.sha256 != sha256(b"")


@pytest.mark.parametrize(
    "field", ["{step[0]}", "{step:c}", "{step:999999999999d}", "{step:9999999999d}", "{step.x.y}"]
)
def test_a_pattern_that_can_not_be_filled_in_is_told(field):
    with pytest.raises(ConfigError, match=r"runs\.r\.revision: .*can't be filled in"):
        hub_location("a/b", field, 0, 2_000_000, run="r")
