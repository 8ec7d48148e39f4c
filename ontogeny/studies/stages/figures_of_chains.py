"""The figure of the sweep by which the settings of chains are chosen."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from ontogeny.figures.axes import layer_colours
from ontogeny.figures.style import WIDTH, band, legend_below, over_seeds, statement, styled


@styled
def calibration(table: pd.DataFrame, bandwidth: float) -> Figure:
    """Draw the estimate against step size, a line for each localisation.

    A column of panels for each step, a row for each inverse temperature; a dotted line at the
    step size that is used, a ring around the estimate there.
    """
    rows = table[table["metric"] == "llc"]
    if rows.empty:
        return statement("No chain of the sweep stayed near its checkpoint: nothing to show.")
    steps = sorted(rows["step"].unique())
    heats = sorted(table["inverse_temperature"].unique())
    pulls = sorted(table["localisation"].unique())
    sizes = sorted(table["step_size"].unique())
    chosen = table[(table["metric"] == "chosen") & (table["value"] == 1)]
    colours = dict(zip(pulls, layer_colours(len(pulls)), strict=True))
    figure = Figure(figsize=(WIDTH, 0.6 + 1.8 * len(heats)), layout="constrained")
    grid = figure.subplots(len(heats), len(steps), squeeze=False, sharex=True)
    for heat, line in zip(heats, grid, strict=True):
        line[0].set_ylabel("local learning\ncoefficient")
        for step, axes in zip(steps, line, strict=True):
            axes.set_title(f"step {step:,}, nβ = {heat:.3g}", loc="left")
            here = rows[(rows["step"] == step) & (rows["inverse_temperature"] == heat)]
            for pull, colour in colours.items():
                summary = over_seeds(here[here["localisation"] == pull], "step_size")
                band(axes, summary, color=colour, gid=f"{step} {heat:g} {pull:g}", marker="o")
            axes.set_xscale("log")
            axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
            axes.xaxis.set_minor_locator(NullLocator())
            used = here.merge(
                chosen[["step_size", "localisation", "inverse_temperature"]].drop_duplicates()
            )
            for size, own in used.groupby("step_size"):
                axes.axvline(size, color="0.5", linestyle=":", linewidth=0.8, zorder=0)
                axes.plot(
                    size,
                    own["value"].mean(),
                    "o",
                    color="0.15",
                    mfc="none",
                    markersize=7,
                    gid="used",
                )
    for axes in grid[-1]:
        axes.set_xlabel("step size")
    handles = [
        Line2D([], [], color=colour, marker="o", label=f"localisation {pull:g}")
        for pull, colour in colours.items()
    ]
    if not chosen.empty:
        handles.append(
            Line2D([], [], color="0.15", marker="o", mfc="none", markersize=7, ls="", label="used")
        )
    legend_below(figure, rows["seed"].nunique(), handles)
    return figure
