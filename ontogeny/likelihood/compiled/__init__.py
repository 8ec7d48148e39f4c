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

from ontogeny.bert_layers import MODULES, Layer, parameters_of
from ontogeny.likelihood.compiled.layer import Projected, apply_layer, room_for
from ontogeny.machine_code.products import one_thread_in_products
from ontogeny.workers import in_parallel, split

# Tokens that go through the layers together. Fewer, and what BLAS does to the weights before each
# product counts; more, and less of what a layer computes stays in the caches.
TOKENS_AT_ONCE = 768

# Layer normalisation comes after the sum in these; in `RobertaPreLayerNorm` it doesn't.
LAYERS = {
    *("BertLayer", "CamembertLayer", "ElectraLayer", "ErnieLayer"),
    *("RobertaLayer", "XLMRobertaLayer"),
}


def is_possible(layers: Sequence[Any]) -> bool:
    """Say whether these layers of a model are such as machine code is for."""
    return all(type(layer).__name__ in LAYERS and _is_plain(layer) for layer in layers)


def _is_plain(layer: Any) -> bool:
    """Say whether a layer is as it was defined, on a CPU, float32, and drops nothing."""
    linear = [layer.get_submodule(name) for name in MODULES if not name.endswith("LayerNorm")]
    return (
        not layer.training
        and all(type(module) is torch.nn.Linear and module.bias is not None for module in linear)
        and all(
            values.device.type == "cpu" and values.dtype == torch.float32 and values.is_contiguous()
            for values in parameters_of(layer)
        )
        and type(layer.intermediate.intermediate_act_fn).__name__ == "GELUActivation"
        and not any(
            module._forward_hooks or module._forward_pre_hooks for module in layer.modules()
        )
    )


@torch.no_grad()
def apply_layers(
    layers: Sequence[Any], states: Tensor, different: Tensor, same_as: Tensor
) -> Tensor:
    """Return what some layers, one after the other, make of what the first of them reads.

    `states` and the result are (sentences, tokens, width), float32. Most of the vectors may be the
    same: `different`, (vectors,), are the places of those that aren't, counted through all
    sentences, and `same_as`, (sentences * tokens,), says which of these each is. The first layer
    projects none of them twice.
    """
    sentences, tokens, width = states.shape
    attention = layers[0].attention.self
    heads, scaling = attention.num_attention_heads, np.float32(attention.scaling)
    epsilons = [np.float32(layer.output.LayerNorm.eps) for layer in layers]
    weights = [Layer(*(values.numpy() for values in parameters_of(layer))) for layer in layers]
    vectors = states.reshape(-1, width)
    table = _projected(attention, vectors[different])
    row, x = same_as.numpy(), vectors.clone().numpy()

    def work(part: range) -> None:
        places = slice(part.start * tokens, part.stop * tokens)
        some = x[places]
        room = room_for(len(some), tokens, heads, weights[0])
        for projection, found in zip(table, room.projected, strict=True):
            np.take(projection, row[places], axis=0, out=found, mode="clip")
        for number, (layer, epsilon) in enumerate(zip(weights, epsilons, strict=True)):
            apply_layer(layer, some, room, tokens, heads, scaling, epsilon, number == 0)

    with one_thread_in_products():
        parts = split(sentences, max(TOKENS_AT_ONCE // tokens, 1), states.device)
        in_parallel(work, parts, states.device)
    return torch.from_numpy(x).view(states.shape)


def _projected(attention: Any, vectors: Tensor) -> Projected:
    projections = (attention.query, attention.key, attention.value)
    return Projected(*((vectors @ linear.weight.T).numpy() for linear in projections))
