"""BERT's embedding layer and encoder for many members at once, forwards and backwards.

The computation is that of transformers' `BertModel` (Devlin et al. 2019): layer normalisation comes
after each residual sum, and the activation is the exact gelu. Activations are (members, sequences,
tokens, width). The last layer is computed at the tokens that are asked for and nowhere else.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import gelu

from ontogeny.ensemble.bert import attention
from ontogeny.ensemble.bert.architecture import Bert, Embeddings, Layer, Weights
from ontogeny.ensemble.bert.normalisation import (
    linear,
    linear_gradients,
    linear_onto,
    normalisation_gradients,
    normalise,
    scale_and_shift,
)
from ontogeny.ensemble.random_streams import Dropout


class EmbeddingState(NamedTuple):
    """What the backward pass of the embedding layer needs."""

    inputs: Tensor
    centred: Tensor
    inverse: Tensor
    dropped: Tensor | None


class LayerState(NamedTuple):
    """What the backward pass of one layer needs."""

    attention: attention.State
    middle_centred: Tensor
    middle_inverse: Tensor
    middle: Tensor
    before: Tensor
    after: Tensor
    dropped: Tensor | None
    centred: Tensor
    inverse: Tensor


class EncoderState(NamedTuple):
    """What the backward pass of the encoder needs."""

    embeddings: EmbeddingState
    layers: list[LayerState]


def embed(
    embeddings: Embeddings[Tensor], inputs: Tensor, epsilon: float, dropout: Dropout
) -> tuple[Tensor, EmbeddingState]:
    """Return the embedding layer's output for token ids (members, sequences, tokens)."""
    members, sequences, tokens = inputs.shape
    flat = inputs.flatten(1)
    width = embeddings.words.shape[-1]
    rows = torch.stack(
        [words.index_select(0, ids) for words, ids in zip(embeddings.words, flat, strict=True)]
    )
    # Every token is of the first type.
    places = embeddings.positions[:, :tokens] + embeddings.types[:, :1]
    rows.view(members, sequences, tokens, width).add_(places[:, None])
    inverse = normalise(rows, epsilon)
    output = scale_and_shift(rows, inverse, embeddings.gain, embeddings.shift)
    dropped = dropout.mask(sequences * tokens, width)
    if dropped is not None:
        output.mul_(dropped)
    state = EmbeddingState(inputs, rows, inverse, dropped)
    return output.view(members, sequences, tokens, width), state


def embed_backward(
    embeddings: Embeddings[Tensor],
    state: EmbeddingState,
    gradient: Tensor,
    gradients: Embeddings[Tensor],
    padding_token: int | None,
) -> None:
    """Write the gradients of the embedding layer, but add those of the token embeddings.

    The token embeddings' gradients must already hold what the tied decoder says of them.
    """
    tokens = gradient.shape[2]
    rows = gradient.flatten(1, 2)
    if state.dropped is not None:
        rows = rows.mul_(state.dropped)
    rows = normalisation_gradients(
        state.centred, state.inverse, embeddings.gain, rows, gradients.gain, gradients.shift
    )
    by_position = rows.view_as(gradient).sum(1)
    gradients.positions.zero_()
    gradients.positions[:, :tokens] = by_position
    gradients.types.zero_()
    gradients.types[:, 0] = by_position.sum(1)
    if padding_token is not None:
        rows.masked_fill_((state.inputs == padding_token).flatten(1)[..., None], 0)
    for words, ids, row in zip(gradients.words, state.inputs.flatten(1), rows, strict=True):
        words.index_add_(0, ids, row)


def encode(
    architecture: Bert,
    weights: Weights,
    inputs: Tensor,
    visible: Tensor | None,
    positions: Tensor | None,
    dropout: Dropout,
) -> tuple[Tensor, EncoderState]:
    """Return the last layer's output at `positions` (all tokens if None), and the state.

    `inputs` (members, sequences, tokens) are token ids; `visible`, of the same shape, is False at
    padding. `positions` is as `attention.select` takes it.
    """
    epsilon = architecture.layer_norm_epsilon
    x, embedded = embed(weights.embeddings, inputs, epsilon, dropout)
    states = []
    for number, layer in enumerate(weights.layers, start=1):
        wanted = positions if number == len(weights.layers) else None
        x, state = layer_forward(architecture, layer, x, visible, wanted, dropout)
        states.append(state)
    return x, EncoderState(embedded, states)


def encode_backward(
    architecture: Bert, weights: Weights, state: EncoderState, gradient: Tensor, gradients: Weights
) -> None:
    """Write the encoder's gradients, given that by its output; see `embed_backward`."""
    for layer, layer_state, layer_gradients in zip(
        reversed(weights.layers), reversed(state.layers), reversed(gradients.layers), strict=True
    ):
        gradient = layer_backward(layer, layer_state, gradient, layer_gradients)
    embed_backward(
        weights.embeddings,
        state.embeddings,
        gradient,
        gradients.embeddings,
        architecture.padding_token,
    )


def layer_forward(
    architecture: Bert,
    layer: Layer[Tensor],
    x: Tensor,
    visible: Tensor | None,
    positions: Tensor | None,
    dropout: Dropout,
) -> tuple[Tensor, LayerState]:
    """Return a layer's output at `positions` (all tokens if None), and the state."""
    epsilon = architecture.layer_norm_epsilon
    middle_centred, attended = attention.attend(
        layer, x, positions, architecture.heads, visible, dropout
    )
    middle_inverse = normalise(middle_centred, epsilon)
    middle = scale_and_shift(middle_centred, middle_inverse, layer.middle_gain, layer.middle_shift)
    before = linear(middle, layer.up, layer.up_bias)
    after = gelu(before)
    dropped = dropout.mask(*middle.shape[1:])
    centred = linear_onto(middle, after, layer.down, layer.down_bias, dropped)
    inverse = normalise(centred, epsilon)
    result = scale_and_shift(centred, inverse, layer.gain, layer.shift)
    return result.view(*x.shape[:2], -1, x.shape[-1]), LayerState(
        attended,
        middle_centred,
        middle_inverse,
        middle,
        before,
        after,
        dropped,
        centred,
        inverse,
    )


def layer_backward(
    layer: Layer[Tensor], state: LayerState, gradient: Tensor, gradients: Layer[Tensor]
) -> Tensor:
    """Write a layer's gradients, given that by its output; returns that by its input.

    Overwrites `gradient`.
    """
    by_sum = normalisation_gradients(
        state.centred,
        state.inverse,
        layer.gain,
        gradient.flatten(1, 2),
        gradients.gain,
        gradients.shift,
    )
    by_output = by_sum if state.dropped is None else by_sum * state.dropped
    linear_gradients(state.after, by_output, gradients.down, gradients.down_bias)
    by_after = torch.bmm(by_output, layer.down)
    by_before = torch.ops.aten.gelu_backward(by_after, state.before, grad_input=by_after)
    linear_gradients(state.middle, by_before, gradients.up, gradients.up_bias)
    by_sum = normalisation_gradients(
        state.middle_centred,
        state.middle_inverse,
        layer.middle_gain,
        by_sum.baddbmm_(by_before, layer.up),
        gradients.middle_gain,
        gradients.middle_shift,
    )
    return attention.attend_backward(layer, state.attention, by_sum, gradients)
