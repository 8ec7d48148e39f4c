"""Pairs of words in a model: those of a slow decomposition, whatever the batches."""

import numpy as np
import pytest
import torch
from random_lstms import slow_decomposition
from test_word_pairs import CLOSED, SOCRATES, corpus

from ontogeny.runs.architectures.lstm.models import LstmConfig, LstmForCausalLM
from ontogeny.runs.pretraining.tokenizers import train_tokenizer
from ontogeny.studies.interdependence import measure
from ontogeny.studies.interdependence.word_pairs import as_texts, word_pairs

SENTENCES = corpus(CLOSED, SOCRATES, SOCRATES | {"words": SOCRATES["words"][::-1]})


@pytest.fixture
def read():
    tokenizer = train_tokenizer(list(SENTENCES["words"]), kind="word", objective="causal")
    torch.manual_seed(0)
    model = LstmForCausalLM(
        LstmConfig(vocab_size=len(tokenizer), hidden_size=4, num_hidden_layers=2)
    ).double()
    for values in model.parameters():
        values.data.uniform_(-1, 1)
    pairs = word_pairs(SENTENCES, 3, measure_counts(), "corpus")
    return model, tokenizer, pairs


def measure_counts():
    from ontogeny.studies.interdependence.word_pairs import word_counts

    return word_counts(SENTENCES)


@torch.no_grad()
@pytest.mark.parametrize("at_once", [1, 512])
def test_pairs_are_those_of_a_slow_decomposition(read, at_once, monkeypatch):
    monkeypatch.setattr(measure, "TOKENS_AT_ONCE", at_once)
    model, tokenizer, pairs = read
    texts = as_texts(tokenizer, list(SENTENCES["words"]), pairs, None)
    found = measure._by_decomposition(model, texts, torch.device("cpu"))
    assert found.shape == (2, len(pairs))
    lstm = torch.nn.LSTM(4, 4, 2, batch_first=True, dtype=torch.float64)
    for name, values in model.lstm.recurrence.named_parameters():
        getattr(lstm, name).data.copy_(values)
    for place in range(0, len(pairs), 5):
        tokens = torch.from_numpy(texts.tokens[pairs.sentence[place]])
        inputs = model.lstm.embedding(tokens)
        left = 1 + pairs.first[place]  # after [BOS]
        right = left + pairs.sequential[place]
        one, other, both = (
            slow_decomposition(lstm, inputs, [t in words for t in range(len(tokens))])[0][:, right]
            for words in ({left}, {right}, {left, right})
        )
        expected = (both - one - other).norm(dim=-1) / both.norm(dim=-1)
        np.testing.assert_allclose(found[:, place], expected, rtol=1e-6)


def test_rows_of_both_layers_have_their_means(read):
    model, tokenizer, pairs = read
    rows, sentences, frequencies = measure.measure_pairs(
        model, tokenizer, SENTENCES, pairs, least_cases=3, samples=2, seed=0
    )
    assert set(rows["layer"]) == {1, 2}
    whole = rows[rows["syntactic_distance"].isna() & (rows["metric"] == "cases")]
    assert whole.groupby("layer")["value"].sum().tolist() == [len(pairs)] * 2
    assert sentences["cases"].sum() == len(pairs)
    assert set(frequencies["word"]) == {"earlier", "later"}


def test_transformers_are_measured_by_masking_all_words_of_a_sentence(read):
    from transformers import BertConfig, BertForMaskedLM

    _, _, pairs = read
    tokenizer = train_tokenizer(list(SENTENCES["words"]), kind="word", objective="masked")
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2}
    model = BertForMaskedLM(
        BertConfig(vocab_size=len(tokenizer), num_hidden_layers=3, **sizes, initializer_range=1.0)
    )
    texts = as_texts(tokenizer, list(SENTENCES["words"]), pairs, None)
    seen = []

    def reads(module, arguments, options):
        seen.append(options["input_ids"])

    handle = model.register_forward_pre_hook(reads, with_kwargs=True)
    found = measure._by_masking(model, tokenizer, texts, torch.device("cpu"), 2, 0)
    handle.remove()
    assert found.shape == (3, len(texts.pairs))
    assert np.isfinite(found).all()
    assert (found > 0).all()
    tokens = torch.cat([batch.flatten() for batch in seen if batch.shape[1] == 8])
    assert set(tokens.tolist()) <= {*tokenizer.all_special_ids, *np.concatenate(texts.tokens)}
    # Every word of the longer sentences is masked at some time, special tokens never.
    rows = torch.cat([batch for batch in seen if batch.shape[1] == 8])
    masked = (rows == tokenizer.mask_token_id).any(0)
    assert masked.tolist() == [False, *[True] * 6, False]
    again = measure._by_masking(model, tokenizer, texts, torch.device("cpu"), 2, 0)
    np.testing.assert_array_equal(found, again)
