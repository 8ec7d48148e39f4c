"""Chains read the loss of language models as they are evaluated, and move the weights asked for."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

from ontogeny.errors import CorpusError
from ontogeny.measures.learning_coefficient import Condition, estimate, sample
from ontogeny.measures.learning_coefficient.language_models import (
    causal_examples,
    causal_losses,
    masked_examples,
    masked_losses,
)
from ontogeny.runs.architectures import configure, initialise

TYPES = 13


def text(seed=0, sequences=6, longest=7):
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, longest + 1, (sequences,), generator=generator)
    lengths[0] = longest
    attended = torch.arange(longest) < lengths[:, None]
    tokens = torch.randint(2, TYPES, (sequences, longest), generator=generator)
    return tokens.masked_fill(~attended, 0), attended


def gpt(seed):
    torch.manual_seed(seed)
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 8, "n_positions": 8, "pad_token_id": 0}
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=TYPES, **sizes, bos_token_id=None, eos_token_id=None)
    ).eval()


def attention_only(seed):
    sizes = {"positions": 8, "layers": 2, "heads": 2, "width": 8}
    return initialise(configure("attention_only", TYPES, **sizes), seed).eval()


def bert(seed):
    torch.manual_seed(seed)
    return BertForMaskedLM(
        BertConfig(
            vocab_size=TYPES,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=8,
        )
    ).eval()


@pytest.mark.parametrize("build", [gpt, attention_only])
def test_causal_losses_are_those_of_each_sequence_alone(build):
    tokens, attended = text()
    model = build(0)
    with torch.no_grad():
        sums, counts = causal_losses(model, causal_examples(tokens, attended).tensors)
        for row, length in enumerate(attended.sum(1)):
            own = tokens[row, :length]
            mask = torch.ones(1, int(length), dtype=torch.long)
            logits = model(input_ids=own[None], attention_mask=mask).logits[0, :-1]
            expected = cross_entropy(logits, own[1:], reduction="sum")
            assert sums[row].item() == pytest.approx(expected.item(), rel=1e-4)
            assert counts[row] == length - 1


def test_masked_losses_are_those_of_hidden_tokens():
    tokens, attended = text(1)
    hideable = attended & (tokens > 3)
    hideable[:, 0] |= True
    generator = torch.Generator().manual_seed(0)
    examples = masked_examples(tokens, attended, hideable, 1, 0.3, generator).tensors
    hidden = examples["inputs"] == 1
    assert (hidden <= hideable).all()
    assert hidden.any(1).all()
    model = bert(0)
    with torch.no_grad():
        sums, counts = masked_losses(model, examples)
        for row in range(len(tokens)):
            length = int(attended[row].sum())
            logits = model(input_ids=examples["inputs"][row : row + 1, :length]).logits[0]
            places = hidden[row, :length]
            expected = cross_entropy(logits[places], tokens[row, :length][places], reduction="sum")
            assert sums[row].item() == pytest.approx(expected.item(), rel=1e-4)
            assert counts[row] == places.sum()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda t, a: causal_examples(t, a), "two tokens in each"),
        (
            lambda t, a: masked_examples(t, a, a & False, 1, 0.5, torch.Generator()),
            "a token that can be hidden",
        ),
    ],
)
def test_a_sequence_with_nothing_to_predict_is_refused(make, message):
    tokens, attended = text()
    attended[2, 1:] = False
    with pytest.raises(CorpusError, match=message):
        make(tokens, attended)


@pytest.mark.parametrize("build", [gpt, attention_only, bert])
def test_a_run_of_any_kind_has_coefficients(build):
    tokens, attended = text(2, sequences=12)
    if build is bert:
        generator = torch.Generator().manual_seed(0)
        examples = masked_examples(tokens, attended, attended, 1, 0.3, generator)
    else:
        examples = causal_examples(tokens, attended)
    traces = sample(
        [build(0), build(1)],
        masked_losses if build is bert else causal_losses,
        examples,
        [Condition(1e-5, 100.0, 10.0)],
        chains=2,
        burn_in=2,
        draws=8,
        batch_size=4,
        seed=0,
    )
    found = estimate(traces, np.array([10.0]))
    assert np.isfinite(found.coefficient).all()
    assert (found.diverged == 0).all()
