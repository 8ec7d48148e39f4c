"""What the jobs of each rule took, for the report: from the benchmarks that Snakemake keeps."""

import csv
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from ontogeny.files import atomic_path

SUMMARY = "rules.rst"  # in the folder of the benchmarks, among which only files in `.tsv` are
HEADER = "rule, jobs, time (s), processor time (s), peak memory (MB)"


@dataclass(frozen=True)
class RuleTimes:
    """The jobs of one rule together.

    `seconds` by the clock and `processor_seconds` are sums over the jobs, `megabytes` is the most
    memory that one of them had resident.
    """

    rule: str
    jobs: int
    seconds: float
    processor_seconds: float
    megabytes: float


def rule_times(folder: str | os.PathLike[str]) -> list[RuleTimes]:
    """Sum up the benchmarks in a folder and those below it by rule, what took longest first.

    A job that ended before its memory or processor time was looked at adds nothing to them. The
    name of the rule stands in the benchmark if it is an extended one; else the folder's name and
    the first word of the file's stand for it. What holds no job is passed over: a file that a
    killed job left empty, say.
    """
    jobs: dict[str, list[dict[str, str]]] = {}
    for file in sorted(Path(folder).rglob("*.tsv")):
        rows = _rows(file)
        if rows and "s" in rows[-1]:
            named = "_".join((*file.relative_to(folder).parts[:-1], file.name.split(".")[0]))
            jobs.setdefault(rows[-1].get("rule_name") or named, []).append(rows[-1])
    times = [
        RuleTimes(
            rule,
            len(rows),
            sum(_numbers(rows, "s")),
            sum(_numbers(rows, "cpu_time")),
            max(_numbers(rows, "max_rss"), default=0.0),
        )
        for rule, rows in jobs.items()
    ]
    return sorted(times, key=lambda rule: (-rule.seconds, rule.rule))


def _rows(file: Path) -> list[dict[str, str]]:
    """Return the rows of a benchmark; an extended one has all parameters of a job in a field."""
    usual = csv.field_size_limit(sys.maxsize)
    try:
        with open(file, encoding="utf-8", newline="") as handle:
            return list(csv.DictReader(handle, delimiter="\t"))
    finally:
        csv.field_size_limit(usual)


def write_rule_times(folder: str | os.PathLike[str]) -> None:
    """Write the times of all rules beside their benchmarks, as a table in reStructuredText."""
    times = rule_times(folder)
    if not times:
        return
    total = RuleTimes(
        "all",
        sum(rule.jobs for rule in times),
        sum(rule.seconds for rule in times),
        sum(rule.processor_seconds for rule in times),
        max(rule.megabytes for rule in times),
    )
    rows = [
        f"{rule.rule}, {rule.jobs}, {rule.seconds:.1f}, {rule.processor_seconds:.1f}, "
        f"{rule.megabytes:.0f}"
        for rule in [total, *times]
    ]
    with atomic_path(Path(folder) / SUMMARY) as scratch:
        lines = [".. csv-table::", f"   :header: {HEADER}", "", *(f"   {row}" for row in rows)]
        scratch.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _numbers(rows: Iterable[dict[str, str]], column: str) -> list[float]:
    """Return the numbers in a column, those left out that weren't measured (`-`, `NA`)."""
    numbers = []
    for row in rows:
        try:
            number = float(row[column])
        except (KeyError, TypeError, ValueError):
            continue
        if isfinite(number):
            numbers.append(number)
    return numbers
