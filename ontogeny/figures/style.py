"""The style of all figures: sizes, colours, panels, bands over seeds, and files.

Figures are made without pyplot, so that drawing needs no display and leaves no state behind.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, ParamSpec

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.style import context
from matplotlib.transforms import Bbox

from ontogeny.files import atomic_path

WIDTH = 6.75  # inches: the full text width of a two-column page

# Letters are drawn as outlines in svg: a report is read on machines that lack the font, and a
# substitute of another width would make labels collide. The pdf keeps them as text.
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, hence the same on every machine
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "figure.labelsize": 7.5,
    "figure.titlesize": 8,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlepad": 3,
    "axes.labelpad": 2,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.3,
    "lines.linewidth": 1.1,
    "lines.markersize": 3,
    "svg.fonttype": "path",
    "svg.hashsalt": "ontogeny",
    "pdf.fonttype": 42,
}

# The palette of Okabe and Ito (2008, "Color universal design") with wine in place of yellow, which
# is too pale for a line on white. Tasks of one family share a hue, and differ in lightness.
TASK_COLOURS = {
    "entity": "#000000",
    "phrase_start": "#E69F00",
    "phrase_end": "#D55E00",
    "upos": "#0072B2",
    "xpos": "#56B4E9",
    "deprel": "#009E73",
    "tree_depth": "#CC79A7",
    "tree_distance": "#7A1F4B",
}
TASK_MARKERS = {
    "entity": "^",
    "phrase_start": ">",
    "phrase_end": "<",
    "upos": "o",
    "xpos": "s",
    "deprel": "D",
    "tree_depth": "v",
    "tree_distance": "X",
}

SEQUENTIAL = "viridis"  # for shares and for layers: perceptually uniform, rises in lightness
SPREAD = "cividis"  # for spread over seeds, so that it is never taken for a share

# The formats of every figure, and what of their metadata has to go for bytes to stay the same.
UNDATED: dict[str, dict[str, None]] = {
    "svg": {"Date": None},
    "png": {},
    "pdf": {"CreationDate": None},
}

P = ParamSpec("P")


def in_style() -> AbstractContextManager[None]:
    """Return a context in which figures are drawn in this style; a user's own doesn't count."""
    return context(STYLE, after_reset=True)


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Make a function that draws a figure do so in the project's style, and in it alone."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with in_style():
            return draw(*args, **kwargs)

    return drawn


def save(figure: Figure, stem: str | os.PathLike[str]) -> None:
    """Write a figure as `stem`.svg, `stem`.png (200 dpi) and `stem`.pdf, each whole or not at all.

    The same figure gives the same bytes: no dates, and names within the svg from a fixed salt.
    """
    with in_style():
        if layout := figure.get_layout_engine():
            layout.execute(figure)
        # What was just laid out serves all three files. With an engine, even one that does nothing,
        # matplotlib draws before it draws.
        figure.set_layout_engine(None)
        _settle(figure)
        for suffix, metadata in UNDATED.items():
            with atomic_path(f"{os.fspath(stem)}.{suffix}") as scratch:
                figure.savefig(scratch, dpi=200, metadata=metadata)


def _settle(figure: Figure) -> None:
    """Round where axes and subfigures lie.

    The solver behind a constrained layout adds up in an order that differs from process to process,
    and a last digit that differs shows in the names of clip paths.
    """
    for subfigure in figure.subfigs:
        subfigure.bbox_relative.set_points(subfigure.bbox_relative.get_points().round(9))
    for axes in figure.axes:
        axes.set_position(Bbox(axes.get_position(original=True).get_points().round(9)))


@styled
def statement(text: str) -> Figure:
    """Return a figure that holds a sentence only: why there is nothing to draw."""
    figure = Figure(figsize=(WIDTH, 1.0))
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True)
    return figure


def task_name(task: str) -> str:
    """Return a task's name as it stands in figures: `phrase start` for `phrase_start`."""
    return task.replace("_", " ")


