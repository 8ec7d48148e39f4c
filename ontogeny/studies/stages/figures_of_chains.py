"""Figures of chains: the sweep by which their settings are chosen, and what they go through."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from ontogeny.figures.axes import layer_colours
from ontogeny.figures.style import WIDTH, band, legend_below, over_seeds, statement, styled
from ontogeny.studies.stages.shading import MOST_SEEDS

USE = {"kept": "0.15", "left out": "#D55E00"}
CHAIN: dict[str, Any] = {"linewidth": 0.5, "alpha": 0.7}


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


@styled
def traces(table: pd.DataFrame, measures: pd.DataFrame, bandwidth: float) -> Figure:
    """Draw what the loss of each chain is above its checkpoint's on the same batch, by draw.

    A row of panels for each of the first seeds, a column for each step; the burn-in is shaded.
    """
    keys = ["seed", "step", "chain", "draw", "use"]
    wide = table.pivot_table(index=keys, columns="metric", values="value").dropna()
    if wide.empty:
        return statement("No chain has a loss that is a number: nothing to show.")
    excess = (wide["loss"] - wide["baseline"]).rename("value").reset_index()
    seeds, steps = (sorted(excess[name].unique()) for name in ("seed", "step"))
    seeds = seeds[:MOST_SEEDS]
    figure = Figure(figsize=(WIDTH, 0.6 + 1.6 * len(seeds)), layout="constrained")
    grid = figure.subplots(len(seeds), len(steps), squeeze=False, sharex=True)
    for seed, row in zip(seeds, grid, strict=True):
        row[0].set_ylabel(f"seed {seed}\nloss above checkpoint's")
        for step, axes in zip(steps, row, strict=True):
            _traces(axes, excess[(excess["seed"] == seed) & (excess["step"] == step)])
            here = measures[(measures["seed"] == seed) & (measures["step"] == step)]
            axes.set_title(f"step {step:,}\n{_diagnostics(here)}", loc="left")
    for axes in grid[-1]:
        axes.set_xlabel("draw")
    handles = [
        *(
            Line2D([], [], color=colour, linewidth=0.8, label=f"a chain, {use}")
            for use, colour in USE.items()
            if (excess["use"] == use).any()
        ),
        Patch(color="0.9", label="burn-in"),
        Line2D([], [], color="#0072B2", linewidth=0.9, label="mean of draws"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _traces(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the chains around one checkpoint; those that were left out don't set the heights."""
    first, last = rows["draw"].min(), rows["draw"].max()
    axes.set_xlim(first - 0.5, last + 0.5)
    if first < 1:
        axes.axvspan(first - 0.5, 0.5, color="0.9", linewidth=0, zorder=0, gid="burn-in")
    axes.axhline(0, color="0.5", linestyle=":", linewidth=0.8, zorder=0)
    for use, part in rows.groupby("use", sort=True):  # those that are kept first
        for chain, own in part.groupby("chain", sort=True):
            gid = f"{use} {chain}"
            axes.plot(own["draw"], own["value"], color=USE[str(use)], gid=gid, **CHAIN)
        if use == "kept":
            mean = part[part["draw"] > 0]["value"].mean()
            axes.plot([0.5, last + 0.5], [mean] * 2, color="#0072B2", linewidth=0.9, gid="mean")
            axes.set_ylim(axes.get_ylim())


def _diagnostics(rows: pd.DataFrame) -> str:
    """Say whether chains came to one density, how many draws they are worth, and how many left."""
    values = rows[rows["layer"].isna()].set_index("metric")["value"]
    lost = f"{values.get('llc_diverged', 0):.0f} left out"
    if "llc_rhat" not in values:
        return lost
    said = f"R-hat {values['llc_rhat']:.2f}, ESS {values['llc_ess']:.0f}"
    return said if lost.startswith("0") else f"{said}, {lost}"
