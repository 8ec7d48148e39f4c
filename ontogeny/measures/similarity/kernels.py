"""Measures that compare how alike words are in one matrix with how alike they are in the other."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from ontogeny.measures.similarity.correlations import Cross


def linear_cka(cross: Cross) -> Tensor:
    """Return the centred kernel alignment of each pair, with linear kernels; (pairs,) float64.

    It lies between 0 and 1: ||X'Y||^2 / (||X'X|| ||Y'Y||), with Frobenius norms, of the centred
    matrices (Kornblith et al. 2019, section 3, equation 5). From few words it is too large, even
    between matrices that have nothing to do with each other: see `unbiased_cka`.
    """
    alone = [side.variance.square().sum(-1) for side in (cross.first, cross.second)]
    return _shared(cross) / (alone[0][cross.rows] * alone[1][cross.columns]).sqrt()


def unbiased_cka(cross: Cross) -> Tensor:
    """Return CKA from the unbiased estimate of HSIC; (pairs,) float64.

    HSIC is estimated as Song et al. (2012, equation 5) do, from kernels without their diagonals,
    for the pair and for each side alone (Nguyen, Raghu and Kornblith 2021, section 2). The quotient
    of the three is no longer without bias, but nearly: by chance it is 0 on average, and may be
    below.
    """
    words = cross.first.words
    shared = _shared(cross) * words**2
    traces = [side.variance.sum(-1) * words for side in (cross.first, cross.second)]
    trace, other = traces[0][cross.rows], traces[1][cross.columns]
    together = _unbiased_hsic(shared, trace, other, cross.square_products, words)
    alone = []
    sides = ((cross.first, cross.first_fourth), (cross.second, cross.second_fourth))
    for trace, (side, fourth) in zip(traces, sides, strict=True):
        own = side.variance.square().sum(-1) * words**2
        alone.append(_unbiased_hsic(own, trace, trace, fourth, words))
    return together / (alone[0][cross.rows] * alone[1][cross.columns]).sqrt()


def _shared(cross: Cross) -> Tensor:
    """Return the squared Frobenius norm of the covariance of each pair; (pairs,) float64."""
    parts = []
    for piece in cross.pieces():
        variance = piece.second.variance[piece.columns][..., None]
        # (pairs, width of first, width of second) times (pairs, width of second, 1)
        along = (piece.correlation.square() @ variance)[..., 0]
        parts.append((along * piece.first.variance[piece.rows]).sum(-1))
    return torch.cat(parts)


def _unbiased_hsic(
    shared: Tensor, trace: Tensor, other: Tensor, diagonal: Tensor, words: int
) -> Tensor:
    """Return the estimate of Song et al. (2012, equation 5), but for a factor that cancels in CKA.

    Of kernels K and L of centred vectors, whose rows add up to 0: `shared` is tr(KL), `trace` and
    `other` are tr(K) and tr(L), `diagonal` is the sum of the products of what stands on both
    diagonals.
    """
    beside = trace * other / ((words - 1) * (words - 2)) - 2 * diagonal / (words - 2)
    return shared - diagonal + beside


def representational_similarity(first: Tensor, second: Tensor) -> NDArray[np.float64]:
    """Return the rank correlation of two representations' distances between words.

    `first` (matrices, words, width) and `second` (others, words, another width) hold the same
    words, a sample, since time and memory grow with its square; the result has shape (matrices,
    others), from -1 to 1. It is Spearman's correlation, over all pairs of words, of their Euclidean
    distances (Kriegeskorte et al. 2008, with ranks as they recommend). NaN where all distances are
    the same, and with fewer than three words.
    """
    return rank_correlation(distance_ranks(first), distance_ranks(second))


def distance_ranks(vectors: Tensor) -> NDArray[np.float64]:
    """Return what `rank_correlation` takes: (matrices, pairs of words), of mean 0 and length 1.

    They are the ranks of the Euclidean distances between the words of `vectors` (matrices, words,
    width), centred and scaled; NaN where all distances are the same.
    """
    return np.stack([_standardised_ranks(matrix) for matrix in vectors])


def rank_correlation(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return `representational_similarity`, (matrices, others), from the ranks of both sides."""
    return np.clip(first @ second.T, -1, 1)


def _standardised_ranks(matrix: Tensor) -> NDArray[np.float64]:
    ranks = rankdata(torch.pdist(matrix.double()).cpu().numpy())
    ranks -= ranks.mean() if len(ranks) else 0
    length = np.linalg.norm(ranks)
    return ranks / length if len(ranks) > 1 and length > 0 else np.full(len(ranks), np.nan)
