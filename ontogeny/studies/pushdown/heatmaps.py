"""Where and when a task is solved, as maps of step by layer."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke

from ontogeny.errors import TableError
from ontogeny.figures.axes import layer_axis, step_axis, step_edges, step_label
from ontogeny.figures.style import (
    SEQUENTIAL,
    SPREAD,
    TASK_COLOURS,
    TASK_MARKERS,
    WIDTH,
    each,
    over_seeds,
    panels,
    parts,
    seeds_text,
    statement,
    styled,
    task_name,
)
from ontogeny.studies.pushdown.tables import BASELINE_METRIC, PRIMARY_METRIC

# The published order of migration, fastest first ("Developmental Narrative of Syntax in MLMs",
# section "Task-Specific Migration Timing"): the order of the panels.
TASK_ORDER = (
    "entity",
    "phrase_start",
    "phrase_end",
    "upos",
    "xpos",
    "deprel",
    "tree_depth",
    "tree_distance",
)

# The test words of which there is a map of each task, and how the maps are headed.
SHOWN_SUBSETS = {
    "all": "(a) all test words",
    "unseen": "(b) words of types that the probe never saw",
}

ENDS = ("baseline", "best")
OUTLINED = [Stroke(linewidth=2.3, foreground="black"), Normal()]  # seen on dark and on light


def normalised(scores: pd.DataFrame, subset: str = "all") -> pd.DataFrame:
    """Return each task's primary metric, and as a share of the way from baseline to best.

    `scores` is the table PUSHDOWN of one run and one corpus. The result has a row for each task,
    seed, step and layer: `score` (the metric), `baseline` and `best` (of the seed and the task;
    the best over all layers and steps) and `value` = (score - baseline) / (best - baseline), 0
    below the baseline and NaN where the best does not exceed it. Raises `TableError` if the table
    holds several runs or corpora.
    """
    check_one(scores)
    keys = ["task", "seed"]
    counted = scores[scores["subset"] == subset]
    primary = counted["task"].map(PRIMARY_METRIC)
    score = counted[counted["metric"] == primary]
    baseline = counted[counted["metric"] == primary.map(BASELINE_METRIC)]
    frame = score[[*keys, "step", "layer", "value"]].rename(columns={"value": "score"})
    frame = frame.join(baseline.groupby(keys)["value"].max().rename("baseline"), on=keys)
    frame = frame.join(frame.groupby(keys)["score"].max().rename("best"), on=keys)
    gain = (frame["best"] - frame["baseline"]).where(lambda gain: gain > 0)
    value = ((frame["score"] - frame["baseline"]) / gain).clip(lower=0)
    return frame.assign(value=value).reset_index(drop=True)


def boundary(scores: pd.DataFrame, migration: pd.DataFrame, subset: str = "all") -> pd.DataFrame:
    """Return the shallowest sufficient layer of each task, seed and step: columns and `value`.

    Where no layer suffices, the table MIGRATION has no row; here the value is one more than the
    last layer, as in `migration_depth`. The steps are those of `scores`.
    """
    keys = ["task", "seed", "step"]
    measured = normalised(scores, subset)
    found = migration[
        (migration["metric"] == "shallowest_sufficient_layer")
        & (migration["subset"] == subset)
        & migration["seed"].notna()
        & migration["step"].notna()
    ]
    found = found[[*keys, "value"]].astype({"seed": "int64", "step": "int64"})
    every = measured[keys].drop_duplicates().merge(found, on=keys, how="left")
    return every.fillna({"value": measured["layer"].max() + 1}).sort_values(keys)


def check_one(frame: pd.DataFrame) -> None:
    """Raise `TableError` if a table to be drawn holds more than one run or corpus."""
    for column in ("run", "corpus"):
        names = sorted(frame[column].unique())
        if len(names) > 1:
            raise TableError(
                f"a figure of the push-down study shows one {column}, the table holds "
                f"{', '.join(names)}. Select one before drawing."
            )


def in_published_order(tasks: pd.Series) -> list[str]:
    """Return the tasks that occur, in the published order of migration, fastest first."""
    return [task for task in TASK_ORDER if task in set(tasks)]


@styled
def heatmap(scores: pd.DataFrame, migration: pd.DataFrame) -> Figure:
    """Draw step by layer for every task, coloured by the share of the way from baseline to best.

    The mean over seeds; the line is the boundary, the mean over seeds of the shallowest sufficient
    layer. A panel's title gives the baseline and the best value, means over seeds; a panel in which
    no layer ever passes the baseline says so. (a) All test words; (b), where there are any, those
    of types that the probe never saw, each with its own baseline and best.
    """
    measured = {subset: normalised(scores, subset) for subset in SHOWN_SUBSETS}
    shown = {subset: frame for subset, frame in measured.items() if len(frame)}
    if not shown:
        return statement("No task was measured, so there is no heatmap.")
    heights = [_height(in_published_order(frame["task"])) for frame in shown.values()]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    whole: list[Figure | SubFigure] = [figure]
    if len(shown) > 1:
        whole = [*parts(figure, [SHOWN_SUBSETS[subset] for subset in shown], heights)]
    for part, (subset, frame) in zip(whole, shown.items(), strict=True):
        _maps(part, frame, boundary(scores, migration, subset), subset)
    seeds = seeds_text(scores["seed"].nunique())
    line = Line2D(
        [], [], color="white", linewidth=1.3, label=f"shallowest sufficient layer, {seeds}"
    )
    line.set_path_effects(OUTLINED)
    figure.legend(handles=[line], loc="outside lower center")
    return figure


def _maps(
    figure: Figure | SubFigure, measured: pd.DataFrame, boundaries: pd.DataFrame, subset: str
) -> None:
    """Draw the maps of all tasks on one subset of the test words."""
    tasks = in_published_order(measured["task"])
    grid = panels(figure, tasks, 4, x=step_label(measured["step"].unique()), y="layer")
    passing = {}
    for task, axes in grid.items():
        of_task = measured[measured["task"] == task]
        cells = over_seeds(of_task, ["layer", "step"])["mean"]
        _map(axes, cells, SEQUENTIAL, 1)
        baseline, best = (of_task.groupby("seed")[name].first().mean() for name in ENDS)
        axes.set_title(f"{task_name(task)}\nbaseline {baseline:.2f}, best {best:.2f}")
        if cells.notna().any():
            passing[task] = axes
        else:
            _say_that_nothing_passes(axes, task + _suffix(subset))
    _boundaries(passing, each(boundaries, "task", "step"), _suffix(subset))
    _colour_bar(figure, grid, SEQUENTIAL, 1, "share of the way from\nbaseline (0) to best (1)")


def _say_that_nothing_passes(axes: Axes, name: str) -> None:
    """Say in a map that has no value why it has none."""
    text = "no layer passes\nthe baseline"
    axes.text(
        0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", gid=f"nothing:{name}"
    )


def _suffix(subset: str) -> str:
    """Return what the names of a subset's lines end in; those of all words in nothing."""
    return "" if subset == "all" else f":{subset}"


