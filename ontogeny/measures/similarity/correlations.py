"""How matrices correlate along their principal axes: what most measures of similarity start from.

Each matrix is factorised once. What a pair then takes is one product over words, added up block by
block, and what its measures make of the small matrix that comes out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ontogeny.measures.similarity.moments import Principal

CELLS_AT_ONCE = 2**24  # of correlation matrices taken in float64: 128 MiB


@dataclass(frozen=True)
class Cross:
    """Pairs of matrices, and how they correlate.

    `rows` and `columns` (pairs,) say which of the matrices of `first` and `second` each pair has.
    `correlation` (pairs, width of first, width of second): of a coordinate along an axis of the one
    with a coordinate along an axis of the other; 0 past the ranks. `square_products` (pairs,),
    float64: the sum over words of the product of their squared distances from the mean in both;
    `first_fourth` and `second_fourth` (matrices,): that of its square within each matrix.
    """

    first: Principal
    second: Principal
    rows: Tensor
    columns: Tensor
    correlation: Tensor
    square_products: Tensor
    first_fourth: Tensor
    second_fourth: Tensor

    def only(self, pairs: Tensor) -> "Cross":
        """Return some of the pairs, those where `pairs` (pairs,) is True."""
        return replace(
            self,
            rows=self.rows[pairs],
            columns=self.columns[pairs],
            correlation=self.correlation[pairs],
            square_products=self.square_products[pairs],
        )

    def pieces(self) -> Iterator["Cross"]:
        """Yield some pairs at a time, their correlations in float64."""
        size = max(1, CELLS_AT_ONCE // self.correlation[:1].numel())
        for start in range(0, len(self.rows), size):
            pairs = slice(start, start + size)
            yield replace(
                self,
                rows=self.rows[pairs],
                columns=self.columns[pairs],
                correlation=self.correlation[pairs].double(),
                square_products=self.square_products[pairs],
            )


class Correlations:
    """`Cross` as it adds up: as large as its pairs, however many words there are."""

    def __init__(self, first: Principal, second: Principal | None = None) -> None:
        """Begin without a word: each matrix of `first` with each of `second`.

        Without `second`, each with those that come after it in `first`.
        """
        self.first, self.second = first, second or first
        self._within = second is None
        mean, others = first.mean, len(self.second.mean)
        count, device = len(mean), mean.device
        if self._within:
            self.rows, self.columns = torch.triu_indices(count, count, 1, device=device)
        else:
            self.rows = torch.arange(count, device=device).repeat_interleave(others)
            self.columns = torch.arange(others, device=device).repeat(count)
        # For each matrix of the first, (its axes, partners * axes of second).
        width = self.second.variance.shape[1]
        partners = [others - row - 1 if self._within else others for row in range(count)]
        self._sums = [mean.new_zeros(first.variance.shape[1], n * width).float() for n in partners]
        self._squares = mean.new_zeros(count, others)
        self._fourth = mean.new_zeros(count), mean.new_zeros(others)

    def add(self, block: Tensor, other: Tensor | None = None) -> None:
        """Add words: the blocks, (matrices, words, width), of `first` and of `second`.

        All together they are the words that the principal axes were taken of.
        """
        coordinates = self.first.coordinates(block)
        against = coordinates if other is None else self.second.coordinates(other)
        for row, sums in enumerate(self._sums):
            partners = against[row + 1 :] if self._within else against
            if len(partners):
                # (width, words) times (words, partners * width)
                sums.addmm_(coordinates[row], partners.flatten(0, 1).T)
        mine = self.first.squared_distances(block)
        theirs = mine if other is None else self.second.squared_distances(other)
        self._squares += mine @ theirs.T
        for total, distances in zip(self._fourth, (mine, theirs), strict=True):
            total += distances.square().sum(-1)

    def cross(self) -> Cross:
        """Return the correlations of the words added so far; to be called once, at the end."""
        widths = self.first.variance.shape[1], self.second.variance.shape[1]
        parts = [sums.view(widths[0], -1, widths[1]).transpose(0, 1) for sums in self._sums]
        return Cross(
            self.first,
            self.second,
            self.rows,
            self.columns,
            torch.cat(parts).div_(self.first.words),
            self._squares[self.rows, self.columns],
            *self._fourth,
        )
