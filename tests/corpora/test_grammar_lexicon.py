"""Toyglish's words: their number, shape, frequencies, ambiguity, and what topics do to them."""

import math
import random
import re
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogeny.corpora.grammar import generate
from ontogeny.corpora.grammar.lexicon import VERB_FRAMES, build_lexicon
from ontogeny.corpora.grammar.topics import topic_weights

shares = st.floats(0, 1)


def stems(lexicon, *classes):
    """The stems of some classes, by hand: nouns and verbs are tuples, the rest words."""
    entries = [entry for name in classes for entry in lexicon.classes[name]]
    return [entry if isinstance(entry, str) else entry[0] for entry in entries]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(400, 5000), shares)
def test_lexicon_has_the_word_types_asked_for(seed, word_types, share):
    lexicon = build_lexicon(seed=seed, word_types=word_types, ambiguous_share=share)
    content = set()
    for name, entries in lexicon.classes.items():
        for entry in entries:
            content |= (
                {entry} if isinstance(entry, str) else set(entry[: 2 if name == "noun" else 4])
            )
    assert content <= lexicon.forms
    assert len(lexicon.forms) == word_types
    assert all(len(set(stems(lexicon, name))) == len(entries)
               for name, entries in lexicon.classes.items())  # fmt: skip


def test_every_word_type_can_occur_and_no_other_does():
    lexicon = build_lexicon(seed=2, word_types=500, zipf_exponent=0.3)
    rows = generate({"train": 9000}, seed=2, word_types=500, zipf_exponent=0.3)["train"]
    assert {word for row in rows for word in row["words"]} == lexicon.forms


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(400, 5000), shares)
def test_share_of_ambiguous_stems_is_the_one_asked_for(seed, word_types, share):
    lexicon = build_lexicon(seed=seed, word_types=word_types, ambiguous_share=share)
    classes = {
        "noun": set(stems(lexicon, "noun")),
        "verb": set(stems(lexicon, *VERB_FRAMES)),
        "adjective": set(stems(lexicon, "adjective")),
    }
    counted = Counter(stem for members in classes.values() for stem in members)
    twice = {stem for stem, count in counted.items() if count > 1}
    assert max(counted.values()) <= 2
    assert len(twice) / len(counted) == pytest.approx(share, abs=1 / len(counted))
    assert twice == lexicon.ambiguous
    assert twice <= classes["noun"]
    by_verb = len(classes["noun"] & classes["verb"])
    assert by_verb / len(classes["verb"]) == pytest.approx(
        (len(twice) - by_verb) / len(classes["adjective"]), abs=1 / len(classes["verb"])
    )


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_ambiguous_forms_are_drawn_in_both_classes(share):
    rows = generate({"train": 6000}, ambiguous_share=share)["train"]
    lexicon = build_lexicon(ambiguous_share=share)
    tags = defaultdict(Counter)
    for row in rows:
        for word, upos in zip(row["words"], row["upos"], strict=True):
            tags[word][upos] += 1
    common = [stem for stem in lexicon.ambiguous if sum(tags[stem].values()) >= 40]
    assert len(common) >= 8
    both = sum(len(tags[stem]) == 2 for stem in common)
    assert both > 0.9 * len(common)
    unambiguous = set(stems(lexicon, "noun", *VERB_FRAMES, "adjective")) - lexicon.ambiguous
    assert all(len(tags[stem]) <= 1 for stem in unambiguous)
    # Evenly spaced ranks: among nouns the share of ambiguous words is near that of types.
    nouns = [word for row in rows for word, x in zip(row["words"], row["xpos"], strict=True)
             if x == "NN" and word in tags and len(word) > 4]  # fmt: skip
    of_types = len(lexicon.ambiguous) / len(lexicon.classes["noun"])
    of_words = sum(word in lexicon.ambiguous for word in nouns) / len(nouns)
    assert of_types / 2 < of_words < of_types * 2


def test_stems_are_pronounceable():
    lexicon = build_lexicon()
    syllables = re.compile(r"([bdfhklmnprstvwz]{1,2}[aeiou]){2,3}[nlrmtkpb]")
    for name in lexicon.classes:
        for stem in stems(lexicon, name):
            plain = stem.removesuffix("ly") if name == "adverb" else stem.lower()
            assert syllables.fullmatch(plain), stem


