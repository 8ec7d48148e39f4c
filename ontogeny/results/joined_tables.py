"""One table made of what many jobs measured, in memory a part at a time."""

import os
from collections.abc import Iterable, Iterator
from itertools import takewhile

import pyarrow as pa
import pyarrow.parquet as pq

from ontogeny.files import atomic_path
from ontogeny.parquet import as_frame, read_batches
from ontogeny.results.tables import (
    ROW_GROUP,
    ROWS_AT_ONCE,
    WRITTEN,
    Table,
    arranged,
    check,
    naming,
    read_measurements,
    schema,
)


def join_measurements(
    paths: Iterable[str | os.PathLike[str]],
    table: Table,
    path: str | os.PathLike[str],
    *,
    row_group: int = ROW_GROUP,
) -> None:
    """Check what several jobs measured against a table's declaration, and write it as one table.

    The same bytes as `write_table` gives of all rows together, which needn't fit into memory: files
    are read one after the other in the order of the table's first keys, those that are never null,
    and only files whose rows lie among each other's in this order are read together. Raises
    `TableError` as `check` does, and, naming the file, if one can't be read.
    """
    columns = schema(table)
    with atomic_path(path) as scratch, pq.ParquetWriter(scratch, columns, **WRITTEN) as writer:
        waiting = columns.empty_table()
        for together in _one_after_the_other(paths, table):
            frame = read_measurements(together)
            check(frame, table)
            waiting = pa.concat_tables([waiting, arranged(frame, table)])
            while len(waiting) >= row_group:
                writer.write_table(waiting.slice(0, row_group).combine_chunks())
                waiting = waiting.slice(row_group)
        if len(waiting):
            writer.write_table(waiting.combine_chunks())


def _one_after_the_other(
    paths: Iterable[str | os.PathLike[str]], table: Table
) -> Iterator[list[str]]:
    """Yield files in groups, so that the rows of a group all come before those of the next."""
    keys = [key.name for key in takewhile(lambda key: not key.nullable, table.keys)]
    spans = []
    for path in paths:
        ends: list[tuple] = []
        with naming(path), open(path, "rb") as handle:
            for batch in read_batches(handle, ROWS_AT_ONCE, keys):
                rows = as_frame(batch)[keys].drop_duplicates().sort_values(keys)
                ends += rows.iloc[[0, -1]].itertuples(index=False, name=None)
        if ends:
            spans.append((min(ends), max(ends), str(path)))
    together: list[str] = []
    reached: tuple = ()
    for first, last, path in sorted(spans):
        if together and first > reached:
            yield together
            together = []
        together.append(path)
        reached = max(reached, last)
    if together:
        yield together
