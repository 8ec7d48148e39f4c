"""Minimal pairs: read from BLiMP's form, scored, counted."""

import json
import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tiny_language_models import build

from ontogeny.corpora.grammar.minimal_pairs import minimal_pairs, write_minimal_pairs
from ontogeny.errors import CorpusError
from ontogeny.measures.likelihood import (
    accuracy,
    log_likelihood,
    pseudo_log_likelihood,
    read_minimal_pairs,
    score_minimal_pairs,
)


def record(good, bad, uid="p", field="syntax"):
    return {"sentence_good": good, "sentence_bad": bad, "UID": uid, "field": field}


def write(folder, name, *records):
    lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
    (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_toyglish_pairs_are_read_as_they_were_written(tmp_path):
    pairs = minimal_pairs(pairs_per_paradigm=3, word_types=400)
    write_minimal_pairs(pairs, tmp_path)
    found = read_minimal_pairs(tmp_path)
    assert len(found) == 3 * len(pairs)
    for uid, records in pairs.items():
        mine = found[found["paradigm"] == uid]
        assert mine["good"].tolist() == [r["sentence_good"] for r in records]
        assert mine["bad"].tolist() == [r["sentence_bad"] for r in records]
        assert mine["field"].tolist() == [r["field"] for r in records]
        assert mine["pair"].tolist() == [0, 1, 2]


sentence = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)


@pytest.mark.slow
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@given(pairs=st.lists(st.tuples(sentence, sentence), min_size=1))
@example(pairs=[("the\u2028cat\x85 sat", "\u2029a\x0bb\x0cc\x1cd\x1ee\r"), ("\ufeffa", "b\n")])
def test_any_sentences_come_back_whatever_in_them_separates_lines_elsewhere(
    tmp_path_factory, mark, end, pairs
):
    folder = tmp_path_factory.mktemp("pairs")
    lines = [json.dumps(record(*pair), ensure_ascii=False) for pair in pairs]
    (folder / "p.jsonl").write_bytes((mark + end.join([*lines, ""])).encode())
    found = read_minimal_pairs(folder)
    assert list(zip(found["good"], found["bad"], strict=True)) == pairs
    assert found["pair"].tolist() == list(range(len(pairs)))


def test_a_file_that_is_not_utf8_is_refused_by_its_line(tmp_path):
    line = json.dumps(record("a", "b"))
    (tmp_path / "p.jsonl").write_bytes(f"{line}\n".encode() + b'{"sentence_good": "caf\xe9"}\n')
    with pytest.raises(CorpusError, match=r"p\.jsonl, line 2: the byte 0xe9 is not UTF-8"):
        read_minimal_pairs(tmp_path)


def test_a_field_that_blimp_spells_in_two_ways_is_one(tmp_path):
    write(tmp_path, "p", record("a", "b", uid="p", field="syntax/semantics"))
    write(tmp_path, "q", record("a", "b", uid="q", field="syntax_semantics"))
    assert set(read_minimal_pairs(tmp_path)["field"]) == {"syntax_semantics"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"p\.jsonl, line 2: not JSON"),
        ("[1]", r"p\.jsonl, line 2: is list"),
        ("[" * 100_000, r"p\.jsonl, line 2: not JSON"),
        (json.dumps({"sentence_good": "a"}), r"line 2: UID is None"),
        (json.dumps(record("a", " ")), r"line 2: sentence_bad is ' '"),
        (json.dumps(record("a", 3)), r"line 2: sentence_bad is 3"),
    ],
)
def test_a_line_that_is_no_pair_is_refused_by_file_and_line(tmp_path, line, message):
    write(tmp_path, "p", record("a", "b"), line)
    with pytest.raises(CorpusError, match=message):
        read_minimal_pairs(tmp_path)


def test_pairs_that_are_not_there_or_there_twice_are_refused(tmp_path):
    with pytest.raises(CorpusError, match="no minimal pairs there"):
        read_minimal_pairs(tmp_path)
    write(tmp_path, "p", "")
    with pytest.raises(CorpusError, match="hold no minimal pair"):
        read_minimal_pairs(tmp_path)
    write(tmp_path, "p", record("a", "b"))
    write(tmp_path, "q", record("a", "b"))
    with pytest.raises(CorpusError, match=r"q\.jsonl, line 1: paradigm p is also in p\.jsonl"):
        read_minimal_pairs(tmp_path)