@styled
def regions(scores: pd.DataFrame, migration: pd.DataFrame) -> Figure:
    """Draw the spread over seeds, step by layer; and level and spread above and below the boundary.

    (a) The standard deviation over seeds (n - 1) of the primary metric, in shares of the way from
    baseline to best, both means over seeds (each seed's own way would make the seeds alike); what
    is below the baseline counts as the baseline, and a map in which no layer passes it says so.
    (b) The mean share of the way, and the root mean square of (a), over the (step, layer) cells on
    either side of the boundary, which is the mean over seeds of the shallowest sufficient layer.
    """
    measured = normalised(scores)
    if measured["seed"].nunique() < 2:
        return statement("Spread over seeds needs at least two seeds, so there is nothing to show.")
    tasks = in_published_order(measured["task"])
    heights = [_height(tasks), 0.9 + 0.17 * len(tasks)]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    titles = [
        "(a) spread over seeds, and the shallowest sufficient layer",
        "(b) mean over the cells on either side of it",
    ]
    above, below = parts(figure, titles, heights)
    cells = over_seeds(measured, ["task", "layer", "step"])
    cells["sd"] = _spread(measured)
    most = float(np.nan_to_num(cells["sd"].max(), nan=1.0))  # where no task has any
    grid = panels(above, tasks, 4, x=step_label(measured["step"].unique()), y="layer")
    passing = {}
    for task, axes in grid.items():
        spread = cells["sd"].xs(task, level="task")
        _map(axes, spread, SPREAD, most)
        if spread.notna().any():
            passing[task] = axes
        else:
            _say_that_nothing_passes(axes, task)
    boundaries = boundary(scores, migration)
    _boundaries(passing, each(boundaries, "task", "step"))
    _colour_bar(above, grid, SPREAD, most, "standard deviation\nover seeds")
    _both_sides(below, tasks, cells, over_seeds(boundaries, ["task", "step"])["mean"])
    return figure


