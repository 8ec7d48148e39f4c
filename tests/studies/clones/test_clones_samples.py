"""A checkpoint that is sampled leaves sentences, whatever stops it on the way."""

import numpy as np
import pandas as pd
import pytest
import tiny_checkpoints
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from ontogeny.corpora.corpus import read_split, write_split
from ontogeny.corpora.hamiltonian import draw_hamiltonian
from ontogeny.errors import CheckpointError, CorpusError
from ontogeny.measures.interactions.sampling import Chains
from ontogeny.results.tables import check
from ontogeny.runs.architectures import configure, initialise
from ontogeny.studies.clones import samples
from ontogeny.studies.clones.hamiltonian import symbols_of
from ontogeny.studies.clones.losses import read_clones
from ontogeny.studies.clones.rows import as_rows
from ontogeny.studies.clones.tables import CLONES

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "a", "dog", "cat", "sees", "hears", "it"]
POSITIONS = 8
SETTINGS = {
    "sentences": 6, "shortest": 2, "longest": 6, "shown": 2, "proposals": "conditional",
    "order": "random", "temperature": 1.0,
}  # fmt: skip


def word_tokenizer():
    tokenizer = Tokenizer(
        models.WordLevel({w: n for n, w in enumerate(SPECIAL + WORDS)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]",
    )  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    config = configure(
        "factored", len(SPECIAL + WORDS), positions=POSITIONS, layers=2, heads=2, width=8,
        initial_deviation=0.3, pad_token_id=0, mask_token_id=4,
    )  # fmt: skip
    initialise(config, 0).save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return folder


def sentences(count=6, longest=6):
    generator = np.random.default_rng(0)
    words = [
        generator.choice([*WORDS, "unheard-of"], generator.integers(2, longest + 1)).tolist()
        for _ in range(count)
    ]
    names = [f"test-{number}" for number in range(count)]
    return pd.DataFrame({"sentence_id": names, "document_id": names, "words": words})


def sampled(checkpoint, folder, given=None):
    given = sentences() if given is None else given
    clones = {sweeps: folder / f"sweeps-{sweeps}.parquet" for sweeps in (1, 3)}
    state = folder / "chains.safetensors"
    return clones, state, samples.sample(checkpoint, given, SETTINGS, 0, clones, state)


def test_clones_are_splits_of_the_same_sentences_in_the_samplers_words(checkpoint, tmp_path):
    original = sentences()
    clones, state, (rows, shown) = sampled(checkpoint, tmp_path)
    for file in clones.values():
        clone = read_split(file)
        assert list(clone["sentence_id"]) == list(original["sentence_id"])
        assert list(clone["words"].map(len)) == list(original["words"].map(len))
        assert {word for words in clone["words"] for word in words} <= {*WORDS, "unheard-of"}
    assert not state.exists()
    table = as_rows(rows, run="two", corpus="text", seed=0, step=5)
    check(table, CLONES)
    assert set(table["order"]) == {3}
    assert sorted(table["sweeps"].unique()) == [0, 1, 2, 3]
    assert list(shown["before"].unique()) == [" ".join(w) for w in original["words"][:2]]
    texts = read_clones({("two", 3): clones[3]}, original)
    assert [list(words) for words in texts["two", 3]] == list(map(list, clone["words"]))


@pytest.mark.parametrize("at", [2, 3])
def test_a_job_that_is_killed_goes_on_though_its_files_are_removed(
    checkpoint, tmp_path, monkeypatch, at
):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    expected, _, tables = sampled(checkpoint, whole)

    class Killed(BaseException):
        pass

    def kill(progress):
        if progress.sweeps == at:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(samples, "_say", kill)
        with pytest.raises(Killed):
            sampled(checkpoint, stopped)
    for file in stopped.glob("*.parquet"):
        file.unlink()
    clones, _, again = sampled(checkpoint, stopped)
    for sweeps, file in clones.items():
        assert file.read_bytes() == expected[sweeps].read_bytes()
    for found, table in zip(again, tables, strict=True):
        pd.testing.assert_frame_equal(found, table)


def test_a_model_that_reads_from_the_left_gives_no_clones(tmp_path):
    tiny_checkpoints.save(tiny_checkpoints.make("gpt2"), tmp_path / "gpt2", objective="causal")
    with pytest.raises(CheckpointError, match=r"is causal.*Take it from samplers"):
        sampled(tmp_path / "gpt2", tmp_path)


def test_sentences_that_dont_fit_are_refused(checkpoint, tmp_path):
    given = sentences()
    given.at[4, "words"] = ["dog"] * 7
    with pytest.raises(CorpusError, match=r"sentence 5 has 9 tokens.*Lower longest"):
        sampled(checkpoint, tmp_path, given)


def test_the_sentences_are_the_same_for_all_and_within_their_bounds():
    given = sentences(count=60)
    chosen = samples.chosen(given, SETTINGS | {"sentences": 20, "shortest": 3, "longest": 5}, 0)
    assert len(chosen) == 20
    assert chosen["words"].map(len).between(3, 5).all()
    assert chosen["sentence_id"].is_unique
    with pytest.raises(CorpusError, match="0 test sentences have 9 to 9 words"):
        samples.chosen(given, SETTINGS | {"shortest": 9, "longest": 9}, 0)


def test_words_that_stayed_are_spelt_as_they_were():
    """Those that the tokenizer doesn't know, too."""
    tokenizer, words = word_tokenizer(), [["the", "unheard-of", "dog"]]
    start = torch.tensor([tokenizer(" ".join(words[0]))["input_ids"]])
    there = torch.ones_like(start, dtype=torch.bool)
    owners = torch.tensor([[-1, 0, 1, 2, -1]])
    moved = start.clone()
    moved[0, 3] = tokenizer.convert_tokens_to_ids("cat")
    found = samples.decoded(tokenizer, words, Chains(start, there, there), moved, owners)
    assert found == [["the", "unheard-of", "cat"]]


def test_a_clone_of_other_sentences_is_refused(tmp_path):
    write_split(sentences().iloc[1:], tmp_path / "clone.parquet")
    with pytest.raises(CorpusError, match="is a clone of other sentences"):
        read_clones({("two", 3): tmp_path / "clone.parquet"}, sentences())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["0", "1"], ["1"]], "no sequences of symbols of one length"),
        ([["0", "dog", "1"]], "no sequences of symbols of one length"),
        ([["0", "1"]], "aren't those of the corpus's Hamiltonian"),
        ([["0", "1", "4"]], "aren't those of the corpus's Hamiltonian"),
    ],
)
def test_sequences_of_another_hamiltonian_are_refused(rows, message):
    hamiltonian = draw_hamiltonian(3, 4, [{"order": 2, "count": 1, "strength": 0.5}], 0)
    with pytest.raises(CorpusError, match=message):
        symbols_of(pd.DataFrame({"words": rows}), hamiltonian, "train.parquet")
