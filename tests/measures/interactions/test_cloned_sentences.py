"""Which sentences chains begin at, and how chains become sentences again."""

import pytest
import tiny_checkpoints
import torch
from small_sampler import SCHEME, save_sampler, sentences, word_tokenizer

from ontogeny.errors import CheckpointError, CorpusError
from ontogeny.measures.interactions.cloned_sentences import (
    chosen,
    clone_sentences,
    decoded,
    load_sampler,
)
from ontogeny.measures.interactions.sampling import Chains

BOUNDS = {"sentences": 20, "shortest": 3, "longest": 5}


def test_the_sentences_are_the_same_for_all_and_within_their_bounds():
    found = chosen(sentences(count=60), BOUNDS, 0, "test.parquet")
    assert len(found) == 20
    assert found["words"].map(len).between(3, 5).all()
    assert found["sentence_id"].is_unique
    with pytest.raises(CorpusError, match=r"test\.parquet: 0 sentences have 9 to 9 words"):
        chosen(sentences(), BOUNDS | {"shortest": 9, "longest": 9}, 0, "test.parquet")


def test_a_model_that_reads_from_the_left_gives_no_clones(tmp_path):
    tiny_checkpoints.save(tiny_checkpoints.make("gpt2"), tmp_path / "gpt2", objective="causal")
    with pytest.raises(CheckpointError, match=r"is causal.*Sample another run"):
        load_sampler(tmp_path / "gpt2")


def test_sentences_that_dont_fit_are_refused(tmp_path):
    words = [["the", "dog"], ["dog"] * 7]
    message = (
        r"test\.parquet: the sentence 'dog dog dog dog dog' \.\.\. has 9 tokens.*Lower longest"
    )
    with pytest.raises(CorpusError, match=message):
        clone_sentences(
            load_sampler(save_sampler(tmp_path / "checkpoint")), words, SCHEME, 0, keep=[1],
            state=tmp_path / "state", source="test.parquet",
        )  # fmt: skip


def test_words_that_stayed_are_spelt_as_they_were():
    """Those that the tokenizer doesn't know, too."""
    tokenizer, words = word_tokenizer(), [["the", "unheard-of", "dog"]]
    start = torch.tensor([tokenizer(" ".join(words[0]))["input_ids"]])
    there = torch.ones_like(start, dtype=torch.bool)
    owners = torch.tensor([[-1, 0, 1, 2, -1]])
    moved = start.clone()
    moved[0, 3] = tokenizer.convert_tokens_to_ids("cat")
    found = decoded(tokenizer, words, Chains(start, there, there), moved, owners)
    assert found == [["the", "unheard-of", "cat"]]
