"""Word attention equals that of a loop over sentences, layers, heads and pairs of words."""

import logging

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_measures import word_attention as slow_word_attention
from tiny_language_models import CAUSAL, KINDS, build, random_sentences

from ontogeny.errors import CheckpointError
from ontogeny.measures.attention import attention_between_words, word_attention


def by_sentence(model, tokenizer, sentences, **settings):
    found = {}
    for batch in word_attention(model, tokenizer, sentences, device="cpu", **settings):
        for row, weights, length in zip(batch.sentences, batch.weights, batch.lengths, strict=True):
            assert length == len(sentences[row])
            assert not weights[..., length:, :].any()
            assert not weights[..., :, length:].any()
            found[int(row)] = weights[..., :length, :length].numpy()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_word_attention_equals_a_loop_over_pairs_of_words(kind):
    model, tokenizer = build(kind)
    sentences = random_sentences(1, count=6)
    assert max(len(tokenizer(" ".join(words))["input_ids"]) - len(words) for words in sentences) > 4
    found = by_sentence(model, tokenizer, sentences, tokens_per_batch=60)
    assert sorted(found) == list(range(6))
    for row, words in enumerate(sentences):
        expected = slow_word_attention(model, tokenizer, words)
        assert np.allclose(found[row], expected, atol=1e-5)
        if kind in CAUSAL:
            assert not np.triu(found[row]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_batches_do_not_change_what_a_sentence_gets(kind):
    model, tokenizer = build(kind)
    sentences = random_sentences(2)
    alone = by_sentence(model, tokenizer, sentences, tokens_per_batch=1)
    together = by_sentence(model, tokenizer, sentences, tokens_per_batch=10_000)
    assert all(np.allclose(alone[row], together[row], atol=1e-5) for row in range(len(sentences)))


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(1, 3), st.integers(1, 3), st.integers(1, 4))
def test_what_a_word_gives_and_special_tokens_take_is_one(data, batch, layers, heads):
    counts = [data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=5)) for _ in range(batch)]
    tokens = 2 + max(map(sum, counts))
    word = torch.full((batch, tokens), -1)
    for row, pieces in enumerate(counts):
        owners = torch.arange(len(pieces)).repeat_interleave(torch.tensor(pieces))
        word[row, 1 : 1 + len(owners)] = owners + 100 * row
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    attention = [
        torch.rand(batch, heads, tokens, tokens, generator=generator).softmax(-1)
        for _ in range(layers)
    ]
    first = 100 * torch.arange(batch)
    found = attention_between_words(attention, word, first, max(map(len, counts)))
    for row, pieces in enumerate(counts):
        for number in range(len(pieces)):
            mine = word[row] == number + 100 * row
            for layer in range(layers):
                # To special tokens and padding, and to the word itself.
                lost = attention[layer][row][:, mine][:, :, mine | (word[row] < 0)].sum(-1).mean(-1)
                assert torch.allclose(
                    found[row, layer, :, number].sum(-1) + lost, torch.ones(heads)
                )


def test_a_sentence_longer_than_the_model_is_left_out_and_counted(caplog):
    model, tokenizer = build("bert", positions=16)
    sentences = [["cat", "sat"], ["unhappily"] * 12, ["the", "dogs"]]
    with caplog.at_level(logging.WARNING, logger="ontogeny"):
        found = by_sentence(model, tokenizer, sentences)
    assert sorted(found) == [0, 2]
    assert "1 of 3 sentences are longer than the model's 16 tokens" in caplog.text


def test_the_models_way_of_computing_attention_is_as_it_was():
    model, tokenizer = build("bert")
    model.set_attn_implementation("sdpa")
    by_sentence(model, tokenizer, [["cat", "sat"]])
    assert model.config._attn_implementation == "sdpa"


class Deaf(torch.nn.Module):
    """An encoder without attention."""

    def __init__(self, model):
        super().__init__()
        self.config = model.config

    @property
    def base_model(self):
        return self

    def forward(self, **inputs):
        from transformers.modeling_outputs import BaseModelOutput

        return BaseModelOutput(last_hidden_state=torch.zeros(1))


def test_a_model_without_attention_weights_is_refused():
    model, tokenizer = build("bert")
    with pytest.raises(CheckpointError, match="gives no attention weights"):
        by_sentence(Deaf(model), tokenizer, [["cat"]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        # As models give it some of whose layers have none.
        (lambda layers: layers[:1], "BertModel: the model gives attention weights of 1 of its 2"),
        # As SqueezeBERT gives it: scores, before the softmax.
        (lambda layers: [(layer / (1 - layer)).log() for layer in layers], "are no shares of a"),
        (lambda layers: [2 * layer for layer in layers], "are no shares of a whole"),
    ],
)
def test_attention_of_some_layers_or_that_is_none_is_refused_before_a_sentence_is_read(
    change, message
):
    model, tokenizer = build("bert")
    read = []

    def changed(module, inputs, output):
        read.append(output[0].shape[1])
        output["attentions"] = change(output.attentions)
        return output

    model.bert.register_forward_hook(changed)
    with pytest.raises(CheckpointError, match=rf"{message}.*Leave this run out of studies of att"):
        by_sentence(model, tokenizer, [["cat", "sat"]])
    assert len(read) == 1


@pytest.mark.parametrize("kind", ["Mamba", "FNet", "Rwkv"])
def test_architectures_without_attention_are_refused_by_name(kind):
    _, tokenizer = build("gpt2")
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "intermediate_size": 16}
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer), bos_token_id=0, eos_token_id=0, pad_token_id=0, **sizes
    )
    model = getattr(transformers, f"{kind}Model")(config).eval()
    with pytest.raises(CheckpointError, match=f"{kind}Model: the model gives no attention weights"):
        by_sentence(model, tokenizer, [["the", "cat", "sat"], ["cat"]])


def test_attention_that_is_not_a_number_is_refused():
    model, tokenizer = build("bert")
    with torch.no_grad():
        model.bert.encoder.layer[0].attention.self.query.weight.fill_(torch.nan)
    with pytest.raises(CheckpointError, match="NaN or infinite"):
        by_sentence(model, tokenizer, [["cat", "sat"]])
