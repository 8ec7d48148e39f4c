"""The rows behind a panel: aggregated, thinned, rounded, and packed for the page."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ontogeny.page.panels import NOTHING, Panel

MOST_STEPS = 60  # of a run that a panel shows
FEWEST_STEPS = 8
MOST_ROWS = 40_000  # of a panel
DIGITS = 4  # that are significant
INTERVAL = ("low", "high")


def kept_rows(frame: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Return the rows of a table that a panel is about: its metrics, and what it keeps.

    Rows that are of no seed, or of no step, sum others up and aren't shown.
    """
    kept = frame["metric"].isin(panel.metrics)
    for name, wanted in panel.keep.items():
        values = list(wanted) if isinstance(wanted, tuple) else [wanted]
        column = frame[name]
        kept &= column.isin([v for v in values if v is not None]) | (
            column.isna() if None in values else False
        )
    for name in ("seed", "step"):
        if name in frame and panel.kind != "timeline":
            kept &= frame[name].notna()
    return frame[kept]


def aggregated(frame: pd.DataFrame, panel: Panel) -> tuple[pd.DataFrame, list[str]]:
    """Return the panel's rows, one for each of its columns' values, and what they are means over.

    The columns are the panel's, then `value`; of a timeline also `low` and `high`. What isn't
    there stands as a dash, numbers of seeds, steps and layers as integers.
    """
    rows = kept_rows(frame, panel)
    if panel.kind == "timeline":
        return _milestones(rows), []
    names = list(panel.columns)
    others = [k.name for k in panel.table.keys if k.name not in names] + (
        [] if "metric" in names else ["metric"]
    )
    grouped = rows.groupby(names, dropna=False, sort=True)
    varied = [n for n in others if len(rows) and (grouped[n].nunique(dropna=False) > 1).any()]
    means = grouped["value"].mean().reset_index()
    return means, varied


def _milestones(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the milestones of each seed, named with their layer where they have one.

    Those of all seeds together stand for a run that has no others.
    """
    of_seeds = rows["seed"].notna()
    rows = rows[of_seeds | ~rows["run"].isin(rows.loc[of_seeds, "run"])]
    if "layer" in rows:
        layers = [f", layer {layer:g}" if pd.notna(layer) else "" for layer in rows["layer"]]
        rows = rows.assign(milestone=rows["milestone"] + pd.Series(layers, rows.index, dtype=str))
    names = ["run", "study", "seed", "milestone", "value", *INTERVAL]
    return rows[names].dropna(subset=["value"]).sort_values(names, ignore_index=True)


def thinned(rows: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """Leave out steps until a panel has few enough rows, and say whether any had to go.

    Of each run the first and the last step stay, and those between lie evenly in its schedule.
    """
    if "step" not in rows:
        return rows, False
    most, thin, shorter = MOST_STEPS, rows, False
    runs = rows["run"] if "run" in rows else pd.Series("", index=rows.index)
    while True:
        kept = pd.Series(False, index=rows.index)
        for _, steps in rows["step"].groupby(runs):
            kept |= steps.isin(evenly(np.unique(steps), most)).reindex(rows.index, fill_value=False)
        thin, shorter = rows[kept], bool((~kept).any())
        if len(thin) <= MOST_ROWS or most <= FEWEST_STEPS:
            return thin, shorter
        most = max(FEWEST_STEPS, most * 3 // 4)


def evenly(ordered: np.ndarray, most: int) -> np.ndarray:
    """Return at most so many of ordered values, the first and the last among them."""
    if len(ordered) <= most:
        return ordered
    return np.asarray(
        ordered[np.unique(np.linspace(0, len(ordered) - 1, most).round().astype(int))]
    )


def packed(rows: pd.DataFrame, panel: Panel) -> dict[str, Any]:
    """Return rows as columns: numbers as they are, rounded; of others levels, and their codes.

    Levels come in the order in which the table declares them, or else sorted.
    """
    columns: dict[str, Any] = {}
    for name in rows:
        if name in ("value", *INTERVAL):
            columns[str(name)] = [rounded(value) for value in rows[name]]
            continue
        null = panel.null if name == panel.series else NOTHING
        levels, codes = _levels(rows[name], panel.order(str(name)), null)
        columns[str(name)] = {"levels": levels, "codes": codes}
    return columns


def _levels(column: pd.Series, order: Sequence[str], null: str) -> tuple[list[Any], list[int]]:
    """Return a column's values in their order, null last, and each row's place among them."""
    codes, found = pd.factorize(column, use_na_sentinel=True)
    values = [plain(value) for value in found]
    declared = {value: place for place, value in enumerate(order)}
    levels: list[Any] = sorted(set(values), key=lambda v: (declared.get(v, len(declared)), v))
    places = np.array([*(levels.index(value) for value in values), len(levels)])
    if (codes < 0).any():
        levels.append(null)
    return levels, [int(place) for place in places[codes]]


def plain(value: Any) -> Any:
    """Return a value as JSON has it: whole numbers without a point."""
    if isinstance(value, str):
        return value
    number = float(value)
    return int(number) if number.is_integer() else rounded(number)


def rounded(number: float) -> float | None:
    """Return a number to its first significant digits, and null for what is none."""
    return float(f"{number:.{DIGITS}g}") if np.isfinite(number) else None


def compressed(panels: Sequence[Mapping[str, Any]]) -> str:
    """Return what the page unpacks, as text: JSON, compressed, in base 64. No date is in it."""
    text = json.dumps(panels, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()
