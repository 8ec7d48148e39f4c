"""The figures of the study of clones, by the names of their files.

Each takes the table that its declaration names, with the rows of one corpus, and of one run where
it is about one.
"""

from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ontogeny.figures.axes import layer_colours, step_axis
from ontogeny.figures.style import (
    SEQUENTIAL,
    WIDTH,
    band,
    each,
    legend_below,
    over_seeds,
    statement,
    styled,
)
from ontogeny.studies.clones.sentence_table import sentences

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
STYLES: tuple[Any, ...] = ("-", "--", ":", "-.")
NONE = "No clones were measured, so there is nothing to show."


@styled
def learning(table: pd.DataFrame) -> Figure:
    """Draw the test loss of each depth against step, and the optimum of each order."""
    rows, optima = _metric(table, "loss"), _metric(table, "optimum_loss")
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    step_axis(axes, rows["step"])
    axes.set_ylabel("held-out loss (nats)")
    depths = sorted(rows["layers"].unique())
    handles = []
    for number, (depth, colour) in enumerate(zip(depths, layer_colours(len(depths)), strict=True)):
        own = rows[rows["layers"] == depth]
        line = band(
            axes, over_seeds(own, "step"), color=colour, gid=f"layers:{int(depth)}",
            marker=MARKERS[number % len(MARKERS)],
        )  # fmt: skip
        line.set_label(
            f"{int(depth)} layer{'s' if depth > 1 else ''}: order {int(own['order'].iloc[0])}"
        )
        handles.append(line)
    for order, value in zip(optima["order"].astype(int), optima["value"], strict=True):
        axes.axhline(value, color="0.35", linestyle="--", linewidth=0.8, zorder=0)
        axes.annotate(
            f"best of order {order}", (0, value), xycoords=("axes fraction", "data"),
            xytext=(3, 2), textcoords="offset points", fontsize=6.5, color="0.25",
        )  # fmt: skip
    # What the first updates of deep models lose isn't what the figure is about.
    top = max(optima["value"].max(), np.sort(rows["value"])[::-1][: len(depths)].min())
    low, high = optima["value"].min(), min(top, 1.25 * optima["value"].max())
    axes.set_ylim(low - 0.04 * (high - low), high + 0.06 * (high - low))
    handles.append(Line2D([], [], color="0.35", linestyle="--", label="optimum of an order"))
    legend_below(figure, rows["seed"].nunique(), handles, columns=3)
    return figure


@styled
def displacement(table: pd.DataFrame) -> Figure:
    """Draw the mean squared displacement of the layers of the deepest models against step."""
    rows = _metric(table, "displacement")
    rows = rows[rows["layers"] == rows["layers"].max()]
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    grid = figure.subplots(1, 2, sharex=True)
    ends = rows[rows["step"] == rows["step"].max()].set_index(["seed", "layer"])["value"]
    share = rows.assign(
        value=rows["value"] / ends.reindex(rows.set_index(["seed", "layer"]).index).to_numpy()
    )
    layers = sorted(rows["layer"].unique())
    handles: list[Line2D] = []
    for axes, shown, label in (
        (grid[0], rows, "mean squared displacement"),
        (grid[1], share, "as a share of its last value"),
    ):
        step_axis(axes, rows["step"])
        axes.set_ylabel(label)
        handles = []
        for number, (layer, colour) in enumerate(
            zip(layers, layer_colours(len(layers)), strict=True)
        ):
            line = band(
                axes, over_seeds(shown[shown["layer"] == layer], "step"), color=colour,
                gid=f"{label}:{int(layer)}", marker=MARKERS[number % len(MARKERS)],
            )  # fmt: skip
            line.set_label(f"layer {int(layer)}")
            handles.append(line)
    grid[1].axhline(0.5, color="0.7", linewidth=0.6, zorder=0)
    legend_below(figure, rows["seed"].nunique(), handles, columns=5)
    return figure


@styled
def curves(table: pd.DataFrame) -> Figure:
    """Draw loss and accuracy on the original and on clones against step, order as colour."""
    rows = table[table["part"] == "text"]
    if rows.empty:
        return statement(NONE)
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    grid = figure.subplots(1, 2, sharex=True)
    looks = _looks(rows)
    most = rows["sweeps"].max()
    sweeps = sorted(rows["sweeps"].dropna().unique(), reverse=True)
    for axes, metric, label in (
        (grid[0], "loss", "loss (nats)"),
        (grid[1], "accuracy", "accuracy"),
    ):
        step_axis(axes, rows["step"].dropna())
        axes.set_ylabel(label)
        own = _metric(rows, metric).fillna({"sampler": "", "sweeps": 0})
        for (sampler, count), summary in each(own, ["sampler", "sweeps"], "step").items():
            look = looks[sampler]
            style = STYLES[sweeps.index(count) % len(STYLES)] if count else "-"
            band(
                axes, summary, color=look["color"], marker=look["marker"], linestyle=style,
                gid=f"{metric}:{sampler}:{int(count)}",
            )  # fmt: skip
        if metric == "loss":
            _saturations(axes, rows, looks, most)
            # The first checkpoint's loss, that of guessing, would press all others together.
            later = own.loc[own["step"] > own["step"].min(), "value"]
            low, high = later.min(), later.max()
            axes.set_ylim(low - 0.06 * (high - low), high + 0.12 * (high - low))
    handles = [Line2D([], [], **look) for look in looks.values()]
    for number, count in enumerate(sweeps):
        line = Line2D([], [], color="0.35", label=f"{int(count)} sweeps")
        line.set_linestyle(STYLES[number % len(STYLES)])
        handles.append(line)
    handles.append(
        Line2D([], [], color="0.35", marker="|", linestyle="", markersize=8,
               label=f"saturates ({int(most)} sweeps)")
    )  # fmt: skip
    legend_below(figure, rows["seed"].nunique(), handles, columns=3)
    return figure


