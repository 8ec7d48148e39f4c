"""Layers in machine code give what the model's own give."""

from unittest.mock import patch

import pytest
import torch
import torch.nn.utils.prune
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits
from transformers import (
    AutoModelForMaskedLM,
    BertConfig,
    CamembertConfig,
    ElectraConfig,
    ErnieConfig,
    GPT2Config,
    RobertaConfig,
    RobertaPreLayerNormConfig,
    XLMRobertaConfig,
)
from transformers.models.gpt2.modeling_gpt2 import GPT2MLP
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from ontogeny.measures.likelihood import compiled

KINDS = (
    *(BertConfig, CamembertConfig, ElectraConfig, ErnieConfig),
    *(RobertaConfig, XLMRobertaConfig),
)


def build(kind=BertConfig, layers=2, heads=2, size=4, feedforward=9, seed=0, **settings):
    """A model whose layers' every parameter and constant is random, gains and biases too."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = kind(
            vocab_size=20,
            hidden_size=heads * size,
            num_attention_heads=heads,
            num_hidden_layers=layers,
            intermediate_size=feedforward,
            initializer_range=0.3,
            attn_implementation="eager",
            **settings,
        )
        model = AutoModelForMaskedLM.from_config(config).eval()
        with torch.no_grad():
            for values in model.parameters():
                values.add_(torch.randn_like(values), alpha=0.3)
        for layer in model.base_model.encoder.layer:
            for module in layer.modules():
                if isinstance(module, torch.nn.LayerNorm):
                    module.eps = 10 ** float(-6 * torch.rand(()))
            layer.attention.self.scaling *= 1 + float(torch.rand(()))
    return model


def layers_of(*sizes, **settings):
    """The layers of such a model, as a list."""
    return list(build(*sizes, **settings).base_model.encoder.layer)


def applied_one_by_one(layers, states):
    with torch.no_grad():
        for layer in layers:
            states = layer.double()(states.double())
            layer.float()
    return states.float()


def some_states(sentences, tokens, width, different, seed=0):
    """Random vectors (sentences, tokens, width) of which so many differ, and which those are."""
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(different, width, generator=generator)
    count = sentences * tokens
    same_as = torch.randint(different, (count,), generator=generator)
    used, same_as = torch.unique(same_as, return_inverse=True)
    places = torch.empty_like(used).scatter_(0, same_as, torch.arange(count))
    return vectors[used][same_as].view(sentences, tokens, width), places, same_as


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    layers=st.integers(1, 3),
    heads=st.integers(1, 4),
    size=st.integers(1, 20),
    feedforward=st.integers(1, 40),
    sentences=st.integers(1, 7),
    tokens=st.integers(1, 19),
    different=st.integers(1, 60),
    tokens_at_once=st.sampled_from([1, 20, 10_000]),
    seed=st.integers(0, 2**31),
)
def test_any_layers_give_what_they_give_themselves_in_double_precision(
    kind,
    layers,
    heads,
    size,
    feedforward,
    sentences,
    tokens,
    different,
    tokens_at_once,
    seed,
):
    own = layers_of(kind, layers, heads, size, feedforward, seed)
    assert compiled.is_possible(own)
    states, places, same_as = some_states(sentences, tokens, heads * size, different, seed)
    before = states.clone()
    with patch.object(compiled, "TOKENS_AT_ONCE", tokens_at_once):
        found = compiled.apply_layers(own, states, places, same_as)
    assert torch.equal(states, before)
    torch.testing.assert_close(found, applied_one_by_one(own, states), rtol=1e-3, atol=1e-3)


def test_high_scores_are_no_harder_than_low_ones():
    own = layers_of(heads=2, size=4)
    with torch.no_grad():
        own[0].attention.self.query.weight.mul_(1000)
    states, places, same_as = some_states(3, 5, 8, 15)
    found = compiled.apply_layers(own, states, places, same_as)
    torch.testing.assert_close(found, applied_one_by_one(own, states), rtol=1e-3, atol=1e-3)


def test_what_is_no_number_stays_none_in_its_sentence_alone():
    own = layers_of()
    states, _, _ = some_states(3, 5, 8, 15)
    states[1, 2, 3] = torch.nan
    every = torch.arange(15)
    found = compiled.apply_layers(own, states, every, every)
    assert found.isnan().flatten(1).all(1).tolist() == [False, True, False]
    assert found[[0, 2]].isfinite().all()


def test_threads_change_no_more_than_rounding(threads):
    own = layers_of(heads=3, size=8, feedforward=50)
    states, places, same_as = some_states(40, 6, 24, 70)
    found = []
    for count in (1, 2, 3):
        threads(count)
        found.append(compiled.apply_layers(own, states, places, same_as))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-5, atol=1e-5)


class Adapted(torch.nn.Linear):
    """A linear layer to which something was added."""


class Wrapped(torch.nn.Module):
    """A block in place of another."""

    def __init__(self, block):
        super().__init__()
        self.block = block


def with_other(name, make):
    """Return a function that puts something else in the place of a layer's module."""

    def change(layer):
        parent, _, own = name.rpartition(".")
        setattr(layer.get_submodule(parent), own, make(layer.get_submodule(name)))

    return change


