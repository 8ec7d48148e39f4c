"""What promoting or suppressing syntactic attention does, run by run, side by side."""

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ontogeny.figures.axes import step_axis, step_label
from ontogeny.figures.style import (
    WIDTH,
    band,
    each,
    legend_below,
    over_seeds,
    parts,
    statement,
    styled,
)
from ontogeny.studies.sas.figure_rows import (
    check_one,
    last_step,
    of_all_words,
    of_the_mean,
    overall_capability,
    state_absent,
    steps_of,
)
from ontogeny.studies.sas.interventions import CONTROL

# The measures, with the milestone that is marked on their curves.
MEASURES = {
    "uas_held_out": ("UAS held out\n(share of words)", "structure_onset"),
    "loss": ("loss (nats)", "loss_drop"),
    "minimal_pair_accuracy": ("capability\n(share of minimal pairs)", "capability_onset"),
}
ABSENT = {
    "uas_held_out": "UAS held out (it was not measured)",
    "loss": "loss (it was not measured)",
    "minimal_pair_accuracy": "capability (no minimal pairs were scored)",
}
# Black, blue and wine of `ontogeny.figures.style`; what is suppressed for a while only lies between
# pale orange and the dark of suppression throughout, in the order of the labels.
FIXED: dict[str, dict[str, Any]] = {
    "baseline": {"color": "#000000", "marker": "o"},
    "promoted throughout": {"color": "#0072B2", "marker": "^"},
    "suppressed throughout": {"color": "#7A1F4B", "marker": "v"},
}
STAGED_MARKERS = "sDPX<>"
OTHER_COLOURS = ("#009E73", "#56B4E9", "#CC79A7")
STAGED = ("suppressed until", "suppressed from")
HOLLOW: dict[str, Any] = {"fillstyle": "none", "markeredgewidth": 0.8, "linestyle": ":"}
RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 7,
    "fillstyle": "none",
    "markeredgewidth": 0.9,
}


@styled
def interventions(table: pd.DataFrame, onsets: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """Draw held-out UAS, loss and capability of a baseline and its interventions side by side.

    `table` (SAS) and `onsets` (ONSETS) hold the rows of all these runs on one corpus; `labels`
    gives the label of each run, in the order to show, from `str(Intervention)`. (a) Means over
    seeds against step with bands from the lowest to the highest seed; a ring is on the milestone
    of each curve, and the dotted line is the UAS of the best offsets. (b) The last checkpoint: the
    mean, and each seed; the grey line is the first run's mean. What the same does along random
    edges stands in (b) alone, hollow, below what it controls. Runs without rows are named as
    absent, rows of other runs are left out.
    """
    check_one(table, several_runs=True)
    check_one(onsets, several_runs=True)
    table = table[table["run"].isin(list(labels))]
    rows = {
        "uas_held_out": of_all_words(table, "uas_held_out"),
        "loss": of_all_words(table, "loss"),
        "minimal_pair_accuracy": overall_capability(table),
    }
    shown = {metric: found for metric, found in rows.items() if len(found)}
    absent = [ABSENT[metric] for metric in rows if metric not in shown]
    absent += [f"{labels[run]} (no rows)" for run in labels if run not in set(table["run"])]
    if not shown:
        return statement("Neither UAS nor loss nor capability was measured.")
    styles = run_styles({run: label for run, label in labels.items() if run in set(table["run"])})
    names = _unambiguous({run: labels[run] for run in styles})
    rows_of_runs = _rows_of_runs(names)
    alone = {run: style for run, style in styles.items() if not _is_control(names[run])}
    steps = steps_of(table)
    heights = [2.1, 0.75 + 0.19 * len(set(map(int, rows_of_runs.values())))]
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.4), layout="constrained")
    titles = ["(a) as training goes on", f"(b) at the last checkpoint (step {steps[-1]:,})"]
    above, below = parts(figure, titles, heights)
    curves = above.subplots(1, len(shown), squeeze=False)[0]
    finals = below.subplots(1, len(shown), squeeze=False, sharey=True)[0]
    offset = of_all_words(table, "offset_uas")["value"]
    for metric, upper, lower in zip(shown, curves, finals, strict=True):
        step_axis(upper, steps, most=4 if len(shown) > 1 else 6, label=False)
        upper.set_xlabel(step_label(steps))
        upper.set_title(MEASURES[metric][0])
        if metric == "uas_held_out" and len(offset):
            upper.axhline(offset.mean(), color="0.5", linestyle=":", linewidth=0.8, gid="offset")
        _curves(upper, shown[metric], onsets, alone or styles, metric)
        _finals(lower, last_step(shown[metric]), styles, rows_of_runs, metric)
        lower.set_xlabel(MEASURES[metric][0])
    ticks = {int(row): names[run] for run, row in rows_of_runs.items() if row == int(row)}
    finals[0].set_yticks(list(ticks), list(ticks.values()))
    finals[0].set_ylim(len(ticks) - 0.4, -0.6)
    handles = [
        Line2D([], [], label=names[run], **(style | {"markersize": 3.5}))
        for run, style in (alone or styles).items()
    ]
    if alone and len(alone) < len(styles):
        hollow: dict[str, Any] = {"marker": "o", "markersize": 3.5, **HOLLOW}
        handles.append(Line2D([], [], label=CONTROL, color="0.35", **hollow))
    if "uas_held_out" in shown and len(offset):
        handles.append(Line2D([], [], color="0.5", linestyle=":", label="best offsets"))
    if any(a.get_gid() == "milestone" for axes in curves for a in axes.lines):
        handles.append(Line2D([], [], linestyle="", label="onset, loss drop", **RING, color="0.35"))
    legend_below(figure, int(table["seed"].nunique()), handles, columns=3)
    state_absent(figure, absent)
    return figure


