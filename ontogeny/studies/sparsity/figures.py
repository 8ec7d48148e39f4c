"""The figures of the study of sparsity, by the names of their files.

Each takes the tables that its declaration names, with the rows of one run and one corpus, of the
table of losses those of the run: where the learning rate was rescaled, a dotted line goes through
the panels, as in the publication (Saphra 2021, chapter 6).
"""

import itertools
from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ontogeny.figures.axes import layer_colours, rescalings, step_axis
from ontogeny.figures.style import WIDTH, band, each, legend_below, statement, styled
from ontogeny.studies.sparsity.word_figures import final, words

QUANTITIES = ("gradient", "activation")
CLASS_LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "all": ("all words", {"color": "0.35", "linestyle": "-"}),
    "open": ("open classes", {"color": "#D55E00", "linestyle": "-"}),
    "closed": ("closed classes", {"color": "#0072B2", "linestyle": "-"}),
    "open_matched": ("open, frequency matched", {"color": "#D55E00", "linestyle": "--"}),
    "closed_matched": ("closed, frequency matched", {"color": "#0072B2", "linestyle": "--"}),
}
INDEX_LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "chi": ("\N{GREEK SMALL LETTER CHI} (l2 / l1)", {"color": "#0072B2"}),
    "hoyer": ("Hoyer", {"color": "#E69F00", "linestyle": "--"}),
    "gini": ("Gini", {"color": "#009E73"}),
    "l1": ("l1 norm", {"color": "0.35", "linestyle": ":"}),
}
NONE = "No correlation could be computed, so there is nothing to show."
ROLE_TITLES = {
    "target": "(a) frequency of the word that is predicted",
    "input": "(b) frequency of the word that is read",
}


@styled
def frequency(table: pd.DataFrame, losses: pd.DataFrame) -> Figure:
    """Draw against step how the concentration of each site correlates with words' frequency.

    Above of gradients, below of activations.
    """
    rows = _of(table, metric="rho", measure="chi", word_class="all")
    if rows.empty:
        return statement(NONE)
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True, sharey=True)
    colours = layer_colours(int(table["layer"].max()) + 1)
    handles: dict[str, Line2D] = {}
    for (row, quantity), (column, (role, title)) in itertools.product(
        enumerate(QUANTITIES), enumerate(ROLE_TITLES.items())
    ):
        axes = grid[row, column]
        _prepare(axes, rows, losses, label=row == 1)
        if row == 0:
            axes.set_title(title, loc="left")
        for (site, layer), summary in each(
            _of(rows, role=role, quantity=quantity).fillna({"layer": -1}),
            ["site", "layer"],
            "step",
        ).items():
            logits = site == "logits"
            colour = "0.35" if logits else colours[int(layer)]
            name = _site(site, layer)
            handles[name] = band(
                axes,
                summary,
                color=colour,
                gid=f"{role}:{name}, {quantity}",
                linestyle=":" if logits else "-",
                marker=("s", "o", "^", "D", "v", "P")[int(layer) % 6] if not logits else "x",
            )
            handles[name].set_label(name)
    for axes, quantity in zip(grid[:, 0], QUANTITIES, strict=True):
        axes.set_ylabel(f"{quantity}s: correlation of\nconcentration with frequency")
    ordered = [handles[name] for name in sorted(handles)]
    legend_below(figure, rows["seed"].nunique(), ordered)
    return figure


@styled
def classes(table: pd.DataFrame, losses: pd.DataFrame) -> Figure:
    """Draw the top layer's correlation with target frequency, and its mean, by class of words."""
    rows = _of(_top(table), measure="chi", role="target", quantity="gradient")
    if rows.empty:
        return statement(NONE)
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    grid = figure.subplots(1, 2, sharex=True)
    for axes, metric, title, label in (
        (grid[0], "rho", "(a) tie to frequency", "correlation with target frequency"),
        (grid[1], "mean", "(b) concentration", "mean \N{GREEK SMALL LETTER CHI} over words"),
    ):
        _prepare(axes, rows, losses, zero=metric == "rho")
        axes.set_title(title, loc="left")
        axes.set_ylabel(label)
        summaries = each(_of(rows, metric=metric), "word_class", "step")
        for name, (_, style) in CLASS_LINES.items():
            if name in summaries and not (metric == "mean" and name == "all"):
                band(axes, summaries[name], gid=f"{metric}:{name}", **style)
    handles = [Line2D([], [], label=label, **style) for label, style in CLASS_LINES.values()]
    legend_below(figure, rows["seed"].nunique(), handles, columns=3)
    return figure


@styled
def indices(table: pd.DataFrame, losses: pd.DataFrame) -> Figure:
    """Draw the top layer's correlation with target frequency by other indices, and attention's."""
    rows = _of(_top(table), metric="rho", role="target", quantity="gradient", word_class="all")
    attention = _of(table, metric="rho", measure="entropy", word_class="all")
    if rows.empty:
        return statement(NONE)
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    grid = figure.subplots(1, 1 if attention.empty else 2, sharex=True, squeeze=False)[0]
    for axes in grid:
        _prepare(axes, rows, losses)
    grid[0].set_ylabel("correlation with target frequency")
    grid[0].set_title("(a) gradient at the top layer", loc="left")
    summaries = each(rows, "measure", "step")
    for name, (label, style) in INDEX_LINES.items():
        if name in summaries:
            band(grid[0], summaries[name], gid=name, **style).set_label(label)
    handles = [*grid[0].get_legend_handles_labels()[0]]
    if not attention.empty:
        grid[1].set_title("(b) entropy of attention", loc="left")
        grid[1].set_ylabel("correlation with word frequency")
        colours = layer_colours(int(attention["layer"].max()) + 1)
        for (layer, role), summary in each(attention, ["layer", "role"], "step").items():
            drawn = band(
                grid[1],
                summary,
                color=colours[int(layer)],
                gid=f"entropy:{layer}:{role}",
                linestyle="-" if role == "target" else "--",
            )
            drawn.set_label(f"layer {int(layer)}, {'predicted' if role == 'target' else 'read'}")
        handles += grid[1].get_legend_handles_labels()[0]
    legend_below(figure, rows["seed"].nunique(), handles, columns=4)
    return figure


def _of(table: pd.DataFrame, **values: str) -> pd.DataFrame:
    for column, value in values.items():
        table = table[table[column] == value]
    return table


def _top(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the highest layer."""
    layers = table[table["site"].isin(["recurrent", "residual"])]
    return layers[layers["layer"] == layers["layer"].max()]


def _site(site: str, layer: float) -> str:
    names = {"embedding": "embedding", "logits": "logits", "attention": "attention"}
    return names.get(site, f"layer {int(layer)}")


def _prepare(
    axes: Axes, rows: pd.DataFrame, losses: pd.DataFrame, *, label: bool = True, zero: bool = True
) -> None:
    step_axis(axes, rows["step"].unique(), most=5, label=label)
    if zero:
        axes.axhline(0, color="0.7", linewidth=0.6, zorder=0)
    first, last = rows["step"].min(), rows["step"].max()
    rescalings(axes, losses[losses["step"].between(first, last)])


FIGURES: dict[str, Callable[..., Figure]] = {
    "words": words,
    "frequency": frequency,
    "classes": classes,
    "final": final,
    "indices": indices,
}