def zipf_exponent_by_maximum_likelihood(counts):
    """The exponent a at which the Zipf likelihood of counts by rank is largest.

    There the expected log rank is the observed one; it falls with a, so halve the interval.
    """
    ranks = np.arange(1, len(counts) + 1)
    observed = (counts * np.log(ranks)).sum() / counts.sum()
    low, high = 0.0, 5.0
    for _ in range(60):
        middle = (low + high) / 2
        weights = ranks**-middle
        if (weights * np.log(ranks)).sum() / weights.sum() > observed:
            low = middle
        else:
            high = middle
    return low


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.3])
@pytest.mark.parametrize("strength", [0.0, 4.0])
def test_zipf_exponent_is_recovered_from_counts(exponent, strength):
    chosen = {"seed": 4, "zipf_exponent": exponent}
    # Many short documents: their topics vary the counts, and must average out.
    rows = generate({"train": 8000}, topic_strength=strength, sentences_per_document=4, **chosen)
    counts = Counter(
        (upos, word)
        for row in rows["train"]
        for word, upos in zip(row["words"], row["upos"], strict=True)
    )
    lexicon = build_lexicon(**chosen)
    nouns = [counts["NOUN", n.singular] + counts["NOUN", n.plural] for n in lexicon.classes["noun"]]
    verbs = [sum(counts["VERB", f] for f in v) for v in lexicon.classes["transitive"]]
    adjectives = [counts["ADJ", adjective] for adjective in lexicon.classes["adjective"]]
    for found in (nouns, verbs, adjectives):
        assert zipf_exponent_by_maximum_likelihood(np.array(found)) == pytest.approx(
            exponent, abs=0.05
        )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 30), st.floats(0, 20), st.floats(0, 2))
def test_topics_keep_the_class_and_multiply_the_odds(seed, topics, strength, exponent):
    lexicon = build_lexicon(seed=seed, word_types=600, zipf_exponent=exponent)
    weights = topic_weights(lexicon, seed=seed, topics=topics, topic_strength=strength)
    for name, table in weights.items():
        zipf = np.arange(1, table.shape[1] + 1) ** -exponent
        np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-9)
        np.testing.assert_allclose(table.mean(axis=0), zipf / zipf.sum(), rtol=1e-6)
        # Any two neighbours in rank within a block of as many entries as topics have different
        # topics. Their log odds are one step above the usual in the topic of the one, one step
        # below in that of the other, and the same in all others; the step is log(1 + strength).
        for i in range(table.shape[1] - 1):
            if i // topics == (i + 1) // topics:
                odds = np.sort(np.log(table[:, i]) - np.log(table[:, i + 1]))
                step = np.log1p(strength)
                assert odds[-1] - odds[0] == pytest.approx(2 * step, abs=1e-6), name
                np.testing.assert_allclose(odds[1:-1], odds[0] + step, atol=1e-6)


def test_without_strength_all_topics_are_alike():
    lexicon = build_lexicon(word_types=600)
    for name, table in topic_weights(lexicon, seed=0, topics=7, topic_strength=0.0).items():
        np.testing.assert_allclose(table, np.tile(lexicon.weights[name], (7, 1)), rtol=1e-12)


def repetition(documents):
    """Pairs of equal nouns in different sentences of one document, summed over documents."""
    total = 0
    for sentences in documents:
        count = Counter(noun for sentence in sentences for noun in sentence)
        within = [Counter(sentence) for sentence in sentences]
        total += sum(n * n for n in count.values())
        total -= sum(n * n for counts in within for n in counts.values())
    return total


def permutation_z(strength, seed):
    """Standard score of the repetition in documents among those of sentences dealt anew."""
    size = 20
    rows = generate({"train": 1500}, seed=seed, topic_strength=strength)["train"]
    nouns = [
        [word for word, upos in zip(row["words"], row["upos"], strict=True) if upos == "NOUN"]
        for row in rows
    ]
    deal = [nouns[k : k + size] for k in range(0, len(nouns), size)]
    observed, rng, chance = repetition(deal), random.Random(0), []
    for _ in range(30):
        rng.shuffle(nouns)
        chance.append(repetition([nouns[k : k + size] for k in range(0, len(nouns), size)]))
    return (observed - np.mean(chance)) / np.std(chance)


def test_documents_differ_by_more_than_chance_just_when_topics_have_strength():
    with_topics = [permutation_z(4.0, seed) for seed in range(2)]
    without = [permutation_z(0.0, seed) for seed in range(2)]
    assert min(with_topics) > 5
    assert math.hypot(*without) < 4
