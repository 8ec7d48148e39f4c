"""Whatever a file of the workflow's holds: it is read, or the error names the file."""

import json
import re
import struct
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from mutations import damaged, damaged_json, damaged_safetensors, fuzz
from safetensors.torch import save_file

from ontogeny.audit.configs import vocabulary
from ontogeny.audit.tables import (
    WEIGHTS,
    Finding,
    join_weights,
    read_findings,
    write_findings,
    write_weights,
)
from ontogeny.audit.tensor_blocks import stored_tensors
from ontogeny.corpora.corpus import check, read_split, write_split
from ontogeny.corpora.sources import read_sources
from ontogeny.errors import CheckpointError, CorpusError, OntogenyError, SourceError, TableError
from ontogeny.measures.features import Features, open_features, write
from ontogeny.results.claims import CLAIM_COLUMNS, read_claims, write_claims
from ontogeny.results.tables import (
    RUN,
    SEED,
    STEP,
    Metric,
    Table,
    read_measurements,
    read_table,
    write_table,
)
from ontogeny.results.tables import check as check_table
from ontogeny.runs.checkpoints.conversion import read_pickle
from ontogeny.runs.checkpoints.loading import check_weights, objective
from ontogeny.runs.checkpoints.manifest import Entry, read_manifest, write_manifest
from ontogeny.runs.checkpoints.weight_files import count_parameters, shards, weight_files
from ontogeny.runs.tables import LOSS, join_losses, write_losses

pytestmark = pytest.mark.slow

SOURCES = "source\tpath\turl\tsha256\tbytes\tlicence\n" + "".join(
    f"ud\tud/{name}.conllu\thttps://example.org/{name}\t{'0a' * 32}\t12\tCC-BY-SA-4.0\n"
    for name in "abc"
)
MEASURED = Table(
    "measured", keys=(RUN, SEED, STEP), metrics=(Metric("share", "a share", "", 0, 1),)
)
CLAIM = {
    column.name: {"string": "toy", "int": 2, "float": 0.5}[column.kind] for column in CLAIM_COLUMNS
} | {"verdict": "replicated"}


def sources(path):
    assert len({file.path for file in read_sources(path)}) == len(read_sources(path))


def manifest(path):
    steps = [entry.step for entry in read_manifest(path.parent)]
    assert steps == sorted(set(steps))
    assert all(step >= 0 for step in steps)


def loss(path):
    check_table(join_losses({("tiny", 0): path}), LOSS)


def claims(path):
    for claim in read_claims(path).itertuples():
        assert claim.seeds >= 0


def config(path):
    check_weights(path.parent)
    assert objective(path.parent) in ("masked", "causal")


def weights(path):
    assert count_parameters(path.parent) >= 0
    size = path.stat().st_size
    for tensor in stored_tensors(path.parent).values():
        assert 8 <= tensor.offset <= tensor.offset + tensor.bytes <= size
        assert all(number >= 0 for number in tensor.rows_and_columns)


def index(path):
    assert weight_files(path.parent)


def pickle_index(path):
    assert shards(path)


def pickled(path):
    for name, tensor in read_pickle(path).items():
        assert isinstance(name, str)
        assert tensor.numel() == len(tensor.flatten().tolist())


def tokenizer(path):
    assert len(vocabulary(path.parent)) == 64


def findings(path):
    for finding in read_findings(path):
        assert all(step >= 0 for step in finding.steps)


def statistics(path):
    check_table(join_weights({("tiny", 0): path}), WEIGHTS)


def split(path):
    check(read_split(path).to_dict("records"), str(path))


def table(path):
    check_table(read_table(path, MEASURED), MEASURED)


def measurements(path):
    assert len(read_measurements([path])) >= 0


def features(path):
    read = open_features(path)
    assert read.vectors.shape[1] == len(read.valid)
    assert torch.isfinite(read.vectors).sum() >= 0


