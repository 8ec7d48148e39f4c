"""The sample of sentences that bounds a study's data."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.corpora.sampling import sample


def sentences(lengths):
    rows = [
        {"sentence_id": str(index), "words": ["w"] * length} for index, length in enumerate(lengths)
    ]
    return pd.DataFrame(rows)


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=40),
    few=st.integers(1, 300),
    more=st.integers(0, 300),
    seed=st.integers(0, 20),
)
def test_a_sample_reaches_its_words_with_no_sentence_to_spare(lengths, few, more, seed):
    frame = sentences(lengths)
    small, large = sample(frame, few, seed), sample(frame, few + more, seed)
    drawn = small["sentence_id"].astype(int).tolist()
    assert drawn == sorted(drawn)
    assert set(small["sentence_id"]) <= set(large["sentence_id"])
    assert small.index.tolist() == list(range(len(small)))
    total = small["words"].map(len).sum()
    assert total >= min(few, sum(lengths))
    # Without its last-drawn sentence, whichever that was, the sample would be too small.
    assert total - max(small["words"].map(len)) < few


def test_samples_of_different_seeds_differ():
    frame = sentences([5] * 100)
    first, second = sample(frame, 100, 0), sample(frame, 100, 1)
    assert first["sentence_id"].tolist() != second["sentence_id"].tolist()
    assert first["sentence_id"].tolist() == sample(frame, 100, 0)["sentence_id"].tolist()