def parts(
    figure: Figure, titles: Sequence[str], heights: Sequence[float] | None = None
) -> list[SubFigure]:
    """Divide a figure into parts, one below the other, each with its title at the left."""
    stacked = figure.subfigures(len(titles), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, title in zip(stacked, titles, strict=True):
        part.suptitle(title, x=0, ha="left")
    return list(stacked)


def panels(
    figure: Figure | SubFigure,
    names: Sequence[str],
    columns: int,
    *,
    x: str,
    y: str,
) -> dict[str, Axes]:
    """Lay out one panel for each name, row by row, with shared axes; return them by name, in order.

    The names (of tasks) are the titles. The outer panels bear the labels `x` and `y`. With fewer
    names than `columns` there are as many columns as names; places that are left over in the last
    row stay empty.
    """
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for spare in grid.flat[len(names) :]:
        spare.remove()
    for column in range(columns):
        lowest = grid[(len(names) - 1 - column) // columns, column]
        lowest.tick_params(labelbottom=True)  # sharing hides it above a place left empty
        lowest.set_xlabel(x)
    for row in range(rows):
        grid[row, 0].set_ylabel(y)
    named = dict(zip(names, grid.flat, strict=False))
    for name, axes in named.items():
        axes.set_title(task_name(name))
    return named


# --- seeds --------------------------------------------------------------------------------------


def over_seeds(frame: pd.DataFrame, by: str | list[str]) -> pd.DataFrame:
    """Summarise `value` over `seed`, for each value of the columns `by`, which become the index.

    Columns: `mean`, `low` and `high` (the lowest and the highest seed), `sd` (the standard
    deviation over seeds, with n - 1; NaN for one seed) and `seeds` (how many).
    """
    # In the order of the seeds, so that a sum doesn't depend on the order of the rows.
    values = frame.sort_values("seed").groupby(by)["value"]
    return pd.DataFrame(
        {
            "mean": values.mean(),
            "low": values.min(),
            "high": values.max(),
            "sd": values.std(),
            "seeds": values.count(),
        }
    )


def each(frame: pd.DataFrame, groups: str | list[str], by: str) -> dict[Any, pd.DataFrame]:
    """Summarise each group of rows over seeds, as `over_seeds` does; the groups are the keys."""
    return {key: over_seeds(part, by) for key, part in frame.groupby(groups)}


def band(axes: Axes, summary: pd.DataFrame, *, color: str, gid: str, **line: Any) -> Line2D:
    """Draw the mean over seeds as a line, and from the lowest to the highest seed a band.

    `summary` is as `over_seeds` returns it, indexed by what goes on the x axis. One seed has no
    band.
    """
    places = summary.index.to_numpy(dtype=float)
    line = {"markersize": 3 if len(places) <= 16 else 1.8} | line
    (drawn,) = axes.plot(places, summary["mean"], color=color, gid=gid, **line)
    if len(summary) and summary["seeds"].max() > 1:
        low, high = summary["low"].to_numpy(), summary["high"].to_numpy()
        axes.fill_between(
            places, low, high, color=color, alpha=0.22, linewidth=0, gid=f"band:{gid}"
        )
    return drawn


def seeds_text(seeds: int) -> str:
    """Say over how many seeds what is shown is the mean."""
    return f"mean of {seeds} seeds" if seeds > 1 else "one seed"


def legend_below(figure: Figure, seeds: int, handles: Sequence[Any] = (), columns: int = 6) -> None:
    """Put a legend below the figure: `handles`, then what lines and bands over seeds are."""
    entries = [*handles]
    if seeds > 1:
        entries.append(Line2D([], [], color="0.35", label=f"line: {seeds_text(seeds)}"))
        entries.append(
            Patch(color="0.35", alpha=0.22, linewidth=0, label="band: lowest to highest")
        )
    else:
        entries.append(Line2D([], [], color="0.35", label="one seed, hence no band"))
    figure.legend(handles=entries, loc="outside lower center", ncols=min(columns, len(entries)))
