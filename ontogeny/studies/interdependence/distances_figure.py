"""Interdependence of words by distance: after figures 3 and 4 of Saphra 2021, chapter 5."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ontogeny.figures.axes import rescalings, step_axis
from ontogeny.figures.style import WIDTH, band, legend_below, over_seeds, parts, statement, styled

# Of Okabe and Ito; the two classes differ in marker and line as well.
CLASS_STYLES: dict[str, dict[str, Any]] = {
    "open": {"color": "#0072B2", "marker": "o"},
    "closed": {"color": "#D55E00", "marker": "s", "linestyle": "--"},
}
SHADES = ("#440154", "#3b528b", "#21918c", "#5ec962")  # of viridis, dark for near
COLUMNS = 5


@styled
def distances(table: pd.DataFrame, losses: pd.DataFrame) -> Figure:
    """Draw mean DI of pairs of words, top layer: by sequential distance, by step, by syntax.

    `table` has the rows of INTERDEPENDENCE of one run on one corpus. What is drawn by distance is
    of the last step; untrained models stand beside it in grey. `losses` says where the step size
    was rescaled.
    """
    means = table[(table["metric"] == "interdependence") & (table["layer"] == table["layer"].max())]
    if means.empty:
        return statement("No distance has enough pairs of words for a mean.")
    steps = means["step"].unique()
    last, first = (means[means["step"] == step] for step in (steps.max(), steps.min()))
    classes = last[last["word_class"].isin(CLASS_STYLES) & last["syntactic_distance"].notna()]
    shown = sorted(classes["sequential_distance"].unique())
    rows = -(-len(shown) // COLUMNS)
    figure = Figure(figsize=(WIDTH, 2.3 + 1.45 * rows), layout="constrained")
    titles = ["By sequential distance", "By syntactic distance, at each sequential distance"]
    above, below = parts(figure, titles, [2.0, 1.45 * rows + 0.2]) if rows else (figure, None)
    left, right = above.subplots(1, 2)
    _by_sequence(left, last, first)
    _by_step(right, means, losses)
    if below is not None:
        _by_syntax(below, classes, shown)
    handles = [
        Line2D([], [], label=f"{name} class", **style) for name, style in CLASS_STYLES.items()
    ]
    legend_below(figure, means["seed"].nunique(), handles)
    return figure


def _of_distance(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["syntactic_distance"].isna() & (rows["word_class"] == "all")]


def _by_sequence(axes: Axes, last: pd.DataFrame, first: pd.DataFrame) -> None:
    for rows, colour, name in ((first, "0.6", "untrained"), (last, "black", "last step")):
        summary = over_seeds(_of_distance(rows), "sequential_distance")
        band(axes, summary, color=colour, gid=f"sequential:{name}", marker="o", label=name)
    axes.set_xlabel("sequential distance (words)")
    axes.set_ylabel("mean DI")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()


def _by_step(axes: Axes, means: pd.DataFrame, losses: pd.DataFrame) -> None:
    every = _of_distance(means)
    farthest = int(every["sequential_distance"].max())
    chosen = [distance for distance in (1, 2, 4, 8) if distance <= farthest]
    step_axis(axes, every["step"].unique())
    rescalings(axes, losses)
    for distance, colour in zip(chosen, SHADES, strict=False):
        rows = every[every["sequential_distance"] == distance]
        name = f"{distance} word{'s' if distance > 1 else ''} apart"
        band(axes, over_seeds(rows, "step"), color=colour, gid=f"step:{distance}", label=name)
    axes.set_ylabel("mean DI")
    axes.set_ylim(bottom=0)
    axes.legend()


def _one_scale(panels: list[Axes]) -> None:
    """Give all panels y axes of one length, so that slopes can be compared.

    Each has a middle of its own, but none shows much below 0, which DI can't be.
    """
    limits = [axes.get_ylim() for axes in panels]
    span = max(high - low for low, high in limits)
    for axes, (low, high) in zip(panels, limits, strict=True):
        bottom = max((low + high - span) / 2, -0.05 * span)
        axes.set_ylim(bottom, bottom + span)


def _by_syntax(figure: Figure | SubFigure, classes: pd.DataFrame, shown: list[float]) -> None:
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for axes in grid.flat[len(shown) :]:
        axes.remove()
    for axes, distance in zip(grid.flat, shown, strict=False):
        own = classes[classes["sequential_distance"] == distance]
        for name, style in CLASS_STYLES.items():
            summary = over_seeds(own[own["word_class"] == name], "syntactic_distance")
            if len(summary):
                band(axes, summary, gid=f"syntactic:{distance:g}:{name}", **style)
        axes.set_title(f"{distance:g} word{'s' if distance > 1 else ''} apart")
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(3))
    _one_scale(list(grid.flat[: len(shown)]))
    for column in range(columns):
        lowest = grid[(len(shown) - 1 - column) // columns, column]
        lowest.tick_params(labelbottom=True)
    figure.supxlabel("syntactic distance (edges)")
    figure.supylabel("mean DI")
