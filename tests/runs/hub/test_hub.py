"""Checkpoints from a hub, in the layouts and forms in use: they load, and say what they are."""

import hashlib
import shutil

import pytest
import torch
from safetensors.torch import load_file
from tiny_checkpoints import make, save, shard

from ontogeny.errors import CheckpointError, DownloadError
from ontogeny.runs.checkpoints.loading import load_language_model, load_model, load_tokenizer
from ontogeny.runs.checkpoints.manifest import check_trajectory, checkpoint_path, weights_sha256
from ontogeny.runs.hub.fetching import join_manifest
from ontogeny.runs.hub.locations import Location

PYTHIA, BERT = "EleutherAI/pythia-tiny", "google/multiberts-seed_0-step_20k"
STEP1 = Location(PYTHIA, "step1")
CHECKPOINT = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """Checkpoints as they are published.

    `pythia/{step}`: a decoder as safetensors, steps 0, 1, 2; `multiberts/{step}`: an encoder as a
    pickle, with old names, steps 0 and 20 (thousand), and TensorFlow's weights beside.
    """
    folder = tmp_path_factory.mktemp("published")
    for step in (0, 1, 2):
        save(make("gpt-neox", step), folder / "pythia" / str(step), objective="causal")
    for step in (0, 20):
        path = folder / "multiberts" / str(step)
        save(make("bert-for-pretraining", step), path, pickled=True, old_names=True)
        (path / "tf_model.h5").write_bytes(b"not needed")
    return folder


@pytest.fixture
def pythia(hub, published):
    """A hub with a repository that has a revision for each step."""
    for step in (0, 1, 2):
        hub.publish(PYTHIA, published / "pythia" / str(step), f"step{step}")
    return hub


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_revision_for_each_step_becomes_a_trajectory(pythia, fetch, published, tmp_path):
    entries = [fetch(Location(PYTHIA, f"step{step}"), step) for step in (0, 1, 2)]
    steps = [checkpoint_path(tmp_path / "run", step) for step in (2, 0, 1)]
    assert join_manifest(steps, tmp_path / "run") == tuple(entries)
    assert check_trajectory(tmp_path / "run") == tuple(entries)
    for step, entry in enumerate(entries):
        weights = published / "pythia" / str(step) / "model.safetensors"
        assert entry.source == PYTHIA
        assert entry.revision == pythia.branches[PYTHIA][f"step{step}"]
        assert entry.sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
        assert entry.parameters == sum(t.numel() for t in load_file(weights).values())
    path = checkpoint_path(tmp_path / "run", 2)
    assert names(path) == {*CHECKPOINT, "manifest.tsv"}
    assert torch.equal(
        load_language_model(path, device="cpu").get_output_embeddings().weight,
        make("gpt-neox", 2).get_output_embeddings().weight,
    )
    load_model(path, device="cpu")
    assert load_tokenizer(path).decode(load_tokenizer(path)("cats sleep")["input_ids"][1:])
    assert not (tmp_path / "unfinished").exists()


def test_a_repository_for_each_step_is_converted_and_its_pickle_goes(
    hub, fetch, published, tmp_path
):
    commit = hub.publish(BERT, published / "multiberts" / "20")
    entry = fetch(Location(BERT, "main"), 20000)
    path = checkpoint_path(tmp_path / "run", 20000)
    assert names(path) == {*CHECKPOINT, "manifest.tsv"}
    assert "pytorch_model.bin" in hub.fetched()
    assert "tf_model.h5" not in hub.fetched()
    assert (entry.step, entry.revision, entry.sha256) == (20000, commit, weights_sha256(path))
    expected = make("bert-for-pretraining", 20)
    loaded = load_language_model(path, device="cpu")
    assert torch.equal(
        loaded.bert.embeddings.LayerNorm.bias, expected.bert.embeddings.LayerNorm.bias
    )
    assert torch.equal(
        loaded.cls.predictions.decoder.weight, expected.cls.predictions.decoder.weight
    )
    assert load_model(path, device="cpu").config.model_type == "bert"


