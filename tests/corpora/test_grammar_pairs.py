"""The minimal pairs: one member in the language, the other not, and BLiMP's form."""

import json
import re

import pytest
from grammar_recogniser import recogniser
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogeny.corpora.grammar import generate, minimal_pairs, write_minimal_pairs
from ontogeny.corpora.grammar.lexicon import build_lexicon
from ontogeny.errors import ConfigError

# The fields of BLiMP's files, in their order (github.com/alexwarstadt/blimp).
PREFIXES = {
    "one": ["one_prefix_prefix", "one_prefix_word_good", "one_prefix_word_bad"],
    "two": ["two_prefix_prefix_good", "two_prefix_prefix_bad", "two_prefix_word"],
    "": [],
}
COMMON_FIELDS = [
    *("field", "linguistics_term", "UID", "simple_LM_method", "one_prefix_method"),
    *("two_prefix_method", "lexically_identical", "pairID"),
]


@pytest.fixture(scope="module")
def suite():
    return minimal_pairs()


def test_there_are_twenty_paradigms_of_two_hundred_different_pairs(suite):
    assert len(suite) == 20
    for pairs in suite.values():
        assert len({(pair["sentence_good"], pair["sentence_bad"]) for pair in pairs}) == 200
        assert [pair["pairID"] for pair in pairs] == [str(k) for k in range(200)]


def test_no_sentence_is_good_here_and_bad_there(suite):
    good = {pair["sentence_good"] for pairs in suite.values() for pair in pairs}
    bad = {pair["sentence_bad"] for pairs in suite.values() for pair in pairs}
    assert not good & bad


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    word_types=st.integers(600, 3000),
    zipf_exponent=st.floats(0, 1.5),
    ambiguous_share=st.floats(0, 0.6),
)
def test_good_members_are_in_the_language_and_bad_ones_are_not(**lexicon):
    accepts = recogniser(build_lexicon(**lexicon))
    for uid, pairs in minimal_pairs(pairs_per_paradigm=20, **lexicon).items():
        for pair in pairs:
            assert accepts(pair["sentence_good"].split(" ")), (uid, pair["sentence_good"])
            assert not accepts(pair["sentence_bad"].split(" ")), (uid, pair["sentence_bad"])


@pytest.mark.slow
def test_all_two_hundred_pairs_of_the_default_suite_are_right(suite):
    accepts = recogniser(build_lexicon())
    for pairs in suite.values():
        assert all(accepts(pair["sentence_good"].split(" ")) for pair in pairs)
        assert not any(accepts(pair["sentence_bad"].split(" ")) for pair in pairs)


def test_pairs_are_made_of_the_corpus_words(suite):
    words = {word for row in generate({"train": 20000})["train"] for word in row["words"]}
    of_pairs = [w for pairs in suite.values() for p in pairs for w in p["sentence_good"].split(" ")]
    assert sum(word in words for word in of_pairs) > 0.999 * len(of_pairs)


def test_fields_are_those_of_blimp(suite):
    for uid, pairs in suite.items():
        for pair in pairs:
            method = "one" * pair["one_prefix_method"] + "two" * pair["two_prefix_method"]
            sentences = ["sentence_good", "sentence_bad"]
            assert list(pair) == [*sentences, *PREFIXES[method], *COMMON_FIELDS]
            assert pair["UID"] == uid
            assert pair["simple_LM_method"] is True


def test_prefixes_lead_to_the_words_that_are_compared(suite):
    for pairs in suite.values():
        for pair in pairs:
            good, bad = pair["sentence_good"] + " ", pair["sentence_bad"] + " "
            if pair["one_prefix_method"]:
                start = pair["one_prefix_prefix"]
                assert start
                assert good.startswith(f"{start} {pair['one_prefix_word_good']} ")
                assert bad.startswith(f"{start} {pair['one_prefix_word_bad']} ")
                assert pair["one_prefix_word_good"] != pair["one_prefix_word_bad"]
            if pair["two_prefix_method"]:
                word = pair["two_prefix_word"]
                assert good.startswith(f"{pair['two_prefix_prefix_good']} {word} ")
                assert bad.startswith(f"{pair['two_prefix_prefix_bad']} {word} ")
                assert pair["two_prefix_prefix_good"] != pair["two_prefix_prefix_bad"]


def test_members_differ_in_one_word_but_where_the_paradigm_moves_or_adds_some(suite):
    for uid, pairs in suite.items():
        for pair in pairs:
            good, bad = pair["sentence_good"].split(" "), pair["sentence_bad"].split(" ")
            if uid == "polarity_adverb_scope":
                assert sorted(good) == sorted(bad)
            elif uid == "relative_clause_gap":
                added = len(bad) - len(good)
                assert added in (2, 3)
                assert any(bad[:k] + bad[k + added :] == good for k in range(len(bad)))
            else:
                assert sum(a != b for a, b in zip(good, bad, strict=True)) == 1


def test_agreement_across_attractors_has_a_noun_of_the_other_number_before_the_verb(suite):
    lexicon = build_lexicon()
    number = {noun.singular: 1 for noun in lexicon.classes["noun"]}
    number |= {noun.plural: 2 for noun in lexicon.classes["noun"]}
    for uid, pairs in suite.items():
        if "_across_" in uid:
            for pair in pairs:
                nouns = [w for w in pair["one_prefix_prefix"].split(" ") if w in number]
                assert len(nouns) == 2
                assert number[nouns[0]] != number[nouns[-1]]


def test_singular_and_plural_are_both_common_in_the_good_members(suite):
    for uid, pairs in suite.items():
        if "agreement" in uid and "gender" not in uid:
            last = {"one_prefix_word_good", "one_prefix_word_bad"}
            assert all(last <= set(pair) for pair in pairs)
            longer = sum(
                len(p["one_prefix_word_good"]) > len(p["one_prefix_word_bad"]) for p in pairs
            )
            assert 60 < longer < 140, uid


def test_same_seed_gives_the_same_pairs_and_another_seed_others(suite):
    assert minimal_pairs() == suite
    other = minimal_pairs(seed=1)
    for uid, pairs in suite.items():
        assert pairs[0]["sentence_good"] != other[uid][0]["sentence_good"]
    fewer = minimal_pairs(pairs_per_paradigm=30)
    assert all(pairs[:30] == fewer[uid] for uid, pairs in suite.items())


def test_files_hold_the_pairs_line_by_line(tmp_path, suite):
    write_minimal_pairs(suite, tmp_path / "pairs")
    assert {f.name for f in (tmp_path / "pairs").iterdir()} == {f"{uid}.jsonl" for uid in suite}
    for uid, pairs in suite.items():
        lines = (tmp_path / "pairs" / f"{uid}.jsonl").read_text().splitlines()
        assert [json.loads(line) for line in lines] == pairs


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"pairs_per_paradigm": 0}, "pairs_per_paradigm is 0; expected an integer of at least 1."),
        ({"ambiguous_share": 2}, "ambiguous_share is 2; expected a number from 0 to 1."),
        ({"ambiguous_share": 1.0}, "ambiguous_share is 1.0: it leaves no unambiguous word in the"),
        (
            {"zipf_exponent": 40.0, "pairs_per_paradigm": 900},
            "pairs_per_paradigm is 900, but only",
        ),
    ],
)
def test_settings_that_allow_no_pairs_are_refused_by_their_key(settings_, message):
    with pytest.raises(ConfigError, match="^" + re.escape(message)):
        minimal_pairs(**settings_)
