import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.corpora.corpus import ANNOTATIONS, SCHEMA
from ontogeny.corpora.tasks import (
    REQUIRED_COLUMN,
    TASKS,
    TREE_TASKS,
    WORD_LABEL_TASKS,
    check_tasks,
    tree_depths,
    tree_distances,
    word_labels,
)
from ontogeny.errors import CorpusError


def frame(*rows):
    table = pd.DataFrame(rows, dtype=object).reindex(columns=SCHEMA.names)
    return table.astype(object).where(table.notna(), None)


SENTENCES = frame(
    {
        "words": ["the", "cat", "sleeps"],
        "upos": ["DET", "NOUN", "VERB"],
        "entity": ["B-WORK-OF-ART", "I-WORK-OF-ART", "O"],
        "phrase_start": [2, 0, 1],
        "phrase_end": [0, 1, 2],
    },
    {"words": ["a", "b"]},
    {"words": ["c"], "upos": ["X"]},
)


def test_there_are_eight_tasks_each_with_a_column():
    assert len(TASKS) == 8
    assert set(TASKS) == set(WORD_LABEL_TASKS) | set(TREE_TASKS)
    assert set(REQUIRED_COLUMN.values()) <= set(ANNOTATIONS)


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("upos", ["DET", "NOUN", "VERB", None, None, "X"]),
        ("phrase_start", ["yes", "no", "no", None, None, None]),
        ("phrase_end", ["no", "yes", "yes", None, None, None]),
    ],
)
def test_a_root_that_counts_begins_at_the_first_word_and_ends_at_the_last(task, labels):
    starts, ends = [0, 0, 0], [0, 1, 0]
    sentences = SENTENCES.assign(phrase_start=[starts, None, None], phrase_end=[ends, None, None])
    assert word_labels(sentences, task, phrase_root=True).tolist() == labels


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("upos", ["DET", "NOUN", "VERB", None, None, "X"]),
        ("entity", ["WORK-OF-ART", "WORK-OF-ART", "none", None, None, None]),
        ("phrase_start", ["yes", "no", "yes", None, None, None]),
        ("phrase_end", ["no", "yes", "yes", None, None, None]),
    ],
)
def test_labels_follow_the_words_and_are_none_where_nothing_was_annotated(task, labels):
    found = word_labels(SENTENCES, task)
    assert found.dtype == object
    assert found.tolist() == labels


def test_no_sentences_have_no_labels():
    assert word_labels(SENTENCES.iloc[:0], "upos").shape == (0,)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_is_served_if_one_sentence_has_its_column(task):
    column = REQUIRED_COLUMN[task]
    check_tasks(frame({"words": ["a"]}, {"words": ["b"], column: [0]}), [task], "x")
    with pytest.raises(CorpusError, match=f"^x: task {task} needs the column {column}, which"):
        check_tasks(frame({"words": ["a"]}), [task], "x")


def test_the_refusal_lists_what_the_corpus_has():
    with pytest.raises(CorpusError, match="it has upos, entity, phrase_start, phrase_end"):
        check_tasks(SENTENCES, ["upos", "tree_depth"], "x")
    with pytest.raises(CorpusError, match="it has no annotation"):
        check_tasks(SENTENCES.iloc[1:2], ["upos"], "x")


def random_heads(length, seed):
    generator = random.Random(seed)
    order = list(range(1, length + 1))
    generator.shuffle(order)
    heads = [0] * length
    for i, word in enumerate(order[1:], start=1):
        heads[word - 1] = generator.choice(order[:i])
    return heads


@given(st.integers(1, 30), st.integers(0, 2**32))
def test_depth_is_the_number_of_heads_above_a_word(length, seed):
    heads = random_heads(length, seed)
    expected = []
    for word in range(1, length + 1):
        depth = 0
        while heads[word - 1]:
            word = heads[word - 1]
            depth += 1
        expected.append(depth)
    assert tree_depths(heads).tolist() == expected


@given(st.integers(1, 15), st.integers(0, 2**32))
def test_distance_is_the_length_of_the_shortest_path(length, seed):
    heads = random_heads(length, seed)
    # Floyd and Warshall, over the edges without direction.
    expected = np.full((length, length), length)
    np.fill_diagonal(expected, 0)
    for word, head in enumerate(heads):
        if head:
            expected[word, head - 1] = expected[head - 1, word] = 1
    for middle in range(length):
        expected = np.minimum(expected, expected[:, [middle]] + expected[[middle]])
    assert np.array_equal(tree_distances(heads), expected)


@pytest.mark.parametrize("length", [1, 2, 300])
def test_chains_of_any_length_have_closed_forms(length):
    heads = list(range(length))
    positions = np.arange(length)
    assert np.array_equal(tree_depths(heads), positions)
    assert np.array_equal(tree_distances(heads), np.abs(positions[:, None] - positions))
