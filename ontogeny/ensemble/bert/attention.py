"""Self-attention of many members, forwards and backwards, in two equal forms.

`x` is (members, sequences, tokens, width), and `rows`, of the same kind, are those tokens whose
output is wanted. Both forms give the rows plus what the output projection gives of them.

The general form computes queries, keys and values. With one head as wide as the model and nothing
dropped, two products of weights say the same (Elhage et al. 2021, "A Mathematical Framework for
Transformer Circuits": the query-key and output-value circuits). With q = x Wq' + bq and so on,

    q k' / sqrt(d) = (x A + c) x' + terms that are the same for all keys,
        A = Wq' Wk / sqrt(d) and c = bq Wk / sqrt(d),
    P v Wo' + bo = (P x) (Wo Wv)' + Wo bv + bo,

because the rows of P sum to one. That saves half of the products of activations and weights. In
both forms the key's bias changes nothing, and its gradient is exactly 0, where other
implementations have rounding errors.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ontogeny.ensemble.bert.architecture import Layer
from ontogeny.ensemble.bert.normalisation import linear, linear_gradients, linear_onto
from ontogeny.ensemble.random_streams import Dropout


class CircuitState(NamedTuple):
    """What the backward pass of the circuit form needs; `positions` None stands for all tokens."""

    x: Tensor
    rows: Tensor
    positions: Tensor | None
    key: Tensor
    match: Tensor
    move: Tensor
    query: Tensor
    probabilities: Tensor
    context: Tensor


class GeneralState(NamedTuple):
    """What the backward pass of the general form needs; heads are folded into the batch."""

    x: Tensor
    rows: Tensor
    positions: Tensor | None
    query: Tensor
    key: Tensor
    value: Tensor
    probabilities: Tensor
    dropped: Tensor | None
    context: Tensor
    output_dropped: Tensor | None


State = CircuitState | GeneralState


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


def attend(
    layer: Layer[Tensor],
    x: Tensor,
    positions: Tensor | None,
    heads: int,
    visible: Tensor | None,
    dropout: Dropout,
) -> tuple[Tensor, State]:
    """Return the tokens at `positions` (all if None) plus what they attend to, and the state.

    The sum is (members, sequences * rows, width). `visible`, (members, sequences, tokens), is False
    where a token may not be attended to.
    """
    rows = x if positions is None else select(x, positions)
    if heads == 1 and dropout.share == 0:
        return _circuits(layer, x, rows, positions, visible)
    return _general(layer, x, rows, positions, heads, visible, dropout)


def attend_backward(
    layer: Layer[Tensor], state: State, by_sum: Tensor, gradients: Layer[Tensor]
) -> Tensor:
    """Write the gradients by the weights; returns that by `x`, in its shape.

    Overwrites `by_sum`, the gradient by the sum that `attend` returned.
    """
    if isinstance(state, CircuitState):
        return _circuits_backward(layer, state, by_sum, gradients)
    return _general_backward(layer, state, by_sum, gradients)


def _circuits(
    layer: Layer[Tensor], x: Tensor, rows: Tensor, positions: Tensor | None, visible: Tensor | None
) -> tuple[Tensor, State]:
    key = layer.key * x.shape[-1] ** -0.5
    match = torch.bmm(layer.query.mT, key)
    offset = torch.bmm(layer.query_bias, key)
    flat = rows.flatten(1, 2)
    query = torch.baddbmm(offset, flat, match)
    sequences, targets = x.flatten(0, 1), query.view(-1, *rows.shape[2:])
    probabilities = _softmax(torch.bmm(targets, sequences.mT), visible)
    context = torch.bmm(probabilities, sequences).view_as(flat)
    move = torch.bmm(layer.output, layer.value)
    bias = torch.baddbmm(layer.output_bias, layer.value_bias, layer.output.mT)
    summed = torch.add(flat, bias).baddbmm_(context, move.mT)
    return summed, CircuitState(
        x, rows, positions, key, match, move, targets, probabilities, context
    )


def _circuits_backward(
    layer: Layer[Tensor], state: CircuitState, by_sum: Tensor, gradients: Layer[Tensor]
) -> Tensor:
    x, rows, positions, key, match, move, targets, probabilities, context = state
    total = torch.sum(by_sum, 1, keepdim=True, out=gradients.output_bias)
    by_move = torch.bmm(by_sum.mT, context)
    outer = total.mT * layer.value_bias
    torch.baddbmm(outer, by_move, layer.value.mT, out=gradients.output)
    torch.bmm(layer.output.mT, by_move, out=gradients.value)
    torch.bmm(total, layer.output, out=gradients.value_bias)

    sequences = x.flatten(0, 1)
    by_context = torch.bmm(by_sum, move).view_as(targets)
    by_scores = _softmax_backward(probabilities, torch.bmm(by_context, sequences.mT))
    by_query = torch.bmm(by_scores, sequences).view_as(by_sum)
    by_rows = by_sum.baddbmm_(by_query, match.mT)
    if positions is None:
        by_x = by_rows.view_as(sequences).baddbmm_(probabilities.mT, by_context)
    else:
        by_x = torch.bmm(probabilities.mT, by_context)
    by_x = by_x.baddbmm_(by_scores.mT, targets).view_as(x)

    by_match = torch.bmm(rows.flatten(1, 2).mT, by_query)
    by_offset = by_query.sum(1, keepdim=True)
    torch.bmm(key, by_match.mT, out=gradients.query)
    torch.bmm(by_offset, key.mT, out=gradients.query_bias)
    scale = x.shape[-1] ** -0.5
    outer = layer.query_bias.mT * by_offset
    torch.baddbmm(outer, layer.query, by_match, beta=scale, alpha=scale, out=gradients.key)
    gradients.key_bias.zero_()
    return by_x if positions is None else _add_selected(by_x, positions, by_rows.view_as(rows))


def _general(
    layer: Layer[Tensor],
    x: Tensor,
    rows: Tensor,
    positions: Tensor | None,
    heads: int,
    visible: Tensor | None,
    dropout: Dropout,
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
    output_dropped = dropout.mask(*flat_rows.shape[1:])
    summed = linear_onto(flat_rows, context, layer.output, layer.output_bias, output_dropped)
    return summed, GeneralState(
        x, rows, positions, query, key, value, probabilities, dropped, context, output_dropped
    )


def _general_backward(
    layer: Layer[Tensor], state: GeneralState, by_sum: Tensor, gradients: Layer[Tensor]
) -> Tensor:
    x, rows, positions, query, key, value, probabilities, dropped, context, output_dropped = state
    heads = x.shape[-1] // query.shape[-1]
    by_output = by_sum if output_dropped is None else by_sum * output_dropped
    linear_gradients(context, by_output, gradients.output, gradients.output_bias)
    by_context = _split(torch.bmm(by_output, layer.output).view_as(rows), heads)
    by_kept = torch.bmm(by_context, value.mT)
    kept = probabilities
    if dropped is not None:
        by_kept, kept = by_kept.mul_(dropped), probabilities * dropped
    by_scores = _softmax_backward(probabilities, by_kept).mul_(query.shape[-1] ** -0.5)
    by_query = _join(torch.bmm(by_scores, key), rows).flatten(1, 2)
    by_key = _join(torch.bmm(by_scores.mT, query), x).flatten(1, 2)
    by_value = _join(torch.bmm(kept.mT, by_context), x).flatten(1, 2)
    linear_gradients(rows.flatten(1, 2), by_query, gradients.query, gradients.query_bias)
    torch.bmm(by_key.mT, x.flatten(1, 2), out=gradients.key)
    gradients.key_bias.zero_()
    linear_gradients(x.flatten(1, 2), by_value, gradients.value, gradients.value_bias)
    by_rows = by_sum.baddbmm_(by_query, layer.query).view_as(rows)
    if positions is None:
        by_x = by_rows.view_as(by_key).baddbmm_(by_key, layer.key)
    else:
        by_x = torch.bmm(by_key, layer.key)
    by_x = by_x.baddbmm_(by_value, layer.value).view_as(x)
    return by_x if positions is None else _add_selected(by_x, positions, by_rows)


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