@styled
def three_steps(table: pd.DataFrame) -> Figure:
    """Draw the loss on clones of each order at three steps: in the middle, late, and at the end."""
    rows = _metric(table[table["part"] == "text"], "loss")
    rows = rows[(rows["sweeps"] == rows["sweeps"].max()) | rows["sampler"].isna()]
    if rows["sampler"].isna().all():
        return statement(NONE)
    looks = _looks(rows)
    names = [*list(looks)[1:], ""]  # by order, and the original at the end
    steps = np.unique(rows["step"])
    chosen = steps[[len(steps) // 2, (3 * len(steps)) // 4, len(steps) - 1]]
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    axes = figure.subplots()
    colours = [to_hex(mpl.colormaps[SEQUENTIAL](share)) for share in (0.75, 0.45, 0.1)]
    handles = []
    for number, (step, colour) in enumerate(zip(chosen, colours, strict=True)):
        here = rows[rows["step"] == step].fillna({"sampler": ""})
        summary = over_seeds(here, "sampler").reindex(names).reset_index(drop=True)
        line = band(
            axes, summary, color=colour, gid=f"step:{int(step)}", marker=MARKERS[number]
        )  # fmt: skip
        line.set_label(f"step {int(step):,}")
        handles.append(line)
    axes.set_xticks(range(len(names)), [looks[name]["label"] for name in names])
    axes.set_xlabel(f"text that is predicted (clones after {int(rows['sweeps'].max())} sweeps)")
    axes.set_ylabel("loss (nats)")
    legend_below(figure, rows["seed"].nunique(), handles, columns=5)
    return figure


@styled
def scores(table: pd.DataFrame) -> Figure:
    """Draw score, acceptance and overlap with the beginning against sweeps, for each sampler."""
    rows = table[table["part"] == "sampling"].rename(columns={"run": "name"})
    if rows.empty:
        return statement(NONE)
    looks = _looks(rows.assign(sampler=rows["name"]))
    figure = Figure(figsize=(WIDTH, 2.7), layout="constrained")
    grid = figure.subplots(1, 3, sharex=True)
    for axes, metric, label in zip(
        grid,
        ("score", "overlap", "acceptance"),
        ("score (nats a token)", "share of tokens that stayed", "share of proposals accepted"),
        strict=True,
    ):
        axes.set_xlabel("sweeps")
        axes.set_ylabel(label)
        for name, own in _metric(rows, metric).groupby("name"):
            own = own.sort_values("sweeps")
            look = looks[str(name)] | {"markevery": max(1, len(own) // 6)}
            axes.plot(own["sweeps"], own["value"], gid=f"{metric}:{name}", **look)
        if metric != "score":
            axes.set_ylim(-0.03, 1.05)
    handles = [Line2D([], [], **look) for name, look in looks.items() if name]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(4, len(handles)))
    return figure


def _metric(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    return table[table["metric"] == metric]


def _looks(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return colour, marker and label of the original and of each sampler, by rising order."""
    depths = rows.dropna(subset="sampler").drop_duplicates("sampler")
    depths = depths.assign(sorted=depths["order"].astype(float).fillna(np.inf))
    depths = depths.sort_values(["sorted", "sampler"])
    shades = mpl.colormaps[SEQUENTIAL](np.linspace(0.85, 0.1, max(2, len(depths))))
    looks: dict[str, dict[str, Any]] = {
        "": {"color": "#D55E00", "marker": "X", "label": "original"}
    }
    for number, (sampler, order) in enumerate(
        zip(depths["sampler"], depths["sorted"], strict=True)
    ):
        bound = f"order {int(order)}" if np.isfinite(order) else "any order"
        looks[sampler] = {
            "color": to_hex(shades[number]),
            "marker": MARKERS[number % (len(MARKERS) - 1)],
            "label": f"{bound} ({sampler})",
        }
    return looks


def _saturations(axes: Any, rows: pd.DataFrame, looks: dict[str, Any], most: float) -> None:
    """Mark on the curves of most sweeps, and of the original, where they saturate on average."""
    found = _metric(rows, "saturation_step")
    found = found[(found["sweeps"] == most) | found["sampler"].isna()].fillna({"sampler": ""})
    loss = _metric(rows, "loss").fillna({"sampler": "", "sweeps": 0})
    for sampler in found["sampler"].unique():
        at = found.loc[found["sampler"] == sampler, "value"].mean()
        of = loss[(loss["sampler"] == sampler) & (loss["sweeps"] == (most if sampler else 0))]
        mean = over_seeds(of, "step")["mean"]
        height = np.interp(np.log1p(at), np.log1p(mean.index.to_numpy(float)), mean)
        axes.plot(
            at, height, marker="|", markersize=11, color=looks[sampler]["color"],
            markeredgewidth=1.6, gid=f"saturation:{sampler}",
        )  # fmt: skip


FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "learning": learning,
    "displacement": displacement,
    "curves": curves,
    "three_steps": three_steps,
    "scores": scores,
    "sentences": sentences,
}
