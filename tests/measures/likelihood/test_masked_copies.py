"""The shortcuts of masked copies change what is computed, never what comes of it."""

import importlib
from functools import partial

import pytest
import torch
from transformers import (
    AutoModelForMaskedLM,
    BertConfig,
    DistilBertConfig,
    ElectraConfig,
    MegatronBertConfig,
    RobertaConfig,
    RobertaPreLayerNormConfig,
)

from ontogeny.measures.likelihood.masked_copies import ATTENTION, reads_copies
from ontogeny.measures.likelihood.predictions import Logits

VOCABULARY, WIDTH, HEADS = 40, 24, 3


def build(kind, layers=3, **settings):
    sizes = {"hidden_size": WIDTH, "num_attention_heads": HEADS, "intermediate_size": 32}
    if kind is DistilBertConfig:
        sizes = {"dim": WIDTH, "n_heads": HEADS, "hidden_dim": 32, "n_layers": layers}
    torch.manual_seed(1)
    config = kind(
        vocab_size=VOCABULARY,
        **sizes,
        **({} if kind is DistilBertConfig else {"num_hidden_layers": layers}),
        max_position_embeddings=32,
        pad_token_id=1,
        initializer_range=0.3,
        **settings,
    )
    model = AutoModelForMaskedLM.from_config(config).eval()
    # Biases begin at 0, where no mistake in them could be seen.
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()
    return model


def copies_of_a_sentence(length=7, mask=4):
    tokens = torch.randint(5, VOCABULARY, (1, length), generator=torch.manual_seed(2))
    place = torch.arange(1, length - 1)
    copies = tokens.repeat(len(place), 1)
    copies[torch.arange(len(place)), place] = mask
    return copies, place


def logits_of_copies(model, tokens, place, logits_at=None):
    logits_at = logits_at or Logits(model)
    with torch.no_grad(), reads_copies(model, tokens, place) as positions:
        return logits_at(tokens, None, positions)


def own_logits(model, tokens, place):
    with torch.no_grad():
        return model(tokens).logits[torch.arange(len(tokens)), place]


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize(
    "kind",
    [
        *(BertConfig, RobertaConfig, ElectraConfig, RobertaPreLayerNormConfig),
        *(DistilBertConfig, MegatronBertConfig),  # not among those that are known
    ],
)
def test_the_logits_are_the_models_own(kind, layers):
    model = build(kind, layers)
    tokens, place = copies_of_a_sentence()
    found = logits_of_copies(model, tokens, place)
    expected = own_logits(model, tokens, place)
    assert found.shape == (len(tokens), VOCABULARY)
    assert torch.allclose(found, expected, atol=1e-4)
    # The shortcuts are gone afterwards.
    assert torch.equal(own_logits(model, tokens, place), expected)


class Doubled(torch.nn.Linear):
    """A linear layer with something in front."""

    def forward(self, states):
        return super().forward(2 * states)


def with_a_forward_of_its_own(model):
    layer = model.bert.encoder.layer[0]
    own = layer.forward
    layer.forward = lambda states, *arguments, **options: 2 * own(states, *arguments, **options)


def with_an_adapter(model):
    attention = model.bert.encoder.layer[-1].attention.self
    attention.key = Doubled(WIDTH, WIDTH).eval()


def with_one_layer_twice(model):
    layers = model.bert.encoder.layer
    layers[1] = layers[0]


@pytest.mark.parametrize(
    "change", [with_a_forward_of_its_own, with_an_adapter, with_one_layer_twice]
)
def test_a_model_that_was_changed_reads_the_copies_as_it_reads_any_text(change):
    model = build(BertConfig)
    change(model)
    forwards = [vars(layer).get("forward") for layer in model.bert.encoder.layer]
    tokens, place = copies_of_a_sentence()
    expected = own_logits(model, tokens, place)
    assert torch.allclose(logits_of_copies(model, tokens, place), expected, atol=1e-4)
    assert [vars(layer).get("forward") for layer in model.bert.encoder.layer] == forwards


def test_a_decoder_reads_the_copies_as_it_reads_any_text():
    model = build(BertConfig, is_decoder=True)
    tokens, place = copies_of_a_sentence()
    found = logits_of_copies(model, tokens, place)
    assert torch.allclose(found, own_logits(model, tokens, place), atol=1e-4)


@pytest.mark.parametrize("kind", [BertConfig, RobertaConfig])
def test_a_text_may_hold_the_token_for_padding(kind):
    model = build(kind)
    tokens, place = copies_of_a_sentence()
    tokens[place != 2, 2] = model.config.pad_token_id
    found = logits_of_copies(model, tokens, place)
    with torch.no_grad():
        expected = model(tokens, attention_mask=torch.ones_like(tokens)).logits
    assert torch.allclose(found, expected[torch.arange(len(tokens)), place], atol=1e-4)


def test_a_model_may_have_no_token_for_padding():
    model = build(BertConfig)
    model.config.pad_token_id = None
    tokens, place = copies_of_a_sentence()
    found = logits_of_copies(model, tokens, place)
    assert torch.allclose(found, own_logits(model, tokens, place), atol=1e-4)


def test_no_vector_is_projected_twice_nor_for_nothing():
    model = build(BertConfig)
    logits_at, rows = Logits(model), {}

    def count(name, module, inputs, outputs):
        rows[name] = inputs[0].shape[:-1].numel()

    for name, module in model.named_modules():
        if name.rpartition(".")[2] in ("query", "key", "value"):
            module.register_forward_hook(partial(count, name))
    tokens, place = copies_of_a_sentence(length=7)
    logits_of_copies(model, tokens, place, logits_at=logits_at)
    projected = [
        [
            rows.get(f"bert.encoder.layer.{layer}.attention.self.{name}")
            for name in ("query", "key", "value")
        ]
        for layer in range(3)
    ]
    # 7 tokens, and the mask in 5 places; all 5 x 7; the query of each copy alone.
    assert projected == [[12] * 3, [35] * 3, [5, None, None]]


def test_the_known_models_are_known_to_transformers():
    for name in sorted(ATTENTION):
        family = name.removesuffix("SelfAttention")
        module = {"XLMRoberta": "xlm_roberta", "RobertaPreLayerNorm": "roberta_prelayernorm"}.get(
            family, family.lower()
        )
        modeling = importlib.import_module(f"transformers.models.{module}.modeling_{module}")
        assert hasattr(modeling, name)