def _spread(measured: pd.DataFrame) -> pd.Series:
    """Return the standard deviation over seeds of each task, layer and step, as in `regions`."""
    keys = ["task", "layer", "step"]
    gain = (measured["best"] - measured["baseline"]).where(lambda gain: gain > 0)
    mean_gain = gain.groupby(measured["task"]).transform("mean")
    scaled = measured.assign(value=measured[["score", "baseline"]].max(axis=1) / mean_gain)
    return over_seeds(scaled, keys)["sd"]


def _height(tasks: list[str]) -> float:
    """Return how high, in inches, a figure with a map for each task is."""
    return 0.7 + 1.4 * -(-len(tasks) // 4)


def _map(axes: Axes, cells: pd.Series, colours: str, most: float) -> None:
    """Colour the cells of a map, indexed by layer and step, on a scale from 0 to `most`."""
    square = cells.unstack("step")
    steps, layers = square.columns.to_numpy(), square.index.to_numpy()
    step_axis(axes, steps, most=4, label=False)
    layer_axis(axes, layers, most=6, label=False)
    axes.set_facecolor("0.8")  # of cells that have no value
    axes.pcolormesh(
        step_edges(axes, steps),
        np.r_[layers - 0.5, layers.max() + 0.5],
        np.ma.masked_invalid(square.to_numpy()),
        cmap=colours,
        vmin=0,
        vmax=most,
        edgecolors="face",  # else viewers of the pdf show seams between cells
        linewidth=0.1,
    )


def _boundaries(grid: dict[str, Axes], by_task: dict[str, pd.DataFrame], suffix: str = "") -> None:
    """Draw the boundary on each task's map: the lower edge of the shallowest sufficient layer."""
    for task, axes in grid.items():
        line = axes.stairs(
            by_task[task]["mean"].to_numpy() - 0.5,
            step_edges(axes, by_task[task].index.to_numpy()),
            baseline=None,
            color="white",
            linewidth=1.3,
            clip_on=False,
            gid=f"boundary:{task}{suffix}",
        )
        line.set_path_effects(OUTLINED)


def _colour_bar(
    figure: Figure | SubFigure, grid: dict[str, Axes], colours: str, most: float, label: str
) -> None:
    scale = ScalarMappable(Normalize(0, most), colours)
    bar = figure.colorbar(scale, ax=list(grid.values()), fraction=0.05, pad=0.01, aspect=30)
    bar.set_label(label)


def _both_sides(
    figure: SubFigure, tasks: list[str], cells: pd.DataFrame, boundaries: pd.Series
) -> None:
    """Draw level and spread of the cells above (filled) and below (open) the boundary, by task."""
    cells = cells.join(boundaries.rename("boundary"), on=["task", "step"])
    is_above = cells.index.get_level_values("layer") >= cells["boundary"]
    variance = cells["sd"] ** 2
    level = [cells.loc[side, "mean"].groupby("task").mean() for side in (is_above, ~is_above)]
    spread = [variance[side].groupby("task").mean() ** 0.5 for side in (is_above, ~is_above)]
    labels = ["share of the way from baseline to best", "standard deviation over seeds (RMS)"]
    pair = figure.subplots(1, 2, sharey=True, squeeze=False)[0]
    for axes, sides, label in zip(pair, [level, spread], labels, strict=True):
        for row, task in enumerate(tasks):
            ends = [side.get(task, np.nan) for side in sides]
            style: dict[str, Any] = {"color": TASK_COLOURS[task], "marker": TASK_MARKERS[task]}
            axes.plot(ends, [row, row], color=TASK_COLOURS[task], linewidth=0.7)
            axes.plot(ends[0], row, markersize=4.5, **style, gid=f"above:{task}")
            axes.plot(ends[1], row, markersize=4.5, **style, fillstyle="none", gid=f"below:{task}")
        axes.set_xlabel(label)
        axes.set_xlim(left=min(0, axes.get_xlim()[0]))
    pair[0].set_yticks(range(len(tasks)), [task_name(task) for task in tasks])
    pair[0].set_ylim(len(tasks) - 0.5, -0.5)
    grey: dict[str, Any] = {"color": "0.35", "linestyle": "", "marker": "o", "markersize": 4.5}
    handles = [
        Line2D([], [], **grey, label="on and above the boundary"),
        Line2D([], [], **grey, fillstyle="none", label="below it"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