def test_the_pickle_is_taken_where_the_run_says_so(hub, fetch, published, tmp_path):
    """As for repositories whose safetensors were added later, all from one step."""
    folder = save(make("gpt-neox", 7), tmp_path / "both", pickled=True)
    shutil.copy(published / "pythia" / "0" / "model.safetensors", folder)
    hub.publish(PYTHIA, folder, "step1")
    fetch(STEP1, weights="pickle")
    loaded = load_language_model(checkpoint_path(tmp_path / "run", 1), device="cpu")
    assert torch.equal(
        loaded.get_output_embeddings().weight, make("gpt-neox", 7).get_output_embeddings().weight
    )
    assert "model.safetensors" not in hub.fetched()


def test_shards_are_fetched_whichever_form_they_have(hub, fetch, tmp_path):
    model = make("llama")
    pickled = save(model, tmp_path / "pickled", pickled=True)
    shard(pickled, 2)
    hub.publish("a/pickled", pickled)
    sharded = save(model, tmp_path / "sharded")
    (sharded / "model.safetensors").unlink()
    model.save_pretrained(sharded, max_shard_size="2KB")
    hub.publish("a/sharded", sharded)
    for step, repository in enumerate(("a/pickled", "a/sharded")):
        entry = fetch(Location(repository, "main"), step)
        path = checkpoint_path(tmp_path / "run", step)
        assert len(list(path.glob("model-*.safetensors"))) >= 2
        assert not list(path.glob("*.bin*"))
        assert entry.sha256 == weights_sha256(path)
        loaded = load_language_model(path, device="cpu")
        assert torch.equal(loaded.lm_head.weight, model.lm_head.weight)


class TestTokenizers:
    """A checkpoint without a tokenizer takes the one that the configuration names."""

    @pytest.fixture
    def bare(self, hub, published, tmp_path):
        folder = shutil.copytree(published / "pythia" / "1", tmp_path / "bare")
        for file in folder.glob("tokenizer*"):
            file.unlink()
        hub.publish(PYTHIA, folder, "step1")
        return hub

    def test_from_another_repository(self, bare, fetch, published, tmp_path):
        bare.publish("google/bert", published / "multiberts" / "0")
        fetch(STEP1, tokenizer="google/bert")
        path = checkpoint_path(tmp_path / "run", 1)
        assert names(path) == {*CHECKPOINT, "manifest.tsv"}
        assert load_tokenizer(path).mask_token
        assert "pytorch_model.bin" not in bare.fetched()

    def test_from_a_folder(self, bare, fetch, published, tmp_path):
        fetch(STEP1, tokenizer=str(published / "multiberts" / "0"))
        assert load_tokenizer(checkpoint_path(tmp_path / "run", 1)).mask_token

    def test_without_one_nothing_large_is_fetched(self, bare, fetch):
        with pytest.raises(
            CheckpointError, match=r"step1: has no tokenizer; .*repository or a folder.*tokenizer:"
        ):
            fetch(STEP1)
        assert not bare.fetched()

    def test_one_that_is_not_there_is_named(self, bare, fetch):
        with pytest.raises(DownloadError, match="step1: its stand-in tokenizer: google/no-such"):
            fetch(STEP1, tokenizer="google/no-such")
        bare.branches[PYTHIA]["main"] = bare.branches[PYTHIA]["step1"]
        with pytest.raises(CheckpointError, match=f"{PYTHIA}: has no tokenizer; .*Correct"):
            fetch(STEP1, tokenizer=PYTHIA)

    def test_that_of_the_checkpoint_comes_first(self, pythia, fetch, published, tmp_path):
        fetch(STEP1, tokenizer=str(published / "multiberts" / "0"))
        assert load_tokenizer(checkpoint_path(tmp_path / "run", 1)).mask_token is None


def test_a_pickle_with_code_in_it_is_refused(hub, fetch, published, tmp_path):
    folder = shutil.copytree(published / "multiberts" / "0", tmp_path / "evil")
    torch.save({"a": torch.zeros(1), "b": print}, folder / "pytorch_model.bin")
    hub.publish(BERT, folder)
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin: refers to .*print"):
        fetch(Location(BERT, "main"))
    assert not (tmp_path / "run").exists()


def test_a_kill_between_converting_and_finishing_costs_no_download(
    hub, fetch, published, tmp_path, monkeypatch
):
    hub.publish(BERT, published / "multiberts" / "20")
    with monkeypatch.context() as patch:
        patch.setattr("ontogeny.runs.hub.fetching.check_tokenizer", lambda path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fetch(Location(BERT, "main"))
    before = len(hub.fetched())
    fetch(Location(BERT, "main"))
    assert hub.fetched()[before:] == []
