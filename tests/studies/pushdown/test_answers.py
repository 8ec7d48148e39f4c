"""Counts of answers against a slow count, and answers that don't fit together."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogeny.errors import TableError
from ontogeny.studies.pushdown.answers import compact, count_answers, read_answers
from ontogeny.studies.pushdown.tables import ANSWER_TYPES

KEYS = [("upos", "all"), ("upos", "unseen"), ("tree_depth", "all")]


def random_answers(seed, missing=0.2, most=9):
    """Answers to some tasks at a grid of places, in any order, some of them missing."""
    generator = np.random.default_rng(seed)
    grid = pd.MultiIndex.from_product(
        [[0, 3], [0, 1000, 2_000_000], [0, 1, 4], KEYS, [2, 3, 7, 11]],
        names=["seed", "step", "layer", "key", "sentence"],
    )
    answers = grid.to_frame(index=False)
    answers["task"], answers["subset"] = zip(*answers.pop("key"), strict=True)
    answers["n"] = generator.integers(1, most + 1, len(answers))
    answers["correct"] = generator.integers(0, answers["n"] + 1)
    kept = answers[generator.random(len(answers)) >= missing].assign(run="r", corpus="c")
    return kept.sample(frac=1, random_state=seed)


def assert_same(found, expected):
    assert (found.run, found.corpus) == (expected.run, expected.corpus)
    for axis in ("sentences", "seeds", "steps", "layers"):
        assert getattr(found, axis).tolist() == getattr(expected, axis).tolist()
    for name in ("correct", "n"):
        one, other = getattr(found, name), getattr(expected, name)
        assert list(one) == list(other)
        for key in one:
            assert one[key].dtype == other[key].dtype
            np.testing.assert_array_equal(one[key], other[key])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**16), st.sampled_from([9, 255, 256, 70_000]))
def test_counts_are_those_of_a_slow_count(seed, most):
    rows = random_answers(seed, most=most)
    answers = count_answers(rows)
    assert (answers.run, answers.corpus) == ("r", "c")
    axes = answers.sentences, answers.seeds, answers.steps, answers.layers
    names = ("sentence", "seed", "step", "layer")
    assert [axis.tolist() for axis in axes] == [sorted(set(rows[name])) for name in names]
    places = rows[["task", "subset", *names]].itertuples(index=False, name=None)
    written = dict(zip(places, zip(rows["correct"], rows["n"], strict=True), strict=True))
    for key in KEYS:
        assert answers.correct[key].shape == answers.n[key].shape == (4, 2, 3, 3)
        for cell in np.ndindex(4, 2, 3, 3):
            place = (*key, *(axis[i] for axis, i in zip(axes, cell, strict=True)))
            counts = answers.correct[key][cell], answers.n[key][cell]
            assert counts == written.get(place, (0, 0))


@pytest.mark.parametrize("types", [dict, compact], ids=["plain", "compact"])
def test_counts_are_the_same_from_files_however_the_rows_are_spread(tmp_path, types):
    rows = random_answers(1)
    stored = compact(rows) if types is compact else rows
    for i in range(5):
        stored.iloc[i::5].to_parquet(tmp_path / f"{i}.parquet", index=False)
    stored.iloc[:0].to_parquet(tmp_path / "5.parquet", index=False)
    paths = [tmp_path / f"{i}.parquet" for i in (3, 5, 1, 0, 4, 2)]
    assert_same(read_answers(paths), count_answers(rows))


def test_the_number_of_answers_is_kept_once_if_it_is_the_same_at_every_place():
    rows = random_answers(2, missing=0)
    rows["n"] = rows["sentence"] + 10
    answers = count_answers(rows)
    for key in KEYS:
        assert answers.n[key].shape == (4, 1, 1, 1)
        assert answers.n[key].ravel().tolist() == [12, 13, 17, 21]
    one_less = rows.drop(rows.index[(rows["task"] == "tree_depth").argmax()])
    answers = count_answers(one_less)
    assert answers.n["tree_depth", "all"].shape == (4, 2, 3, 3)
    assert answers.n["upos", "all"].shape == (4, 1, 1, 1)


def test_counts_take_one_byte_each_where_no_sentence_has_more_than_255_answers():
    assert count_answers(random_answers(3, most=255)).correct["upos", "all"].itemsize == 1
    rows = random_answers(3)
    rows.loc[rows.index[0], "n"] = 256
    assert count_answers(rows).n["upos", "all"].itemsize == 2


def test_compact_answers_say_the_same_and_stay_compact_when_they_are_joined():
    rows = random_answers(4)
    joined = pd.concat([compact(rows.iloc[:50]), compact(rows.iloc[50:])])
    assert {name: joined[name].dtype for name in ANSWER_TYPES} == ANSWER_TYPES
    for name in ("run", "corpus"):
        assert joined[name].dtype == "category"
    for name in rows:
        assert joined[name].tolist() == rows[name].tolist()


BROKEN = {
    "they lack the columns correct, n; expected are rows of run": lambda a: a.drop(
        columns=["correct", "n"]
    ),
    "there are none; expected": lambda a: a.iloc[:0],
    "there are those of run r on c; run s on c; expected": lambda a: pd.concat(
        [a, a.assign(run="s")]
    ),
    "run r on c, task upos, subset all: a sentence has two rows": lambda a: pd.concat(
        [a, a[(a["task"] == "upos") & (a["subset"] == "all")].iloc[[7]]]
    ),
    "task tree_depth, subset all: a sentence has more right answers than": lambda a: a.assign(
        correct=a["correct"] + (a["task"] == "tree_depth") * a["n"]
    ),
}


@pytest.mark.parametrize("message", BROKEN)
def test_answers_that_do_not_fit_together_are_refused(message):
    with pytest.raises(TableError, match=message):
        count_answers(BROKEN[message](random_answers(5)))


def test_a_row_that_two_files_hold_is_refused_and_a_file_that_lacks_a_column_named(tmp_path):
    rows = random_answers(6)
    one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
    rows.to_parquet(one, index=False)
    rows.iloc[10:11].to_parquet(other, index=False)
    with pytest.raises(TableError, match="a sentence has two rows"):
        read_answers([one, other])
    rows.drop(columns="n").to_parquet(other, index=False)
    with pytest.raises(TableError, match=f"{other}: they lack the columns n"):
        read_answers([one, other])
    other.write_bytes(one.read_bytes()[:-30])
    with pytest.raises(TableError, match=f"{other}: not a readable file of measurements"):
        read_answers([one, other])
