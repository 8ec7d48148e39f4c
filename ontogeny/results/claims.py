"""Claims: published statements, each turned into a statistic with a threshold and a verdict.

A study declares its claims beside its code, as a list of `Claim`. Each bears a function that turns
the study's evidence for one run and one corpus into an `Estimate`; `evaluate` holds the estimates
against the thresholds. Nobody writes a verdict by hand.
"""

import csv
import math
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from ontogeny.errors import TableError
from ontogeny.files import atomic_path
from ontogeny.results.reasons import reason
from ontogeny.results.tables import Column

VERDICTS = ("replicated", "not replicated", "undecided", "insufficient data")
ROUNDING = 1e-12  # numbers no further apart, absolutely or relatively, are the same
LUCK = 0.05  # what luck alone would bear out as often is not borne out

CLAIM_COLUMNS = (
    Column("claim", "string", "identifier: the study, a number, and what it is counted by"),
    Column("study", "string", "study that declares the claim"),
    Column("run", "string", "training recipe on whose trajectories it was tested"),
    Column("corpus", "string", "corpus on which it was tested; empty where there is none"),
    Column("statement", "string", "what was claimed"),
    Column("source", "string", "publication, and section or figure"),
    Column("statistic", "string", "what was computed to test it, in words"),
    Column("threshold", "string", "direction and number: what the claim says of the statistic"),
    Column("value", "float", "the statistic; empty where it can't be computed", nullable=True),
    Column("low", "float", "lower end of its 95% interval", nullable=True),
    Column("high", "float", "upper end of its 95% interval", nullable=True),
    Column(
        "chance",
        "float",
        "how often luck alone would place it on the claimed side; empty where its interval says so",
        nullable=True,
    ),
    Column("seeds", "int", "seeds that it was computed from"),
    Column("tier", "string", "size of the experiment: toy, lab or paper"),
    Column("verdict", "string", "what follows for the claim", values=VERDICTS),
    Column("reason", "string", "why the tier can't decide it; empty where it does"),
)
_KEYS = ["claim", "run", "corpus"]


@dataclass(frozen=True)
class Estimate:
    """A statistic with its 95% interval, and how many seeds, steps and tasks it rests on.

    NaN where it can't be computed. An infinite end: the data don't bound it on that side. `chance`
    is how often the statistic would lie on the claimed side by luck alone, for those that can lie
    in few places, which an interval doesn't tell; else NaN.
    """

    value: float
    low: float
    high: float
    seeds: int
    steps: int = 0
    tasks: int = 0
    chance: float = np.nan


@dataclass(frozen=True)
class Claim:
    """A published statement as a statistic that should lie above or below a threshold.

    `estimate` takes the study's evidence for one run and corpus, and returns None where the claim
    isn't about them (a task that wasn't probed, say). With fewer seeds, steps or tasks than the
    claim needs there is no verdict on it.
    """

    id: str
    study: str
    statement: str
    source: str
    statistic: str
    direction: Literal["above", "below"]
    threshold: float
    estimate: Callable[[Any], Estimate | None]
    seeds: int = 1
    steps: int = 0
    tasks: int = 0


def judge(claim: Claim, estimate: Estimate) -> str:
    """Return the verdict, one of `VERDICTS`.

    `insufficient data` if the estimate can't be computed, rests on fewer seeds, steps or tasks than
    the claim needs, or has an interval of no width. Else the interval's place decides: `replicated`
    if the whole of it lies on the claimed side of the threshold, `not replicated` if the whole of
    it lies on the other, `undecided` if the threshold lies within it or at an end of it. What luck
    alone would place on the claimed side once in twenty times or more isn't replicated by lying
    there: that too is `insufficient data`.

    An interval of no width isn't one: numbers that are all alike stay alike however they are
    redrawn. Perhaps the statistic could not have come out otherwise (two layers that arrive between
    the same two checkpoints, in every seed; an accuracy at its ceiling), and then it tests nothing.
    Perhaps it could, and then nobody knows by how much: of n seeds that agree, 1 - 0.05 ** (1 / n)
    of all seeds could still differ (78% with two, 45% with five; Hanley and Lippman-Hand 1983, "If
    nothing goes wrong, is everything all right?"). The numbers don't say which of the two it is, so
    perfect agreement decides nothing, on whichever side of the threshold. What would help in both
    cases is more data: seeds, test sentences, steps in the schedule. Hence not `undecided`, which
    says that there is an interval, and that it holds the threshold.
    """
    enough = (
        estimate.seeds >= claim.seeds
        and estimate.steps >= claim.steps
        and estimate.tasks >= claim.tasks
    )
    low, high = estimate.low, estimate.high
    if not enough or np.isnan([estimate.value, low, high]).any() or _same(low, high):
        return "insufficient data"
    touches = _same(low, claim.threshold) or _same(high, claim.threshold)
    if touches or low < claim.threshold < high:
        return "undecided"
    lies = "above" if low > claim.threshold else "below"
    if lies != claim.direction:
        return "not replicated"
    return "insufficient data" if estimate.chance >= LUCK else "replicated"


