"""Parquet files read in one thread.

With several, Arrow now and then aborts the process as it exits, when its work is done and its pool
of threads is taken down (issues 34314 and 50482 of apache/arrow); a job that had finished then
counts as failed. One thread is also what a job of one core may take.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def read_whole(handle: BinaryIO, *, checksums: bool = False) -> pa.Table:
    """Read an open parquet file; with `checksums`, those of its pages are verified.

    From a handle, since a path may gain columns from the names of folders above it ("seed=0").
    Raises whatever pyarrow does on a damaged file.
    """
    file = pq.ParquetFile(handle, page_checksum_verification=checksums)
    return file.read(use_threads=False)


def as_frame(table: pa.Table | pa.RecordBatch) -> pd.DataFrame:
    """Return what was read as a frame, in one thread too."""
    return table.to_pandas(use_threads=False)


def read_batches(
    handle: BinaryIO,
    rows: int,
    columns: Sequence[str] | None = None,
    *,
    checksums: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Yield an open parquet file in batches of at most so many rows; an empty one yields none."""
    names = None if columns is None else list(columns)
    file = pq.ParquetFile(handle, page_checksum_verification=checksums)
    yield from file.iter_batches(rows, columns=names, use_threads=False)
