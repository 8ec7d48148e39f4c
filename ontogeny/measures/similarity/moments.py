"""Means, variances and principal axes of several matrices, from their rows block by block.

A matrix has a row for each word and a column for each unit of a layer. The matrices of a block have
the same words, and stand in one tensor, (matrices, words, width); a narrower one is filled up with
columns of zeros, which change nothing.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ontogeny.errors import CheckpointError


@dataclass(frozen=True)
class Principal:
    """Each matrix's words, seen along its own principal axes.

    `words` counts them. `mean` (matrices, width), `axes` (matrices, width, axes), a column for each
    axis, and `variance` (matrices, axes), falling, are float64. `rank` (matrices,) says along how
    many axes there is any variance beyond rounding; it is 0 along the others.
    """

    words: int
    mean: Tensor
    axes: Tensor
    variance: Tensor
    rank: Tensor

    def reduced(self, share: float) -> "Principal":
        """Return the axes of most variance that hold `share` of it, and forget the others.

        For SVCCA alone: pairs then take as much less time as their axes are fewer. The share is
        taken once, here; of what is left `svcca` is to keep everything (`variance=None`).
        """
        kept = self.kept(share)
        most = int(kept.max())
        beyond = torch.arange(most, device=kept.device) >= kept[:, None]
        variance = self.variance[:, :most].masked_fill(beyond, 0)
        return Principal(self.words, self.mean, self.axes[..., :most], variance, kept)

    def coordinates(self, block: Tensor) -> Tensor:
        """Return words in units of their standard deviation along each axis.

        `block` has shape (matrices, words, width), the result (matrices, axes, words), float32;
        it is 0 past the rank. In float64 until then, since along an axis of little variance the
        deviation of a word is a small difference of large numbers.
        """
        deviation = self.variance.sqrt()
        scale = torch.where(deviation > 0, 1 / deviation, 0)
        centred = block.double() - self.mean[:, None]
        return ((self.axes * scale[:, None]).mT @ centred.mT).float()

    def squared_distances(self, block: Tensor) -> Tensor:
        """Return the squared distance of each word from the mean.

        `block` has shape (matrices, words, width), the result (matrices, words), float64.
        """
        return (block.double() - self.mean[:, None]).square().sum(-1)

    def kept(self, share: float | None) -> Tensor:
        """Return how many axes, those of most variance first, hold `share` of it; (matrices,).

        None: all up to the rank.
        """
        if share is None:
            return self.rank
        held = self.variance.cumsum(-1) / self.variance.sum(-1, keepdim=True)
        # A share that is reached but for rounding is reached.
        return torch.minimum((held < share - 1e-12).sum(-1) + 1, self.rank)


class Moments:
    """What `Principal` is made from, as it adds up: a few numbers, however many words there are."""

    def __init__(self) -> None:
        """Begin without a word."""
        self.words = 0
        self._mean = self._squares = torch.zeros(0)
        self._rounding = 0.0

    def add(self, block: Tensor) -> None:
        """Add words; `block` has shape (matrices, words, width), of any floating type.

        Blocks' own moments are put together as Chan, Golub and LeVeque (1983, equation 2.1) do,
        which keeps what a mean far from zero would make sums of squares lose.
        """
        if not block.shape[1]:
            return
        self._rounding = max(self._rounding, torch.finfo(block.dtype).eps)
        values = block.double()
        mean = values.mean(1)
        centred = values - mean[:, None]
        squares = centred.mT @ centred
        if self.words:
            apart = mean - self._mean
            weight = self.words * block.shape[1] / (self.words + block.shape[1])
            squares += self._squares + weight * apart[:, :, None] * apart[:, None]
            mean = self._mean + apart * block.shape[1] / (self.words + block.shape[1])
        self.words += block.shape[1]
        self._mean, self._squares = mean, squares

    def principal(self, name: str) -> Principal:
        """Return the principal axes of the words added so far.

        Variance that rounding in the type of the blocks leaves counts as none. Raises
        `CheckpointError`, calling the matrices the layers of `name`, if one has the same vector for
        all words, or one that isn't finite; `ValueError` if no word was added.
        """
        if not self.words:
            raise ValueError(f"{name}: no word was added")
        if not self._squares.isfinite().all():
            layer = int((~self._squares.isfinite()).flatten(1).any(1).nonzero()[0])
            raise CheckpointError(
                f"{name}: the vectors of layer {layer} hold NaN or infinite values; expected "
                "finite ones. The checkpoint is broken or its training diverged: leave it out."
            )
        variance, axes = torch.linalg.eigh(self._squares / self.words)
        variance, axes = variance.flip(-1), axes.flip(-1)
        largest, width = variance[:, :1], variance.shape[-1]
        # What rounding of the numbers leaves, and what that of the decomposition does.
        rounded = self._rounding**2 * (largest + self._mean.square().amax(-1, keepdim=True))
        decomposed = torch.finfo(torch.float64).eps * largest
        there = variance > width * torch.maximum(rounded, decomposed)
        rank = there.sum(-1)
        if not rank.all():
            layer = int((rank == 0).nonzero()[0])
            raise CheckpointError(
                f"{name}: layer {layer} has the same vector for each of {self.words} words, and is "
                "similar to nothing. Leave the checkpoint out of the study's steps."
            )
        return Principal(self.words, self._mean, axes, torch.where(there, variance, 0), rank)
