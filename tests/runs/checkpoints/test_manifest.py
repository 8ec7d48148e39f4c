import hashlib
import json
import shutil

import pytest
import torch
from safetensors.torch import save_file

from ontogeny.errors import CheckpointError
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.checkpoints.loading import load_language_model, load_model, load_tokenizer
from ontogeny.runs.checkpoints.manifest import (
    Entry,
    check_trajectory,
    describe,
    read_manifest,
    weights_sha256,
    write_manifest,
)
from ontogeny.runs.checkpoints.weight_files import count_parameters, read_header
from ontogeny.runs.pretraining.tokenizers import train_tokenizer


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A trajectory of two checkpoints."""
    folder = tmp_path_factory.mktemp("whole")
    tokenizer = train_tokenizer([["a", "b"]], kind="word", objective="masked")
    config = configure("bert", 7, layers=1, heads=1, width=8, positions=8)
    entries = []
    for step in (0, 10):
        path = folder / f"step-{step}"
        initialise(config, step).save_pretrained(path)
        tokenizer.save_pretrained(path)
        entries.append(describe(path, step, "pretrain", "abc"))
    write_manifest(entries[::-1], folder)
    return folder


@pytest.fixture
def trajectory(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "seed-0")


def test_a_manifest_tells_of_each_checkpoint_in_the_order_of_steps(trajectory):
    entries = check_trajectory(trajectory)
    assert [entry.step for entry in entries] == [0, 10]
    weights = trajectory / "step-10" / "model.safetensors"
    model = load_language_model(trajectory / "step-10", device="cpu")
    assert entries[1] == Entry(
        10,
        "pretrain",
        "abc",
        hashlib.sha256(weights.read_bytes()).hexdigest(),
        sum(parameter.numel() for parameter in model.parameters()),
    )
    assert check_trajectory(trajectory, [10]) == (entries[1],)


def test_shards_are_hashed_and_counted_in_their_order(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    shards = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    for number, shard in enumerate(shards):
        tensors = {
            f"weight{number}": torch.full((3, number + 1), 1.0 + number, dtype=torch.float16),
            f"ids{number}": torch.arange(9),
        }
        save_file(tensors, tmp_path / shard)
    index = {"weight_map": {"weight1": shards[1], "weight0": shards[0], "ids0": shards[0]}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    joined = b"".join((tmp_path / shard).read_bytes() for shard in shards)
    assert weights_sha256(tmp_path) == hashlib.sha256(joined).hexdigest()
    assert count_parameters(tmp_path) == 3 + 6
    (tmp_path / shards[1]).unlink()
    with pytest.raises(CheckpointError, match=r"model-00002-of-00002.*: is named by .*index"):
        weights_sha256(tmp_path)


def truncate(trajectory):
    weights = trajectory / "step-10" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])


def truncate_header(trajectory):
    weights = trajectory / "step-10" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:30])


def empty(trajectory):
    (trajectory / "step-10" / "model.safetensors").write_bytes(b"")


def change(trajectory):
    weights = trajectory / "step-10" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)


def lose_weights(trajectory):
    (trajectory / "step-10" / "model.safetensors").unlink()


def lose_config(trajectory):
    (trajectory / "step-10" / "config.json").unlink()


def break_config(trajectory):
    (trajectory / "step-10" / "config.json").write_text("{")


def lose_tokenizer(trajectory):
    (trajectory / "step-10" / "tokenizer.json").unlink()


def lose_folder(trajectory):
    shutil.rmtree(trajectory / "step-10")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, r"model\.safetensors: \d+ bytes, but its header tells of \d+; it is truncated"),
        (truncate_header, r"model\.safetensors: truncated or not a safetensors file"),
        (empty, r"model\.safetensors: truncated or not a safetensors file"),
        (change, r"the weights have SHA-256 \w{64}; the manifest tells of \w{64}"),
        (lose_weights, r"has no weights; expected model\.safetensors"),
        (lose_config, r"config\.json: there is no such file"),
        (break_config, r"config\.json: not readable as JSON"),
        (lose_tokenizer, r"has no tokenizer; expected one of tokenizer\.json"),
        (lose_folder, r"there is no such folder"),
    ],
)
def test_a_damaged_checkpoint_is_refused_by_step_and_file(trajectory, damage, message):
    damage(trajectory)
    with pytest.raises(CheckpointError, match=r"^step 10: .*step-10.*" + message) as raised:
        check_trajectory(trajectory)
    assert "Delete" in str(raised.value)
    assert "run the workflow again" in str(raised.value)
    check_trajectory(trajectory, [0])


def test_a_change_is_not_looked_for_where_hashes_are_not_asked(trajectory):
    change(trajectory)
    check_trajectory(trajectory, hashes=False)


def test_a_step_that_is_not_in_the_manifest_is_refused_with_those_that_are(trajectory):
    with pytest.raises(CheckpointError, match=r"manifest\.tsv: has no step 5; it has 0, 10\."):
        check_trajectory(trajectory, [0, 5])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file; the trajectory was not finished"),
        ("", "line 1: is missing"),
        ("step\tsource\n", "line 1: is .*expected the columns step, source"),
        ("step\tsource\trevision\tsha256\tparameters\n0\ta\tb\tc\n", "line 2"),
        ("step\tsource\trevision\tsha256\tparameters\n0\ta\tb\tc\t1\nx\ta\tb\tc\t1\n", "line 3"),
    ],
)
def test_a_malformed_manifest_is_refused_by_file_and_line(tmp_path, content, message):
    if content is not None:
        (tmp_path / "manifest.tsv").write_text(content)
    with pytest.raises(CheckpointError, match=r"manifest\.tsv.*" + message):
        read_manifest(tmp_path)


def test_a_header_tells_dtypes_and_shapes_without_the_tensors(tmp_path):
    save_file({"a": torch.zeros(2, 3), "b": torch.zeros(4, dtype=torch.bfloat16)}, tmp_path / "x")
    header = read_header(tmp_path / "x")
    assert {name: (t["dtype"], t["shape"]) for name, t in header.items()} == {
        "a": ("F32", [2, 3]),
        "b": ("BF16", [4]),
    }


def test_a_model_is_loaded_without_head_in_float32_and_without_touching_the_generator(trajectory):
    before = torch.random.get_rng_state()
    model = load_model(trajectory / "step-0", device="cpu")
    assert torch.equal(before, torch.random.get_rng_state())
    assert not model.training
    assert model.pooler is None
    output = model(input_ids=torch.tensor([[2, 5, 3]]), output_hidden_states=True)
    assert [tuple(states.shape) for states in output.hidden_states] == [(1, 3, 8)] * 2
    assert load_model(trajectory / "step-0", "cpu", torch.float16).dtype == torch.float16


def test_weights_that_the_config_calls_for_and_the_file_lacks_are_refused(trajectory):
    path = trajectory / "step-0"
    load_model(path, device="cpu").save_pretrained(path)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 2}))
    with pytest.raises(CheckpointError, match=r"lacks .* of the weights that its config calls for"):
        load_model(path, device="cpu")


def test_a_checkpoint_of_an_unknown_kind_is_refused(trajectory):
    config = trajectory / "step-0" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_type": "abacus"}))
    with pytest.raises(CheckpointError, match="step-0: its model can't be loaded"):
        load_model(trajectory / "step-0")


@pytest.mark.parametrize(
    ("loader", "file", "content"),
    [
        (load_model, "config.json", "[]"),
        (load_language_model, "config.json", "null"),
        (load_model, "config.json", '{"model_type": "bert", "hidden_size": "8"}'),
        (load_tokenizer, "config.json", "[]"),
        (load_tokenizer, "tokenizer.json", "{}"),
        (load_tokenizer, "tokenizer.json", '{"model": {}, "added_tokens": []}'),
        (load_tokenizer, "tokenizer_config.json", "[]"),
    ],
)
def test_whatever_transformers_raises_on_a_broken_file_the_checkpoint_is_named(
    trajectory, loader, file, content
):
    path = trajectory / "step-0"
    (path / file).write_text(content)
    with pytest.raises(CheckpointError, match=f"^{path}"):
        loader(path)
