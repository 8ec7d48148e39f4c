"""Indices of concentration: how unevenly a vector's mass lies on its entries.

All are of the last dimension, don't change when a vector is scaled, and are NaN for a vector of
zeros, which has no mass to lie anywhere.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Norms(NamedTuple):
    """The l1 and l2 norms of vectors of a dimension."""

    one: Tensor
    two: Tensor
    dimension: int


def norms(vectors: Tensor) -> Norms:
    """Return the norms of `vectors` (..., dimension), of shape (...)."""
    return Norms(
        vectors.abs().sum(-1), torch.linalg.vector_norm(vectors, dim=-1), vectors.shape[-1]
    )


def norms_of_logit_gradients(probabilities: Tensor, targets: Tensor) -> Norms:
    """Return the norms of p - onehot(target), the gradient of a prediction's loss at its logits.

    `probabilities` p are (predictions, vocabulary), `targets` (predictions,). In closed form: the
    l1 norm is 2 (1 - p_target), the squared l2 norm is |p|^2 + 1 - 2 p_target.
    """
    chosen = probabilities.gather(-1, targets[:, None])[:, 0]
    # As sums of the others, because 1 - p_target loses its digits where p_target is nearly 1.
    others = probabilities.scatter(-1, targets[:, None], 0.0)
    rest = others.sum(-1)
    two = (others.square().sum(-1) + rest.square()).sqrt()
    return Norms(torch.where(chosen < 1, 2 * rest, 0.0), two, probabilities.shape[-1])


def concentration(vectors: Norms) -> Tensor:
    """Return chi = |v|_2 / |v|_1, from 1 / sqrt(dimension), all alike, to 1, all mass on one entry.

    The reciprocal of the Taxicab-Euclidean ratio (Repetti et al. 2015); chapter 6, section 2.
    """
    return vectors.two / vectors.one


def hoyer(vectors: Norms) -> Tensor:
    """Return Hoyer's index (2004, equation 3): (sqrt(d) - |v|_1 / |v|_2) / (sqrt(d) - 1).

    1 with all mass on one entry, 0 if all are alike.
    """
    root = math.sqrt(vectors.dimension)
    return (root - vectors.one / vectors.two) / (root - 1)


def gini(vectors: Tensor) -> Tensor:
    """Return the Gini coefficient of the absolute values (Hurley and Rickard 2009, table I).

    `vectors` are (..., d), the result (...): 0 if all are alike, 1 - 1 / d with all mass on one
    entry.
    """
    ordered = vectors.abs().sort(-1).values
    d = ordered.shape[-1]
    weights = (2 * torch.arange(1, d + 1, device=vectors.device) - d - 1).to(ordered.dtype) / d
    return (ordered @ weights) / ordered.sum(-1)


def entropy_of_attention(weights: Tensor, attended: Tensor) -> Tensor:
    """Return the entropy of attention over the largest it could be, from 0 to 1.

    `weights` are (batch, heads, tokens, tokens), rows attend to columns; `attended` (batch, tokens,
    tokens) says what each may attend to. The result is (batch, tokens), the mean over heads, NaN
    where there is but one token to attend to. Chapter 6, section 6.1.2 proposes it.
    """
    entropy = torch.special.entr(weights.float()).sum(-1).mean(1)
    return entropy / attended.sum(-1).float().log().where(attended.sum(-1) > 1, torch.nan)


INDICES = ("chi", "hoyer", "gini", "l1")