def evaluate(
    claims: Sequence[Claim], evidence: Mapping[tuple[str, str], Any], tier: str
) -> pd.DataFrame:
    """Return a row, in the form of `CLAIM_COLUMNS`, for each claim on each run and corpus.

    `evidence` maps (run, corpus) to what the claims' `estimate` functions take; the corpus is ""
    in a study that has none. Rows come in the order of the claims, then of runs and corpora.
    """
    rows = []
    for claim in claims:
        sign = ">" if claim.direction == "above" else "<"
        for (run, corpus), data in sorted(evidence.items(), key=lambda item: item[0]):
            estimate = claim.estimate(data)
            if estimate is None:
                continue
            verdict = judge(claim, estimate)
            rows.append(
                {
                    "claim": claim.id,
                    "study": claim.study,
                    "run": run,
                    "corpus": corpus,
                    "statement": claim.statement,
                    "source": claim.source,
                    "statistic": claim.statistic,
                    "threshold": f"{sign} {claim.threshold:g}",
                    "value": estimate.value,
                    "low": estimate.low,
                    "high": estimate.high,
                    "chance": estimate.chance,
                    "seeds": estimate.seeds,
                    "tier": tier,
                    "verdict": verdict,
                    "reason": reason(claim, estimate, verdict, tier),
                }
            )
    return _typed(pd.DataFrame(rows, columns=[column.name for column in CLAIM_COLUMNS]))


