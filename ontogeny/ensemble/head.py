"""The masked-word head of many members, at the positions that have labels and nowhere else."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import gelu

from ontogeny.ensemble.architecture import Weights
from ontogeny.ensemble.normalisation import (
    linear,
    linear_gradients,
    normalisation_gradients,
    normalise,
    scale_and_shift,
)

NO_LABEL = -100  # as in transformers


class HeadState(NamedTuple):
    """What the backward pass of the head needs; rows are (members, rows, width)."""

    rows: Tensor
    before: Tensor
    normalised: Tensor
    inverse: Tensor
    vectors: Tensor


def predict(
    weights: Weights, rows: Tensor, unused: Tensor | None, epsilon: float
) -> tuple[Tensor, HeadState]:
    """Return the logits (members, rows, vocabulary), and the state.

    `unused`, (members, vocabulary), is minus infinity for tokens that a member doesn't have and
    zero for the others; None if every member has all.
    """
    head = weights.head
    before = linear(rows, head.dense, head.dense_bias)
    normalised, inverse = normalise(gelu(before), epsilon)
    vectors = scale_and_shift(normalised, head.gain, head.shift)
    bias = head.bias if unused is None else head.bias + unused
    logits = linear(vectors, weights.embeddings.words, bias)
    return logits, HeadState(rows, before, normalised, inverse, vectors)


def predict_backward(
    weights: Weights, state: HeadState, gradient: Tensor, gradients: Weights
) -> Tensor:
    """Write the head's gradients, given that by the logits; returns that by the rows."""
    head, own = weights.head, gradients.head
    linear_gradients(state.vectors, gradient, gradients.embeddings.words, own.bias)
    by_vectors = torch.bmm(gradient, weights.embeddings.words)
    by_activation = normalisation_gradients(
        state.normalised, state.inverse, head.gain, by_vectors, own.gain, own.shift
    )
    by_before = torch.ops.aten.gelu_backward(by_activation, state.before)
    linear_gradients(state.rows, by_before, own.dense, own.dense_bias)
    return torch.bmm(by_before, head.dense)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return each member's mean loss (members,), and overwrite logits by the loss's derivative.

    `logits` are (members, rows, vocabulary), `labels` (members, rows) with `NO_LABEL` where there
    is none. As in transformers, a member without any label has the loss NaN.
    """
    counted = labels != NO_LABEL
    known = labels.clamp_min(0)[..., None]
    count = counted.sum(1)
    highest, right = logits.amax(-1), logits.gather(2, known)[..., 0]
    # The largest probability gives the normaliser where the label's own may have underflown.
    torch.softmax(logits, -1, out=logits)
    surprisal = highest - logits.amax(-1).log() - right
    losses = surprisal.masked_fill(~counted, 0).sum(1) / count
    share = (counted / count[:, None]).to(logits)[..., None]
    logits.mul_(share).scatter_add_(2, known, -share)
    return losses