# What each reader reads, and what it raises.
READERS = {
    "sources.tsv": (sources, SourceError),
    "run/manifest.tsv": (manifest, CheckpointError),
    "run/loss.tsv": (loss, TableError),
    "claims.tsv": (claims, TableError),
    "checkpoint/config.json": (config, CheckpointError),
    "checkpoint/model.safetensors": (weights, CheckpointError),
    "sharded/model.safetensors.index.json": (index, CheckpointError),
    "pickled/pytorch_model.bin": (pickled, CheckpointError),
    "old/pytorch_model.bin": (pickled, CheckpointError),
    "pickled/pytorch_model.bin.index.json": (pickle_index, CheckpointError),
    "wordpiece/tokenizer.json": (tokenizer, CheckpointError),
    "unigram/tokenizer.json": (tokenizer, CheckpointError),
    "listed/vocab.txt": (tokenizer, CheckpointError),
    "numbered/vocab.json": (tokenizer, CheckpointError),
    "sentencepiece/tokenizer.model": (tokenizer, CheckpointError),
    "audit.tsv": (findings, TableError),
    "weights.tsv": (statistics, TableError),
    "split.parquet": (split, CorpusError),
    "table.parquet": (table, TableError),
    "measurements.parquet": (measurements, TableError),
    "features.safetensors": (features, OntogenyError),
}
# Tables of text in which a person may look for a line, once the first tells the columns.
LINES = ("sources.tsv", "run/manifest.tsv", "audit.tsv")
# Any bytes are a vocabulary of SentencePiece: only their hash is asked for.
NEVER_REFUSED = ("sentencepiece/tokenizer.model",)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with a good file for each of the readers."""
    folder = tmp_path_factory.mktemp("whole")
    for name in {name.split("/")[0] for name in READERS if "/" in name}:
        (folder / name).mkdir()
    (folder / "sources.tsv").write_text(SOURCES)
    write_manifest([Entry(step, "pretrain", "abc", "0" * 64, 9) for step in (0, 5)], folder / "run")
    rows = [{"step": step, "metric": "dev_loss", "value": 1.5} for step in (0, 5)]
    write_losses(rows, folder / "run")
    write_claims(pd.DataFrame([CLAIM, CLAIM | {"run": "b", "low": None}]), folder / "claims.tsv")
    settings = {"architectures": ["BertForMaskedLM"], "model_type": "bert", "vocab_size": 9}
    (folder / "checkpoint/config.json").write_text(json.dumps(settings))
    save_file(
        {"a.weight": torch.ones(2, 3), "b": torch.arange(2)},
        folder / "checkpoint/model.safetensors",
    )
    shards = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (folder / "sharded/model.safetensors.index.json").write_text(json.dumps(shards))
    for name in ("model-1.safetensors", "model-2.safetensors"):
        (folder / "sharded" / name).write_bytes(b"")
    tensors = {"a.weight": torch.ones(2, 3), "b": torch.arange(2)}
    torch.save(tensors, folder / "pickled/pytorch_model.bin")
    torch.save(tensors, folder / "old/pytorch_model.bin", _use_new_zipfile_serialization=False)
    shards = {"weight_map": {"a.weight": "pytorch_model.bin", "b": "pytorch_model.bin"}}
    (folder / "pickled/pytorch_model.bin.index.json").write_text(json.dumps(shards))
    tokens, added = {"a": 1, "é": 2, "##s": 3}, [{"id": 0, "content": "[PAD]"}]
    numbered = {"model": {"vocab": tokens}, "added_tokens": added}
    (folder / "wordpiece/tokenizer.json").write_text(json.dumps(numbered))
    weighted = {"model": {"vocab": [["a", -1.5], ["é", -2.0]]}, "added_tokens": added}
    (folder / "unigram/tokenizer.json").write_text(json.dumps(weighted))
    (folder / "listed/vocab.txt").write_text("\n".join(tokens))
    (folder / "numbered/vocab.json").write_text(json.dumps(tokens))
    (folder / "sentencepiece/tokenizer.model").write_bytes(b"\n\x0e\n\x05<unk>")
    finding = Finding("tiny", 0, 5, "10, 20", "duplicate", "stop", "3", "1", "steps are\tthe same")
    write_findings([finding, replace(finding, severity="note")], folder / "audit.tsv")
    values = {step: {"norm": 1.5, "duplicates": 0.0} for step in (0, 5)}
    write_weights(values, dict.fromkeys(values, "abc"), folder / "weights.tsv")
    sentence = {"words": ["a", "b"], "upos": ["X", "Y"], "head": [2, 0], "deprel": ["dep", "root"]}
    sentence |= {"entity": ["B-P", "I-P"], "phrase_start": [1, 0], "phrase_end": [0, 1]}
    write_split(
        [{"sentence_id": f"s{n}", "document_id": "d"} | sentence for n in range(2)],
        folder / "split.parquet",
    )
    frame = pd.DataFrame(
        {"run": "tiny", "seed": 0, "step": [0, 5], "metric": "share", "value": 0.5}
    )
    write_table(frame, MEASURED, folder / "table.parquet")
    frame.to_parquet(folder / "measurements.parquet", index=False)
    vectors = torch.ones(2, 3, 4)
    write(Features(vectors, vectors[0, :, 0] > 0, 0, 0, "mean"), folder / "features.safetensors")
    return folder


@pytest.mark.parametrize("file", READERS)
def test_a_damaged_file_is_read_or_refused_by_name(whole, file):
    read, expected = READERS[file]
    path = whole / file
    content = path.read_bytes()
    outcomes = set()

    damage_to = {".json": damaged_json, ".safetensors": damaged_safetensors}

    @fuzz(250)
    @given(damage_to.get(path.suffix, damaged)(content))
    def read_it(damage):
        path.write_bytes(damage)
        try:
            read(path)
        except expected as error:
            outcomes.add("refused")
            message = str(error)
            assert str(path.parent if path.parent != whole else path) in message
            if file in LINES and not re.search("can't be read|not a readable", message):
                line = re.search(r", line (\d+)", message)
                assert 1 <= int(line[1]) <= damage.count(b"\n") + damage.count(b"\r") + 1
        else:
            outcomes.add("read")

    try:
        read(path)
        read_it()
    finally:
        path.write_bytes(content)
    assert "refused" in outcomes or file in NEVER_REFUSED
    assert "read" in outcomes or file.endswith(".parquet"), outcomes


@pytest.mark.parametrize("file", [file for file in READERS if file.endswith(".json")])
def test_json_that_is_nested_beyond_reading_is_refused_by_name(whole, file):
    read, expected = READERS[file]
    path = whole / file
    content = path.read_bytes()
    path.write_bytes(b"[" * 100_000)
    try:
        with pytest.raises(expected, match=re.escape(str(path))):
            read(path)
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("shard", [1, "a" * 300, None, ["a"], "", "\x00"])
def test_an_index_of_what_is_no_file_is_refused(whole, shard):
    path = whole / "sharded/model.safetensors.index.json"
    content = path.read_bytes()
    path.write_text(json.dumps({"weight_map": {"a": shard}}))
    try:
        with pytest.raises(CheckpointError, match=re.escape(str(path.parent))):
            weight_files(path.parent)
    finally:
        path.write_bytes(content)


def test_a_header_that_is_nested_beyond_reading_is_refused(whole):
    path = whole / "checkpoint/model.safetensors"
    content = path.read_bytes()
    path.write_bytes(struct.pack("<Q", 100_000) + b"[" * 100_000)
    try:
        with pytest.raises(CheckpointError, match=re.escape(str(path))):
            count_parameters(path.parent)
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 2**31, 2**63 - 1, 2**64 - 1])
def test_a_header_of_any_length_is_looked_at_without_reading_that_much(whole, length):
    path = whole / "checkpoint/model.safetensors"
    content = path.read_bytes()
    path.write_bytes(struct.pack("<Q", length) + content[8:])
    try:
        with pytest.raises(CheckpointError, match=re.escape(str(path))):
            count_parameters(path.parent)
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("file", ["split.parquet", "table.parquet"])
def test_a_bit_flipped_anywhere_in_a_parquet_file_is_refused_or_changes_nothing(whole, file):
    expected = READERS[file][1]
    path = whole / file
    read = read_split if file == "split.parquet" else lambda path: read_table(path, MEASURED)
    content, before = path.read_bytes(), read(path)
    random = np.random.default_rng(0)
    refused = 0
    try:
        for place in range(0, len(content), 4):
            damage = bytearray(content)
            damage[place] ^= 1 << random.integers(8)
            path.write_bytes(damage)
            try:
                after = read(path)
            except expected as error:
                refused += 1
                named = str(path) in str(error)
                assert named
            else:
                pd.testing.assert_frame_equal(after, before)
    finally:
        path.write_bytes(content)
    assert refused > len(content) // 16


@pytest.mark.parametrize("file", [file for file in READERS if file.endswith(".parquet")])
def test_a_parquet_file_cut_anywhere_is_refused(whole, file):
    read, expected = READERS[file]
    path = whole / file
    content = path.read_bytes()
    try:
        for end in np.linspace(0, len(content) - 1, 60, dtype=int):
            path.write_bytes(content[:end])
            with pytest.raises(expected, match=re.escape(str(path))):
                read(path)
    finally:
        path.write_bytes(content)
