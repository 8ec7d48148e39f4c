"""The figures of the study of stages, by the names of their files.

Each takes the tables that its declaration names, with the rows of one run and corpus, and the
bandwidth of smoothing.
"""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from ontogeny.figures.axes import layer_colours, step_axis
from ontogeny.figures.style import WIDTH, band, each, legend_below, over_seeds, statement, styled
from ontogeny.measures.essential_dynamics import log_steps, smooth, turning, vertices
from ontogeny.measures.essential_dynamics.smoothing import Smoothed
from ontogeny.studies.stages.figures_of_chains import calibration, traces
from ontogeny.studies.stages.figures_of_forms import forms
from ontogeny.studies.stages.figures_of_parts import refined
from ontogeny.studies.stages.shading import COLOURS, MOST_SEEDS, shade, spans, type_handles

END: dict[str, Any] = {"marker": "s", "color": "0.15", "mfc": "white", "markersize": 3.5}
CIRCLES = 40  # osculating circles that are drawn
BEHAVIOUR = {
    "bigram_kl": "divergence from bigrams (nats)",
    "ngram_score": "n-gram score",
    "previous_token_score": "previous-token score, by head",
    "prefix_score": "prefix-matching score, by head",
    "icl_score": "in-context score",
    "loss_without_positions": "loss without positions (nats)",
    "prediction_norm": "norm of predictions",
    "ood_error": "error on wide inputs / prior's",
    "embedding_rank": "effective rank of embedding",
    "unembedding_norm": "norm of unembedding",
    "norm_collapse": "share of norm weights near 0",
    "position_rank": "effective rank of positions",
}


@styled
def coefficient(table: pd.DataFrame, boundaries: pd.DataFrame, bandwidth: float) -> Figure:
    """Draw loss and learning coefficient against step, stages coloured by type."""
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    grid = figure.subplots(2, 1, sharex=True)
    for axes, metric, label in (
        (grid[0], "loss", "loss"),
        (grid[1], "llc", "local learning\ncoefficient"),
    ):
        rows = table[table["metric"] == metric]
        if rows.empty:
            return statement("No chain stayed near its checkpoint, so there is nothing to show.")
        step_axis(axes, table["step"], label=axes is grid[1])
        shade(axes, boundaries)
        band(axes, over_seeds(rows, "step"), color="0.15", gid=metric, marker="o")
        axes.set_ylabel(label)
    legend_below(figure, table["seed"].nunique(), type_handles(boundaries), columns=3)
    return figure


@styled
def dynamics(
    table: pd.DataFrame, boundaries: pd.DataFrame, found: pd.DataFrame, bandwidth: float
) -> Figure:
    """Draw the trajectory in three projections, with osculating circles, evolute and forms."""
    seeds = sorted(table["seed"].unique())[:MOST_SEEDS]
    figure = Figure(figsize=(WIDTH, 0.5 + 2.2 * len(seeds)), layout="constrained")
    grid = figure.subplots(len(seeds), 3, squeeze=False)
    for row, seed in zip(grid, seeds, strict=True):
        own = table[table["seed"] == seed]
        row[0].set_title(f"seed {seed}", loc="left")
        for axes, pair in zip(row, combinations((1, 2, 3), 2), strict=True):
            _with_circles(axes, _plane(own, pair, bandwidth), boundaries)
            places = _places_of_forms(found[found["seed"] == seed], pair)
            axes.plot(*places.T, "D", color="#CC79A7", markersize=5, mfc="none", gid="forms")
            axes.set_xlabel(f"component {pair[0]}")
            axes.set_ylabel(f"component {pair[1]}")
    handles = [
        *type_handles(boundaries, lines=False),
        Line2D([], [], color="0.15", marker="o", markersize=3, ls="", label="first checkpoint"),
        Line2D([], [], color="0.8", linewidth=0.5, label="osculating circles"),
        Line2D([], [], color="black", marker=".", linestyle="", label="their centres"),
        Line2D([], [], color="#D55E00", marker="x", linestyle="", label="cusps"),
    ]
    if found["form"].notna().any():
        handles.append(
            Line2D([], [], color="#CC79A7", marker="D", mfc="none", linestyle="", label="forms")
        )
    if boundaries["stage"].nunique() > 1:
        handles.insert(-1, Line2D([], [], **END, ls="", label="end of a stage, with its step"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _places_of_forms(found: pd.DataFrame, pair: tuple[int, int]) -> np.ndarray:
    """Return where one seed's forms lie in two components, (forms, 2)."""
    rows = found[found["form"].notna() & found["rank"].isna()]
    wide = rows.pivot_table(index="form", columns="metric", values="value")
    return wide.reindex(columns=[f"pc{n}" for n in pair]).to_numpy(dtype=float)


def _with_circles(axes: Axes, curve: Smoothed, boundaries: pd.DataFrame) -> None:
    """Draw one seed's curve, its circles behind it, and the evolute where it is within reach."""
    values, turns = curve.values, turning(curve)
    margin = 0.25 * np.ptp(values, axis=0)
    low, high = values.min(axis=0) - margin, values.max(axis=0) + margin
    for place in np.unique(np.linspace(0, len(values) - 1, CIRCLES).round().astype(int)):
        radius = 1 / max(abs(turns.curvature[place]), 1e-12)
        if radius < np.ptp(values, axis=0).max():
            axes.add_patch(
                Circle(tuple(turns.centres[place]), radius, fill=False, color="0.8", linewidth=0.3)
            )
    near = ((turns.centres > low) & (turns.centres < high)).all(axis=1)
    axes.plot(*turns.centres[near].T, ".", color="black", markersize=1, gid="evolute")
    found = [place for place in vertices(turns.curvature) if near[place]]
    axes.plot(*turns.centres[found].T, "x", color="#D55E00", markersize=4, gid="cusps")
    for kind, start, end in spans(boundaries):
        first, last = (np.abs(curve.times - np.log1p(step)).argmin() for step in (start, end))
        axes.plot(
            *values[first : last + 1].T, color=COLOURS[kind], linewidth=1.6, gid=f"stage {kind}"
        )
        if last < len(values) - 1:
            axes.plot(*values[last], **END, gid="stage ends")
            axes.annotate(f"{end:,.0f}", values[last], xytext=(4, 3), textcoords="offset points")
    axes.plot(*values[0], marker="o", color="0.15", markersize=3, gid="first")
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])


