"""Pickles become safetensors with the same tensors; nothing but tensors is ever made of them."""

import datetime
import json
import os
import pickle
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_checkpoints import MODELS, make, save, shard

from ontogeny.errors import CheckpointError
from ontogeny.runs.checkpoints.conversion import convert_checkpoint, read_pickle
from ontogeny.runs.checkpoints.loading import load_language_model, load_model
from ontogeny.runs.checkpoints.weight_files import weight_files

TOKENS = torch.tensor([[2, 5, 7, 3]])
ROOT = Path(__file__).parent.parent.parent


def logits(model):
    with torch.inference_mode():
        output = model(input_ids=TOKENS)
    return output.prediction_logits if "prediction_logits" in output else output.logits


@pytest.mark.parametrize("name", MODELS)
def test_a_converted_checkpoint_gives_the_same_logits_and_states(tmp_path, name):
    model = make(name)
    folder = save(model, tmp_path / "model", pickled=True)
    assert convert_checkpoint(folder) == [folder / "pytorch_model.bin"]
    loaded = load_language_model(folder, device="cpu")
    torch.testing.assert_close(logits(loaded), logits(model), rtol=0, atol=0)
    states = load_model(folder, device="cpu")(input_ids=TOKENS, output_hidden_states=True)
    expected = model.base_model(input_ids=TOKENS, output_hidden_states=True)
    for found, wanted in zip(states.hidden_states, expected.hidden_states, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=0)


@pytest.mark.parametrize("name", MODELS)
def test_every_tensor_is_kept_and_a_tied_one_is_kept_once(tmp_path, name):
    model = make(name)
    folder = save(model, tmp_path / "model", pickled=True)
    convert_checkpoint(folder)
    before, after = model.state_dict(), load_file(folder / "model.safetensors")
    dropped = set(before) - set(after)
    pointers = {after_name: before[after_name].data_ptr() for after_name in after}
    assert len(set(pointers.values())) == len(pointers)
    assert {before[name].data_ptr() for name in dropped} <= set(pointers.values())
    output = model.get_output_embeddings().weight.data_ptr()
    tied = output == model.get_input_embeddings().weight.data_ptr()
    assert tied == MODELS[name][2] == any(before[n].data_ptr() == output for n in dropped)
    for after_name, tensor in after.items():
        assert torch.equal(tensor, before[after_name])
        assert tensor.dtype == before[after_name].dtype


def test_names_from_before_transformers_2_are_understood(tmp_path):
    model = make("bert-for-pretraining")
    folder = save(model, tmp_path / "model", pickled=True, old_names=True)
    convert_checkpoint(folder)
    assert "bert.embeddings.LayerNorm.gamma" in load_file(folder / "model.safetensors")
    loaded = load_language_model(folder, device="cpu")
    torch.testing.assert_close(logits(loaded), logits(model), rtol=0, atol=0)
    encoder = load_model(folder, device="cpu")
    norm = model.bert.embeddings.LayerNorm
    assert torch.equal(encoder.embeddings.LayerNorm.weight, norm.weight)
    assert torch.equal(encoder.embeddings.LayerNorm.bias, norm.bias)


def test_the_names_and_constants_of_pythias_pickles_are_understood(tmp_path):
    model = make("gpt-neox").half()
    folder = save(model, tmp_path / "model", pickled=True, old_names=True)
    convert_checkpoint(folder)
    saved = load_file(folder / "model.safetensors")
    assert saved["embed_out.weight"].dtype == torch.float16
    assert saved["gpt_neox.layers.1.attention.bias"].dtype == torch.bool
    loaded = load_language_model(folder, device="cpu")
    torch.testing.assert_close(logits(loaded), logits(model.float()), rtol=0, atol=0)
    load_model(folder, device="cpu")


def test_shards_become_shards(tmp_path):
    model = make("gpt-neox")
    folder = save(model, tmp_path / "model", pickled=True)
    shard(folder, count=3)
    assert len(convert_checkpoint(folder)) == 4
    assert len(weight_files(folder)) == 3
    loaded = load_language_model(folder, device="cpu")
    torch.testing.assert_close(logits(loaded), logits(model), rtol=0, atol=0)


def test_the_same_pickle_gives_the_same_bytes(tmp_path):
    folder = save(make("bert"), tmp_path / "model", pickled=True)
    convert_checkpoint(folder)
    first = (folder / "model.safetensors").read_bytes()
    convert_checkpoint(folder)
    assert (folder / "model.safetensors").read_bytes() == first


def test_views_of_one_memory_that_nothing_ties_become_tensors_of_their_own(tmp_path):
    folder = save(make("llama"), tmp_path / "model", pickled=True)
    whole = torch.arange(12.0).reshape(3, 4)
    views = {"whole": whole, "row": whole[1], "column": whole[:, 2], "again": whole}
    torch.save(views, folder / "pytorch_model.bin")
    convert_checkpoint(folder)
    saved = load_file(folder / "model.safetensors")
    assert set(saved) == set(views)
    assert all(torch.equal(saved[name], views[name]) for name in views)


def test_a_pickle_of_the_old_form_is_read(tmp_path):
    path = tmp_path / "old.bin"
    torch.save({"a": torch.arange(5)}, path, _use_new_zipfile_serialization=False)
    assert torch.equal(read_pickle(path)["a"], torch.arange(5))


