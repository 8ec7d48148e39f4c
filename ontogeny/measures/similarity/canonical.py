"""Canonical correlation analysis in the forms in use: SVCCA, plain CCA, and PWCCA."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ontogeny.errors import CorpusError
from ontogeny.measures.similarity.correlations import Cross

VARIANCE = 0.99
MASS = 0.98


def svcca(cross: Cross, variance: float | None = VARIANCE, mass: float | None = None) -> Tensor:
    """Return the mean canonical correlation of each pair, from 0 to 1; (pairs,) float64.

    `variance` is the share of each matrix's variance that the axes hold to which it is first
    reduced, those of most variance; None: all axes. `mass` is the share of the sum of correlations
    that those make up which are averaged, the largest ones; None: all, as many as the narrower
    side has axes.

    Raghu et al. (2017, section 2) reduce to 99% and average all. The released code of the same
    authors, with which Saphra and Lopez (2019) measured, reduces nothing and averages those that
    make up 98% of the sum: `variance=None, mass=0.98`.

    Without reduction the measure is the same after any invertible map of either side, since the
    correlations are; with it, after rotations and isotropic scaling alone. Between independent
    Gaussians of widths d1 <= d2 the mean squared correlation is d2 / (words - 1).

    Raises `CorpusError` as `canonical_correlations` does.
    """
    correlations, count = canonical_correlations(cross, variance)
    return mean_correlation(correlations, averaged(correlations, count, mass))


def averaged(correlations: Tensor, count: Tensor, mass: float | None) -> Tensor:
    """Return how many of a pair's correlations are averaged; (pairs,).

    `correlations` (pairs, width) fall along the last dimension; `count` (pairs,) says how many
    there are. With `mass`, it is the fewest that make up this share of their sum.
    """
    if mass is None:
        return count
    held = correlations.cumsum(-1)
    # A share that is reached but for rounding is reached.
    return torch.minimum((held < mass * held[:, -1:] * (1 - 1e-12)).sum(-1) + 1, count)


def mean_correlation(correlations: Tensor, count: Tensor) -> Tensor:
    """Return the mean of the first `count` (pairs,) of the correlations, (pairs, width)."""
    return torch.where(_below(correlations, count), correlations, 0).sum(-1) / count


def canonical_correlations(cross: Cross, variance: float | None = None) -> tuple[Tensor, Tensor]:
    """Return the canonical correlations of each pair, and how many there are.

    The first result, (pairs, width), is float64 and falls along the last dimension, to 0 past the
    number of axes that the narrower side is reduced to; that number is the second, (pairs,).

    They are the singular values of the matrix of correlations between the principal coordinates of
    both sides, which are uncorrelated within each (Raghu et al. 2017, section 2).

    Raises `CorpusError` if there are no more words than both sides have axes together: then some
    correlations are 1 whatever the words are.
    """
    parts = []
    for piece in cross.pieces():
        reduced, count = _reduced(piece, variance)
        parts.append((torch.linalg.svdvals(reduced).clamp(max=1), count))
    correlations, counts = map(torch.cat, zip(*parts, strict=True))
    return correlations, counts


@dataclass(frozen=True)
class Directions:
    """The canonical correlations of some pairs with their directions.

    `correlations` (pairs, width) and `count` (pairs,) are as in `canonical_correlations`. `left`
    (pairs, width of first, width) and `right` (pairs, width of second, width) have a column for
    each: a direction, of length 1, in the principal coordinates of that side.
    """

    correlations: Tensor
    count: Tensor
    left: Tensor
    right: Tensor


def directions(piece: Cross, variance: float | None = None) -> Directions:
    """Return the canonical directions of a piece of pairs; raises as `canonical_correlations`."""
    reduced, count = _reduced(piece, variance)
    left, correlations, right = torch.linalg.svd(reduced, full_matrices=False)
    return Directions(correlations.clamp(max=1), count, left, right.mT)


def pwcca(cross: Cross) -> Tensor:
    """Return the projection-weighted mean canonical correlation of each pair; (pairs,) float64.

    A correlation weighs as much as its canonical direction accounts for in the pair's FIRST
    matrix: the sum, over the units of its layer, of the absolute inner product of the unit's
    activations with the direction's (Morcos et al. 2018, section 2.1, equation 2, in which the
    first of two layers weighs too; their released code takes the narrower of both). So it isn't
    symmetric. Nothing is reduced, and the measure is the same after any invertible map of the
    second; a map of the first that isn't a rotation with isotropic scaling changes the weights.

    Raises `CorpusError` as `canonical_correlations` does.
    """
    units = cross.first.axes * cross.first.variance.sqrt()[:, None]
    parts = []
    for piece in cross.pieces():
        found = directions(piece)
        # (pairs, units, width of first) times (pairs, width of first, width)
        weights = (units[piece.rows] @ found.left).abs().sum(1)
        weights = torch.where(_below(weights, found.count), weights, 0)
        parts.append((weights * found.correlations).sum(-1) / weights.sum(-1))
    return torch.cat(parts)


def _reduced(piece: Cross, variance: float | None) -> tuple[Tensor, Tensor]:
    """Return the correlations of the axes that are kept, 0 for others; and how many there can be.

    Shapes: (pairs, width of first, width of second) and (pairs,).
    """
    first = piece.first.kept(variance)[piece.rows]
    second = piece.second.kept(variance)[piece.columns]
    most, words = int((first + second).max()), piece.first.words
    if words - 1 < most:
        raise CorpusError(
            f"canonical correlations of layers with {most} dimensions, both together, can't be "
            f"taken from {words} words; expected more words than dimensions, better ten times as "
            "many. Ask for more words, or take a larger corpus."
        )
    correlation = piece.correlation
    rows, columns = _below(correlation[:, :, 0], first), _below(correlation[:, 0], second)
    reduced = torch.where(rows[:, :, None] & columns[:, None], correlation, 0)
    return reduced, torch.minimum(first, second)


def _below(values: Tensor, count: Tensor) -> Tensor:
    """Return which places along the last dimension, (pairs, width), come before the count."""
    return torch.arange(values.shape[-1], device=values.device) < count[:, None]