def frame(*rows):
    columns = ["paradigm", "field", "good", "bad"]
    return pd.DataFrame(rows, columns=columns).assign(pair=range(len(rows)))


PAIRS = frame(
    ("agreement", "morphology", "the cat sat .", "the cat dogs ."),
    ("agreement", "morphology", "a dogs sat", "a dogs was unhappily"),
    ("island", "syntax", "the mind was 42", "the 42 was mind"),
)


@pytest.mark.parametrize("within_word", [False, True])
def test_a_masked_model_scores_pairs_by_pseudo_log_likelihood(within_word):
    model, tokenizer = build("bert")
    scores = score_minimal_pairs(
        model, tokenizer, PAIRS, objective="masked", within_word=within_word, device="cpu"
    )
    for side in ("good", "bad"):
        alone = pseudo_log_likelihood(
            model, tokenizer, PAIRS[side].tolist(), within_word=within_word, device="cpu"
        )
        assert np.allclose(scores[side], alone, rtol=1e-5)
    assert scores["correct"].tolist() == (scores["good"] > scores["bad"]).astype(float).tolist()
    assert scores["pair"].tolist() == [0, 1, 2]


def test_a_causal_model_scores_pairs_by_log_likelihood():
    model, tokenizer = build("neox")
    scores = score_minimal_pairs(model, tokenizer, PAIRS, objective="causal", device="cpu")
    good = log_likelihood(model, tokenizer, PAIRS["good"].tolist(), device="cpu")
    assert np.allclose(scores["good"], good, rtol=1e-5)
    assert not scores["unknown"].any()  # a byte-level vocabulary knows every word


def test_a_pair_with_an_unknown_word_is_scored_and_counted(caplog):
    model, tokenizer = build("bert")
    pairs = frame(
        ("p", "f", "the cat sat", "the cat was"),
        ("p", "f", "the 猫 sat", "the 犬 sat"),  # two unknown words: no difference
        ("p", "f", "the 猫 sat", "the cat sat"),
    )
    with caplog.at_level(logging.WARNING, logger="ontogeny"):
        scores = score_minimal_pairs(model, tokenizer, pairs, objective="masked", device="cpu")
    assert scores["unknown"].tolist() == [False, True, True]
    assert scores["good"].notna().all()
    assert scores["correct"][1] == 0.5
    assert "3 scored, of which 2 hold a word that the tokenizer doesn't know" in caplog.text
    found = accuracy(scores)
    assert found["unknown"].tolist() == [2, 2, 2]
    assert found["pairs"].tolist() == [3, 3, 3]


def test_a_pair_longer_than_the_model_is_left_out_and_counted():
    model, tokenizer = build("bert", positions=16)
    long = "unhappily " * 12
    pairs = frame(("p", "f", "the cat", "cat the"), ("p", "f", long, "a"), ("q", "f", "a", "was"))
    scores = score_minimal_pairs(model, tokenizer, pairs, objective="masked", device="cpu")
    assert scores["too_long"].tolist() == [False, True, False]
    assert np.isnan(scores["correct"][1])
    found = accuracy(scores).set_index(["level", "name"])
    assert found.loc[("paradigm", "p"), "pairs"] == 1
    assert found.loc[("paradigm", "p"), "too_long"] == 1
    assert found.loc[("paradigm", "p"), "accuracy"] == scores["correct"][0]
    with pytest.raises(CorpusError, match="all pairs of r"):
        score_minimal_pairs(
            model,
            tokenizer,
            pd.concat([pairs, frame(("r", "f", long, "a"))], ignore_index=True),
            objective="masked",
            device="cpu",
        )


def test_accuracy_of_fields_and_overall_counts_each_paradigm_the_same():
    correct = {"p": [1, 1, 0, 1], "q": [0.5, 0], "r": [1]}
    fields = {"p": "morphology", "q": "syntax", "r": "syntax"}
    rows = [
        {"paradigm": p, "field": fields[p], "correct": c, "unknown": False, "too_long": False}
        for p, values in correct.items()
        for c in values
    ]
    found = accuracy(pd.DataFrame(rows)).set_index(["level", "name"])["accuracy"]
    assert found["paradigm"].to_dict() == {"p": 0.75, "q": 0.25, "r": 1.0}
    assert found["field"].to_dict() == {"morphology": 0.75, "syntax": 0.625}
    assert found["overall", "all"] == pytest.approx(2 / 3)
