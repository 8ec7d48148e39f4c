"""What differs between the results of two runs of the workflow: tables, figures and verdicts.

    python -m ontogeny.results.compare A/results B/results

Rows of a table are joined by their keys and metric, claims by identifier, run and corpus; figures
are compared by their bytes.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ontogeny.errors import OntogenyError, TableError
from ontogeny.files import sha256
from ontogeny.results.claims import read_claims
from ontogeny.results.tables import UNREADABLE

FIGURES = (".svg", ".png", ".pdf")


@dataclass(frozen=True)
class TableDifference:
    """How two versions of a table differ.

    `only_first` and `only_second` count rows that one has and the other lacks. `metrics` has a row
    for each metric and column of floats that differ: `metric`, `column`, `rows` that differ,
    `absolute` and `relative`, the largest difference, relative to the larger of the two numbers.
    `others` counts rows that differ in what is no float, by column.
    """

    name: str
    only_first: int
    only_second: int
    metrics: pd.DataFrame
    others: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Say whether anything differs."""
        return bool(self.only_first or self.only_second or len(self.metrics) or self.others)


@dataclass(frozen=True)
class Comparison:
    """What differs between two folders of results; false where nothing does."""

    tables: list[TableDifference]
    verdicts: pd.DataFrame
    figures: list[str]
    only_first: list[str]
    only_second: list[str]

    def __bool__(self) -> bool:
        """Say whether anything differs."""
        return bool(
            self.tables or len(self.verdicts) or self.figures or self.only_first or self.only_second
        )


def compare(first: Path, second: Path) -> Comparison:
    """Compare two folders of results. Raises `OntogenyError` if one isn't such a folder."""
    for folder in (first, second):
        if not (folder / "tables").is_dir():
            raise OntogenyError(
                f"{folder}: holds no folder tables; expected what the workflow makes, results/."
            )
    here, there = files(first), files(second)
    common = sorted(here & there)
    tables = [
        difference
        for path in common
        if path.endswith(".parquet")
        and (difference := compare_tables(path, read(first / path), read(second / path)))
    ]
    figures = [
        path
        for path in common
        if path.endswith(FIGURES) and sha256(first / path) != sha256(second / path)
    ]
    ledger = "claims.tsv"
    verdicts = compare_verdicts(
        *(
            read_claims(folder / ledger) if (folder / ledger).exists() else None
            for folder in (first, second)
        )
    )
    return Comparison(tables, verdicts, figures, sorted(here - there), sorted(there - here))


def files(folder: Path) -> set[str]:
    """Return the paths of the tables and figures in a folder of results, relative to it."""
    found = [*folder.glob("tables/*.parquet"), *folder.glob("figures/**/*")]
    return {
        path.relative_to(folder).as_posix()
        for path in found
        if path.suffix in (".parquet", *FIGURES)
    }


def read(path: Path) -> pd.DataFrame:
    """Read a table as it is: it may be of a version of the project that declared it otherwise."""
    try:
        return pq.read_table(path).to_pandas()
    except UNREADABLE as error:
        raise TableError(f"{path}: not a readable table ({error}).") from error


def keys_of(frame: pd.DataFrame) -> list[str]:
    """Return the columns that tell rows apart: those before `value`, as every table has them."""
    names = list(map(str, frame.columns))
    return names[: names.index("value")] if "value" in names else names


def compare_tables(name: str, first: pd.DataFrame, second: pd.DataFrame) -> TableDifference:
    """Compare two versions of a table, rows joined by their keys and metric.

    Columns that only one of them has are named among `others`, with all rows counted.
    """
    keys = [key for key in keys_of(first) if key in set(keys_of(second))]
    shared = [column for column in first.columns if column in second and column not in keys]
    others = {
        str(column): max(len(first), len(second))
        for column in [*first.columns, *second.columns]
        if (column in first) != (column in second)
    }
    # Keys that one version lacks may leave rows alike: those are told apart by their order.
    one, other = (
        frame[[*keys, *shared]].assign(copy=frame.groupby(keys, dropna=False).cumcount())
        for frame in (first, second)
    )
    joined = one.merge(other, on=[*keys, "copy"], how="outer", indicator=True)
    both = joined[joined["_merge"] == "both"]
    rows = []
    for column in shared:
        left, right = both[f"{column}_x"], both[f"{column}_y"]
        differs = ~((left == right) | (left.isna() & right.isna()))
        if not differs.any():
            continue
        if not all(pd.api.types.is_numeric_dtype(side) for side in (left, right)):
            others[str(column)] = int(differs.sum())
            continue
        metrics = both["metric"] if "metric" in both else pd.Series("", both.index)
        for metric, part in both[differs].groupby(metrics[differs], sort=True):
            absolute, relative = largest(part[f"{column}_x"], part[f"{column}_y"])
            rows.append((metric, column, len(part), absolute, relative))
    return TableDifference(
        Path(name).stem,
        int((joined["_merge"] == "left_only").sum()),
        int((joined["_merge"] == "right_only").sum()),
        pd.DataFrame(rows, columns=["metric", "column", "rows", "absolute", "relative"]),
        others,
    )


