"""The figures of the push-down study, drawn from its two tables alone.

Each takes those of PUSHDOWN and MIGRATION (`ontogeny.studies.pushdown.tables`) that its declaration
names, filtered to one run and one corpus, and returns a figure as wide as a page of text. Tasks
that were not measured are left out. Each raises `TableError` if PUSHDOWN holds several runs or
corpora.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ontogeny.figures.axes import (
    label_ends,
    layer_axis,
    layer_bar,
    layer_colours,
    short_number,
    step_axis,
    step_label,
)
from ontogeny.figures.style import (
    TASK_COLOURS,
    TASK_MARKERS,
    WIDTH,
    band,
    each,
    legend_below,
    panels,
    parts,
    statement,
    styled,
    task_name,
)
from ontogeny.studies.pushdown.heatmaps import (
    boundary,
    check_one,
    heatmap,
    in_published_order,
    regions,
)

# What tells the word types apart within a task's colour.
SUBSET_STYLES: dict[str, dict[str, Any]] = {
    "seen": {"linestyle": "-", "marker": "o"},
    "unseen": {"linestyle": "--", "marker": "s", "fillstyle": "none"},
    "ambiguous": {"linestyle": ":", "marker": "x"},
}
# What tells a probe's measures apart; those without a colour take the task's.
MEASURE_STYLES: dict[str, dict[str, Any]] = {
    "accuracy": {"linestyle": "-", "marker": "o"},
    "control_accuracy": {"linestyle": "--", "marker": "s", "fillstyle": "none", "color": "0.35"},
    "selectivity": {"linestyle": ":", "marker": "x"},
}


@styled
def migration_by_task(scores: pd.DataFrame, migration: pd.DataFrame) -> Figure:
    """Draw how each task moves through the layers as training goes on.

    (a) The shallowest sufficient layer against step, a panel a task, the other tasks in grey;
    "none" where no layer suffices. (b) The expected layer against step. (c) The migration depth:
    the mean over steps of (a), with its 95% bootstrap interval.
    """
    sufficient = boundary(scores, migration)
    if sufficient.empty:
        return statement("No task was measured, so there is no migration to show.")
    tasks = in_published_order(sufficient["task"])
    heights = [0.9 + 1.15 * -(-len(tasks) // 4), max(1.6, 0.6 + 0.19 * len(tasks))]
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.25), layout="constrained")
    above, below = parts(figure, ["(a) shallowest sufficient layer", ""], heights)
    steps, layers = scores["step"].unique(), scores["layer"].unique()
    by_task = each(sufficient, "task", "step")
    for task, axes in panels(above, tasks, 4, x=step_label(steps), y="layer").items():
        step_axis(axes, steps, most=4, label=False)
        layer_axis(axes, layers, most=6, none=True, label=False)
        for other in tasks:
            axes.plot(by_task[other]["mean"], color="0.8", linewidth=0.6, zorder=1)
        _task_line(axes, by_task[task], task)
    left, right = below.subplots(1, 2, width_ratios=[1.4, 1], squeeze=False)[0]
    left.set_title("(b) expected layer", loc="left", fontsize=8)
    right.set_title("(c) migration depth, 95% interval", loc="left", fontsize=8)
    _depths(right, migration, tasks)
    legend_below(figure, sufficient["seed"].nunique())
    _expected_layers(left, migration, steps)
    return figure


def _task_line(axes: Axes, summary: pd.DataFrame, task: str) -> None:
    """Draw a task's line and band over seeds, in its colour and with its marker."""
    band(axes, summary, color=TASK_COLOURS[task], marker=TASK_MARKERS[task], gid=task)


def _expected_layers(axes: Axes, migration: pd.DataFrame, steps: np.ndarray) -> None:
    rows = _over_all(migration, "expected_layer")
    by_task = each(rows[rows["seed"].notna()], "task", "step")
    step_axis(axes, steps)
    axes.set_ylabel("layer")
    for task, summary in by_task.items():
        _task_line(axes, summary, task)
    ends = {task: float(summary["mean"].iloc[-1]) for task, summary in by_task.items()}
    label_ends(axes, ends, TASK_COLOURS)


def _depths(axes: Axes, migration: pd.DataFrame, tasks: list[str]) -> None:
    rows = _over_all(migration, "migration_depth")
    for _, row in rows[rows["seed"].isna()].sort_values("task").iterrows():
        place, colour = tasks.index(row["task"]), TASK_COLOURS[row["task"]]
        axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=0.9)
        axes.plot(
            row["value"], place, color=colour, marker=TASK_MARKERS[row["task"]], gid=row["task"]
        )
    axes.set_yticks(range(len(tasks)), [task_name(task) for task in tasks])
    axes.set_ylim(len(tasks) - 0.5, -0.5)
    axes.set_xlabel("mean over steps (layer)")