def _plane(rows: pd.DataFrame, pair: tuple[int, int], bandwidth: float) -> Smoothed:
    """Return a seed's curve in two components, smooth, at many times."""
    wide = rows[rows["metric"].isin([f"pc{n}" for n in pair])].pivot_table(
        index="step", columns="metric", values="value"
    )
    times = log_steps(wide.index.to_numpy())
    return smooth(times, wide.to_numpy(), bandwidth, np.linspace(times[0], times[-1], 400))


@styled
def behaviour(table: pd.DataFrame, boundaries: pd.DataFrame, bandwidth: float) -> Figure:
    """Draw what the model does against step, stages coloured by type."""
    shown = [metric for metric in BEHAVIOUR if (table["metric"] == metric).any()]
    if not shown:
        return statement("Of a masked model no behaviour is measured: nothing to show.")
    columns = 3
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(WIDTH, 0.6 + 1.5 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for spare in grid.flat[len(shown) :]:
        spare.remove()
    handles: dict[str, Line2D] = {}
    for number, (axes, metric) in enumerate(zip(grid.flat, shown, strict=False)):
        own = table[table["metric"] == metric]
        last = number + columns >= len(shown)
        step_axis(axes, table["step"], most=4, label=last)
        axes.tick_params(labelbottom=last)
        shade(axes, boundaries)
        axes.set_title(BEHAVIOUR[metric], loc="left")
        handles |= _lines(axes, own, metric)
        if metric == "prefix_score":
            chance = table[table["metric"] == "prefix_chance"]["value"].mean()
            line = axes.axhline(chance, color="0.4", linestyle=":", linewidth=0.8, gid="chance")
            line.set_label("looking at all alike")
            handles["chance"] = line
    legend_below(
        figure, table["seed"].nunique(), [*type_handles(boundaries), *handles.values()], columns=4
    )
    return figure


def _lines(axes: Axes, rows: pd.DataFrame, metric: str) -> dict[str, Line2D]:
    """Draw a metric: a line in all, or for each layer, or for each head in its layer's colour."""
    if rows["layer"].isna().all():
        band(axes, over_seeds(rows, "step"), color="0.15", gid=metric)
        return {}
    colours = layer_colours(int(rows["layer"].max()) + 1)
    what = "layer" if rows["head"].notna().any() else "norm"
    handles = {}
    groups = rows.assign(head=rows["head"].fillna(0))
    for (layer, head), summary in each(groups, ["layer", "head"], "step").items():
        line = band(
            axes, summary, color=colours[int(layer)], gid=f"{metric} {layer} {head}", linewidth=0.8
        )
        line.set_label(f"{what} {int(layer)}")
        handles[f"{what} {int(layer)}"] = line
    return handles


FIGURES: dict[str, Callable[..., Figure]] = {
    "coefficient": coefficient,
    "refined": refined,
    "dynamics": dynamics,
    "forms": forms,
    "behaviour": behaviour,
    "calibration": calibration,
    "traces": traces,
}
