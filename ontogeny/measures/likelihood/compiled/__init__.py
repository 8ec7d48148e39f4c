"""Layers of BERT and its kin in machine code, for sentences of one length that nothing pads.

On a CPU PyTorch takes all of a batch through one step after the other, each a pass over memory, and
several threads through each product. Here a thread takes some sentences through all layers. Only
what comes out is computed, no gradients, in single precision.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ontogeny.ensemble.bert_layers import MODULES, Layer, parameters_of
from ontogeny.ensemble.machine_code.products import one_thread_in_products
from ontogeny.measures.likelihood.compiled.layer import Constants, Projected, apply_layer, room_for
from ontogeny.measures.likelihood.replaced_forward import has_own_forward
from ontogeny.workers import in_parallel, split

# Tokens that go through the layers together. Fewer, and what BLAS does to the weights before each
# product counts; more, and less of what a layer computes stays in the caches.
TOKENS_AT_ONCE = 768

# Layer normalisation comes after the sum in these; in `RobertaPreLayerNorm` it doesn't.
LAYERS = {
    *("BertLayer", "CamembertLayer", "ElectraLayer", "ErnieLayer"),
    *("RobertaLayer", "XLMRobertaLayer"),
}
# What such a layer consists of, apart from blocks that transformers defines.
PARTS = {torch.nn.Linear, torch.nn.LayerNorm, torch.nn.Dropout}


def is_possible(layers: Sequence[Any]) -> bool:
    """Say whether these layers of a model are such as machine code is for.

    They are those of transformers as it defines them, all of the same sizes, on a CPU, in single
    precision, with gelu, and drop nothing.
    """
    if torch.is_autocast_enabled("cpu") or _global_hooks():
        return False
    return all(map(_is_plain, layers)) and len(set(map(_sizes, layers))) == 1


def _global_hooks() -> bool:
    own = torch.nn.modules.module
    return bool(own._global_forward_hooks or own._global_forward_pre_hooks)


def _is_plain(layer: Any) -> bool:
    """Say whether a layer is what its name says, and in use as it was defined."""
    modules = dict(layer.named_modules())
    return (
        type(layer).__name__ in LAYERS
        and all(map(_is_as_defined, modules.values()))
        and all(type(modules.get(name)) in PARTS for name in MODULES)
        and all(modules[name].bias is not None for name in MODULES)
        and type(layer.intermediate.intermediate_act_fn).__name__ == "GELUActivation"
        and _are_plain(parameters_of(layer))
    )


def _are_plain(parameters: Layer[Tensor]) -> bool:
    """Say whether parameters are where machine code can read them, and no heads were pruned."""
    squares = (parameters.query, parameters.key, parameters.value, parameters.output)
    return all(matrix.shape == 2 * parameters.gain.shape for matrix in squares) and all(
        values.device.type == "cpu" and values.dtype == torch.float32 and values.is_contiguous()
        for values in parameters
    )


def _is_as_defined(module: Any) -> bool:
    hooks = [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]
    return (
        (type(module) in PARTS or type(module).__module__.startswith("transformers."))
        and not module.training
        and not has_own_forward(module)
        # transformers leaves some of its own where hidden states were once asked for.
        and all(hook.__module__ == "transformers.utils.output_capturing" for hook in hooks)
    )


def _sizes(layer: Any) -> tuple[object, ...]:
    shapes = [values.shape for values in parameters_of(layer)]
    return layer.attention.self.num_attention_heads, *shapes


@torch.no_grad()
def apply_layers(
    layers: Sequence[Any], states: Tensor, different: Tensor, same_as: Tensor
) -> Tensor:
    """Return what some layers, one after the other, make of what the first of them reads.

    The layers are such as `is_possible` says. `states` and the result are (sentences, tokens,
    width), float32, on a CPU. Most of the vectors may be the same: `different`, (vectors,), are the
    places of those that aren't, counted through all sentences, and `same_as`, (sentences *
    tokens,), the place in `different` of each one's equal; both int64. The first layer projects
    none of them twice. Nothing of this is checked.
    """
    sentences, tokens, width = states.shape
    weights = [Layer(*(values.numpy() for values in parameters_of(layer))) for layer in layers]
    constants = [_constants(layer) for layer in layers]
    vectors = states.reshape(-1, width)
    table = _projected(layers[0].attention.self, vectors[different])
    row, x = same_as.numpy(), vectors.clone().numpy()

    def work(part: range) -> None:
        places = slice(part.start * tokens, part.stop * tokens)
        some = x[places]
        room = room_for(len(some), tokens, constants[0].heads, weights[0])
        for projection, found in zip(table, room.projected, strict=True):
            np.take(projection, row[places], axis=0, out=found, mode="clip")  # raising would copy
        for number, (layer, constant) in enumerate(zip(weights, constants, strict=True)):
            apply_layer(layer, constant, some, room, tokens, number == 0)

    with one_thread_in_products():
        parts = split(sentences, max(TOKENS_AT_ONCE // tokens, 1), states.device)
        in_parallel(work, parts, states.device)
    return torch.from_numpy(x).view(states.shape)


def _projected(attention: Any, vectors: Tensor) -> Projected:
    projections = (attention.query, attention.key, attention.value)
    return Projected(*((vectors @ linear.weight.T).numpy() for linear in projections))


def _constants(layer: Any) -> Constants:
    attention = layer.attention
    return Constants(
        attention.self.num_attention_heads,
        np.float32(attention.self.scaling),
        np.float32(attention.output.LayerNorm.eps),
        np.float32(layer.output.LayerNorm.eps),
    )
