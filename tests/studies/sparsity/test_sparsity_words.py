import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.errors import CorpusError
from ontogeny.runs.pretraining.tokenizers import train_tokenizer
from ontogeny.studies.sparsity.words import (
    classes,
    frequencies,
    matched,
    refuse_empty_classes,
)

SENTENCES = [["The", "cat", "sees", "the", "dog"], ["a", "saw", "saw"], ["The", "dog", "saw", "a"]]


def tokenizer(**settings):
    return train_tokenizer(
        SENTENCES, **{"kind": "word", "objective": "causal", "lowercase": True, **settings}
    )


def of(tokenizer, values, word):
    return values[tokenizer.convert_tokens_to_ids(word)]


def test_words_are_counted_as_the_tokenizer_tells_them_apart():
    known = tokenizer()
    counts = frequencies(known, [*SENTENCES, ["unheard"]])
    assert [of(known, counts, word) for word in ("the", "saw", "dog", "cat")] == [3, 3, 2, 1]
    assert of(known, counts, "[UNK]") == 0
    assert counts.sum() == sum(map(len, SENTENCES))
    cased = tokenizer(lowercase=False)
    assert [of(cased, frequencies(cased, SENTENCES), word) for word in ("The", "the")] == [2, 1]


def test_words_of_several_pieces_count_for_none():
    pieces = tokenizer(kind="bpe", vocabulary_size=262)
    counts = frequencies(pieces, SENTENCES)
    whole = {word for words in SENTENCES for word in words if len(pieces.tokenize(f" {word}")) == 1}
    expected = sum(word in whole for words in SENTENCES for word in words)
    assert counts.sum() == expected < sum(map(len, SENTENCES))


def test_a_word_is_of_the_class_of_most_of_its_occurrences_if_these_are_enough():
    known = tokenizer()
    upos = [["DET", "NOUN", "VERB", "DET", "NOUN"], ["DET", "NOUN", "VERB"], ["DET", "NOUN", "VERB",
            "X"]]  # fmt: skip
    tagged = pd.DataFrame({"words": SENTENCES, "upos": upos})
    found = classes(known, tagged, 2)
    assert of(known, found, "the") == "closed"
    assert of(known, found, "dog") == "open"
    # saw: two of three are verbs; a: one of two is a determiner; sees: comes once.
    assert of(known, found, "saw") == "open"
    assert of(known, found, "a") is None
    assert of(known, found, "sees") is None
    assert of(known, classes(known, tagged, 1), "sees") == "open"
    assert not any(classes(known, tagged.assign(upos=None), 1))


@given(st.integers(0, 50), st.integers(3, 12))
def test_matched_samples_are_the_ranges_whose_mean_frequencies_differ_least(seed, size):
    draw = np.random.default_rng(seed)
    frequency = draw.integers(1, 1000, 60)
    word_class = np.array(["open", "closed", None], dtype=object)[draw.integers(0, 3, 60)]
    word_class[:12], word_class[12:24] = "open", "closed"
    opened, closed = matched(frequency, word_class, size)
    assert len(set(opened)) == len(set(closed)) == size
    assert (word_class[opened] == "open").all()
    assert (word_class[closed] == "closed").all()
    means = {}
    for name in ("open", "closed"):
        ordered = np.sort(frequency[word_class == name])[::-1]
        means[name] = [ordered[i : i + size].mean() for i in range(len(ordered) - size + 1)]
    best = min(abs(np.log(a / b)) for a in means["open"] for b in means["closed"])
    found = abs(np.log(frequency[opened].mean() / frequency[closed].mean()))
    assert found == pytest.approx(best, abs=1e-9)


def test_classes_that_are_empty_or_too_small_are_refused_by_name():
    word_class = np.array(["open", "open", None], dtype=object)
    with pytest.raises(CorpusError, match=r"no word of closed classes comes 100 times .* raise"):
        refuse_empty_classes(word_class, 100, 5)
    with pytest.raises(CorpusError, match=r"studies\.sparsity\.matched: is 3, but 2 words of open"):
        matched(np.array([3, 2, 1]), word_class, 3)
