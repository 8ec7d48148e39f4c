"""The ledger of claims as the page shows it: verdicts, and each interval beside its threshold."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ontogeny.results.claims import VERDICTS

# Told apart by sign as well as by colour.
SIGNS = {
    "replicated": "✓",
    "not replicated": "✗",
    "undecided": "≈",
    "insufficient data": "·",
}
WIDE = 150.0  # of the drawing of an interval, in its own units
MARGIN = 6.0


def tally(claims: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Return each verdict with its sign, and on how many claims it was passed."""
    counts = claims["verdict"].value_counts()
    return [(verdict, SIGNS[verdict], int(counts.get(verdict, 0))) for verdict in VERDICTS]


def ledger(claims: pd.DataFrame, forests: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return a row of the ledger for each claim, with what its template shows of it."""
    rows = []
    for row in claims.to_dict("records"):
        present = {str(name): "" if pd.isna(value) else value for name, value in row.items()}
        rows.append(
            {
                **present,
                "sign": SIGNS[present["verdict"]],
                "numbers": _numbers(row),
                "interval": interval(row),
                "forest": forests.get(f"{present['run']}.{present['corpus']}"),
            }
        )
    return rows


def _numbers(row: Mapping[Any, Any]) -> str:
    if pd.isna(row["value"]):
        return ""
    ends = ["" if pd.isna(row[name]) else f"{row[name]:.3g}" for name in ("low", "high")]
    return f"{row['value']:.3g}" + (f" [{ends[0]}, {ends[1]}]" if all(ends) else "")


def interval(row: Mapping[Any, Any]) -> dict[str, float | bool] | None:
    """Return where threshold, value and interval of a claim stand in a drawing `WIDE` units wide.

    None where one of them isn't a finite number.
    """
    sign, number = _threshold(str(row["threshold"]))
    numbers = [row["value"], row["low"], row["high"], number]
    if any(pd.isna(n) or abs(float(n)) == float("inf") for n in numbers):
        return None
    value, low, high, threshold = (float(n) for n in numbers)
    least, greatest = min(low, value, threshold), max(high, value, threshold)
    span = (greatest - least) or 1.0

    def place(number: float) -> float:
        return round(MARGIN + (WIDE - 2 * MARGIN) * (number - least) / span, 1)

    return {
        "threshold": place(threshold),
        "value": place(value),
        "low": place(low),
        "high": place(high),
        "above": sign == ">",
    }


def _threshold(text: str) -> tuple[str, float]:
    found = re.fullmatch(r"([<>]) ?(.+)", text)
    return (found[1], float(found[2])) if found else ("", float("nan"))