class Payload:
    """What a malicious pickle holds: an order to run a command when it is loaded."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_not_run_but_named(tmp_path, zipped):
    folder = save(make("bert"), tmp_path / "model", pickled=True)
    file, proof = folder / "pytorch_model.bin", tmp_path / "proof"
    content = {"a": torch.zeros(2), "b": Payload(f"touch {proof}")}
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin: refers to \w+\.system\. Only"):
        convert_checkpoint(folder)
    assert not proof.exists()
    assert not (folder / "model.safetensors").exists()
    torch.load(file, weights_only=False)  # as it would have been
    assert proof.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.zeros(2)], "holds list; expected tensors with names"),
        ({}, "holds dict; expected tensors with names"),
        ({"model": {"a": torch.zeros(2)}}, "holds dict under 'model'"),
        ({"a": torch.zeros(2), "epoch": 3}, "holds int under 'epoch'"),
        ({1: torch.zeros(2)}, "holds Tensor under 1"),
        ({"when": datetime.date(2020, 1, 1)}, r"refers to datetime\.date"),
        ({"sparse": torch.eye(3).to_sparse()}, "holds a sparse or quantised tensor under 'sparse'"),
    ],
)
def test_what_is_no_table_of_tensors_is_refused(tmp_path, content, message):
    folder = save(make("bert"), tmp_path / "model", pickled=True)
    torch.save(content, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=rf"pytorch_model\.bin: {message}"):
        convert_checkpoint(folder)
    assert not (folder / "model.safetensors").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: b"version https://git-lfs.github.com/spec/v1\n",
        lambda content: pickle.dumps("text"),
        lambda content: content[:200] + bytes(200) + content[400:],
    ],
)
def test_a_damaged_pickle_is_refused(tmp_path, damage):
    folder = save(make("bert"), tmp_path / "model", pickled=True)
    file = folder / "pytorch_model.bin"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin: "):
        convert_checkpoint(folder)
    assert not (folder / "model.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_is_cut_or_altered_anywhere_is_read_or_refused_by_name(tmp_path, zipped):
    file = tmp_path / "weights.bin"
    torch.save({"a": torch.arange(3.0)}, file, _use_new_zipfile_serialization=zipped)
    content = file.read_bytes()
    refused = 0
    for place in range(len(content)):
        damage = bytearray(content)
        damage[place] ^= 1 << place % 8
        for whole in (content[:place], bytes(damage)):
            file.write_bytes(whole)
            try:
                read_pickle(file)
            except CheckpointError as error:
                refused += 1
                message = str(error)
                assert message.startswith(f"{file}: ")
    assert refused > len(content)


def test_a_shard_that_is_missing_is_named(tmp_path):
    folder = save(make("bert"), tmp_path / "model", pickled=True)
    shard(folder)
    (folder / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(CheckpointError, match=r"pytorch_model-00002-of-00002\.bin: is named by"):
        convert_checkpoint(folder)
    for index in ('{"weight_map": 3}', '{"weight_map": {}}', "[]", "[" * 100_000):
        (folder / "pytorch_model.bin.index.json").write_text(index)
        with pytest.raises(CheckpointError, match="not a readable index of shards"):
            convert_checkpoint(folder)
    index = {"weight_map": {"a": "x" * 300}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="xxx: is named by"):
        convert_checkpoint(folder)
    (folder / "pytorch_model.bin.index.json").unlink()
    with pytest.raises(CheckpointError, match=r"has neither pytorch_model\.bin nor"):
        convert_checkpoint(folder)


def program(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "ontogeny.runs.checkpoints.conversion", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_program_converts_and_says_in_a_line_what_it_can_not(tmp_path):
    folder, damaged = (save(make("bert"), tmp_path / name, pickled=True) for name in "ab")
    (damaged / "pytorch_model.bin").write_bytes(b"damaged")
    done = program(folder, damaged)
    assert done.stdout == f"{folder}: converted; its pickles are still there\n", done.stderr
    load_language_model(folder, device="cpu")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{damaged / 'pytorch_model.bin'}: ")
    assert len(done.stderr.splitlines()) == 1


MEASURED = """
import resource, sys
from pathlib import Path
import torch, safetensors.torch, transformers
from ontogeny.runs.checkpoints import conversion
conversion._tied_names(Path(sys.argv[1]))
def anonymous():
    fields = dict(line.split(":") for line in open("/proc/self/status") if ":" in line)
    return int(fields["RssAnon"].split()[0]) * 1024
save = conversion.save_file
def measured(*arguments, **settings):
    global peak
    save(*arguments, **settings)
    peak = anonymous()
conversion.save_file = measured
for folder in sys.argv[1:]:
    before, peak = anonymous(), 0
    conversion.convert_checkpoint(Path(folder))
    print(peak - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
def test_converting_takes_no_more_memory_than_the_checkpoint(tmp_path):
    small = save(make("bert"), tmp_path / "small", pickled=True)
    folder = save(make("bert"), tmp_path / "model", pickled=True)
    size = 200 * 2**20
    weights = {f"w{n}": torch.full((size // 40,), float(n)) for n in range(10)}
    torch.save(weights, folder / "pytorch_model.bin")
    del weights
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(small), str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    (_, small_peak), (large_anonymous, large_peak) = (
        map(int, line.split()) for line in done.stdout.splitlines()
    )
    assert large_anonymous < size / 4  # mapped from the file, not read into memory
    assert large_peak - small_peak < 1.2 * size
    assert resource.getpagesize() < size
