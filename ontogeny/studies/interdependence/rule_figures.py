"""What scaffolds teach LSTMs: counterparts of figures 7 to 12 of the thesis's chapter 5."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from ontogeny.figures.axes import step_axis
from ontogeny.figures.style import WIDTH, band, legend_below, over_seeds, styled

# Of Okabe and Ito. As published, solid lines are unfamiliar scaffolds and dashed ones familiar.
STYLES: dict[str, dict[str, Any]] = {
    "unfamiliar": {"color": "#0072B2", "linestyle": "-"},
    "familiar": {"color": "#D55E00", "linestyle": "--"},
    "repeated": {"color": "#CC79A7", "linestyle": ":"},
    "elsewhere": {"color": "#009E73", "linestyle": "-."},
}


DOMAIN_NAMES = {"in": "in the domain", "out": "out of the domain"}


@styled
def rule(table: pd.DataFrame) -> Figure:
    """Draw omega's probability and DI of alpha and scaffold over training (figures 7, 8, 10)."""
    rows = _of_main_count(table)
    probability = rows[rows["metric"] == "omega_probability"]
    whole = probability[probability["focus"] == "everything"]
    alone = probability[(probability["focus"] == "prefix") & (probability["prefix"] == 0)]
    depends = rows[rows["metric"] == "interdependence"]
    quantities = {
        "in the domain": whole[whole["domain"] == "in"],
        "out of the domain": whole[whole["domain"] == "out"],
        "from alpha alone, out": alone[alone["domain"] == "out"],
        "alpha and scaffold, in": depends[depends["domain"] == "in"],
    }
    labels = ["P(omega)", None, None, "DI"]
    lengths = _lengths(rows)
    figure = Figure(figsize=(WIDTH, 0.6 + 1.6 * len(lengths)), layout="constrained")
    grid = figure.subplots(len(lengths), len(quantities), squeeze=False)
    for row, length in enumerate(lengths):
        for axes, (name, of_name), label in zip(grid[row], quantities.items(), labels, strict=True):
            own = of_name[of_name["scaffold_length"] == length]
            step_axis(axes, own["step"].unique(), most=3, label=row == len(lengths) - 1)
            _lines(axes, own, "step", f"{name}:{length:g}")
            axes.set_ylim(0, None if label == "DI" else 1.03)
            if row == 0:
                axes.set_title(name)
            if label is not None:
                axes.set_ylabel(label if label == "DI" else f"{label}, k = {length:g}")
            else:
                axes.tick_params(labelleft=False)
    _legend(figure, rows)
    return figure


@styled
def prefix(table: pd.DataFrame) -> Figure:
    """Draw omega's last probability as the prefix in focus grows (figure 9)."""
    rows = _of_main_count(table)
    rows = rows[(rows["step"] == rows["step"].max()) & (rows["focus"] == "prefix")]
    lengths = _lengths(rows)
    figure = Figure(figsize=(WIDTH, 0.6 + 1.6 * len(lengths)), layout="constrained")
    grid = figure.subplots(len(lengths), 2, squeeze=False, sharey=True, sharex="row")
    for length, across in zip(lengths, grid, strict=True):
        for domain, axes in zip(("in", "out"), across, strict=True):
            own = rows[(rows["domain"] == domain) & (rows["scaffold_length"] == length)]
            _lines(axes, own, "prefix", f"{domain}:{length:g}", marker="o")
            axes.set_ylim(0, 1.03)
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            axes.set_title(f"k = {length:g}, {DOMAIN_NAMES[domain]}")
        across[0].set_ylabel("P(omega)")
    for axes in grid[-1]:
        axes.set_xlabel("tokens of the scaffold in focus after alpha")
    _legend(figure, rows)
    return figure


@styled
def counts(table: pd.DataFrame) -> Figure:
    """Draw omega's last probability from alpha and from scaffold over rule counts (figure 11)."""
    rows = table[(table["setting"] == "unfamiliar") & (table["domain"] == "out")]
    rows = rows[(rows["metric"] == "omega_probability") & (rows["step"] == table["step"].max())]
    sources = {
        "alpha alone": rows[(rows["focus"] == "prefix") & (rows["prefix"] == 0)],
        "scaffold alone": rows[rows["focus"] == "scaffold"],
        "whole state": rows[rows["focus"] == "everything"],
    }
    styles = (("#0072B2", "-", "o"), ("#D55E00", "--", "s"), ("0.35", ":", "D"))
    across, figure = _panels(rows)
    every = np.unique(rows["rule_count"])
    for axes, length in zip(across, _lengths(rows), strict=True):
        for (name, of_source), (colour, line, marker) in zip(sources.items(), styles, strict=True):
            own = over_seeds(of_source[of_source["scaffold_length"] == length], "rule_count")
            look = {"linestyle": line, "marker": marker, "label": name}
            band(axes, own, color=colour, gid=f"{name}:{length:g}", **look)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(list(every)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticklabels([f"{count:,.0f}" for count in every])
        axes.set_ylim(0, 1.03)
        axes.set_title(f"k = {length:g}")
        axes.set_xlabel("occurrences of the rule (log)")
    across[0].set_ylabel("P(omega)")
    legend_below(figure, rows["seed"].nunique(), across[0].get_legend_handles_labels()[0])
    return figure


@styled
def gradients(table: pd.DataFrame) -> Figure:
    """Draw the gradient that reaches each token, mean over checkpoints (figure 12)."""
    rows = _of_main_count(table)
    rows = rows[(rows["metric"] == "gradient_norm") & (rows["domain"] == "in")]
    rows = rows.assign(
        value=np.log10(rows["value"]), place=rows["scaffold_length"] - rows["sequential_distance"]
    )
    keys = ["setting", "scaffold_length", "seed", "place"]
    rows = rows.groupby(keys)["value"].mean().reset_index()
    across, figure = _panels(rows)
    for axes, length in zip(across, _lengths(rows), strict=True):
        own = rows[rows["scaffold_length"] == length]
        _lines(axes, own, "place", f"gradient:{length:g}", marker="o")
        axes.set_title(f"k = {length:g}")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_xlabel("token (0: alpha, k: the scaffold's last)")
    across[0].set_ylabel("log10 gradient norm (nats)")
    _legend(figure, rows)
    return figure


def _of_main_count(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the rule count at which all settings were trained."""
    per_count = table.groupby("rule_count")["setting"].nunique()
    return table[table["rule_count"] == per_count[per_count == per_count.max()].index.max()]


def _lengths(rows: pd.DataFrame) -> list[float]:
    return sorted(rows["scaffold_length"].unique())


def _panels(rows: pd.DataFrame) -> tuple[np.ndarray, Figure]:
    """Lay out a panel for each scaffold length, side by side."""
    figure = Figure(figsize=(WIDTH, 2.4), layout="constrained")
    return figure.subplots(1, len(_lengths(rows)), squeeze=False, sharey=True)[0], figure


def _lines(axes: Axes, rows: pd.DataFrame, by: str, gid: str, **line: Any) -> None:
    for setting, style in STYLES.items():
        own = rows[rows["setting"] == setting]
        if len(own):
            band(axes, over_seeds(own, by), gid=f"{gid}:{setting}", **style, **line)


def _legend(figure: Figure, rows: pd.DataFrame) -> None:
    settings = [setting for setting in STYLES if setting in set(rows["setting"])]
    handles = [Line2D([], [], label=setting, **STYLES[setting]) for setting in settings]
    legend_below(figure, rows["seed"].nunique(), handles)
