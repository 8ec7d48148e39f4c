"""Self-attention of many members, forwards and backwards, in two equal forms.

`x` is (members, sequences, tokens, width), and `rows`, of the same kind, are those tokens whose
output is wanted. Both forms give what the output projection gives, its bias included.

The general form computes queries, keys and values. With one head as wide as the model and nothing
dropped, two products of weights say the same (Elhage et al. 2021, "A Mathematical Framework for
Transformer Circuits": the query-key and output-value circuits). With q = x Wq' + bq and so on,

    q k' / sqrt(d) = (x A + c) x' + terms that are the same for all keys,
        A = Wq' Wk / sqrt(d) and c = bq Wk / sqrt(d),
    P v Wo' + bo = (P x) (Wo Wv)' + Wo bv + bo,

because the rows of P sum to one. That saves half of the products of activations and weights. The
key's bias changes nothing, and its gradient is exactly 0, where other implementations have
rounding errors.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ontogeny.ensemble.architecture import Layer
from ontogeny.ensemble.normalisation import linear, linear_gradients
from ontogeny.ensemble.random_streams import Dropout


class CircuitState(NamedTuple):
    """What the backward pass of the circuit form needs."""

    x: Tensor
    rows: Tensor
    match: Tensor
    move: Tensor
    query: Tensor
    probabilities: Tensor
    context: Tensor


class GeneralState(NamedTuple):
    """What the backward pass of the general form needs; heads are folded into the batch."""

    x: Tensor
    rows: Tensor
    query: Tensor
    key: Tensor
    value: Tensor
    probabilities: Tensor
    dropped: Tensor | None
    context: Tensor


State = CircuitState | GeneralState


def attend(
    layer: Layer, x: Tensor, rows: Tensor, heads: int, visible: Tensor | None, dropout: Dropout
) -> tuple[Tensor, State]:
    """Return the attention's output, (members, sequences * rows, width), and the state.

    `visible`, (members, sequences, tokens), is False where a token may not be attended to.
    """
    if heads == 1 and dropout.share == 0:
        return _circuits(layer, x, rows, visible)
    return _general(layer, x, rows, heads, visible, dropout)


def attend_backward(
    layer: Layer, state: State, gradient: Tensor, gradients: Layer
) -> tuple[Tensor, Tensor]:
    """Write the gradients by the weights; returns those by `x` and by `rows`, in their shapes."""
    if isinstance(state, CircuitState):
        return _circuits_backward(layer, state, gradient, gradients)
    return _general_backward(layer, state, gradient, gradients)


def _circuits(
    layer: Layer, x: Tensor, rows: Tensor, visible: Tensor | None
) -> tuple[Tensor, State]:
    width = x.shape[-1]
    scaled = layer.key * width**-0.5
    match = torch.bmm(layer.query.mT, scaled)
    offset = torch.bmm(layer.query_bias[:, None], scaled)
    query = torch.bmm(rows.flatten(1, 2), match).add_(offset).view_as(rows)
    sequences, targets = x.flatten(0, 1), query.flatten(0, 1)
    probabilities = _softmax(torch.bmm(targets, sequences.mT), visible)
    context = torch.bmm(probabilities, sequences).view_as(rows).flatten(1, 2)
    move = torch.bmm(layer.output, layer.value)
    bias = torch.baddbmm(layer.output_bias[:, None], layer.value_bias[:, None], layer.output.mT)
    output = torch.bmm(context, move.mT).add_(bias)
    return output, CircuitState(x, rows, match, move, query, probabilities, context)


def _circuits_backward(
    layer: Layer, state: CircuitState, gradient: Tensor, gradients: Layer
) -> tuple[Tensor, Tensor]:
    width = state.x.shape[-1]
    sequences, targets = state.x.flatten(0, 1), state.query.flatten(0, 1)
    total = gradient.sum(1, keepdim=True)
    by_move = torch.bmm(gradient.mT, state.context)
    gradients.output.copy_(
        torch.baddbmm(total.mT * layer.value_bias[:, None], by_move, layer.value.mT)
    )
    gradients.value.copy_(torch.bmm(layer.output.mT, by_move))
    gradients.value_bias.copy_(torch.bmm(total, layer.output)[:, 0])
    gradients.output_bias.copy_(total[:, 0])

    by_context = torch.bmm(gradient, state.move).view(targets.shape)
    by_scores = _softmax_backward(state.probabilities, torch.bmm(by_context, sequences.mT))
    by_query = torch.bmm(by_scores, sequences).view_as(state.rows).flatten(1, 2)
    by_x = torch.bmm(state.probabilities.mT, by_context)
    by_x = by_x.baddbmm_(by_scores.mT, targets)
    by_rows = torch.bmm(by_query, state.match.mT).view_as(state.rows)

    scale = width**-0.5
    by_match = torch.bmm(state.rows.flatten(1, 2).mT, by_query).mul_(scale)
    by_offset = by_query.sum(1, keepdim=True).mul_(scale)
    gradients.query.copy_(torch.bmm(layer.key, by_match.mT))
    gradients.key.copy_(
        torch.baddbmm(layer.query_bias[..., None] * by_offset, layer.query, by_match)
    )
    gradients.query_bias.copy_(torch.bmm(by_offset, layer.key.mT)[:, 0])
    gradients.key_bias.zero_()
    return by_x.view_as(state.x), by_rows


def _general(
    layer: Layer, x: Tensor, rows: Tensor, heads: int, visible: Tensor | None, dropout: Dropout
) -> tuple[Tensor, State]:
    flat, flat_rows = x.flatten(1, 2), rows.flatten(1, 2)
    query = _split(linear(flat_rows, layer.query, layer.query_bias).view_as(rows), heads)
    key = _split(linear(flat, layer.key, layer.key_bias).view_as(x), heads)
    value = _split(linear(flat, layer.value, layer.value_bias).view_as(x), heads)
    scores = torch.bmm(query, key.mT).mul_(query.shape[-1] ** -0.5)
    if visible is not None:
        visible = visible.repeat_interleave(heads, 1)
    probabilities = _softmax(scores, visible)
    dropped = dropout.mask(len(scores) // len(x), *scores.shape[1:])
    if dropped is not None:
        dropped = dropped.view_as(scores)
    kept = probabilities if dropped is None else probabilities * dropped
    context = _join(torch.bmm(kept, value), rows).flatten(1, 2)
    output = linear(context, layer.output, layer.output_bias)
    state = GeneralState(x, rows, query, key, value, probabilities, dropped, context)
    return output, state


def _general_backward(
    layer: Layer, state: GeneralState, gradient: Tensor, gradients: Layer
) -> tuple[Tensor, Tensor]:
    x, rows, query, key, value, probabilities, dropped, context = state
    heads = x.shape[-1] // query.shape[-1]
    linear_gradients(context, gradient, gradients.output, gradients.output_bias)
    by_context = _split(torch.bmm(gradient, layer.output).view_as(rows), heads)
    by_kept = torch.bmm(by_context, value.mT)
    kept = probabilities
    if dropped is not None:
        by_kept, kept = by_kept.mul_(dropped), probabilities * dropped
    by_scores = _softmax_backward(probabilities, by_kept).mul_(query.shape[-1] ** -0.5)
    by_query = _join(torch.bmm(by_scores, key), rows).flatten(1, 2)
    by_key = _join(torch.bmm(by_scores.mT, query), x).flatten(1, 2)
    by_value = _join(torch.bmm(kept.mT, by_context), x).flatten(1, 2)
    linear_gradients(rows.flatten(1, 2), by_query, gradients.query, gradients.query_bias)
    linear_gradients(x.flatten(1, 2), by_key, gradients.key, gradients.key_bias)
    linear_gradients(x.flatten(1, 2), by_value, gradients.value, gradients.value_bias)
    by_x = torch.bmm(by_key, layer.key).baddbmm_(by_value, layer.value)
    return by_x.view_as(x), torch.bmm(by_query, layer.query).view_as(rows)


def _split(vectors: Tensor, heads: int) -> Tensor:
    """Turn (members, sequences, tokens, width) into (members * sequences * heads, tokens, -1)."""
    return vectors.unflatten(-1, (heads, -1)).transpose(2, 3).flatten(0, 2)


def _join(vectors: Tensor, like: Tensor) -> Tensor:
    """Undo `_split`; `like` has the shape to arrive at."""
    members, sequences, tokens, _ = like.shape
    split = vectors.view(members, sequences, -1, tokens, vectors.shape[-1])
    return split.transpose(2, 3).reshape(like.shape)


def _softmax(scores: Tensor, visible: Tensor | None) -> Tensor:
    """Overwrite scores (batch, rows, tokens) by probabilities, none where a token isn't visible.

    Written out: for rows of a few tokens PyTorch's softmax is five times slower on a CPU.
    """
    if visible is not None:
        scores = scores.masked_fill_(~visible.flatten(0, 1)[:, None], -torch.inf)
    scores = scores.sub_(scores.amax(-1, keepdim=True)).exp_()
    return scores.div_(scores.sum(-1, keepdim=True))


def _softmax_backward(probabilities: Tensor, gradient: Tensor) -> Tensor:
    weighted = gradient.mul_(probabilities)
    return weighted.addcmul_(probabilities, weighted.sum(-1, keepdim=True), value=-1)
