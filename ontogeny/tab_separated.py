"""Tab-separated text with a line of column names: tables that a person reads without a program."""

import csv
import os
from collections.abc import Iterable, Sequence
from typing import Any

from ontogeny.errors import OntogenyError
from ontogeny.files import atomic_path


def write_rows(
    path: str | os.PathLike[str], columns: Sequence[str], rows: Iterable[Iterable[Any]]
) -> None:
    """Write a line of names and the rows, whole or not at all."""
    with (
        atomic_path(path) as scratch,
        open(scratch, "w", newline="", encoding="utf-8") as handle,
    ):
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def read_rows(
    path: str | os.PathLike[str],
    columns: Sequence[str],
    error: type[OntogenyError],
    *,
    quoted: bool = True,
) -> list[tuple[int, list[str]]]:
    """Return the rows below the line of names, each with its number in the file, from 2 on.

    With `quoted`, as `write_rows` writes them, a cell in quotation marks may hold tabs. How many
    cells a row has is not checked. Raises `error`, naming the file, if it can't be read, and
    naming line 1, if that isn't `columns`.
    """
    try:
        # With a byte-order mark or without: some editors put one before what a person adds.
        with open(path, newline="", encoding="utf-8-sig") as handle:
            if quoted:
                rows = list(csv.reader(handle, delimiter="\t"))
            else:
                rows = list(csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise error(f"{path}: can't be read ({fault}).") from fault
    if not rows or rows[0] != list(columns):
        raise error(
            f"{path}, line 1: is {rows[0] if rows else 'missing'}; expected the columns "
            f"{', '.join(columns)}, separated by tabs."
        )
    return list(enumerate(rows[1:], start=2))
