"""Statistics of every tensor of every checkpoint of a trajectory, from one reading of the files.

For each tensor the checkpoints lie side by side, block by block: so hashes, norms, moments and all
distances between checkpoints come out of one pass, in a memory that depends neither on the size of
the tensors nor, beyond the table of distances, on the number of checkpoints.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ontogeny.audit.tensor_blocks import ITEM_BYTES, Reader, StoredTensor, as_numbers, spans

BLOCK_BYTES = 192 << 20  # what the arrays of one block take together
BYTES_PER_NUMBER = 40  # the bytes read, the numbers, their squares, differences, and a spare


@dataclass(frozen=True)
class TensorStatistics:
    """What is known of one tensor in those checkpoints that have it in the same shape.

    Arrays are over `members`, the indices of these checkpoints; those of numbers are None unless
    the tensor is floating-point in all of them. Numbers that are not finite count as 0 everywhere
    but in `nan` and `infinite`.
    """

    name: str
    shape: tuple[int, ...]
    members: tuple[int, ...]
    digests: tuple[bytes, ...]  # SHA-256 of dtype, shape and bytes
    nan: np.ndarray | None = None  # how many
    infinite: np.ndarray | None = None  # how many
    squares: np.ndarray | None = None  # their sum
    deviation: np.ndarray | None = None  # standard deviation
    kurtosis: np.ndarray | None = None  # fourth moment over the square of the second, about zero
    constant: np.ndarray | None = None  # whether all numbers are the same
    unevenness: np.ndarray | None = None  # (members, 2): of rows, of columns; see `_unevenness`
    excess: np.ndarray | None = None  # (members, 2): unevenness less 1, in standard errors
    distances: np.ndarray | None = None  # (members, members), squared

    @property
    def size(self) -> int:
        """How many numbers the tensor has."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def is_matrix(self) -> bool:
        """Whether at least two dimensions are longer than 1."""
        return sum(size > 1 for size in self.shape) > 1

    @property
    def is_vector(self) -> bool:
        """Whether it is a bias or a scale: of one dimension, and of more than one number.

        A table of one row, such as RoBERTa's of token types, is drawn like any matrix, but too
        small to be judged as one; it is neither.
        """
        return len(self.shape) == 1 and self.size > 1


def tensor_statistics(
    checkpoints: Sequence[Mapping[str, StoredTensor]], block_bytes: int = BLOCK_BYTES
) -> list[TensorStatistics]:
    """Measure all tensors of several checkpoints, reading each byte once.

    `checkpoints` are as `stored_tensors` returns them, the last one last. A tensor that has another
    shape in some checkpoints comes once for each shape. Raises `CheckpointError` if a file can't be
    read.
    """
    groups: dict[tuple[str, tuple[int, ...], bool], list[int]] = {}
    for index, tensors in enumerate(checkpoints):
        for name, tensor in tensors.items():
            groups.setdefault((name, tensor.shape, tensor.is_floating), []).append(index)
    with Reader() as reader:
        return [
            _measure(name, members, [checkpoints[i][name] for i in members], reader, block_bytes)
            for (name, _, _), members in sorted(groups.items())
        ]