def columns_in_order(linear):
    linear.weight = torch.nn.Parameter(linear.weight.T.contiguous().T)
    return linear


def with_a_forward_of_its_own(module):
    module.forward = lambda states: states
    return module


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: layer.train(),
        lambda layer: layer.output.dropout.train(),
        lambda layer: layer.double(),
        lambda layer: layer.to(torch.bfloat16),
        lambda layer: layer.to("meta"),
        lambda layer: layer.output.register_forward_hook(print),
        lambda layer: layer.attention.self.register_forward_pre_hook(print),
        with_a_forward_of_its_own,
        with_other("output.dense", with_a_forward_of_its_own),
        with_other("intermediate.dense", columns_in_order),
        with_other("output.dense", lambda own: Adapted(9, 8).eval()),
        with_other("output.LayerNorm", lambda own: torch.nn.RMSNorm(8).eval()),
        with_other("output.LayerNorm", lambda own: torch.nn.LayerNorm(8, bias=False).eval()),
        with_other("attention.self.key", lambda own: torch.nn.Linear(8, 8, bias=False).eval()),
        with_other("output", lambda own: Wrapped(own).eval()),
        with_other("output", lambda own: GPT2MLP(9, GPT2Config()).eval()),
        with_other("output.LayerNorm", lambda own: LlamaRMSNorm(8).eval()),
        lambda layer: torch.nn.utils.prune.identity(layer.output.dense, "weight"),
        lambda layer: torch.nn.utils.parametrizations.weight_norm(layer.output.dense),
        # As plain as the others, but not of their sizes.
        with_other("attention.self", lambda own: layers_of(heads=4, size=2)[0].attention.self),
        lambda layer: (
            with_other("intermediate.dense", lambda own: torch.nn.Linear(8, 7).eval())(layer),
            with_other("output.dense", lambda own: torch.nn.Linear(7, 8).eval())(layer),
        ),
    ],
)
def test_a_layer_that_is_not_as_it_was_defined_is_left_to_pytorch(change):
    own = layers_of()
    assert compiled.is_possible(own)
    change(own[1])
    assert not compiled.is_possible(own)


def test_layers_of_which_heads_were_pruned_are_left_to_pytorch():
    own = layers_of(heads=2, size=4)
    for layer in own:
        attention = layer.attention
        for name in ("query", "key", "value"):
            setattr(attention.self, name, torch.nn.Linear(8, 4).eval())
        attention.output.dense = torch.nn.Linear(4, 8).eval()
        attention.self.num_attention_heads = 1
    applied_one_by_one(own, torch.zeros(1, 2, 8))
    assert not compiled.is_possible(own)


def test_layers_of_another_kind_are_left_to_pytorch():
    assert not compiled.is_possible(layers_of(RobertaPreLayerNormConfig))
    assert not compiled.is_possible(layers_of(hidden_act="gelu_new"))
    assert not compiled.is_possible(layers_of(hidden_act="relu"))


def test_what_is_set_for_all_of_pytorch_is_left_to_it():
    own = layers_of()
    with torch.autocast("cpu", torch.bfloat16):
        assert not compiled.is_possible(own)
    hook = torch.nn.modules.module.register_module_forward_hook(print)
    assert not compiled.is_possible(own)
    hook.remove()
    assert compiled.is_possible(own)


def test_layers_that_were_asked_for_hidden_states_are_as_plain_as_before():
    model = build()
    model(torch.ones(1, 3, dtype=torch.long), output_hidden_states=True)
    own = model.base_model.encoder.layer
    assert any(module._forward_hooks for module in own.modules())
    assert compiled.is_possible(own)


def test_products_are_on_one_thread_each(monkeypatch, threads):
    inside = []

    def note(*arguments):
        libraries = threadpool_info()
        inside.append({lib["num_threads"] for lib in libraries if lib["user_api"] == "blas"})

    monkeypatch.setattr(compiled, "apply_layer", note)
    threads(2)
    states, places, same_as = some_states(4, 5, 8, 15)
    with threadpool_limits(2, user_api="blas"):
        compiled.apply_layers(layers_of(), states, places, same_as)
    assert inside == [{1}] * 4
