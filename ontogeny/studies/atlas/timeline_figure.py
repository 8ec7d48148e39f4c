"""The timeline of a run: a lane for each study, its milestones on one axis of steps."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ontogeny.figures.axes import layer_bar, layer_colours, step_axis
from ontogeny.figures.style import WIDTH, seeds_text, statement, styled
from ontogeny.studies.atlas.marks import MARKERS, kind_handles, strips, study_colours

ROW = 0.155  # inches for a milestone without layers, and for what stands beside it
PER_LAYER = 0.05  # inches for each layer of one that has them
SPARE = 0.02  # above and below a row
HEADING = 0.19


class _Row(NamedTuple):
    """A milestone's place in its lane: where its row begins and how high it is, in inches."""

    study: str
    name: str
    top: float
    height: float
    rows: pd.DataFrame


@styled
def timeline(table: pd.DataFrame, states: pd.DataFrame) -> Figure:
    """Draw every milestone of a run at its step, with its interval, in the lane of its study.

    Above them stands the training map, if the run has one: the state of each seed's weights.
    """
    if table.empty:
        return statement("No study found a milestone in this run: nothing to show.")
    placed, headings, height = _lanes(table)
    count = int(table["seed"].dropna().nunique())
    strip = states[states["metric"].eq("state")]
    seeds = int(strip["seed"].nunique())
    top = 0.2 + 0.13 * seeds if seeds else 0.0
    figure = Figure(figsize=(WIDTH, 1.0 + top + height), layout="constrained")
    grid = figure.subplots(
        2 if seeds else 1,
        1,
        squeeze=False,
        sharex=True,
        height_ratios=[top, height] if seeds else None,
    )[:, 0]
    axes = grid[-1]
    steps = _steps(table, strip)
    if seeds:
        step_axis(grid[0], steps, label=False)
        grid[0].tick_params(labelbottom=False)
        grid[0].set_title("states of the weights, by the training map", loc="left")
        strips(grid[0], strip)
    step_axis(axes, steps)
    colours = study_colours(table["study"])
    layers = int(table["layer"].max()) + 1 if table["layer"].notna().any() else 0
    for place, (study, (start, end)) in enumerate(headings.items()):
        if place % 2 == 0:
            axes.axhspan(start, end, color="0.955", linewidth=0, zorder=0)
        axes.text(
            -0.005,
            start + HEADING / 2,
            study,
            transform=axes.get_yaxis_transform(),
            ha="right",
            va="center",
            fontweight="bold",
            color=colours[study],
        )
    for row in placed:
        _draw(axes, row, colours[row.study], layers, count)
    axes.set_yticks(
        [row.top + row.height / 2 for row in placed], [row.name for row in placed], fontsize=6.2
    )
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(height, 0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", which="major", color="0.85", linewidth=0.4, zorder=0.5)
    if layers:
        layer_bar(figure, [axes], layers)
    handles: list[Any] = [
        *kind_handles(table["kind"]),
        Line2D([], [], color="0.2", linewidth=0.6, label="95% interval, or gap of checkpoints"),
    ]
    if count > 1:
        handles += [
            Line2D([], [], color="0.2", linewidth=3, alpha=0.3, label="lowest to highest seed"),
            Line2D(
                [], [], color="0.2", linestyle="", marker="o", markerfacecolor="white",
                label="not in every seed",
            ),
        ]  # fmt: skip
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(5, len(handles)),
        title=f"marks: {seeds_text(count)}",
        title_fontsize=7,
    )
    return figure


def _steps(table: pd.DataFrame, strip: pd.DataFrame) -> np.ndarray:
    """Return the checkpoints; without a map, the steps of milestones stand for them."""
    if len(strip):
        return np.unique(strip["step"].astype(int))
    return np.unique(np.r_[0, np.round(table["value"]).astype(int)])


def _lanes(table: pd.DataFrame) -> tuple[list[_Row], dict[str, tuple[float, float]], float]:
    """Place milestones below each other, by study, in the order in which they come in each."""
    corpora = table["corpus"].dropna().nunique()
    placed: list[_Row] = []
    headings: dict[str, tuple[float, float]] = {}
    at = 0.0
    for study in sorted(table["study"].unique()):
        start = at
        at += HEADING
        own = table[table["study"].eq(study)]
        keys = [own["milestone"], own["corpus"].fillna("")]
        groups: dict[Any, pd.DataFrame] = dict(list(own.groupby(keys)))
        earliest = {name: float(np.log1p(rows["value"]).mean()) for name, rows in groups.items()}
        for name in sorted(groups, key=lambda name: (earliest[name], name)):
            milestone, corpus = name
            label = f"{milestone} ({corpus})" if corpora > 1 and corpus else milestone
            layers = max(1, groups[name]["layer"].nunique())
            height = ROW + PER_LAYER * (layers - 1)
            placed.append(_Row(str(study), str(label), at, height, groups[name]))
            at += height
        at += 0.04
        headings[str(study)] = (start, at)
    return placed, headings, at


def _draw(axes: Axes, row: _Row, colour: str, layers: int, seeds: int) -> None:
    """Draw one milestone, each layer a little lower than the one below it in the model."""
    shades = layer_colours(layers)
    depths = sorted(row.rows["layer"].dropna().unique()) or [None]
    for number, depth in enumerate(depths):
        own = row.rows if depth is None else row.rows[row.rows["layer"].eq(depth)]
        y = row.top + SPARE + (row.height - 2 * SPARE) * (number + 0.5) / len(depths)
        shade = colour if depth is None else shades[int(depth)]
        of_seeds, together = own[own["seed"].notna()], own[own["seed"].isna()]
        if len(together):
            value, low, high = together[["value", "low", "high"]].iloc[0]
        else:
            value = float(np.expm1(np.log1p(of_seeds["value"]).mean()))
            low, high = of_seeds["low"].min(), of_seeds["high"].max()
        _interval(axes, y, value, low, high, together if len(together) else of_seeds, shade)
        if len(of_seeds) > 1:
            ends = of_seeds["value"].min(), of_seeds["value"].max()
            axes.plot(ends, [y, y], color=shade, linewidth=3, alpha=0.3, solid_capstyle="butt")
        whole = len(of_seeds) == seeds
        axes.plot(
            value,
            y,
            marker=MARKERS[own["kind"].iloc[0]],
            color=shade,
            markerfacecolor=shade if whole else "white",
            markersize=3,
            markeredgewidth=0.7,
            linestyle="",
            zorder=4,
            clip_on=False,
            gid=f"{row.study}:{row.name}:{'' if depth is None else depth}",
        )


def _interval(
    axes: Axes, y: float, value: float, low: float, high: float, rows: pd.DataFrame, shade: Any
) -> None:
    """Draw an interval; where the data bound one end alone, an arrow to the edge of the axis."""
    if np.isnan(low) and np.isnan(high):
        return
    first, last = axes.get_xlim()
    unbounded = rows["high"].isna().any() and rows["low"].notna().any()
    ends = (value if np.isnan(low) else low, last if np.isnan(high) or unbounded else high)
    axes.plot(np.clip(ends, first, last), [y, y], color=shade, linewidth=0.6, zorder=3)
    if unbounded:
        axes.plot(last, y, marker=5, color=shade, markersize=2.5, linestyle="", zorder=3)
