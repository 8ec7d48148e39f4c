"""Files from a hub that cuts, refuses, lies or is away: what comes, what is kept, what is said."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from hub_server import sha256
from huggingface_hub import hf_hub_download
from safetensors.numpy import save_file

from ontogeny.errors import CheckpointError, DownloadError
from ontogeny.runs.checkpoints.loading import check_weights
from ontogeny.runs.checkpoints.manifest import checkpoint_path, weights_sha256
from ontogeny.runs.hub.locations import Location

PYTHIA = "EleutherAI/pythia-tiny"
STEP1 = Location(PYTHIA, "step1")
CHECKPOINT = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
OTHERS = ("pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "optimizer.bin", "README.md")


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """Checkpoints of steps 0, 1 and 2, as far as downloads look into them, and what lies beside."""
    folder = tmp_path_factory.mktemp("published")
    for step in (0, 1, 2):
        path = folder / str(step)
        path.mkdir()
        weights = np.random.default_rng(step).normal(size=(60, 30)).astype(np.float32)
        save_file({"weight": weights}, path / "model.safetensors")
        (path / "config.json").write_text(json.dumps({"model_type": "gpt_neox"}))
        (path / "tokenizer.json").write_text(json.dumps({"words": ["a", "b"]}))
        (path / "tokenizer_config.json").write_text("{}")
        for name in (*OTHERS, ".gitattributes", "training_args.json"):
            (path / name).write_bytes(b"not needed")
    return folder


@pytest.fixture
def pythia(hub, published):
    """A hub with a repository that has a revision for each step."""
    for step in (0, 1, 2):
        hub.publish(PYTHIA, published / str(step), f"step{step}")
    return hub


STEP1 = Location(PYTHIA, "step1")


def test_only_what_is_needed_is_fetched_and_weights_last_and_once(pythia, fetch, tmp_path):
    fetch(STEP1)
    path = checkpoint_path(tmp_path / "run", 1)
    assert {file.name for file in path.iterdir()} == {*CHECKPOINT, "manifest.tsv"}
    assert not (tmp_path / "unfinished").exists()
    assert set(pythia.fetched()) == CHECKPOINT
    assert len(pythia.fetched()) == len(CHECKPOINT)
    assert pythia.fetched()[-1] == "model.safetensors"
    assert [request.route for request in pythia.requests].count("info") == 1
    assert not [request for request in pythia.requests if request.method == "HEAD"]


@pytest.mark.parametrize("cut", [1, 1000, 3000])
def test_a_file_that_is_cut_off_goes_on_where_it_stopped(pythia, fetch, tmp_path, cut):
    pythia.cuts["model.safetensors"] = [cut]
    entry = fetch(STEP1)
    assert pythia.ranges("model.safetensors") == [None, f"bytes={cut}-"]
    assert entry.sha256 == weights_sha256(checkpoint_path(tmp_path / "run", 1))


def test_another_process_goes_on_with_what_a_killed_one_left(pythia, fetch, tmp_path):
    pythia.cuts["model.safetensors"] = [2000, 500, 0, 0]
    with pytest.raises(DownloadError, match=r"model\.safetensors: can't be downloaded.*is kept"):
        fetch(STEP1)
    parts = list((tmp_path / "unfinished").rglob("model.safetensors.part"))
    assert [part.stat().st_size for part in parts] == [2500]
    assert not (tmp_path / "run").exists()
    before = len(pythia.fetched())
    fetch(STEP1)
    assert pythia.fetched()[before:] == ["model.safetensors"]  # the small files are there already
    assert pythia.ranges("model.safetensors")[-1] == "bytes=2500-"


def test_a_server_that_knows_no_ranges_sends_the_file_again(pythia, fetch, tmp_path):
    pythia.cuts["model.safetensors"] = [2000]
    pythia.ignores_ranges = True
    entry = fetch(STEP1)
    assert entry.sha256 == weights_sha256(checkpoint_path(tmp_path / "run", 1))


@pytest.mark.parametrize("left", [100, 100_000])
def test_bytes_of_something_else_are_not_gone_on_with(pythia, fetch, tmp_path, left):
    commit = pythia.branches[PYTHIA]["step1"]
    part = tmp_path / "unfinished" / f"{commit}-safetensors" / "model.safetensors.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * left)
    fetch(STEP1)
    check = weights_sha256(checkpoint_path(tmp_path / "run", 1))
    assert check == sha256(pythia.commits[PYTHIA, commit]["model.safetensors"])


def test_what_was_left_of_another_commit_goes(pythia, fetch, tmp_path, published):
    pythia.cuts["model.safetensors"] = [2000, 0, 0, 2000, 0, 0]
    with pytest.raises(DownloadError):
        fetch(STEP1)
    commit = pythia.publish(PYTHIA, published / "2", "step1")
    with pytest.raises(DownloadError):
        fetch(STEP1)
    assert [path.name for path in (tmp_path / "unfinished").iterdir()] == [f"{commit}-safetensors"]
    assert pythia.ranges("model.safetensors")[3] is None
    entry = fetch(STEP1)
    assert entry.sha256 == sha256((published / "2" / "model.safetensors").read_bytes())


@pytest.mark.parametrize("name", ["info", "config.json", "model.safetensors"])
@pytest.mark.parametrize("status", [503, 429, 500, 408])
def test_a_fault_that_passes_is_waited_for(pythia, fetch, name, status):
    pythia.refusals[name] = [(status, {}), (status, {"Retry-After": "0"})]
    fetch(STEP1)
    assert not pythia.refusals[name]


def test_a_pause_that_the_server_asks_for_is_kept(pythia, fetch, monkeypatch):
    slept = []
    monkeypatch.setattr("ontogeny.downloads.time.sleep", slept.append)
    limit = {"ratelimit": '"resolvers";r=0;t=55', "Retry-After": "7"}
    pythia.refusals["info"] = [(429, limit), (503, {"Retry-After": "7"})]
    pythia.refusals["config.json"] = [(503, {"Retry-After": "99999"}), (503, {})]
    fetch(STEP1)
    assert slept == [55, 7, 600, 0.02]


@pytest.mark.parametrize("name", ["info", "config.json", "model.safetensors"])
def test_a_fault_that_stays_is_told(pythia, fetch, name):
    pythia.refusals[name] = [(503, {})] * 9
    with pytest.raises(DownloadError, match=rf"{PYTHIA}, revision step1.*503.*\(3 attempts"):
        fetch(STEP1)
    assert len(pythia.refusals[name]) == 6


@pytest.mark.parametrize("status", [404, 401, 403, 400])
def test_a_fault_that_stays_is_not_asked_for_twice(pythia, fetch, status):
    pythia.refusals["config.json"] = [(status, {})] * 2
    with pytest.raises(DownloadError, match=str(status)):
        fetch(STEP1)
    assert len(pythia.refusals["config.json"]) == 1


def test_a_hub_that_can_not_be_reached_is_named(fetch):
    with pytest.raises(
        DownloadError, match=r"can't be downloaded from http://127\.0\.0\.1:9: Conn"
    ):
        fetch(STEP1, endpoint="http://127.0.0.1:9")


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("change", [bytes.upper, lambda content: content[:-1] + b"?" * 99])
def test_a_wrong_hash_is_told_with_both_and_the_file_does_not_stay(
    pythia, fetch, tmp_path, name, change
):
    commit = pythia.branches[PYTHIA]["step1"]
    content = pythia.commits[PYTHIA, commit][name]
    pythia.instead[name] = change(content)
    with pytest.raises(DownloadError) as raised:
        fetch(STEP1)
    message = str(raised.value)
    assert f"{PYTHIA}, revision step1, {name}: the hash of what " in message
    assert "Nothing of it was kept. Run the workflow again" in message
    if name == "model.safetensors":
        assert f"the hub tells of {sha256(content)}" in message
    if change is bytes.upper and name == "model.safetensors":
        assert f"gives is {sha256(content.upper())}" in message
    assert not list((tmp_path / "unfinished").rglob(f"{name}*"))
    assert not (tmp_path / "run").exists()
    del pythia.instead[name]
    fetch(STEP1)


def test_a_missing_revision_is_told_with_those_that_are_there(pythia, fetch, published):
    with pytest.raises(DownloadError, match=r"has no revision step7; it has step0, step1, step2\."):
        fetch(Location(PYTHIA, "step7"))
    for step in (4, 8, 16, 32, 64, 128, 256, 512, 1000, 2000):
        pythia.publish(PYTHIA, published / "0", f"step{step}")
    with pytest.raises(
        DownloadError, match=r"it has 13, step0 to step2000, the nearest step64, step128, step256,"
    ):
        fetch(Location(PYTHIA, "step200"))
    with pytest.raises(DownloadError, match="has no revision v2; it has 13, step0 to step2000"):
        fetch(Location(PYTHIA, "v2"))


def test_a_missing_repository_is_named(pythia, fetch):
    with pytest.raises(DownloadError, match=r"google/no-such: there is no such repository on http"):
        fetch(Location("google/no-such", "main"))


def test_a_token_is_sent_to_the_hub_and_to_nobody_else(pythia, fetch, monkeypatch):
    pythia.token = "hf_secret"
    with pytest.raises(DownloadError, match=r"or it is private.*HF_TOKEN"):
        fetch(STEP1)
    pythia.gated = True
    with pytest.raises(DownloadError, match=r"refuses access .403.*Accept.*terms.*HF_TOKEN"):
        fetch(STEP1)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    before = len(pythia.requests)
    fetch(STEP1)
    tokens = {(r.route, r.token) for r in pythia.requests[before:]}
    assert tokens == {
        ("info", "Bearer hf_secret"),
        ("file", "Bearer hf_secret"),
        ("content", None),
    }


def test_a_mirror_that_lists_no_sizes_is_asked_file_by_file(pythia, fetch):
    pythia.lists_sizes = False
    pythia.cuts["model.safetensors"] = [2000]
    fetch(STEP1)
    assert pythia.ranges("model.safetensors") == [None, "bytes=2000-"]
    pythia.instead["model.safetensors"] = b"wrong" * 9999
    with pytest.raises(DownloadError, match="the hash of what"):
        fetch(Location(PYTHIA, "step2"))


def test_a_small_file_of_unknown_length_is_held_against_its_hash(pythia, fetch):
    pythia.lists_sizes = pythia.tells_lengths = False
    fetch(STEP1)
    pythia.instead["config.json"] = b"{}"
    with pytest.raises(DownloadError, match=r"config\.json: the hash of what .*expected None"):
        fetch(Location(PYTHIA, "step2"))


def test_what_answers_no_hub_is_told(hub, fetch, monkeypatch):
    monkeypatch.setattr("hub_server.Handler.info", lambda *arguments: ["no", "hub"])
    hub.branches[PYTHIA]["step1"] = "c"
    hub.commits[PYTHIA, "c"] = {}
    with pytest.raises(DownloadError, match=r"doesn't answer as a hub does .*Check HF_ENDPOINT"):
        fetch(STEP1)


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (["config.json"], r"step1: has no config\.json; it is no model of transformers"),
        (
            ["model.safetensors", "pytorch_model.bin"],
            r"step1: has no weights; expected model\.safetensors or pytorch_model\.bin, found .git",
        ),
    ],
)
def test_a_repository_that_is_no_checkpoint_is_refused_before_anything_is_fetched(
    hub, fetch, published, tmp_path, lost, message
):
    folder = shutil.copytree(published / "1", tmp_path / "less")
    for name in lost:
        (folder / name).unlink()
    hub.publish(PYTHIA, folder, "step1")
    with pytest.raises(CheckpointError, match=message):
        fetch(STEP1)
    assert not hub.fetched()


class TestCache:
    """What huggingface_hub's cache has isn't downloaded again, and needs no network."""

    @pytest.fixture
    def filled(self, pythia, cache):
        """The cache as huggingface_hub itself fills it."""
        for name in CHECKPOINT:
            hf_hub_download(PYTHIA, name, revision="step1", endpoint=pythia.url, cache_dir=cache)
        pythia.requests.clear()
        return cache

    def offline(self, monkeypatch):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    def test_is_linked_and_lies_on_the_disk_once(self, pythia, filled, fetch, tmp_path):
        fetch(STEP1)
        assert not pythia.fetched()
        weights = checkpoint_path(tmp_path / "run", 1) / "model.safetensors"
        (blob,) = (filled / "models--EleutherAI--pythia-tiny" / "blobs").glob(
            weights_sha256(weights.parent)
        )
        assert weights.samefile(blob)

    def test_serves_without_a_single_request(self, pythia, filled, fetch, tmp_path, monkeypatch):
        self.offline(monkeypatch)
        entry = fetch(STEP1)
        assert not pythia.requests
        assert entry.revision == pythia.branches[PYTHIA]["step1"]
        check_weights(checkpoint_path(tmp_path / "run", 1))

    def test_serves_when_the_hub_is_down(self, pythia, filled, fetch):
        pythia.refusals["info"] = [(503, {})] * 3
        assert fetch(STEP1).revision == pythia.branches[PYTHIA]["step1"]

    def test_does_not_serve_what_it_lacks(self, pythia, filled, fetch, monkeypatch):
        self.offline(monkeypatch)
        with pytest.raises(
            DownloadError,
            match=rf"{PYTHIA}, revision step2: is not in the cache .*hub, and HF_HUB_OFFLINE",
        ):
            fetch(Location(PYTHIA, "step2"))
        for file in filled.rglob("snapshots/*/model.safetensors"):
            file.unlink()
        with pytest.raises(DownloadError, match=r"step1: has no weights; .*is what the cache"):
            fetch(STEP1)
        assert not pythia.requests

    def test_a_damaged_file_in_it_is_not_taken(self, pythia, filled, fetch, tmp_path, monkeypatch):
        (pointer,) = filled.rglob("snapshots/*/model.safetensors")
        content = pointer.read_bytes()
        pointer.resolve().write_bytes(content[:-1] + b"?")
        with monkeypatch.context() as patch:
            self.offline(patch)
            with pytest.raises(DownloadError, match=r"the hash of this file of .*Delete it from"):
                fetch(STEP1)
        fetch(STEP1)
        assert pythia.fetched() == ["model.safetensors"]
        weights = checkpoint_path(tmp_path / "run", 1) / "model.safetensors"
        assert weights.read_bytes() == content

    def test_a_link_that_can_not_be_hard_is_symbolic(
        self, pythia, filled, fetch, tmp_path, monkeypatch
    ):
        def refuse(*arguments, **settings):
            raise OSError(18, "Invalid cross-device link")

        monkeypatch.setattr("os.link", refuse)
        fetch(STEP1)
        weights = checkpoint_path(tmp_path / "run", 1) / "model.safetensors"
        assert weights.is_symlink()
        assert weights.resolve().is_relative_to(filled)
        check_weights(weights.parent)

    def test_of_a_tokenizer_serves_too(
        self, pythia, filled, fetch, published, tmp_path, monkeypatch
    ):
        bare = shutil.copytree(published / "2", tmp_path / "bare")
        for file in bare.glob("tokenizer*"):
            file.unlink()
        pythia.publish(PYTHIA, bare, "step2")
        for name in ("config.json", "model.safetensors"):
            hf_hub_download(PYTHIA, name, revision="step2", endpoint=pythia.url, cache_dir=filled)
        self.offline(monkeypatch)
        with pytest.raises(DownloadError, match=r"step2: has no tokenizer; .*what the cache"):
            fetch(Location(PYTHIA, "step2"))
        fetch(Location(PYTHIA, "step2"), tokenizer=str(published / "0"))


def test_a_kill_while_the_checkpoint_is_put_in_place_costs_no_download(pythia, fetch, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("ontogeny.runs.hub.fetching.write_manifest", lambda entries, folder: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fetch(STEP1)
    before = len(pythia.fetched())
    fetch(STEP1)
    assert pythia.fetched()[before:] == []


def test_weights_are_hashed_as_they_come_and_not_read_again(pythia, fetch, monkeypatch):
    file_digest = hashlib.file_digest

    def refuse(handle, kind):
        assert "model.safetensors" not in str(handle.name), "the weights are read again"
        return file_digest(handle, kind)

    monkeypatch.setattr("hashlib.file_digest", refuse)
    fetch(STEP1)
