"""The same tensor of many checkpoints side by side, block by block, each byte read once.

Files are read piece by piece rather than mapped into memory: the pages of a mapped file count as
memory of the process for as long as it is open, and a trajectory is larger than any memory.
"""

import math
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ontogeny.errors import CheckpointError
from ontogeny.runs.checkpoints.weight_files import FLOATING_POINT, read_header, weight_files

OPEN_FILES = 256  # at once; a process may usually have 1024 open
NUMPY_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
ITEM_BYTES = FLOATING_POINT
# Digits of the significand in base 2, the hidden one included.
SIGNIFICAND = {"F64": 53, "F32": 24, "F16": 11, "BF16": 8}


@dataclass(frozen=True)
class StoredTensor:
    """Where one tensor lies: `bytes` bytes of `file`, from `offset` on, row by row."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    offset: int
    bytes: int

    @property
    def rows_and_columns(self) -> tuple[int, int]:
        """The tensor as a matrix: its first dimension longer than 1, and all those after it.

        A tensor with one such dimension is a single row.
        """
        long = [size for size in self.shape if size != 1]
        return (1, math.prod(long)) if len(long) < 2 else (long[0], math.prod(long[1:]))

    @property
    def is_floating(self) -> bool:
        """Whether it holds floating-point numbers of a kind that NumPy can be given."""
        return self.dtype in SIGNIFICAND


def stored_tensors(path: str | os.PathLike[str]) -> dict[str, StoredTensor]:
    """Return where the tensors of a checkpoint lie, by name, in the order of names.

    Only headers are read. Raises `CheckpointError` if there are no weights, or a file is truncated
    or contradicts itself.
    """
    found = {}
    for file in weight_files(path):
        header = read_header(file)
        end = max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
        start = file.stat().st_size - end
        for name, tensor in header.items():
            first, after = tensor["data_offsets"]
            shape = tuple(tensor["shape"])
            found[name] = StoredTensor(file, tensor["dtype"], shape, start + first, after - first)
    return dict(sorted(found.items()))


class Reader:
    """Reads pieces of many files, of which the most recently used ones stay open."""

    def __init__(self) -> None:
        """Start with no file open."""
        self._open: OrderedDict[Path, int] = OrderedDict()

    def __enter__(self) -> "Reader":
        """Return the reader itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all files."""
        for handle in self._open.values():
            os.close(handle)

    def read(self, tensor: StoredTensor, first: int, wanted: int) -> bytes:
        """Return so many `wanted` bytes of a tensor, from its byte `first` on.

        Raises `CheckpointError` if the file can't be read or ends before.
        """
        try:
            handle = self._handle(tensor.file)
            pieces = []
            offset = tensor.offset + first
            while wanted and (piece := os.pread(handle, wanted, offset)):
                pieces.append(piece)
                offset, wanted = offset + len(piece), wanted - len(piece)
        except OSError as error:
            raise CheckpointError(f"{tensor.file}: can't be read ({error}).") from error
        if wanted:
            raise CheckpointError(
                f"{tensor.file}: ends {wanted} bytes too early. It changed while it was read; copy "
                "or train it again."
            )
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _handle(self, file: Path) -> int:
        if file not in self._open:
            if len(self._open) >= OPEN_FILES:
                os.close(self._open.popitem(last=False)[1])
            self._open[file] = os.open(file, os.O_RDONLY)
        self._open.move_to_end(file)
        return self._open[file]


def spans(rows: int, columns: int, most: int) -> Iterator[tuple[int, int, int]]:
    """Yield pieces of a matrix, in order: `(first number, rows, columns)` of each.

    A piece holds at most `most` numbers (at least one): whole rows if one fits, else part of a row.
    """
    if rows * columns == 0:
        return
    if columns <= most:
        step = most // columns
        for row in range(0, rows, step):
            yield row * columns, min(step, rows - row), columns
    else:
        for row in range(rows):
            for column in range(0, columns, most):
                yield row * columns + column, 1, min(most, columns - column)


def as_numbers(raw: Sequence[bytes], dtypes: Sequence[str]) -> np.ndarray:
    """Return the same piece of several checkpoints as float64, shape `(checkpoints, numbers)`."""
    numbers = np.empty((len(raw), len(raw[0]) // ITEM_BYTES[dtypes[0]]))
    for row, piece, dtype in zip(numbers, raw, dtypes, strict=True):
        if dtype == "BF16":
            # A bfloat16 is the upper half of the float32 of the same value.
            row[:] = (np.frombuffer(piece, "<u2").astype("<u4") << 16).view("<f4")
        else:
            row[:] = np.frombuffer(piece, NUMPY_TYPES[dtype])
    return numbers
