"""Milestones in pairs: which come before which, and which come together."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from ontogeny.figures.axes import step_axis
from ontogeny.figures.style import SEQUENTIAL, WIDTH, statement, styled
from ontogeny.measures.timelines.partial_order import least_p, reduction
from ontogeny.studies.atlas.marks import MARKERS, kind_handles, study_colours, study_handles
from ontogeny.studies.atlas.timeline import Times, times_of


@styled
def order(table: pd.DataFrame, compared: pd.DataFrame) -> Figure:
    """Draw which milestones always come before which: a partial order, laid out by step.

    Each milestone has a row, and stands at its mean step; an arrow leads to each that follows it in
    every seed, unless others lead there already (a transitive reduction). Arrows are drawn in full
    if the order is significant, and pale if it is only what these seeds happen to do.
    """
    times = _of_one_run(table)
    if len(times.names) < 2:
        return statement("Fewer than two milestones in this run: there is no order to show.")
    seeds = len(times.seeds)
    rows = compared[compared["metric"].eq("precedence")]
    proven = _relation(rows[rows["verdict"].eq("always")], times)
    seen = _relation(rows[rows["value"].eq(1.0) & rows["n"].eq(seeds)], times)
    count = len(times.names)
    figure = Figure(figsize=(WIDTH, 1.2 + 0.17 * count), layout="constrained")
    axes = figure.subplots()
    at = np.expm1(np.nanmean(times.times, axis=1))
    step_axis(axes, np.unique(np.r_[0, np.round(np.expm1(times.times[np.isfinite(times.times)]))]))
    axes.xaxis.set_minor_locator(NullLocator())
    edges = [(pair, "0.25", 0.5) for pair in reduction(proven)]
    if not edges:
        edges = [(pair, "0.7", 0.5) for pair in reduction(seen)]
    for (first, second), colour, width in edges:
        axes.annotate(
            "",
            xy=(at[second], second),
            xytext=(at[first], first),
            arrowprops={
                "arrowstyle": "-|>,head_width=0.12,head_length=0.25",
                "color": colour,
                "linewidth": width,
                "shrinkA": 3,
                "shrinkB": 3,
                "connectionstyle": "arc3,rad=-0.12",
            },
            gid=f"before:{first}:{second}",
        )
    colours = study_colours(table["study"])
    _nodes(axes, times, at, colours)
    handles: list[Any] = [*study_handles(colours), *kind_handles(times.kinds)]
    proven_text = "before, in every seed (sign test, q < .05)"
    handles.append(Line2D([], [], color="0.25", linewidth=0.5, label=proven_text))
    if not proven.any():
        handles[-1] = Line2D(
            [], [], color="0.7", linewidth=0.5, label="before, in every seed, not significant"
        )
    figure.legend(handles=handles, loc="outside lower center", ncols=min(5, len(handles)))
    title = _order_title(rows, seeds) + _agreement(compared)
    figure.suptitle(title, x=0, ha="left")
    return figure


def _order_title(rows: pd.DataFrame, seeds: int) -> str:
    if least_p(seeds) >= 0.05:
        return (
            f"Insufficient data: with {seeds} {'seed' if seeds == 1 else 'seeds'} no sign test "
            f"falls below {least_p(seeds):.3g}. Arrows say what was seen, not what holds."
        )
    always = int(rows["verdict"].eq("always").sum())
    return f"{seeds} seeds: {always} of {len(rows)} pairs always come in the same order."


def _agreement(compared: pd.DataFrame) -> str:
    """Say how alike seeds order their milestones; nothing with one seed."""
    rows = compared[compared["metric"].eq("rank_correlation") & compared["seed"].isna()]
    if rows.empty:
        return ""
    value, low, high, p = rows[["value", "low", "high", "p"]].iloc[0]
    interval = "" if np.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    of_seeds = f"{value:.2f}{interval} (permutation of milestones: p = {p:.2g})"
    return f"\nMean rank correlation of two seeds' milestones: {of_seeds}."


def _of_one_run(table: pd.DataFrame) -> Times:
    runs = table["run"].unique()
    return times_of(table, str(runs[0]) if len(runs) else "")


def _relation(rows: pd.DataFrame, times: Times) -> np.ndarray:
    """Return a boolean matrix (milestones, milestones) of the pairs in some rows."""
    place = {name: at for at, name in enumerate(times.names)}
    found = np.zeros((len(place), len(place)), dtype=bool)
    for first, second in zip(rows["milestone"], rows["other"], strict=True):
        found[place[first], place[second]] = True
    return found


def _nodes(axes: Axes, times: Times, at: np.ndarray, colours: dict[str, str]) -> None:
    for row, (study, kind) in enumerate(zip(times.studies, times.kinds, strict=True)):
        axes.plot(
            at[row], row, marker=MARKERS[kind], color=colours[study], markersize=4, zorder=5,
            clip_on=False, gid=f"milestone:{row}",
        )  # fmt: skip
    axes.set_yticks(range(len(times.names)), times.names, fontsize=6.2)
    for label, study in zip(axes.get_yticklabels(), times.studies, strict=True):
        label.set_color(colours[study])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(times.names) - 0.4, -0.6)
    axes.grid(axis="y", color="0.93", linewidth=0.4, zorder=0)


@styled
def coincidence(table: pd.DataFrame, compared: pd.DataFrame) -> Figure:
    """Draw in what share of seeds two milestones come together, beside what luck would have.

    Below the diagonal the share that was found, above it the share expected when seeds are dealt
    out anew; a dot marks what is more than luck, corrected for all pairs.
    """
    times = _of_one_run(table)
    rows = compared[compared["metric"].eq("coincidence")]
    if rows.empty:
        return statement("Fewer than two milestones in this run: there are no pairs to show.")
    count = len(times.names)
    place = {name: at for at, name in enumerate(times.names)}
    shares = np.full((count, count), np.nan)
    marked = []
    for row in rows.itertuples():
        low, high = sorted((place[str(row.milestone)], place[str(row.other)]))
        shares[high, low], shares[low, high] = row.value, row.expected
        if row.verdict == "together":
            marked.append((low, high))
    side = min(max(0.19 * count, 1.2), 4.4)
    figure = Figure(figsize=(WIDTH, side + 2.0), layout="constrained")
    axes = figure.subplots()
    colours = mpl.colormaps[SEQUENTIAL]
    edges = np.arange(count + 1) - 0.5
    axes.pcolormesh(edges, edges, shares, cmap=colours, vmin=0, vmax=1, rasterized=False)
    for x, y in marked:
        axes.plot(x, y, marker="o", color="white", markeredgecolor="black", markersize=3.2)
    size = 6.2 if count <= 26 else 4.6
    axes.set_xticks(range(count), times.names, rotation=90, fontsize=size)
    axes.set_yticks(range(count), times.names, fontsize=size)
    shades = study_colours(table["study"])
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        for label, study in zip(labels, times.studies, strict=True):
            label.set_color(shades[study])
    axes.tick_params(length=0)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_aspect("equal")
    figure.legend(handles=study_handles(shades), loc="outside lower center", ncols=len(shades))
    axes.patch.set_facecolor("0.85")
    figure.suptitle(_coincidence_title(rows, len(times.seeds)), x=0, ha="left")
    key = ScalarMappable(Normalize(0, 1), colours)
    bar = figure.colorbar(key, ax=axes, pad=0.02, aspect=30)
    bar.set_label("share of seeds")
    return figure


def _coincidence_title(rows: pd.DataFrame, seeds: int) -> str:
    together = int(rows["verdict"].eq("together").sum())
    undecidable = int(rows["verdict"].eq("insufficient data").sum())
    shown = "\nBelow the diagonal: seeds in which both come together; above: expected by luck."
    if undecidable == len(rows):
        few = "1 seed" if seeds == 1 else f"{seeds} seeds"
        return f"Insufficient data: {few} can't tell coincidence from luck in any pair.{shown}"
    return (
        f"{seeds} seeds: {together} of {len(rows)} pairs come together more often than by luck; "
        f"{undecidable} can't be told.{shown}"
    )
