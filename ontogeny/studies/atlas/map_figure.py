"""The training map of a run: states of the weights, and what sets them apart."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from ontogeny.figures.axes import step_axis
from ontogeny.figures.style import WIDTH, statement, styled
from ontogeny.studies.atlas.marks import strips


@styled
def training_map(states: pd.DataFrame) -> Figure:
    """Draw a run's hidden states over steps, what marks each, and how they follow.

    `states` are the rows of `STATES` of one run.
    """
    strip = states[states["metric"].eq("state")]
    if strip.empty:
        return statement("The statistics of the weights don't vary: there is no map to show.")
    seeds = strip["seed"].nunique()
    figure = Figure(figsize=(WIDTH, 2.9 + 0.16 * seeds), layout="constrained")
    heights = [0.75 + 0.16 * seeds, 2.15]
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    axes = above.subplots()
    step_axis(axes, strip["step"].astype(int))
    strips(axes, strip)
    axes.set_title("likeliest state of the weights at each checkpoint", loc="left")
    left, middle, right = below.subplots(1, 3, width_ratios=[1, 1.5, 1.1])
    _criteria(left, states)
    _means(below, middle, states)
    _transitions(right, states)
    return figure


def _criteria(axes: Axes, states: pd.DataFrame) -> None:
    rows = states[states["metric"].eq("bic")].sort_values("states")
    numbers = rows["states"].to_numpy(dtype=float)
    values = rows["value"].to_numpy()
    axes.plot(numbers, values, color="0.3", marker="o", gid="bic")
    axes.plot(numbers[values.argmin()], values.min(), color="#D55E00", marker="o", markersize=6,
              markerfacecolor="none", linestyle="", gid="chosen")  # fmt: skip
    axes.set_xticks(numbers)
    axes.set_xlabel("states")
    axes.set_ylabel("BIC (less is better)")
    axes.set_title("number of states", loc="left")


def _means(figure: SubFigure, axes: Axes, states: pd.DataFrame) -> None:
    rows = states[states["metric"].eq("mean")]
    table = rows.pivot_table(index="other", columns="state", values="value")
    most = max(1.0, float(np.abs(table.to_numpy()).max()))
    image = axes.pcolormesh(table.to_numpy(), cmap="RdBu_r", vmin=-most, vmax=most)
    axes.set_xticks(np.arange(table.shape[1]) + 0.5, [str(int(state)) for state in table.columns])
    axes.set_yticks(
        np.arange(len(table)) + 0.5, [str(name).replace("_", " ") for name in table.index]
    )
    axes.tick_params(length=0)
    axes.set_xlabel("state")
    axes.set_title("what marks each state", loc="left")
    bar = figure.colorbar(image, ax=axes, pad=0.02, aspect=25)
    bar.set_label("mean (standard deviations)")


def _transitions(axes: Axes, states: pd.DataFrame) -> None:
    rows = states[states["metric"].eq("transition")]
    table = rows.assign(other=rows["other"].astype(int)).pivot_table(
        index="state", columns="other", values="value"
    )
    number = len(table)
    axes.pcolormesh(table.to_numpy(), cmap="Greys", vmin=0, vmax=1.3)
    for (row, column), value in np.ndenumerate(table.to_numpy()):
        if value >= 0.005:
            axes.text(column + 0.5, row + 0.5, f"{value:.2f}".lstrip("0"), ha="center", va="center",
                      fontsize=6 if number <= 6 else 5)  # fmt: skip
    ticks = np.arange(number) + 0.5
    axes.set_xticks(ticks, [str(int(state)) for state in table.columns])
    axes.set_yticks(ticks, [str(int(state)) for state in table.index])
    axes.set_xlim(0, number)
    axes.set_ylim(number, 0)
    axes.tick_params(length=0)
    axes.set_xlabel("next state")
    axes.set_ylabel("state")
    axes.set_title("transitions", loc="left")