def join(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the claims of several studies as one frame, in the order given.

    Raises `TableError` if two rows are the same claim on the same run and corpus.
    """
    empty = pd.DataFrame(columns=[column.name for column in CLAIM_COLUMNS])
    parts = [frame for frame in frames if len(frame)]
    joined = _typed(pd.concat(parts, ignore_index=True) if parts else empty)
    _check(joined, "claims")
    return joined


def write_claims(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write claims as tab-separated values, sorted by claim, run and corpus.

    Claims sort as a person counts (2 before 10). Numbers keep six significant digits; what can't
    be computed is empty, what isn't bounded `inf` or `-inf`. The same rows in any order give the
    same bytes. Raises `TableError` if the frame isn't in the form of `CLAIM_COLUMNS`, a text
    holds a tab or a line break, or two rows are the same claim on the same run and corpus.
    """
    _check(frame, str(path))
    names = [column.name for column in CLAIM_COLUMNS]
    keys = list(frame[_KEYS].itertuples(index=False, name=None))
    order = sorted(range(len(keys)), key=lambda i: _counted(*keys[i]))
    with atomic_path(path) as scratch:
        frame[names].iloc[order].to_csv(
            scratch,
            sep="\t",
            index=False,
            float_format="%.6g",
            lineterminator="\n",
            quoting=csv.QUOTE_NONE,
            encoding="utf-8",
        )


def read_claims(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read what `write_claims` wrote. Raises `TableError` if the file isn't such a table."""
    try:
        frame = pd.read_csv(
            path, sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE
        )
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise TableError(f"{path}: not a readable table of claims ({error}).") from error
    _check_columns(frame, str(path))
    try:
        typed = _typed(frame)
    except ValueError as error:
        raise TableError(f"{path}: a number was expected ({error}).") from error
    _check(typed, str(path))
    return typed


def format_claims(frame: pd.DataFrame, width: int = 100) -> str:
    """Return the claims as text for a terminal, `width` characters wide at most.

    A block for each tier, run and corpus; in it, for each claim, a line with its identifier, value,
    interval, threshold, seeds and verdict, and below, wrapped, its statement and, where the tier
    can't decide it, why. At the end stands how
    many claims got each verdict.
    """
    lines: list[str] = []
    names = max([len("claim"), *frame["claim"].str.len()])
    for (tier, run, corpus), block in frame.groupby(["tier", "run", "corpus"], sort=False):
        title = f"{run} on {corpus}" if corpus else str(run)
        lines += [f"Claims: {title} ({tier} tier)", ""]
        lines.append(_line("claim", names, "value [95% interval]", "claimed", "seeds", "verdict"))
        for row in block.itertuples():
            luck = _luck(row)
            cells = (_interval(row), str(row.threshold), str(row.seeds), f"{row.verdict}{luck}")
            lines.append(_line(str(row.claim), names, *cells))
            for text in filter(None, (row.statement, row.reason)):
                lines += textwrap.wrap(
                    str(text), width, initial_indent="    ", subsequent_indent="    "
                )
        lines.append("")
    counts = [f"{(frame['verdict'] == verdict).sum()} {verdict}" for verdict in VERDICTS]
    return "\n".join([*lines, ", ".join(counts) + "."]) + "\n"


def _same(one: float, other: float) -> bool:
    """Tell whether two numbers, either of which may be infinite, differ by rounding errors only."""
    return math.isclose(one, other, rel_tol=ROUNDING, abs_tol=ROUNDING)


def _line(name: str, names: int, interval: str, threshold: str, seeds: str, verdict: str) -> str:
    return f"{name:<{names}}  {interval:<26}  {threshold:<8}  {seeds:>5}  {verdict}"


def _interval(row: Any) -> str:
    if np.isnan(row.value):
        return "-"
    return f"{row.value:.3g} [{row.low:.3g}, {row.high:.3g}]"


def _luck(row: Any) -> str:
    return "" if np.isnan(row.chance) else f" (by luck alone: {row.chance:.0%})"


def _counted(claim: str, run: str, corpus: str) -> tuple:
    """Sort key in which the digits of a claim count as numbers: pushdown.2 before pushdown.10."""
    parts = re.split(r"(\d+)", claim)  # text and digits take turns, text first
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], run, corpus


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    for column in CLAIM_COLUMNS:
        if column.kind == "float":
            frame[column.name] = frame[column.name].replace("", np.nan).astype(np.float64)
        else:
            frame[column.name] = frame[column.name].astype(
                np.int64 if column.kind == "int" else str
            )
    return frame


def _check_columns(frame: pd.DataFrame, where: str) -> None:
    expected = [column.name for column in CLAIM_COLUMNS]
    if sorted(frame.columns) != sorted(expected):
        raise TableError(
            f"{where}: its columns are {', '.join(map(str, frame.columns))}; a table of claims has "
            f"{', '.join(expected)}."
        )


def _check(frame: pd.DataFrame, where: str) -> None:
    _check_columns(frame, where)
    for column in CLAIM_COLUMNS:
        if column.kind == "string":
            for text in frame[column.name].unique():
                if re.search(r"[\t\r\n]", str(text)):
                    raise TableError(
                        f"{where}: {column.name} {text!r} holds a tab or a line break; expected "
                        "text on one line."
                    )
    wrong = frame.loc[~frame["verdict"].isin(VERDICTS), "verdict"]
    if len(wrong):
        raise TableError(
            f"{where}: verdict {wrong.iloc[0]!r}; expected one of {', '.join(VERDICTS)}."
        )
    repeated = frame[frame.duplicated(_KEYS)]
    if len(repeated):
        raise TableError(
            f"{where}: two rows for the same claim {repeated[_KEYS].iloc[0].to_dict()}."
        )


if __name__ == "__main__":
    print(format_claims(read_claims(sys.argv[1])))
