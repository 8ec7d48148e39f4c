"""Long and tidy tables that keep to a declaration, or are not written."""

import math
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ontogeny.errors import TableError
from ontogeny.files import atomic_path
from ontogeny.parquet import as_frame, read_batches, read_whole

# What reading a damaged parquet file raises, in pyarrow or in what pandas wrote beside the columns.
UNREADABLE = (OSError, ValueError, TypeError, LookupError, AttributeError, pa.ArrowException)

ARROW_TYPES = {"string": pa.string(), "int": pa.int64(), "float": pa.float64()}
WRITTEN: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True}
ROW_GROUP = 2**20  # rows that are compressed together
ROWS_AT_ONCE = 2**17  # of a table that is read in pieces


@dataclass(frozen=True)
class Column:
    """A column of a table: its type (`string`, `int` or `float`), meaning and unit.

    `nullable` says whether a row to which the column does not apply may leave it null. `values`,
    where given, lists all that may stand there.
    """

    name: str
    kind: str
    meaning: str
    unit: str = ""
    nullable: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metric:
    """A named number: its meaning and unit, and the closed interval in which it must lie."""

    name: str
    meaning: str
    unit: str = ""
    lowest: float = -np.inf
    highest: float = np.inf


@dataclass(frozen=True)
class Table:
    """The declaration of one table: key columns, then `metric`, `value`, then further columns.

    A row is identified by its keys and its metric together.
    """

    name: str
    keys: tuple[Column, ...]
    metrics: tuple[Metric, ...]
    further: tuple[Column, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, in the order in which they are written."""
        metric = Column(
            "metric", "string", "what was measured", values=tuple(m.name for m in self.metrics)
        )
        value = Column("value", "float", "the measurement, in the metric's unit")
        return (*self.keys, metric, value, *self.further)


RUN = Column("run", "string", "name of the training recipe")
SEED = Column("seed", "int", "seed of the trajectory")
STEP = Column("step", "int", "optimiser updates done when the checkpoint was saved", "updates")


def write_table(frame: pd.DataFrame, table: Table, path: str | os.PathLike[str]) -> None:
    """Check a table against its declaration, sort it by its keys, and write it as parquet.

    The same rows in any order give the same bytes. Raises `TableError` as `check` does.
    """
    check(frame, table)
    arrow = arranged(frame, table)
    with atomic_path(path) as scratch:
        pq.write_table(arrow, scratch, row_group_size=ROW_GROUP, **WRITTEN)


def schema(table: Table) -> pa.Schema:
    """Return the columns of a table and their types, as they are written."""
    return pa.schema(
        [pa.field(c.name, ARROW_TYPES[c.kind], nullable=c.nullable) for c in table.columns]
    )


def arranged(frame: pd.DataFrame, table: Table) -> pa.Table:
    """Return a frame that keeps to the declaration as it is written: in the order of its keys."""
    names = [column.name for column in table.columns]
    order = [*(key.name for key in table.keys), "metric"]
    frame = frame[names].sort_values(order, kind="stable", na_position="first")
    arrow = pa.Table.from_pandas(frame, schema=schema(table), preserve_index=False)
    return arrow.replace_schema_metadata(None)


def read_table(
    path: str | os.PathLike[str],
    table: Table,
    only: Mapping[str, Collection[str]] | None = None,
) -> pd.DataFrame:
    """Read a table and check it against its declaration. Raises `TableError`.

    With `only`, texts by column, just the rows that have one of them in each of these columns: the
    table is read in pieces, and may be larger than memory.
    """
    try:
        with open(path, "rb") as handle:
            if only is None:
                frame = as_frame(read_whole(handle, checksums=True))
            else:
                pieces = read_batches(handle, ROWS_AT_ONCE, checksums=True)
                kept = [_only(piece, only) for piece in pieces]
                frame = as_frame(pa.Table.from_batches(kept) if kept else read_whole(handle))
    except UNREADABLE as error:
        raise TableError(f"{path}: not a readable table ({error}).") from error
    try:
        check(frame, table)
    except TableError as error:
        raise TableError(f"{path}: {error}") from error
    return frame


def _only(piece: pa.RecordBatch, only: Mapping[str, Collection[str]]) -> pa.RecordBatch:
    for name, values in only.items():
        piece = piece.filter(pc.is_in(piece[name], pa.array(list(values), pa.string())))
    return piece


def read_measurements(paths: Iterable[str | os.PathLike[str]]) -> pd.DataFrame:
    """Read what several jobs measured, parquet files with the same columns, as one frame.

    Rows come in the order of the files. Raises `TableError`, naming the file, if one can't be read.
    """
    frames = []
    for path in paths:
        with naming(path), open(path, "rb") as handle:
            frames.append(as_frame(read_whole(handle)))
    return pd.concat(frames, ignore_index=True)


def read_in_pieces(
    paths: Iterable[str | os.PathLike[str]], rows: int = 2**20
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Read measurements as `read_measurements` does, but at most so many rows at a time.

    Yields the path, as text, with each piece; for an empty file one piece without rows. Raises
    `TableError`, naming the file, if one can't be read.
    """
    for path in paths:
        with naming(path), open(path, "rb") as handle:
            empty = True
            for batch in read_batches(handle, rows):
                empty = False
                yield str(path), as_frame(batch)
            if empty:
                yield str(path), as_frame(read_whole(handle))


def read_text(
    path: str | os.PathLike[str], columns: Sequence[str], what: str, **options: Any
) -> pd.DataFrame:
    """Read tab-separated text with a line of column names; `options` are those of pandas.

    Raises `TableError`, naming the file and `what` it should hold, if it can't be read or has other
    columns.
    """
    try:
        frame = pd.read_csv(path, sep="\t", **options)
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: not a readable table of {what} ({error}).") from error
    if list(frame.columns) != list(columns):
        raise TableError(
            f"{path}: its columns are {', '.join(map(str, frame.columns))}; expected "
            f"{', '.join(columns)}."
        )
    return frame


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say which file of measurements it is that can't be read."""
    try:
        yield
    except UNREADABLE as error:
        raise TableError(
            f"{path}: not a readable file of measurements ({error}). Delete it and run the "
            "workflow again."
        ) from error


def check(frame: pd.DataFrame, table: Table) -> None:
    """Raise `TableError` unless the frame has just the declared columns, kinds and metrics.

    Also refused: null where the column isn't nullable, values that are not listed or outside
    their metric's interval, NaN or infinite values, and two rows with the same keys and metric.
    """
    expected = [column.name for column in table.columns]
    if sorted(frame.columns) != sorted(expected):
        raise TableError(
            f"table {table.name}: its columns are {', '.join(map(str, frame.columns))}; declared "
            f"are {', '.join(expected)}."
        )
    for column in table.columns:
        _check_column(frame[column.name], column, table.name)
    for metric in table.metrics:
        values = frame.loc[frame["metric"] == metric.name, "value"]
        outside = values[(values < metric.lowest) | (values > metric.highest)]
        if len(outside):
            raise TableError(
                f"table {table.name}: {metric.name} is {outside.iloc[0]}; declared to lie between "
                f"{metric.lowest} and {metric.highest}."
            )
    _check_unique(frame, [*(key.name for key in table.keys), "metric"], table.name)


def _check_column(values: pd.Series, column: Column, table: str) -> None:
    if values.isna().any() and not column.nullable:
        raise TableError(f"table {table}: column {column.name} has a null or NaN; none is allowed.")
    present = values.dropna()
    if column.kind == "string":
        wrong = [value for value in present.unique() if not isinstance(value, str)]
        if column.values:
            wrong += [value for value in present.unique() if value not in column.values]
    else:
        wrong = [value for value in present.unique() if not _is_number(value, column.kind)]
    if wrong:
        kind = {"string": "a string", "int": "an integer", "float": "a finite number"}[column.kind]
        allowed = f"one of {', '.join(column.values)}" if column.values else kind
        found = wrong[0].item() if isinstance(wrong[0], np.generic) else wrong[0]
        raise TableError(
            f"table {table}: column {column.name} holds {found!r}; expected {allowed}."
        )


def _is_number(value: object, kind: str) -> bool:
    """Tell whether a value is a finite float, or for `int` an integer that 64 bits hold."""
    if isinstance(value, float | np.floating):
        number = float(value)
        return math.isfinite(number) and (
            kind == "float" or (number.is_integer() and -(2.0**63) <= number < 2.0**63)
        )
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        return False
    return -(2**63) <= int(value) < 2**63


def _check_unique(frame: pd.DataFrame, keys: Sequence[str], table: str) -> None:
    repeated = frame.duplicated(list(keys))
    if repeated.any():
        row = frame.loc[repeated, list(keys)].iloc[0].to_dict()
        raise TableError(f"table {table}: two rows with the same keys {row}.")