def largest(first: pd.Series, second: pd.Series) -> tuple[float, float]:
    """Return the largest absolute and relative difference of two columns that differ throughout.

    A number that only one of them has differs without bound.
    """
    one, other = first.to_numpy(np.float64), second.to_numpy(np.float64)
    absolute = np.abs(one - other)
    scale = np.maximum(np.abs(one), np.abs(other))
    absolute[np.isnan(absolute)] = np.inf
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.where(np.isinf(absolute), np.inf, absolute / scale)
    return float(absolute.max()), float(relative.max())


def compare_verdicts(first: pd.DataFrame | None, second: pd.DataFrame | None) -> pd.DataFrame:
    """Return the claims whose verdicts differ: `claim`, `run`, `corpus`, `first`, `second`.

    A claim that one ledger lacks, or a ledger that isn't there, has an empty verdict.
    """
    keys = ["claim", "run", "corpus"]
    empty = pd.DataFrame(columns=[*keys, "verdict"], dtype=str)
    one, other = (
        (empty if frame is None else frame)[[*keys, "verdict"]] for frame in (first, second)
    )
    joined = one.merge(other, on=keys, how="outer", suffixes=("_first", "_second"), sort=True)
    joined.columns = pd.Index([*keys, "first", "second"])
    joined = joined.fillna("")
    return joined[joined["first"] != joined["second"]].reset_index(drop=True)


def report(found: Comparison, first: Path, second: Path) -> str:
    """Return what differs as text for a terminal."""
    if not found:
        return "Nothing differs: tables, figures and verdicts are the same.\n"
    lines: list[str] = []
    for folder, only in ((first, found.only_first), (second, found.only_second)):
        lines += _part(f"Only in {folder}", only)
    for table in found.tables:
        lines += _part(f"Table {table.name}", _of_table(table, first, second))
    lines += _part("Verdicts", map(_of_claim, found.verdicts.to_dict("records")))
    lines += _part("Figures that are drawn otherwise", found.figures)
    return "\n".join(lines)


def _of_claim(row: Mapping[Any, str]) -> str:
    on = " and ".join(filter(None, [row["run"], row["corpus"]]))
    return f"{row['claim']} on {on}: {row['first'] or 'none'} -> {row['second'] or 'none'}"


def _of_table(table: TableDifference, first: Path, second: Path) -> Iterable[str]:
    for folder, number in ((first, table.only_first), (second, table.only_second)):
        if number:
            yield f"{number} rows only in {folder}"
    for row in table.metrics.to_dict("records"):
        column = "" if row["column"] == "value" else f" {row['column']}"
        yield (
            f"{row['metric']}{column}: {row['rows']} rows differ, by {row['absolute']:.3g} at most "
            f"({row['relative']:.2%} of the larger number)"
        )
    for column, number in table.others.items():
        yield f"column {column}: {number} rows differ"


def _part(title: str, lines: Iterable[str]) -> list[str]:
    lines = [f"  {line}" for line in lines]
    return [f"{title} ({len(lines)})", *lines, ""] if lines else []


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what differs; return 1 if anything does, 2 if it can't be said."""
    parser = argparse.ArgumentParser(
        prog="python -m ontogeny.results.compare",
        description="Say in what tables, figures and verdicts two results differ, and by how much.",
    )
    parser.add_argument("first", type=Path, help="a folder results/")
    parser.add_argument("second", type=Path, help="another")
    asked = parser.parse_args(arguments)
    try:
        found = compare(asked.first, asked.second)
    except OntogenyError as error:
        print(error, file=sys.stderr)
        return 2
    print(report(found, asked.first, asked.second), end="")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
