"""Corpora of a rule across scaffolds: exactly the stated counts, and no scaffold is cut."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ontogeny.corpora.scaffolds import SETTINGS, RuleCorpus, generate, scaffolds_to_test
from ontogeny.errors import ConfigError

USUAL = RuleCorpus(
    setting="familiar",
    tokens=1200,
    streams=4,
    types=50,
    occurrences=40,
    length=3,
    phrases=8,
    outside=20,
)


@st.composite
def corpora(draw):
    phrases = draw(st.integers(1, 6))
    corpus = RuleCorpus(
        setting=draw(st.sampled_from(SETTINGS)),
        tokens=0,
        streams=draw(st.integers(1, 5)),
        types=draw(st.integers(20, 40)),
        occurrences=phrases * draw(st.integers(1, 5)),
        length=draw(st.integers(1, 6)),
        phrases=phrases,
        outside=draw(st.integers(0, 8)),
    )
    least = corpus.occurrences * (corpus.length + 2) + phrases * corpus.outside * corpus.length
    per_stream = -(-least // corpus.streams) + draw(st.integers(corpus.length + 2, 60))
    return replace(corpus, tokens=corpus.streams * per_stream)


def occurrences(corpus, tokens):
    """The scaffolds of all whole occurrences of the rule, read off the streams."""
    return [
        tuple(row[at + 1 : at + 1 + corpus.length])
        for row in tokens.tolist()
        for at in range(len(row) - corpus.length - 1)
        if row[at] == corpus.opening and row[at + 1 + corpus.length] == corpus.closing
    ]


@given(corpora(), st.integers(0, 99))
def test_a_corpus_has_exactly_the_stated_counts_and_no_scaffold_is_cut(corpus, seed):
    found = generate(corpus, np.random.default_rng(seed))
    assert found.tokens.shape == (corpus.streams, corpus.tokens // corpus.streams)
    for token in (corpus.opening, corpus.closing):
        assert (found.tokens == token).sum() == corpus.occurrences
    scaffolds = occurrences(corpus, found.tokens)
    assert len(scaffolds) == corpus.occurrences
    assert found.tokens.max() < corpus.vocabulary
    assert found.tokens.min() >= 0
    own = Counter(map(tuple, found.scaffolds.tolist()))
    if corpus.repeats:
        each = corpus.occurrences // corpus.phrases
        assert Counter(scaffolds) == dict.fromkeys(own, each)
        assert len(own) == corpus.phrases
    else:
        assert Counter(scaffolds) == own


@given(corpora(), st.integers(0, 99))
def test_phrases_stand_outside_the_rule_as_often_as_stated(corpus, seed):
    assume(corpus.length > 2)  # shorter ones come by chance as well
    # So many types that no phrase comes by chance.
    corpus = replace(corpus, types=10_000)
    found = generate(corpus, np.random.default_rng(seed))
    seen = Counter(
        tuple(window)
        for row in found.tokens.tolist()
        for window in np.lib.stride_tricks.sliding_window_view(row, corpus.length).tolist()
    )
    in_rule = corpus.occurrences // corpus.phrases if corpus.repeats else 0
    outside = corpus.outside if corpus.phrases_outside else 0
    assert [seen[tuple(phrase)] for phrase in found.phrases.tolist()] == (
        corpus.phrases * [in_rule + outside]
    )


def test_the_same_generator_gives_the_same_corpus_and_another_one_another():
    one, same, other = (generate(USUAL, np.random.default_rng(seed)).tokens for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_single_tokens_are_uniform():
    corpus = replace(USUAL, setting="unfamiliar", tokens=40_000, types=10, occurrences=8)
    tokens = generate(corpus, np.random.default_rng(0)).tokens
    counts = np.bincount(tokens.ravel(), minlength=12)[:10]
    expected = (corpus.tokens - 16) / 10
    assert ((counts - expected) ** 2 / expected).sum() < 27.9  # chi-squared, 9 degrees, p = 0.001


def test_scaffolds_in_the_domain_are_those_of_the_rule_as_evenly_as_can_be():
    found = generate(USUAL, np.random.default_rng(0))
    tested = scaffolds_to_test(USUAL, found, 20, np.random.default_rng(1))
    known = Counter(map(tuple, tested["in"].tolist()))
    assert set(known) <= set(map(tuple, found.scaffolds.tolist()))
    assert sorted(known.values()) == [2, 2, 2, 2, 3, 3, 3, 3]
    assert tested["out"].shape == (20, 3)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"tokens": 400}, "can't be placed in the familiar setting"),
        ({"tokens": 680, "streams": 20}, "too few are outside the rule"),
        ({"tokens": 1201}, "multiple of batch_size"),
        ({"phrases": 7}, "divisor of the occurrences"),
        ({"types": 2, "length": 2, "phrases": 5, "occurrences": 5}, "make only 4 phrases"),
    ],
)
def test_what_cannot_be_placed_is_refused(changes, fault):
    with pytest.raises(ConfigError, match=fault):
        generate(replace(USUAL, **changes), np.random.default_rng(0))
