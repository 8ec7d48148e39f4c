"""BERT's embedding layer and encoder for many members at once, forwards and backwards.

The computation is that of transformers' `BertModel` (Devlin et al. 2019): layer normalisation comes
after each residual sum, and the activation is the exact gelu. Activations are (members, sequences,
tokens, width). The last layer is computed at the tokens that are asked for and nowhere else.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import gelu

from ontogeny.ensemble import attention
from ontogeny.ensemble.architecture import Bert, Embeddings, Layer, Weights
from ontogeny.ensemble.normalisation import (
    linear,
    linear_gradients,
    normalisation_gradients,
    normalise,
    scale_and_shift,
)
from ontogeny.ensemble.random_streams import Dropout


class EmbeddingState(NamedTuple):
    """What the backward pass of the embedding layer needs."""

    inputs: Tensor
    normalised: Tensor
    inverse: Tensor
    dropped: Tensor | None


class LayerState(NamedTuple):
    """What the backward pass of one layer needs; `positions` None stands for all tokens."""

    positions: Tensor | None
    attention: attention.State
    attention_dropped: Tensor | None
    middle_normalised: Tensor
    middle_inverse: Tensor
    middle: Tensor
    before: Tensor
    after: Tensor
    dropped: Tensor | None
    normalised: Tensor
    inverse: Tensor


class EncoderState(NamedTuple):
    """What the backward pass of the encoder needs."""

    embeddings: EmbeddingState
    layers: list[LayerState]


def select(x: Tensor, positions: Tensor) -> Tensor:
    """Return the tokens at positions (targets,), or (members, sequences, targets) if they differ.

    `x` is (members, sequences, tokens, width); the result has targets in place of tokens.
    """
    if positions.ndim == 1:
        return x.index_select(2, positions)
    return x.gather(2, positions[..., None].expand(*positions.shape, x.shape[-1]))


def _add_selected(x: Tensor, positions: Tensor, rows: Tensor) -> Tensor:
    """Add rows to the tokens that they were selected from, in place."""
    if positions.ndim == 1:
        return x.index_add_(2, positions, rows)
    return x.scatter_add_(2, positions[..., None].expand(*positions.shape, x.shape[-1]), rows)


def embed(
    embeddings: Embeddings, inputs: Tensor, epsilon: float, dropout: Dropout
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
    normalised, inverse = normalise(rows, epsilon)
    output = scale_and_shift(normalised, embeddings.gain, embeddings.shift)
    dropped = dropout.mask(sequences * tokens, width)
    if dropped is not None:
        output.mul_(dropped)
    state = EmbeddingState(inputs, normalised, inverse, dropped)
    return output.view(members, sequences, tokens, width), state


def embed_backward(
    embeddings: Embeddings,
    state: EmbeddingState,
    gradient: Tensor,
    gradients: Embeddings,
    padding_token: int | None,
) -> None:
    """Write the gradients of the embedding layer, but add those of the token embeddings.

    The token embeddings' gradients must already hold what the tied decoder says of them.
    """
    tokens = gradient.shape[2]
    rows = gradient.flatten(1, 2)
    if state.dropped is not None:
        rows = rows * state.dropped
    rows = normalisation_gradients(
        state.normalised, state.inverse, embeddings.gain, rows, gradients.gain, gradients.shift
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
    padding. `positions` is as `select` takes it.
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
    layer: Layer,
    x: Tensor,
    visible: Tensor | None,
    positions: Tensor | None,
    dropout: Dropout,
) -> tuple[Tensor, LayerState]:
    """Return a layer's output at `positions` (all tokens if None), and the state."""
    epsilon = architecture.layer_norm_epsilon
    rows = x if positions is None else select(x, positions)
    output, attended = attention.attend(layer, x, rows, architecture.heads, visible, dropout)
    attention_dropped = dropout.mask(*output.shape[1:])
    if attention_dropped is not None:
        output.mul_(attention_dropped)
    middle_normalised, middle_inverse = normalise(output.add_(rows.flatten(1, 2)), epsilon)
    middle = scale_and_shift(middle_normalised, layer.middle_gain, layer.middle_shift)
    before = linear(middle, layer.up, layer.up_bias)
    after = gelu(before)
    output = linear(after, layer.down, layer.down_bias)
    dropped = dropout.mask(*output.shape[1:])
    if dropped is not None:
        output.mul_(dropped)
    normalised, inverse = normalise(output.add_(middle), epsilon)
    result = scale_and_shift(normalised, layer.gain, layer.shift).view_as(rows)
    return result, LayerState(
        positions,
        attended,
        attention_dropped,
        middle_normalised,
        middle_inverse,
        middle,
        before,
        after,
        dropped,
        normalised,
        inverse,
    )


def layer_backward(layer: Layer, state: LayerState, gradient: Tensor, gradients: Layer) -> Tensor:
    """Write a layer's gradients, given that by its output; returns that by its input."""
    by_sum = normalisation_gradients(
        state.normalised,
        state.inverse,
        layer.gain,
        gradient.flatten(1, 2),
        gradients.gain,
        gradients.shift,
    )
    by_output = by_sum if state.dropped is None else by_sum * state.dropped
    linear_gradients(state.after, by_output, gradients.down, gradients.down_bias)
    by_after = torch.bmm(by_output, layer.down)
    by_before = torch.ops.aten.gelu_backward(by_after, state.before)
    linear_gradients(state.middle, by_before, gradients.up, gradients.up_bias)
    by_middle = by_sum.baddbmm_(by_before, layer.up)
    by_sum = normalisation_gradients(
        state.middle_normalised,
        state.middle_inverse,
        layer.middle_gain,
        by_middle,
        gradients.middle_gain,
        gradients.middle_shift,
    )
    by_output = by_sum if state.attention_dropped is None else by_sum * state.attention_dropped
    by_x, by_rows = attention.attend_backward(layer, state.attention, by_output, gradients)
    by_rows.add_(by_sum.view_as(by_rows))
    if state.positions is None:
        return by_x.add_(by_rows)
    return _add_selected(by_x, state.positions, by_rows)
