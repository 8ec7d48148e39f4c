"""The masked-word head of many members, at the positions that have labels and nowhere else."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import gelu

from ontogeny.ensemble.bert.architecture import Weights
from ontogeny.ensemble.bert.normalisation import (
    linear,
    linear_gradients,
    normalisation_gradients,
    normalise,
    scale_and_shift,
)

NO_LABEL = -100  # as in transformers
LINE = 16  # numbers in a line of the cache; rows that begin with one are faster to multiply


class HeadState(NamedTuple):
    """What the backward pass of the head needs; rows are (members, rows, width)."""

    rows: Tensor
    before: Tensor
    centred: Tensor
    inverse: Tensor
    vectors: Tensor


def predict(
    weights: Weights, rows: Tensor, unused: Tensor | None, epsilon: float
) -> tuple[Tensor, HeadState]:
    """Return the logits (members, rows, columns), and the state.

    The columns are the vocabulary and then, at minus infinity, as many as fill a line of the cache.
    `unused`, (members, vocabulary), is minus infinity for tokens that a member doesn't have and
    zero for the others; None if every member has all.
    """
    head = weights.head
    before = linear(rows, head.dense, head.dense_bias)
    centred = gelu(before)
    inverse = normalise(centred, epsilon)
    vectors = scale_and_shift(centred, inverse, head.gain, head.shift)
    bias = head.bias if unused is None else head.bias + unused[:, None]
    vocabulary = bias.shape[2]
    logits = rows.new_empty(*rows.shape[:2], -(-vocabulary // LINE) * LINE)
    logits[..., vocabulary:] = -torch.inf
    words = weights.embeddings.words
    torch.baddbmm(bias, vectors, words.mT, out=logits[..., :vocabulary])
    return logits, HeadState(rows, before, centred, inverse, vectors)


def predict_backward(
    weights: Weights, state: HeadState, gradient: Tensor, share: Tensor, gradients: Weights
) -> Tensor:
    """Write the head's gradients; returns that by the rows.

    That by the logits is `gradient` (members, rows, columns) times `share` (members, rows, 1).
    """
    head, own = weights.head, gradients.head
    gradient = gradient[..., : own.bias.shape[2]]
    torch.bmm(gradient.mT, state.vectors * share, out=gradients.embeddings.words)
    torch.bmm(share.mT, gradient, out=own.bias)
    by_vectors = torch.bmm(gradient, weights.embeddings.words).mul_(share)
    by_activation = normalisation_gradients(
        state.centred, state.inverse, head.gain, by_vectors, own.gain, own.shift
    )
    by_before = torch.ops.aten.gelu_backward(by_activation, state.before)
    linear_gradients(state.rows, by_before, own.dense, own.dense_bias)
    return torch.bmm(by_before, head.dense)


def cross_entropy(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return each member's mean loss (members,), and each row's share in it (members, rows, 1).

    `logits` are (members, rows, columns), `labels` (members, rows) with `NO_LABEL` where there
    is none. Overwrites logits by the derivative of a row's surprisal; times the row's share, it is
    that of the loss. As in transformers, a member without any label has the loss NaN.
    """
    counted = labels != NO_LABEL
    known = labels.clamp_min(0)[..., None]
    count = counted.sum(1)
    highest, right = logits.amax(-1), logits.gather(2, known)[..., 0]
    # The largest probability gives the normaliser where the label's own may have underflown.
    torch.softmax(logits, -1, out=logits)
    surprisal = highest - logits.amax(-1).log() - right
    losses = surprisal.masked_fill(~counted, 0).sum(1) / count
    logits.scatter_add_(2, known, torch.full_like(known, -1, dtype=logits.dtype))
    return losses, (counted / count[:, None]).to(logits)[..., None]
