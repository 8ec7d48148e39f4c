"""Text in which induction pays has what its settings say, and nothing else to learn from."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from ontogeny.corpora.build import build, splits_of
from ontogeny.corpora.corpus import read_split, write_split
from ontogeny.corpora.repetition import PHRASE, SEGMENT, generate, source_of
from ontogeny.errors import ConfigError

COUNTS = {"train": 300, "dev": 5, "test": 40}


def words(rows):
    return [row["words"] for row in rows]


def test_splits_are_documents_of_their_own_that_depend_on_the_seed_alone(tmp_path):
    one, again = generate(COUNTS), generate({"test": 3, "train": 10})
    assert {split: len(rows) for split, rows in one.items()} == COUNTS
    assert one["train"][:10] == again["train"]
    assert one["test"][:3] == again["test"]
    assert one["train"][:5] != one["dev"]
    assert generate(COUNTS, seed=1)["train"] != one["train"]
    rows = [row for split in one.values() for row in split]
    assert len({row["document_id"] for row in rows}) == sum(COUNTS.values())
    assert {len(own) for own in words(rows)} == {63}
    made = tmp_path / "test.parquet"
    write_split(build("made", {"kind": "repetition", "documents": COUNTS})["test"], made)
    assert words(read_split(made).to_dict("records")) == words(one["test"])
    assert splits_of({"kind": "repetition", "documents": COUNTS}) == ("train", "dev", "test")


def test_without_phrases_and_repetition_successors_come_as_often_as_asked_for():
    rows = generate(
        {"train": 2000}, bigram_share=0.6, phrase_share=0, repeated_share=0, successors=2
    )["train"]
    source = source_of(0, 24, 2, 16)
    number = {word: place for place, word in enumerate(source.words)}
    ranks = Counter()
    pairs = 0
    for own in words(rows):
        for one, next_one in pairwise(own):
            pairs += 1
            following = source.successors[number[one]]
            if number[next_one] in following:
                ranks[following.index(number[next_one])] += 1
    # The first has twice the second's weight, and each comes by chance as well.
    for rank, share in ((0, 2 / 3), (1, 1 / 3)):
        expected = 0.6 * share + 0.4 / 24
        error = np.sqrt(expected * (1 - expected) / pairs)
        assert ranks[rank] / pairs == pytest.approx(expected, abs=4 * error)


def test_phrases_alone_fill_documents_that_are_phrases():
    rows = generate({"train": 20}, words_per_document=64, phrase_share=1, repeated_share=0)["train"]
    source = source_of(0, 24, 4, 16)
    phrases = {tuple(source.words[word] for word in phrase) for phrase in source.phrases}
    for own in words(rows):
        assert {tuple(own[i : i + PHRASE]) for i in range(0, 64, PHRASE)} <= phrases


def explained_by_the_document(rows):
    """The share of words that follow the last word as they did before in the document."""
    hits = places = 0
    for own in words(rows):
        for place in range(2, len(own)):
            earlier = [own[i + 1] for i in range(place - 1) if own[i] == own[place - 1]]
            if earlier:
                places += 1
                hits += earlier.count(own[place]) / len(earlier)
    return hits / places


def test_repetition_is_what_the_context_tells():
    settings = {"bigram_share": 0, "phrase_share": 0}
    without = generate({"train": 400}, repeated_share=0, **settings)["train"]
    repeated = generate({"train": 400}, repeated_share=0.5, **settings)["train"]
    assert explained_by_the_document(without) == pytest.approx(1 / 24, abs=0.01)
    assert explained_by_the_document(repeated) > 0.3
    # Once there is something to repeat, a document of repetitions alone has no new pair of words.
    only = generate({"train": 50}, repeated_share=1, **settings)["train"]
    for own in words(only):
        assert set(own) <= set(own[: SEGMENT[0]])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"word_types": 3}, "word_types: is 3; expected at least the 4 successors"),
        ({"word_types": 10_000}, "at most 4900"),
        ({"repeated_share": 0.8, "phrase_share": 0.3}, "no more than 1 together"),
    ],
)
def test_what_cannot_be_drawn_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        generate({"train": 1}, **settings)


def test_a_wrong_key_is_refused_by_name():
    with pytest.raises(ConfigError, match="sentences: unknown for kind repetition"):
        build("made", {"kind": "repetition", "sentences": COUNTS})