def _over_all(migration: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the rows of one metric that count all test words."""
    return migration[(migration["metric"] == metric) & (migration["subset"] == "all")]


@styled
def selectivity(scores: pd.DataFrame) -> Figure:
    """Draw what the probes owe to the representation, and what to their own capacity.

    (a) Accuracy, accuracy on the control task, their difference (selectivity) and the majority
    baseline, by layer at the last checkpoint. (b) Selectivity against step, a line a layer, the
    mean over seeds. (Hewitt and Liang 2019.)
    """
    check_one(scores)
    of_all = scores[scores["subset"] == "all"]
    selective = of_all[of_all["metric"] == "selectivity"]
    tasks = in_published_order(selective["task"])
    if not tasks:
        return statement("No word-label task was measured, so there is no selectivity to show.")
    steps, layers = np.unique(selective["step"]), np.unique(selective["layer"])
    figure = Figure(figsize=(WIDTH, 1.4 + 2.3 * -(-len(tasks) // 3)), layout="constrained")
    titles = [
        f"(a) at the last checkpoint (step {short_number(steps[-1])})",
        "(b) selectivity of each layer as training goes on",
    ]
    above, below = parts(figure, titles)
    last = each(of_all[of_all["step"] == steps[-1]], ["task", "metric"], "layer")
    lowest = min(last[task, "selectivity"]["low"].min() for task in tasks)
    for task, axes in panels(above, tasks, 3, x="layer", y="share of words").items():
        layer_axis(axes, layers, which="x", most=8, label=False)
        axes.set_ylim(min(0, lowest) - 0.03, 1.03)
        # The same at every layer, and perhaps given for one of them only.
        axes.axhline(last[task, "majority_accuracy"]["mean"].mean(), color="0.6", linewidth=0.6)
        for metric, style in MEASURE_STYLES.items():
            style = {"color": TASK_COLOURS[task], "gid": f"{task}:{metric}"} | style
            band(axes, last[task, metric], **style)
    grid = panels(below, tasks, 3, x=step_label(steps), y="selectivity (share)")
    by_layer = each(selective, ["task", "layer"], "step")
    for task, axes in grid.items():
        step_axis(axes, steps, label=False)
        axes.axhline(0, color="0.6", linewidth=0.5, zorder=1)
        for layer, colour in zip(layers, layer_colours(len(layers)), strict=True):
            mean = by_layer[task, layer]["mean"]
            axes.plot(mean, color=colour, marker="." if len(mean) == 1 else "")
    layer_bar(below, list(grid.values()), len(layers))
    handles = _handles(MEASURE_STYLES)
    handles.append(Line2D([], [], color="0.6", linewidth=0.6, label="majority accuracy"))
    legend_below(figure, selective["seed"].nunique(), handles, columns=3)
    return figure


@styled
def seen_unseen(scores: pd.DataFrame, migration: pd.DataFrame) -> Figure:
    """Draw word types seen in the probe's training words against unseen and ambiguous ones.

    A column a task. (a) Accuracy by layer at the last checkpoint. (b) Accuracy of the best layer
    of each seed, against step. (c) The shallowest sufficient layer against step, "none" where no
    layer suffices, for seen and unseen types, each held against its own baseline and best value.
    """
    check_one(scores)
    measured = scores[(scores["metric"] == "accuracy") & scores["subset"].isin(list(SUBSET_STYLES))]
    tasks = in_published_order(measured["task"])
    if not tasks:
        return statement("No word-label task was measured, so there are no word types to compare.")
    steps, layers = np.unique(measured["step"]), np.unique(measured["layer"])
    keys = ["task", "subset"]
    best = measured.groupby([*keys, "step", "seed"])["value"].max().reset_index()
    sufficient = pd.concat(
        [boundary(scores, migration, subset).assign(subset=subset) for subset in ("seen", "unseen")]
    )
    figure = Figure(figsize=(WIDTH, 5.6), layout="constrained")
    titles = [
        f"(a) accuracy at the last checkpoint (step {short_number(steps[-1])})",
        "(b) accuracy of the best layer",
        "(c) shallowest sufficient layer",
    ]
    first, second, third = parts(figure, titles)
    by_layer = each(measured[measured["step"] == steps[-1]], keys, "layer")
    for task, axes in panels(first, tasks, len(tasks), x="layer", y="share of words").items():
        layer_axis(axes, layers, which="x", most=4, label=False)
        _subset_lines(axes, by_layer, task)
    step = step_label(steps).replace(" ", "\n", 1)  # six labels side by side
    by_step = each(best, keys, "step")
    for task, axes in panels(second, tasks, len(tasks), x=step, y="share of words").items():
        step_axis(axes, steps, most=2, label=False)
        _subset_lines(axes, by_step, task)
    layer_by_step = each(sufficient, keys, "step")
    for task, axes in panels(third, tasks, len(tasks), x=step, y="layer").items():
        step_axis(axes, steps, most=2, label=False)
        layer_axis(axes, layers, most=6, none=True, label=False)
        _subset_lines(axes, layer_by_step, task)
    handles = _handles(SUBSET_STYLES, " types")
    legend_below(figure, measured["seed"].nunique(), handles, columns=5)
    return figure


def _subset_lines(axes: Axes, summaries: Mapping[Any, pd.DataFrame], task: str) -> None:
    for subset, style in SUBSET_STYLES.items():
        if (task, subset) in summaries:
            gid = f"{task}:{subset}"
            band(axes, summaries[task, subset], color=TASK_COLOURS[task], gid=gid, **style)


def _handles(styles: dict[str, dict[str, Any]], suffix: str = "") -> list[Line2D]:
    """Return a legend's entries for lines that differ in style; a task's colour is black there."""
    return [
        Line2D([], [], label=f"{name.replace('_', ' ')}{suffix}", **({"color": "black"} | style))
        for name, style in styles.items()
    ]


# The study's figures by the names of their files.
FIGURES: dict[str, Callable[..., Figure]] = {
    "heatmap": heatmap,
    "regions": regions,
    "migration": migration_by_task,
    "selectivity": selectivity,
    "seen_unseen": seen_unseen,
}
