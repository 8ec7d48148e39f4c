"""Pairs of words of a treebank: their distances, classes and frequencies."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.errors import CheckpointError, CorpusError
from ontogeny.runs.pretraining.tokenizers import train_tokenizer
from ontogeny.studies.interdependence.word_pairs import as_texts, tree_distances, word_pairs

# Figure 2 of the thesis's chapter 5, with its tree.
SOCRATES = {
    "words": ["Socrates", "asked", "the", "student", "trick", "questions"],
    "upos": ["PROPN", "VERB", "DET", "NOUN", "ADJ", "NOUN"],
    "head": [2, 0, 4, 2, 6, 2],
}
CLOSED = {"words": ["of", "the"], "upos": ["ADP", "DET"], "head": [2, 0]}


def corpus(*sentences):
    return pd.DataFrame(list(sentences))


def test_distances_are_those_that_the_thesis_names():
    distance = tree_distances(SOCRATES["head"])
    # "trick" is one edge away from "questions", two from "asked", and four from "the".
    assert [distance[4, other] for other in (5, 1, 2)] == [1, 2, 4]


@given(st.data())
def test_distances_equal_a_walk_from_word_to_word(data):
    size = data.draw(st.integers(1, 8))
    heads = [0] + [data.draw(st.integers(1, word)) for word in range(1, size)]
    found = tree_distances(heads)

    def up(word):
        return [] if word < 0 else [word, *up(heads[word] - 1)]

    for one in range(size):
        for other in range(size):
            path = set(up(one)) ^ set(up(other))
            assert found[one, other] == len(path)


def test_pairs_are_all_up_to_a_distance_with_what_they_are():
    counts = Counter({"the": 7, "student": 2})
    pairs = word_pairs(corpus(SOCRATES, CLOSED), 2, counts, "corpus")
    assert len(pairs) == 5 + 4 + 1
    assert set(zip(pairs.first[:9], pairs.sequential[:9], strict=True)) == {
        *((first, 1) for first in range(5)),
        *((first, 2) for first in range(4)),
    }
    of = {
        (int(s), int(f), int(d)): place
        for place, (s, f, d) in enumerate(
            zip(pairs.sentence, pairs.first, pairs.sequential, strict=True)
        )
    }
    assert pairs.word_class[of[0, 0, 1]] == "open"
    assert pairs.word_class[of[0, 1, 1]] == "mixed"
    assert pairs.word_class[of[1, 0, 1]] == "closed"
    assert pairs.syntactic[of[0, 2, 2]] == 4  # the, student, asked, questions, trick
    assert pairs.frequencies[of[0, 2, 1]].tolist() == [7, 2]


def test_an_empty_word_class_is_refused_by_name():
    with pytest.raises(CorpusError, match=r"test\.parquet: the closed word class is empty"):
        word_pairs(corpus(SOCRATES), 3, Counter(), "test.parquet")
    with pytest.raises(CorpusError, match="the open word class is empty"):
        word_pairs(corpus(CLOSED), 3, Counter(), "test.parquet")


@pytest.mark.parametrize("column", ["upos", "head"])
def test_sentences_without_tags_or_trees_are_refused(column):
    with pytest.raises(CorpusError, match=f"without {column}"):
        word_pairs(corpus(SOCRATES, CLOSED | {column: None}), 3, Counter(), "test.parquet")


def test_pairs_with_words_that_the_tokenizer_does_not_know_are_left_out():
    sentences = corpus(SOCRATES, CLOSED)
    pairs = word_pairs(sentences, 5, Counter(), "corpus")
    known = [word for word in SOCRATES["words"] if word != "trick"]
    tokenizer = train_tokenizer([known, CLOSED["words"]], kind="word", objective="causal")
    texts = as_texts(tokenizer, list(sentences["words"]), pairs, None)
    assert len(texts.pairs) == 15 - 5 + 1
    assert texts.first.tolist() == [1, 1]  # after [BOS]
    words = tokenizer.convert_ids_to_tokens(texts.tokens[0])
    assert words[1:] == ["Socrates", "asked", "the", "student", "[UNK]", "questions"]


def test_a_tokenizer_that_knows_no_pair_is_refused():
    sentences = corpus(SOCRATES, CLOSED)
    pairs = word_pairs(sentences, 5, Counter(), "corpus")
    tokenizer = train_tokenizer([["other", "words"]], kind="word", objective="causal")
    with pytest.raises(CheckpointError, match="one token each"):
        as_texts(tokenizer, list(sentences["words"]), pairs, None)
    assert np.unique(pairs.sentence).tolist() == [0, 1]
