"""Layers and heads are told by their parameters' names, and have all that is theirs and no more."""

from copy import deepcopy

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

from ontogeny.ensemble import ModuleStack
from ontogeny.errors import ConfigError
from ontogeny.measures.learning_coefficient.language_models import causal_losses
from ontogeny.measures.learning_coefficient.restrictions import (
    parts_of,
    weights_named,
    weights_of_head,
)
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.architectures.regression_transformer.models import (
    RegressionTransformer,
    RegressionTransformerConfig,
)

TYPES, LAYERS, HEADS, WIDTH = 13, 2, 2, 8
TOKENS = torch.arange(2, 9)[None]


def attention_only():
    sizes = {"positions": 8, "layers": LAYERS, "heads": HEADS, "width": WIDTH}
    return initialise(configure("attention_only", TYPES, **sizes), 0).eval()


def gpt():
    sizes = {"n_layer": LAYERS, "n_head": HEADS, "n_embd": WIDTH, "n_positions": 8}
    config = GPT2Config(vocab_size=TYPES, **sizes, bos_token_id=None, eos_token_id=None)
    return GPT2LMHeadModel(config).eval()


def bert():
    sizes = {"hidden_size": WIDTH, "intermediate_size": 16, "max_position_embeddings": 8}
    config = BertConfig(
        vocab_size=TYPES, num_hidden_layers=LAYERS, num_attention_heads=HEADS, **sizes
    )
    return BertForMaskedLM(config).eval()


def regression():
    sizes = {"dimensions": 2, "examples": 3, "hidden_size": WIDTH, "intermediate_size": WIDTH}
    return RegressionTransformer(
        RegressionTransformerConfig(**sizes, num_hidden_layers=LAYERS, num_attention_heads=HEADS)
    ).eval()


# The name of the second layer, of its attention's output there, and how many weights a head has.
MAPS = WIDTH * WIDTH // HEADS
MODELS = {
    "attention_only": (attention_only, "transformer.layers.1", "attention", 4 * MAPS),
    "gpt": (gpt, "transformer.h.1", "attn", 4 * MAPS + 3 * WIDTH // HEADS),
    "bert": (bert, "bert.encoder.layer.1", "attention", 4 * MAPS + 3 * WIDTH // HEADS),
    "regression": (regression, "blocks.1", "attention", 4 * MAPS),
}
of_each = pytest.mark.parametrize("name", MODELS)


def shapes_of(model):
    return ModuleStack.of([model], causal_losses).shapes


def changed(model, weights):
    """A model with other numbers in those of its weights."""
    values = torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    generator = torch.Generator().manual_seed(1)
    values[weights] += torch.randn(int(weights.sum()), generator=generator)
    torch.nn.utils.vector_to_parameters(values, model.parameters())
    return model


@of_each
def test_layers_have_all_parameters_below_their_name(name):
    build, layer, *_ = MODELS[name]
    model = build()
    first, second = parts_of(shapes_of(model), ["layers"], HEADS)
    assert (first.layer, first.head, second.layer) == (1, None, 2)
    assert not (first.weights & second.weights).any()
    size = sum(p.numel() for n, p in model.named_parameters() if n.startswith(f"{layer}."))
    assert first.weights.sum() == second.weights.sum() == size
    other = changed(deepcopy(model), second.weights)
    for parameter, values in model.named_parameters():
        own = dict(other.named_parameters())[parameter]
        assert torch.equal(values, own) != parameter.startswith(f"{layer}.")


@of_each
def test_heads_of_a_layer_are_disjoint_and_have_as_many_weights_as_they_should(name):
    build, layer, attention, size = MODELS[name]
    shapes = shapes_of(build())
    parts = parts_of(shapes, ["heads"], HEADS)
    assert [(part.layer, part.head) for part in parts] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert torch.stack([part.weights for part in parts]).sum(0).max() == 1
    assert [int(part.weights.sum()) for part in parts] == [size] * 4
    within = weights_named(shapes, lambda n: n.startswith(f"{layer}.{attention}."))
    assert ((parts[2].weights | parts[3].weights) <= within).all()


@pytest.mark.parametrize("name", ["attention_only", "gpt", "bert"])
def test_a_heads_weights_change_its_own_attention_alone(name):
    build = MODELS[name][0]
    torch.manual_seed(0)
    model = build()
    model.set_attn_implementation("eager")
    for part in parts_of(shapes_of(model), ["heads"], HEADS):
        with torch.no_grad():
            before = model(input_ids=TOKENS, output_attentions=True).attentions
            other = changed(deepcopy(model), part.weights)
            after = other(input_ids=TOKENS, output_attentions=True)
        here = part.layer - 1
        differs = (before[here] - after.attentions[here]).abs().amax(dim=(0, 2, 3)) > 1e-6
        assert differs.tolist() == [head == part.head for head in (1, 2)]


@pytest.mark.parametrize("name", ["attention_only", "gpt", "bert"])
def test_a_head_whose_weights_are_0_adds_nothing(name):
    """With all heads of a layer at 0 its attention gives nothing but the output's bias."""
    build, layer, attention, _ = MODELS[name]
    model = build()
    parts = parts_of(shapes_of(model), ["heads"], HEADS)
    values = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    silent = values.masked_fill(parts[2].weights | parts[3].weights, 0.0)
    torch.nn.utils.vector_to_parameters(silent, model.parameters())
    seen = []
    place = f"{layer}.{attention}" + (".output.dense" if name == "bert" else "")
    model.get_submodule(place).register_forward_hook(
        lambda module, given, found: seen.append(found[0] if isinstance(found, tuple) else found)
    )
    with torch.no_grad():
        model(input_ids=TOKENS)
    assert (seen[0] == seen[0][:, :1]).all()


def test_weights_that_are_not_there_are_refused():
    shapes = {"a.weight": (2, 2)}
    with pytest.raises(ConfigError, match=r"none of a\.weight is chosen"):
        weights_named(shapes, lambda name: False)
    with pytest.raises(ConfigError, match="no head 2 among 2"):
        weights_of_head(shapes, "a", 2, 2)
    with pytest.raises(ConfigError, match="no attention named b"):
        weights_of_head(shapes, "b", 0, 2)
    for kind in ("layers", "heads"):
        with pytest.raises(ConfigError, match=rf"tell of no {kind}\. Leave {kind} out"):
            parts_of(shapes, [kind], 2)
