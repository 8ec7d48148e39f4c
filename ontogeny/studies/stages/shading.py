"""Stages in the background of a figure, coloured by type, with their boundaries."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

COLOURS = {"A": "#E69F00", "B": "#56B4E9"}  # warm where the coefficient rises, as published
TYPES = {"A": "type A: coefficient rises", "B": "type B: it falls"}
INTERVAL: dict[str, Any] = {"color": "0.35", "marker": "|", "markersize": 4, "linewidth": 0.8}
MOST_SEEDS = 3  # that have panels of their own


def spans(boundaries: pd.DataFrame) -> Iterable[tuple[str, float, float]]:
    """Return type, first and last step of each stage."""
    for _, stage in boundaries.groupby("stage", sort=True):
        values = stage.set_index("metric")["value"]
        yield stage["type"].iloc[0], values["start"], values["end"]


def shade(axes: Axes, boundaries: pd.DataFrame) -> None:
    """Colour stages by type, and mark boundaries with their intervals."""
    for kind, start, end in spans(boundaries):
        axes.axvspan(start, end, color=COLOURS[kind], alpha=0.18, linewidth=0, zorder=0)
    wide = boundaries.pivot_table(index="stage", columns="metric", values="value").sort_index()
    wide = wide.reindex(columns=["end", "end_low", "end_high"]).iloc[:-1]
    across = axes.get_xaxis_transform()
    for number, (end, low, high) in enumerate(wide.clip(lower=0).to_numpy()):
        # Wide intervals overlap: each next one stands lower, three of them below each other.
        height = 0.97 - 0.06 * (number % 3)
        axes.axvline(end, color="0.35", linewidth=0.6, zorder=0, gid="boundary")
        axes.plot([low, high], [height] * 2, transform=across, gid="interval", **INTERVAL)
        axes.plot(end, height, "o", color="0.35", markersize=2.5, transform=across, gid="at")


def type_handles(boundaries: pd.DataFrame, *, lines: bool = True) -> list[Any]:
    """Return what a legend says of stages, and, with `lines`, of boundaries."""
    there = sorted(boundaries["type"].unique())
    handles: list[Any] = [
        Patch(color=COLOURS[kind], alpha=0.5, label=TYPES[kind]) for kind in there
    ]
    if lines and boundaries["stage"].nunique() > 1:
        handles.append(Line2D([], [], label="boundary, 95% interval", **INTERVAL))
    return handles
