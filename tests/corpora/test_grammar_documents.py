"""Toyglish's splits and documents: shape, streams, speed, refusals, and its documentation."""

import os
import re
import subprocess
import sys
import time

import pytest

from ontogeny.corpora import grammar
from ontogeny.corpora.corpus import SCHEMA, available, check, read_split, write_split
from ontogeny.corpora.grammar import generate, probabilities
from ontogeny.errors import ConfigError, OntogenyError

SENTENCES = {"train": 130, "dev": 45, "test": 50}


@pytest.fixture(scope="module")
def corpus():
    return generate({"train": 4000, "dev": 300, "test": 1000})


def test_rows_are_written_and_read_as_they_are(tmp_path, corpus):
    write_split(corpus["dev"], tmp_path / "dev.parquet")
    read = read_split(tmp_path / "dev.parquet")
    assert read.to_dict("records") == corpus["dev"]
    assert list(corpus["dev"][0]) == SCHEMA.names
    assert len(available(read)) == 7


def test_splits_have_the_sentences_asked_for_with_ids_of_their_own():
    corpus = generate(SENTENCES, sentences_per_document=20)
    assert {split: len(rows) for split, rows in corpus.items()} == SENTENCES
    rows = [row for split in corpus.values() for row in split]
    assert len({row["sentence_id"] for row in rows}) == len(rows)
    documents = {split: [r["document_id"] for r in found] for split, found in corpus.items()}
    assert len(set(documents["train"])) == 7
    sizes = [documents["train"].count(name) for name in dict.fromkeys(documents["train"])]
    assert sizes == [20] * 6 + [10]
    assert not set(documents["train"]) & (set(documents["dev"]) | set(documents["test"]))


def test_each_split_keeps_its_sentences_when_others_change():
    short = generate({"train": 50, "dev": 7})
    long = generate({"test": 5, "dev": 90, "train": 130})
    assert long["train"][:50] == short["train"]
    assert long["dev"][:7] == short["dev"]
    texts = [{" ".join(row["words"]) for row in long[s] if len(row["words"]) > 6} for s in long]
    assert not texts[1] & texts[2]


def test_same_settings_give_the_same_corpus_and_other_seeds_another():
    assert generate(SENTENCES, seed=3) == generate(SENTENCES, seed=3)
    one, other = (generate(SENTENCES, seed=seed)["train"] for seed in (3, 4))
    assert all(a["words"] != b["words"] for a, b in zip(one, other, strict=True))


@pytest.mark.slow
def test_corpus_does_not_depend_on_the_hash_seed():
    code = (
        "from ontogeny.corpora.grammar import generate, minimal_pairs; import hashlib;"
        "made = generate({'train': 200}), minimal_pairs(pairs_per_paradigm=5);"
        "print(hashlib.sha256(repr(made).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_some_test_words_are_unseen_after_sixteen_thousand_training_words(corpus):
    training = [word for row in corpus["train"] for word in row["words"]][:16000]
    assert len(training) == 16000
    seen = set(training)
    words = [word for row in corpus["test"] for word in row["words"]]
    assert 0.01 < sum(word not in seen for word in words) / len(words) < 0.15
    assert words


def test_splits_share_most_of_their_words(corpus):
    types = {split: {w for row in rows for w in row["words"]} for split, rows in corpus.items()}
    assert len(types["test"] & types["train"]) > 0.8 * len(types["test"])


@pytest.mark.slow
def test_the_default_corpus_is_made_in_under_ten_seconds():
    start = time.process_time()
    made = generate({"train": 20000, "dev": 2000, "test": 2000})
    assert time.process_time() - start < 10
    check(made["train"], "train")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("seed", -1, "integer of at least 0"),
        ("seed", 1.5, "integer of at least 0"),
        ("word_types", 100, "integer of at least 400"),
        ("word_types", True, "integer of at least 400"),
        ("zipf_exponent", -0.1, "number of at least 0"),
        ("zipf_exponent", float("nan"), "number of at least 0"),
        ("zipf_exponent", "1", "number of at least 0"),
        ("ambiguous_share", 1.01, "number from 0 to 1"),
        ("ambiguous_share", -0.5, "number from 0 to 1"),
        ("topics", 0, "integer of at least 1"),
        ("topic_strength", -1, "number of at least 0"),
        ("topic_strength", float("inf"), "number of at least 0"),
        ("sentences_per_document", 0, "integer of at least 1"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_its_key(key, value, expected):
    with pytest.raises(ConfigError) as refusal:
        generate(SENTENCES, **{key: value})
    assert str(refusal.value).startswith(f"{key} is {value!r}; expected a")
    assert expected in str(refusal.value)


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ({"train": -1}, "sentences.train is -1; expected an integer of at least 1."),
        ({"train": 0}, "sentences.train is 0; expected an integer of at least 1."),
        ({"train": 5, "valid": 5}, "sentences.valid: no such split; expected train, dev, test."),
        ({}, "sentences is {}; expected a number of sentences for each split"),
        (100, "sentences is 100; expected a number of sentences for each split"),
    ],
)
def test_wrong_numbers_of_sentences_are_refused(sentences, message):
    with pytest.raises(OntogenyError, match=re.escape(message)):
        generate(sentences)


def test_the_documented_probabilities_are_the_ones_in_use():
    table = {}
    for line in (
        grammar.__doc__.split("**Probabilities**")[1].split("**Annotation**")[0].split("\n")
    ):
        if entry := re.match(r"    ([A-Z_]+(?:\.[a-z]+)?) +(\S.*)", line):
            table[name := entry[1]] = entry[2]
        elif line.startswith(" " * 8):
            table[name] += " " + line.strip()
    constants = {name: value for name, value in vars(probabilities).items() if name.isupper()}
    for kind, shares in constants.pop("KINDS").items():
        constants[f"KINDS.{kind}"] = shares
    assert set(table) == set(constants)
    for name, value in constants.items():
        if isinstance(value, dict):
            assert sum(value.values()) == pytest.approx(1)
            written = ", ".join(f"{key} {share:g}" for key, share in value.items())
        else:
            written = f"{value:g}"
        assert (table[name] + " ").startswith(written), name
