import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.corpora.corpus import (
    ANNOTATIONS,
    SCHEMA,
    available,
    check_heads,
    check_iob2,
    find_cycle,
    find_iob2_break,
    read_split,
    split_path,
    write_split,
)
from ontogeny.errors import CorpusError

FULL = {
    "sentence_id": "s1",
    "document_id": "d1",
    "words": ["the", "cat", "sleeps"],
    "upos": ["DET", "NOUN", "VERB"],
    "xpos": ["DT", "NN", "VBZ"],
    "head": [2, 3, 0],
    "deprel": ["det", "nsubj", "root"],
    "entity": ["O", "B-X", "I-X"],
    "phrase_start": [1, 0, 0],
    "phrase_end": [0, 1, 0],
}
BARE = {"sentence_id": "s2", "document_id": "d1", "words": ["hello"]}


def test_what_is_written_is_read_with_null_where_nothing_was_given(tmp_path):
    path = split_path(tmp_path, "train")
    write_split([FULL, BARE], path)
    frame = read_split(path)
    assert list(frame.columns) == SCHEMA.names
    assert frame.iloc[0].to_dict() == FULL
    assert frame.iloc[1].to_dict() == BARE | dict.fromkeys(ANNOTATIONS)
    assert available(frame) == ANNOTATIONS
    assert available(frame.iloc[1:]) == ()


def test_a_frame_and_arrays_are_written_like_rows_and_lists(tmp_path):
    rows = [{**FULL, "head": np.array(FULL["head"]), "words": np.array(FULL["words"])}, BARE]
    write_split(pd.DataFrame(rows), tmp_path / "frame.parquet")
    write_split([FULL, BARE], tmp_path / "rows.parquet")
    assert (tmp_path / "frame.parquet").read_bytes() == (tmp_path / "rows.parquet").read_bytes()


def test_what_is_read_can_be_written_again_with_the_same_bytes(tmp_path):
    write_split([FULL, BARE], tmp_path / "a.parquet")
    write_split(read_split(tmp_path / "a.parquet"), tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_folders_named_like_columns_add_none(tmp_path):
    write_split([FULL], tmp_path / "seed=0" / "words=1" / "train.parquet")
    frame = read_split(tmp_path / "seed=0" / "words=1" / "train.parquet")
    assert list(frame.columns) == SCHEMA.names


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": []}, "s1: has no words"),
        ({"words": None}, "s1: its words are None"),
        ({"words": "cat"}, "s1: its words are 'cat'"),
        ({"words": ["a", "", "b"]}, "s1, word 2: is ''"),
        ({"words": ["a", "b", " \t"]}, "s1, word 3: is ' "),
        ({"words": ["a", None, "b"]}, "s1, word 2: is None"),
        ({"words": ["a", 2, "b"]}, "s1, word 2: is 2"),
        ({"sentence_id": None}, "sentence number 1 has None as sentence_id"),
        ({"document_id": 3}, "sentence number 1 has 3 as document_id"),
        ({"upos": ["DET"]}, "s1: 1 values of upos for 3 words"),
        ({"upos": ["DET", None, "X"]}, "s1, word 2: upos is None; expected a string"),
        ({"head": [2, 3]}, "s1: 2 values of head for 3 words"),
        ({"head": [2, "3", 0]}, "s1, word 2: head is '3'; expected an integer"),
        ({"head": [2, 3.0, 0]}, "s1, word 2: head is 3.0; expected an integer"),
        ({"head": [2, 3, None]}, "s1, word 3: head is None; expected an integer"),
        ({"head": [2, 4, 0]}, "s1, word 2: head 4 is out of range; expected 0 to 3"),
        ({"head": [-1, 3, 0]}, "s1, word 1: head -1 is out of range"),
        ({"head": [2, 3, 1]}, "s1: 0 roots"),
        ({"head": [0, 0, 1]}, "s1: 2 roots"),
        ({"head": [2, 1, 0]}, "s1, word 2: its heads form a cycle"),
        ({"entity": ["O", "I-X", "O"]}, "s1, word 2: entity tag 'I-X' after 'O' is not IOB2"),
        ({"entity": ["B-X", "I-Y", "O"]}, "word 2: entity tag 'I-Y' after 'B-X'"),
        ({"entity": ["B-", "O", "O"]}, "word 1: entity tag 'B-'"),
        ({"phrase_end": None}, "phrase_start and phrase_end; one is null"),
        ({"phrase_start": None}, "phrase_start and phrase_end; one is null"),
        ({"phrase_start": [2, 0, 0]}, "constituents that begin and end don't balance"),
        ({"phrase_end": [0, 2, -1]}, "constituents that begin and end don't balance"),
        ({"phrase_start": [0, 0, 1], "phrase_end": [1, 0, 0]}, "don't balance"),
    ],
)
def test_a_malformed_sentence_is_refused_and_nothing_written(tmp_path, change, message):
    path = tmp_path / "train.parquet"
    with pytest.raises(CorpusError, match=f"{path}: .*{message}"):
        write_split([{**FULL, **change}], path)
    assert not list(tmp_path.iterdir())


def test_a_split_without_sentences_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="no sentences; expected at least one"):
        write_split([], tmp_path / "train.parquet")


def test_files_that_are_no_split_are_refused_by_name(tmp_path):
    write_split([FULL], tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "half.parquet").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.parquet").write_bytes(b"")
    for name in ("half.parquet", "empty.parquet", "none.parquet", "."):
        with pytest.raises(CorpusError, match="not a readable corpus split"):
            read_split(tmp_path / name)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(CorpusError, match=r"other\.parquet: its columns are a;"):
        read_split(tmp_path / "other.parquet")


@given(st.lists(st.integers(0, 8), min_size=1, max_size=8))
def test_heads_are_accepted_just_when_all_words_lead_to_one_root(heads):
    length = len(heads)

    def leads_to_root(word):
        for _ in range(length + 1):
            if word == 0:
                return True
            word = heads[word - 1]
        return False

    in_range = all(head <= length for head in heads)
    tree = in_range and heads.count(0) == 1
    tree = tree and all(leads_to_root(word) for word in range(1, length + 1))
    if tree:
        check_heads(heads, "x")
        assert find_cycle(heads) == 0
    else:
        with pytest.raises(CorpusError):
            check_heads(heads, "x")


@given(st.integers(1, 40), st.integers(0, 2**32))
def test_a_word_that_is_reported_as_a_cycle_comes_back_to_itself(length, seed):
    generator = random.Random(seed)
    heads = [generator.randint(0, length) for _ in range(length)]
    word = found = find_cycle(heads)
    if found:
        path = []
        for _ in range(length):
            word = heads[word - 1]
            path.append(word)
            if word == found:
                break
        assert path[-1] == found
        assert 0 not in path


@given(st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y", "B-X-Z", "I-X-Z"]), min_size=1))
def test_iob2_breaks_at_the_first_inside_tag_without_its_beginning(tags):
    broken = [
        i
        for i, tag in enumerate(tags, start=1)
        if tag[0] == "I" and (i == 1 or tags[i - 2][0] == "O" or tags[i - 2][2:] != tag[2:])
    ]
    assert find_iob2_break(tags) == (broken[0] if broken else 0)
    if broken:
        with pytest.raises(CorpusError, match=f"word {broken[0]}: entity tag"):
            check_iob2(tags, "x")