def run_styles(labels: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return a colour and a marker for each run: the same intervention always has the same.

    A run along random edges has those of the run that it controls, hollow.
    """
    names = list(dict.fromkeys(_controlled(label) for label in labels.values()))
    staged = [name for name in names if name.startswith(STAGED)]
    pale_to_dark = mpl.colormaps["YlOrRd"](np.linspace(0.4, 0.8, max(len(staged), 2)))
    of_name: dict[str, dict[str, Any]] = {}
    others, fixed = 0, dict(FIXED)
    for name in names:
        own = next((key for key in fixed if name == key or name.startswith(f"{key},")), None)
        if own is not None:
            of_name[name] = fixed.pop(own)
        elif name in staged:
            place = staged.index(name)
            colour = mpl.colors.to_hex(pale_to_dark[place])
            of_name[name] = {"color": colour, "marker": STAGED_MARKERS[place % len(STAGED_MARKERS)]}
        else:
            colour = OTHER_COLOURS[others % len(OTHER_COLOURS)]
            of_name[name] = {"color": colour, "marker": "*"}
            others += 1
    return {
        run: of_name[_controlled(label)] | (HOLLOW if _is_control(label) else {})
        for run, label in labels.items()
    }


def _is_control(label: str) -> bool:
    return label.endswith(f", {CONTROL}")


def _controlled(label: str) -> str:
    """Return the label of the run that a run along random edges controls, or the label itself."""
    return label.removesuffix(f", {CONTROL}")


def _rows_of_runs(names: Mapping[str, str]) -> dict[str, float]:
    """Return the row of each run: a control stands a little below what it controls, if shown."""
    whole = list(names.values())
    beside = {name for name in whole if _is_control(name) and _controlled(name) in whole}
    order = [name for name in whole if name not in beside]
    return {
        run: order.index(_controlled(name)) + 0.35 if name in beside else order.index(name)
        for run, name in names.items()
    }


def _unambiguous(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels, with the run's name where several have the same."""
    several = [label for label in labels.values() if list(labels.values()).count(label) > 1]
    return {run: f"{label} ({run})" if label in several else label for run, label in labels.items()}


def _curves(
    axes: Axes,
    rows: pd.DataFrame,
    onsets: pd.DataFrame,
    styles: Mapping[str, dict[str, Any]],
    metric: str,
) -> None:
    """Draw each run's curve, the baseline's above the others, with a ring on its milestone."""
    summaries = each(rows, "run", "step")
    for place, (run, style) in enumerate(reversed(list(styles.items()))):
        if run not in summaries:
            continue
        summary = summaries[run]
        own = style | {"markersize": 2.2 if len(summary) <= 16 else 0}
        band(axes, summary, gid=f"{metric}:{run}", zorder=2.5 + place / 100, **own)
        milestone = of_the_mean(onsets[onsets["run"] == run]).get(MEASURES[metric][1])
        if milestone:
            step = milestone.step
            on_axis = axes.xaxis.get_transform().transform
            places = on_axis(summary.index.to_numpy(dtype=float))
            height = np.interp(on_axis(np.array([step]))[0], places, summary["mean"])
            axes.plot(step, height, color=style["color"], gid="milestone", zorder=4 + place, **RING)


def _finals(
    axes: Axes,
    last: pd.DataFrame,
    styles: Mapping[str, dict[str, Any]],
    rows: Mapping[str, float],
    metric: str,
) -> None:
    """Draw each run's last mean, and its seeds, in its row; the first run's mean as a line."""
    means = over_seeds(last, "run")["mean"].to_dict()
    first = next(iter(styles))
    if first in means:
        axes.axvline(means[first], color="0.8", linewidth=0.8, zorder=0, gid="first")
    for run, style in styles.items():
        row = rows[run]
        own = last[last["run"] == run].sort_values("seed")["value"]
        if own.empty:
            continue
        axes.plot([own.min(), own.max()], [row, row], color=style["color"], linewidth=0.8)
        if len(own) > 1:
            axes.plot(
                own,
                np.full(len(own), row),
                linestyle="",
                marker="|",
                markersize=6,
                color=style["color"],
                gid=f"seeds:{metric}:{run}",
            )
        axes.plot(
            means[run],
            row,
            gid=f"final:{metric}:{run}",
            **style | {"markersize": 4.5},
        )
    axes.margins(x=0.12)
