from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogeny.corpora.corpus import write_split
from ontogeny.errors import CorpusError
from ontogeny.runs.pretraining.batches import (
    BATCHES_IN_BLOCK,
    BatchOrder,
    Masking,
    causal_batch,
    gather,
    generator,
    masked_batch,
)
from ontogeny.runs.pretraining.sequences import (
    Sequences,
    encode,
    open_sequences,
    read_words,
    write_sequences,
)
from ontogeny.runs.pretraining.tokenizers import train_tokenizer

texts = st.lists(
    st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=40), min_size=1, max_size=12
)
objectives = st.sampled_from(["masked", "causal"])


def rows(sequences):
    return [
        sequences.tokens[start:stop].tolist()
        for start, stop in zip(sequences.offsets[:-1], sequences.offsets[1:], strict=True)
    ]


def joined(parts):
    return list(chain.from_iterable(parts))


@given(texts, objectives, st.integers(4, 20))
@settings(max_examples=40, deadline=None)
def test_sentences_are_cut_at_the_longest_length_and_no_token_is_dropped(text, objective, longest):
    tokenizer = train_tokenizer(text, kind="word", objective=objective)
    encoded = rows(encode(tokenizer, text, sequences="sentence", longest=longest))
    begin, end = (1, 1) if objective == "masked" else (1, 0)
    inner = []
    for row in encoded:
        assert len(row) <= longest
        assert row[0] == (
            tokenizer.cls_token_id if objective == "masked" else tokenizer.bos_token_id
        )
        inner.append(tokenizer.convert_ids_to_tokens(row[begin : len(row) - end]))
    assert joined(inner) == joined(text)
    assert len(encoded) == sum(-(-len(words) // (longest - begin - end)) for words in text)


@given(texts, objectives, st.integers(4, 20))
@settings(max_examples=40, deadline=None)
def test_packed_text_is_one_stream_in_pieces_of_equal_length(text, objective, longest):
    tokenizer = train_tokenizer(text, kind="word", objective=objective)
    encoded = rows(encode(tokenizer, text, sequences="packed", longest=longest))
    assert all(len(row) == longest for row in encoded[:-1])
    if objective == "masked":
        assert all(row[0] == tokenizer.cls_token_id for row in encoded)
        stream = joined(row[1:] for row in encoded)
        expected = [[*words, "[SEP]"] for words in text]
    else:
        stream = joined(encoded)
        expected = [["[BOS]", *words] for words in text]
    assert tokenizer.convert_ids_to_tokens(stream) == joined(expected)


def test_sequences_are_the_same_after_they_were_written(tmp_path):
    text = [["a", "b"], ["c"]]
    tokenizer = train_tokenizer(text, kind="word", objective="causal")
    encoded = encode(tokenizer, text, sequences="sentence", longest=8)
    write_sequences(encoded, tmp_path / "train")
    assert rows(open_sequences(tmp_path / "train")) == rows(encoded)


def test_words_of_several_corpora_follow_each_other(tmp_path):
    for name, words in (("a", ["x", "y"]), ("b", ["z"])):
        row = {"sentence_id": "1", "document_id": "1", "words": words}
        write_split([row], tmp_path / f"{name}.parquet")
    paths = [tmp_path / "b.parquet", tmp_path / "a.parquet"]
    assert list(read_words(paths)) == [["z"], ["x", "y"]]
    (tmp_path / "c.parquet").write_text("no parquet")
    with pytest.raises(CorpusError, match=r"c\.parquet: not a readable corpus split"):
        list(read_words([tmp_path / "c.parquet"]))


@given(st.integers(1, 300), st.integers(1, 9), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_each_pass_sees_every_sequence_once_and_order_needs_no_history(count, batch_size, seed):
    lengths = generator(seed).integers(1, 30, count)
    order = BatchOrder(lengths, batch_size, seed)
    blocks = 2
    drawn = np.stack([order.batch(update) for update in range(blocks * BATCHES_IN_BLOCK)])
    assert drawn.shape == (blocks * BATCHES_IN_BLOCK, batch_size)
    # Whole passes fit into these blocks `whole` times; each sequence comes so often or once more.
    whole, rest = divmod(drawn.size, count)
    times = Counter(drawn.ravel().tolist())
    assert sum(times.values()) == drawn.size
    assert set(times.values()) <= {whole, whole + 1}
    assert sum(value == whole + 1 for value in times.values()) == rest
    jumping = BatchOrder(lengths, batch_size, seed)
    for update in (77, 3, 60, 0):
        assert (jumping.batch(update) == drawn[update]).all()


def test_batches_hold_sequences_of_similar_length():
    lengths = generator(0).integers(1, 40, 5000)
    order = BatchOrder(lengths, 32, 0)
    padded = sum(32 * lengths[order.batch(update)].max() for update in range(100))
    words = sum(lengths[order.batch(update)].sum() for update in range(100))
    assert padded < 1.06 * words


def test_batches_differ_between_seeds():
    lengths = np.full(1000, 5)
    one, other = (BatchOrder(lengths, 32, seed).batch(0) for seed in (0, 1))
    assert sorted(one) != sorted(other)


def test_gathered_sequences_are_padded_on_the_right():
    sequences = Sequences(np.arange(1, 7, dtype=np.int32), np.array([0, 1, 4, 6]))
    tokens, attended = gather(sequences, np.array([2, 0, 1]), pad=0)
    assert tokens.tolist() == [[5, 6, 0], [1, 0, 0], [2, 3, 4]]
    assert attended.tolist() == [[True, True, False], [True, False, False], [True, True, True]]


def test_fifteen_percent_are_chosen_and_of_these_80_10_10_are_masked_replaced_kept():
    vocabulary = 1000
    ordinary = np.arange(vocabulary) >= 5
    tokens = generator(0).integers(5, vocabulary, (400, 200))
    tokens[:, 0], tokens[:, -1] = 2, 3
    attended = np.ones_like(tokens, dtype=bool)
    attended[:, 150:] = False
    masking = Masking(0.15, mask=4, ordinary=ordinary)
    batch = masked_batch(tokens, attended, masking, generator(1))
    before, after = tokens.ravel(), batch.tokens.ravel()
    assert (batch.targets == before[batch.positions]).all()
    untouched = np.setdiff1d(np.arange(tokens.size), batch.positions)
    assert (after[untouched] == before[untouched]).all()
    places = batch.positions % 200
    assert places.min() == 1
    assert places.max() == 149
    hideable = 400 * 149
    share = len(batch.positions) / hideable
    assert abs(share - 0.15) < 5 * np.sqrt(0.15 * 0.85 / hideable)
    now = after[batch.positions]
    fates = {
        "masked": (now == 4, 0.8),
        "kept": (now == batch.targets, 0.1 + 0.1 / 995),
        "replaced": ((now != 4) & (now != batch.targets), 0.1 - 0.1 / 995),
    }
    for happened, expected in fates.values():
        deviation = np.sqrt(expected * (1 - expected) / len(now))
        assert abs(happened.mean() - expected) < 5 * deviation
    replaced = now[fates["replaced"][0]]
    assert replaced.min() >= 5
    assert np.unique(replaced).size > 500


def test_at_least_one_word_is_hidden_unless_there_is_none():
    masking = Masking(0.0, mask=4, ordinary=np.arange(10) >= 5)
    attended = np.ones((1, 3), dtype=bool)
    assert masked_batch(np.array([[2, 7, 3]]), attended, masking, generator(0)).positions == [1]
    assert masked_batch(np.array([[2, 1, 3]]), attended, masking, generator(0)).positions.size == 0


def test_a_causal_batch_predicts_each_next_token_and_no_padding():
    tokens = np.array([[2, 5, 6, 7], [2, 8, 0, 0]])
    batch = causal_batch(tokens, np.array([[True] * 4, [True, True, False, False]]))
    assert batch.positions.tolist() == [0, 1, 2, 4]
    assert batch.targets.tolist() == [5, 6, 7, 8]


@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 3))
@settings(deadline=None)
def test_devices_share_a_batch_without_loss(sequences, devices, seed):
    tokens = generator(seed).integers(5, 50, (sequences, 6))
    batch = causal_batch(tokens, generator(seed, 1).random((sequences, 6)) < 0.7)
    shares = [batch.share(device, devices) for device in range(devices)]
    together = [
        (target, tuple(share.tokens[position // 6]), position % 6)
        for share in shares
        for position, target in zip(share.positions, share.targets, strict=True)
    ]
    alone = [
        (target, tuple(tokens[position // 6]), position % 6)
        for position, target in zip(batch.positions, batch.targets, strict=True)
    ]
    assert sorted(together) == sorted(alone)
