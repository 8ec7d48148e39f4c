"""How structure, loss, capability and complexity go as training goes on, on one axis of steps.

Curves stand one below the other under a strip of milestones, which are marked in all of them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure

from ontogeny.figures.axes import label_ends, layer_axis, layer_colours
from ontogeny.figures.style import each, statement, styled
from ontogeny.studies.sas.figure_rows import capability, check_one, of_all_words, overall_capability
from ontogeny.studies.sas.stacked_figure import (
    CAPABILITY,
    LOSS,
    STRUCTURE,
    draw_with_seeds,
    milestone_legend,
    stacked_panels,
)

# The colours of Okabe and Ito (2008) that are left, and wine as in `ontogeny.figures.style`.
FIELD_COLOURS = ("#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#7A1F4B", "#8C8C8C")

UAS_STYLES: dict[str, tuple[str, dict[str, Any]]] = {
    "uas": ("chosen on all", {"color": "#56B4E9", "marker": "o"}),
    "uas_held_out": ("held out", {"color": STRUCTURE, "marker": "o"}),
    "offset_uas": ("best offsets", {"color": "0.4", "linestyle": ":"}),
}


@styled
def onsets(table: pd.DataFrame, milestones: pd.DataFrame) -> Figure:
    """Draw UAS, loss and capability against step, under the milestones found in them.

    Thick lines are means over seeds, thin ones the seeds; of the fields of grammar, which have thin
    lines of their own, the means alone. The strip above holds the milestones of the mean over
    seeds with their 95% intervals, and those of each seed; the shading is the window of the loss
    drop, half a gap of the schedule wider on either side than the checkpoints in it.
    """
    for frame in (table, milestones):
        check_one(frame)
    structure = {metric: of_all_words(table, metric) for metric in UAS_STYLES}
    loss, overall = of_all_words(table, "loss"), overall_capability(table)
    absent = []
    if structure["uas"].empty:
        absent.append("UAS (none was measured)")
    elif structure["uas_held_out"].empty:
        absent.append("UAS held out (one sentence was scored)")
    if loss.empty:
        absent.append("loss (none was measured)")
    if overall.empty:
        absent.append("capability (no minimal pairs were scored)")
    heights = {
        "uas": 1.5 * bool(len(structure["uas"])),
        "loss": 1.1 * bool(len(loss)),
        "capability": 1.5 * bool(len(overall)),
    }
    figure, grid, lacking = stacked_panels(table, milestones, heights)
    if not grid:
        return statement("Neither UAS nor loss nor capability was measured.")
    ends = {}
    if "uas" in grid:
        ends["uas"] = _uas(grid["uas"], structure)
    if "loss" in grid:
        draw_with_seeds(grid["loss"], loss, color=LOSS, marker="s", gid="loss")
        grid["loss"].set_ylabel("loss (nats)")
    if "capability" in grid:
        ends["capability"] = _capability(grid["capability"], capability(table))
    milestone_legend(figure, table, milestones, [*absent, *lacking])
    for name, (places, colours) in ends.items():
        label_ends(grid[name], places, colours)
    return figure


def _uas(
    axes: Axes, structure: Mapping[str, pd.DataFrame]
) -> tuple[dict[str, float], dict[str, str]]:
    """Draw the three kinds of UAS; return where their lines end, and their colours, by label."""
    ends, colours = {}, {}
    for metric, (label, style) in UAS_STYLES.items():
        rows = structure[metric]
        if len(rows):
            ends[label] = draw_with_seeds(axes, rows, gid=metric, **style)
            colours[label] = style["color"]
    axes.set_ylabel("UAS (share of words)")
    axes.set_ylim(bottom=0)
    return ends, colours


def _capability(axes: Axes, rows: pd.DataFrame) -> tuple[dict[str, float], dict[str, str]]:
    """Draw accuracy overall and by field; return where the lines end, and their colours."""
    axes.axhline(0.5, color="0.6", linestyle=":", linewidth=0.8, gid="chance")
    ends, colours = {"chance": 0.5}, {"chance": "0.45"}
    fields = rows[rows["field"].notna()]
    for place, (field, summary) in enumerate(sorted(each(fields, "field", "step").items())):
        colour = FIELD_COLOURS[place % len(FIELD_COLOURS)]
        axes.plot(
            summary["mean"],
            color=colour,
            linewidth=0.8,
            marker="." if len(summary) == 1 else "",
            gid=f"capability:{field}",
        )
        ends[field], colours[field] = float(summary["mean"].iloc[-1]), colour
    overall = rows[rows["field"].isna()]
    ends["overall"] = draw_with_seeds(axes, overall, color=CAPABILITY, marker="^", gid="capability")
    colours["overall"] = CAPABILITY
    axes.set_ylabel("capability\n(share of minimal pairs)")
    return ends, colours


@styled
def complexity(table: pd.DataFrame, milestones: pd.DataFrame) -> Figure:
    """Draw intrinsic dimension by layer, Fisher trace and weight norm against step.

    Under the milestones, as in `onsets`. The lines of layers are means over seeds.
    """
    for frame in (table, milestones):
        check_one(frame)
    curves = {
        "intrinsic_dimension": "intrinsic dimension\n(dimensions)",
        "fisher_trace": "Fisher trace",
        "weight_norm": "norm of the weights",
    }
    measured = {metric: table[table["metric"] == metric] for metric in curves}
    heights = {metric: 1.25 * bool(len(rows)) for metric, rows in measured.items()}
    heights["intrinsic_dimension"] *= 1.25
    absent = [
        f"{label.split(chr(10))[0]} (not measured)"
        for metric, label in curves.items()
        if measured[metric].empty
    ]
    figure, grid, lacking = stacked_panels(table, milestones, heights)
    if not grid:
        return statement("No measure of complexity was taken.")
    for metric, axes in grid.items():
        rows = measured[metric]
        axes.set_ylabel(curves[metric])
        if metric != "intrinsic_dimension":
            draw_with_seeds(axes, rows, color="black", marker="o", gid=metric)
            _scale(axes, rows["value"].to_numpy(), curves[metric])
            continue
        layers = [int(layer) for layer in np.unique(rows["layer"])]
        by_layer = each(rows, "layer", "step")
        colours = layer_colours(layers[-1] + 1)
        for layer in layers:
            mean = by_layer[layer]["mean"]
            marker = "o" if len(mean) == 1 else ""
            axes.plot(mean, color=colours[layer], marker=marker, gid=f"dimension:{layer}")
        _layer_key(figure, axes, colours)
    milestone_legend(figure, table, milestones, [*absent, *lacking])
    return figure


def _layer_key(figure: Figure, axes: Axes, colours: np.ndarray) -> None:
    """Put a key to the layers' colours beside a panel, within the margin of the strip's numbers."""
    scale = ScalarMappable(Normalize(-0.5, len(colours) - 0.5), ListedColormap(colours))
    bar = figure.colorbar(scale, cax=axes.inset_axes((1.03, 0, 0.02, 1)))
    layer_axis(bar.ax, range(len(colours)), most=8)
    bar.ax.minorticks_off()


def _scale(axes: Axes, values: np.ndarray, label: str) -> None:
    """Make the y axis logarithmic where the values span more than a factor of 20, and say so."""
    if values.min() > 0 and values.max() > 20 * values.min():
        axes.set_yscale("log")
        axes.set_ylabel(f"{label} (log)")