def _measure(
    name: str,
    members: list[int],
    tensors: list[StoredTensor],
    reader: Reader,
    block_bytes: int,
) -> TensorStatistics:
    rows, columns = tensors[0].rows_and_columns
    shape, floating = tensors[0].shape, tensors[0].is_floating
    most = max(block_bytes // (BYTES_PER_NUMBER * len(members)), 1)
    digests = [hashlib.sha256(f"{t.dtype} {list(t.shape)}\n".encode()) for t in tensors]
    if not floating:
        for tensor, digest in zip(tensors, digests, strict=True):
            for first in range(0, tensor.bytes, block_bytes):
                digest.update(reader.read(tensor, first, min(block_bytes, tensor.bytes - first)))
        return TensorStatistics(name, shape, tuple(members), tuple(d.digest() for d in digests))
    moments = _Moments(len(members), rows, columns)
    for first, height, width in spans(rows, columns, most):
        raw = []
        for tensor, digest in zip(tensors, digests, strict=True):
            item = ITEM_BYTES[tensor.dtype]
            raw.append(reader.read(tensor, first * item, height * width * item))
            digest.update(raw[-1])
        moments.add(as_numbers(raw, [t.dtype for t in tensors]), first, height, width)
    found = tuple(digest.digest() for digest in digests)
    unevenness, excess = moments.unevenness()
    return TensorStatistics(
        name,
        shape,
        tuple(members),
        found,
        nan=moments.nan,
        infinite=moments.infinite,
        squares=moments.squares,
        deviation=moments.deviation(),
        kurtosis=moments.kurtosis(),
        constant=moments.low >= moments.high,
        unevenness=unevenness,
        excess=excess,
        distances=moments.distances(found),
    )


class _Moments:
    """Sums over the numbers of a tensor, block by block, for several checkpoints at once."""

    def __init__(self, members: int, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.nan = np.zeros(members, dtype=np.int64)
        self.infinite = np.zeros(members, dtype=np.int64)
        self.sums = np.zeros(members)
        self.squares = np.zeros(members)
        self.fourth = np.zeros(members)
        self.low = np.full(members, np.inf)
        self.high = np.full(members, -np.inf)
        self.products = np.zeros((members, members))
        # Sums of squares of each column, of the present row, and of what the rows come to.
        self.in_columns = np.zeros((members, columns)) if rows > 1 else None
        self.in_row = np.zeros(members)
        self.filled_rows = np.zeros(members)
        self.squared_rows = np.zeros(members)

    def add(self, numbers: np.ndarray, first: int, height: int, width: int) -> None:
        """Take in a block of shape `(members, height * width)`, which is overwritten."""
        with np.errstate(invalid="ignore", over="ignore"):
            sums = numbers.sum(axis=1)
        for member in np.flatnonzero(~np.isfinite(sums)):
            finite = np.isfinite(numbers[member])
            nan = np.isnan(numbers[member])
            self.nan[member] += nan.sum()
            self.infinite[member] += (~finite & ~nan).sum()
            numbers[member, ~finite] = 0.0
            sums[member] = numbers[member].sum()
        self.sums += sums
        np.minimum(self.low, numbers.min(axis=1), out=self.low)
        np.maximum(self.high, numbers.max(axis=1), out=self.high)
        squared = np.square(numbers)
        self.squares += squared.sum(axis=1)
        self.fourth += np.einsum("ij,ij->i", squared, squared)
        if self.in_columns is not None:
            self._add_rows(squared.reshape(len(numbers), height, width), first)
        # Differences to the last checkpoint are exact where the numbers are close, so that small
        # distances don't drown in the rounding of large norms.
        numbers -= numbers[-1].copy()
        self.products += numbers @ numbers.T

    def _add_rows(self, squared: np.ndarray, first: int) -> None:
        assert self.in_columns is not None
        width = squared.shape[2]
        column = first % self.columns
        self.in_columns[:, column : column + width] += squared.sum(axis=1)
        self.in_row = self.in_row[:, None] + squared.sum(axis=2)  # several only if they are whole
        if column + width == self.columns:
            self.filled_rows += (self.in_row > 0).sum(axis=1)
            self.squared_rows += np.square(self.in_row).sum(axis=1)
            self.in_row = np.zeros(len(squared))
        else:
            self.in_row = self.in_row[:, 0]

    def deviation(self) -> np.ndarray:
        """Return the standard deviation of the numbers of each member."""
        size = max(self.rows * self.columns, 1)
        return np.sqrt(np.maximum(self.squares / size - (self.sums / size) ** 2, 0))

    def kurtosis(self) -> np.ndarray:
        """Return the fourth moment about zero over the square of the second; 0 if all are zero."""
        size = self.rows * self.columns
        return np.where(self.squares > 0, self.fourth * size / _positive(self.squares) ** 2, 0.0)

    def unevenness(self) -> tuple[np.ndarray, np.ndarray]:
        """Return how unevenly the squares spread over rows and over columns; `(members, 2)` each.

        If all numbers are independent draws from one distribution, whichever it is, the mean
        squares of rows of C numbers vary by chance alone: with variance (m4 - m2^2) / C, where m2
        and m4 are the second and fourth moment. The unevenness is the variance found over that, 1
        in expectation; the excess is how many standard errors it lies above 1, with the standard
        error of a variance of scaled chi-squares, sqrt((2 + 12 / C) / rows). Likewise columns. Rows
        of zeros (the vector of the padding token) are left out.
        """
        shape = (len(self.sums), 2)
        if self.in_columns is None:
            return np.ones(shape), np.zeros(shape)
        columns_filled = (self.in_columns > 0).sum(axis=1)
        squared_columns = np.square(self.in_columns).sum(axis=1)
        filled = self.filled_rows, columns_filled
        squared = self.squared_rows, squared_columns
        size = _positive(filled[0] * filled[1])
        spread = self.fourth / size - (self.squares / size) ** 2
        unevenness, excess = np.ones(shape), np.zeros(shape)
        for axis in (0, 1):
            lines, length = filled[axis], _positive(filled[1 - axis])
            # Of sums of squares, not of means: both variances are larger by length^2.
            variance = (squared[axis] - self.squares**2 / _positive(lines)) / _positive(lines - 1)
            expected = spread * length
            judged = (expected > 1e-9 * (self.squares / _positive(lines)) ** 2) & (lines > 1)
            unevenness[:, axis] = np.where(judged, variance / np.where(judged, expected, 1.0), 1.0)
            error = np.sqrt((2 + 12 / length) / _positive(lines))
            excess[:, axis] = (unevenness[:, axis] - 1) / error
        return unevenness, excess

    def distances(self, digests: Sequence[bytes]) -> np.ndarray:
        """Return the squared Euclidean distances between members; equal tensors have distance 0."""
        own = np.diagonal(self.products)
        squared = np.maximum(own[:, None] + own[None, :] - 2 * self.products, 0.0)
        equal = np.array([[a == b for b in digests] for a in digests])
        return np.where(equal, 0.0, squared)


def _positive(numbers: np.ndarray) -> np.ndarray:
    """Return the numbers with those that are not above 0 replaced by 1, to be divided by."""
    return np.where(numbers > 0, numbers, 1.0)
