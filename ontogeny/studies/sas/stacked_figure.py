"""Panels one below the other on one axis of steps, under a strip of milestones."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ontogeny.figures.axes import short_number, step_axis, step_edges
from ontogeny.figures.style import WIDTH, over_seeds
from ontogeny.studies.sas.figure_rows import (
    Milestone,
    of_the_mean,
    overall_capability,
    state_absent,
    steps_of,
)

# Colours of Okabe and Ito (2008).
STRUCTURE, CAPABILITY, LOSS = "#0072B2", "#D55E00", "#000000"
WINDOW = "0.9"

# Each milestone's name, colour and marker, and the metric that gives a second opinion on it.
MILESTONES: dict[str, tuple[str, dict[str, Any], str]] = {
    "structure_onset": (
        "structure onset",
        {"color": STRUCTURE, "marker": "o", "linestyle": (0, (4, 2))},
        "structure_change_point",
    ),
    "loss_drop": ("steepest loss drop", {"color": LOSS, "marker": "s", "linestyle": "-"}, ""),
    "capability_onset": (
        "capability onset",
        {"color": CAPABILITY, "marker": "^", "linestyle": (0, (1, 1.2))},
        "capability_change_point",
    ),
}
THIN: dict[str, Any] = {"linewidth": 0.5, "alpha": 0.55, "zorder": 1.8}


def stacked_panels(
    table: pd.DataFrame, milestones: pd.DataFrame, heights: Mapping[str, float]
) -> tuple[Figure, dict[str, Axes], list[str]]:
    """Lay out a panel for each name of some height, in inches, under the strip of milestones.

    Returns the figure, the panels by name, and what is lacking of the milestones. The milestones
    are drawn in the strip, and in all panels.
    """
    shown = {name: height for name, height in heights.items() if height}
    wanted = dict(MILESTONES)
    if overall_capability(table).empty:
        del wanted["capability_onset"]
    found = of_the_mean(milestones)
    drawn = [name for name in wanted if name in found]
    lacking = [
        f"{wanted[name][0]} ({_why_none(name, found)})" for name in wanted if name not in drawn
    ]
    strip = [0.12 + 0.15 * len(drawn)] if drawn else []
    figure = Figure(figsize=(WIDTH, sum(strip) + sum(shown.values()) + 0.75), layout="constrained")
    if not shown:
        return figure, {}, lacking
    column = figure.subplots(
        len(strip) + len(shown),
        1,
        squeeze=False,
        sharex=True,
        height_ratios=[*strip, *shown.values()],
    )[:, 0]
    steps = steps_of(table)
    panels = column[len(strip) :]
    for axes in column:
        step_axis(axes, steps, label=axes is column[-1])
        axes.tick_params(which="both", labelbottom=axes is column[-1])
        if "loss_drop" in drawn:
            _shade_window(axes, steps, found)
    for axes in panels:
        for name in drawn:
            # The solid line lies below, lest it hide another at the same step.
            style = MILESTONES[name][1] | {"marker": "", "linewidth": 0.9}
            style["zorder"] = 1 if name == "loss_drop" else 1.1
            axes.axvline(found[name].step, gid=f"at:{name}", **style)
    if drawn:
        _strip(column[0], milestones, drawn)
    return figure, dict(zip(shown, panels, strict=True)), lacking


def _why_none(name: str, found: Mapping[str, Milestone]) -> str:
    """Say why a milestone was not found: the curve doesn't rise, or there is no telling where."""
    risen = found.get(name.replace("_onset", "_rise"))
    if name == "loss_drop" or risen is None or risen.low > 0:
        return "none was found"
    interval = f"{risen.step:+.3f} [{risen.low:+.3f}, {risen.high:+.3f}]"
    return f"no rise beyond noise: {interval} from the first checkpoint to the last"


def _shade_window(axes: Axes, steps: np.ndarray, found: Mapping[str, Milestone]) -> None:
    """Shade the cells, on the axis, of the steps of the loss drop's window, if there is one."""
    if not {"loss_drop_begins", "loss_drop_ends"} <= set(found):
        return
    edges = step_edges(axes, steps)
    first = int(np.searchsorted(steps, found["loss_drop_begins"].step, side="right")) - 1
    last = int(np.searchsorted(steps, found["loss_drop_ends"].step, side="left"))
    left, right = edges[max(first, 0)], edges[min(last, len(steps) - 1) + 1]
    axes.axvspan(left, right, color=WINDOW, linewidth=0, zorder=0, gid="window")


def _strip(axes: Axes, milestones: pd.DataFrame, names: Sequence[str]) -> None:
    """Draw each milestone in a row of its own: mean with its interval, seeds, second opinion."""
    found = of_the_mean(milestones)
    for row, name in enumerate(names):
        _, style, second = MILESTONES[name]
        step, low, high = found[name]
        text = _brief(step)
        colour = style["color"]
        if np.isfinite([low, high]).all():
            axes.plot([low, high], [row, row], color=colour, linewidth=1, gid=f"interval:{name}")
            text += f"  [{_brief(low)}, {_brief(high)}]"
        own = milestones[(milestones["metric"] == name) & milestones["seed"].notna()]
        own = own.sort_values("seed")
        if len(own) > 1:
            axes.plot(
                own["value"],
                np.full(len(own), row + 0.3),
                marker="|",
                linestyle="",
                markersize=3.5,
                markeredgewidth=0.7,
                color=colour,
                gid=f"seeds:{name}",
            )
        if second in found:
            axes.plot(
                found[second].step,
                row,
                marker="D",
                markersize=4.5,
                markeredgewidth=0.7,
                fillstyle="none",
                color=colour,
                gid=second,
            )
        axes.plot(step, row, color=colour, marker=style["marker"], markersize=4, gid=name)
        axes.annotate(
            text,
            xy=(1.02, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=6.5,
            color=colour,
            annotation_clip=False,
        )
    axes.set_yticks(range(len(names)), [MILESTONES[name][0] for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="both", which="both", length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    for line in axes.findobj(lambda artist: artist.get_gid() == "break"):
        line.remove()


def _brief(step: float) -> str:
    return short_number(float(f"{step:.3g}"))


def draw_with_seeds(axes: Axes, rows: pd.DataFrame, *, gid: str, **style: Any) -> float:
    """Draw the mean over seeds, and behind it the seeds; return where the mean ends."""
    by_seed = rows.sort_values("step").groupby("seed")
    if len(by_seed) > 1 and gid != "offset_uas":  # which is the same for all
        for seed, own in by_seed:
            thin = {**style, **THIN, "marker": "." if len(own) == 1 else ""}
            axes.plot(own["step"], own["value"], gid=f"{gid}:seed {seed}", **thin)
    mean = over_seeds(rows, "step")["mean"]
    axes.plot(mean, gid=gid, **{"markersize": 2.5 if len(mean) <= 16 else 0} | style)
    return float(mean.iloc[-1])


def milestone_legend(
    figure: Figure, table: pd.DataFrame, milestones: pd.DataFrame, absent: Sequence[str]
) -> None:
    """Put below the figure what its lines and marks are, and what is absent."""
    grey = "0.35"
    seeds = int(table["seed"].nunique())
    handles: list[Any] = [Line2D([], [], color=grey, label="one seed")]
    if seeds > 1:
        handles = [
            Line2D([], [], color=grey, label=f"mean of {seeds} seeds"),
            Line2D([], [], color=grey, **THIN, label="each seed"),
        ]
    found = of_the_mean(milestones)
    if any(np.isfinite(milestone.low) for milestone in found.values()):
        marks = {"marker": "o", "markersize": 4}
        handles.append(_mark("milestone, 95% interval", linestyle="-", **marks))
    if seeds > 1 and found:
        handles.append(_mark("milestone of each seed", marker="|", markersize=3.5))
    if any(second in found for _, _, second in MILESTONES.values()):
        handles.append(_mark("change point", marker="D", markersize=4.5, fillstyle="none"))
    if "loss_drop_begins" in found:
        handles.append(Patch(color=WINDOW, linewidth=0, label="window of the loss drop"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(3, len(handles)))
    state_absent(figure, absent)


def _mark(label: str, **style: Any) -> Line2D:
    return Line2D([], [], label=label, **{"color": "0.35", "linestyle": ""} | style)
