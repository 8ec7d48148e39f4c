"""Where and when noun and adjective can be told apart: probe maps, and embeddings in a plane."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ontogeny.errors import TableError
from ontogeny.figures.axes import layer_axis, short_number, step_axis, step_edges, step_label
from ontogeny.figures.style import SEQUENTIAL, WIDTH, over_seeds, seeds_text, statement, styled

PROBE_METRICS = {
    "probe_accuracy": "types the probe was trained on",
    "probe_accuracy_new_types": "new types",
}
PANELS_OF_EMBEDDINGS = 5  # steps that the figure of embeddings shows at most
CLASS_STYLES = {"noun": ("#D55E00", "o"), "adjective": ("#0072B2", "^")}


def law_name(alpha: float) -> str:
    """Return what a law is called in figures."""
    return "uniform" if alpha == 0 else f"Zipf, α = {alpha:g}"


def check_one_vocabulary(table: pd.DataFrame) -> None:
    """Raise `TableError` if what is to be drawn has more than one vocabulary, or none."""
    found = sorted(table["vocabulary"].unique())
    if len(found) != 1:
        raise TableError(
            f"a figure of the strategies study shows one vocabulary, the table holds "
            f"{', '.join(map(str, found)) or 'none'}. Select one before drawing."
        )


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without ambiguity and without forgetting."""
    return table[(table["ambiguity"] == 0) & (table["forgetting"] == "none")]


@styled
def probes(table: pd.DataFrame) -> Figure:
    """Draw step by layer for each law, coloured by the probes' accuracy on `validation`.

    The mean over seeds, without ambiguity and forgetting. Above: queries of types that the probe
    was trained on; below: of types that are new to it.
    """
    check_one_vocabulary(table)
    rows = _plain(table[table["metric"].isin(list(PROBE_METRICS))])
    rows = rows[rows["subset"] == "validation"]
    if rows.empty:
        return statement("No condition is without ambiguity and forgetting, so no map is shown.")
    alphas, steps = np.unique(rows["alpha"]), np.unique(rows["step"])
    layers = np.unique(rows["layer"])
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    grid = figure.subplots(len(PROBE_METRICS), len(alphas), squeeze=False, sharex=True, sharey=True)
    for line, (metric, meaning) in zip(grid, PROBE_METRICS.items(), strict=True):
        for axes, alpha in zip(line, alphas, strict=True):
            cell = rows[(rows["metric"] == metric) & (rows["alpha"] == alpha)]
            cells = over_seeds(cell, ["layer", "step"])["mean"].unstack("step")
            step_axis(axes, steps, most=4, label=False)
            layer_axis(axes, layers, most=7, label=False)
            axes.set_facecolor("0.8")
            axes.pcolormesh(
                step_edges(axes, steps),
                np.r_[layers - 0.5, layers.max() + 0.5],
                np.ma.masked_invalid(cells.reindex(columns=steps).to_numpy()),
                cmap=SEQUENTIAL,
                vmin=0.5,
                vmax=1,
                edgecolors="face",
                linewidth=0.1,
            )
            axes.set_title(f"{law_name(alpha)}\n{meaning}")
    for axes in grid[-1]:
        axes.set_xlabel(step_label(steps))
    for axes in grid[:, 0]:
        axes.set_ylabel("layer")
    scale = ScalarMappable(Normalize(0.5, 1), SEQUENTIAL)
    bar = figure.colorbar(scale, ax=grid.ravel().tolist(), fraction=0.05, pad=0.01, aspect=30)
    bar.set_label(f"probe accuracy (share, chance 0.5)\n{seeds_text(rows['seed'].nunique())}")
    return figure


@styled
def embeddings(places: pd.DataFrame) -> Figure:
    """Draw token embeddings in their two principal components, at some steps of training.

    A row for each law and each level of ambiguity that is the lowest or the highest, without
    forgetting; the lowest seed alone, since axes of different models have nothing in common. The
    axes are each step's own. The size of a mark falls with the rank of its type.
    """
    check_one_vocabulary(places)
    rows = places[places["forgetting"] == "none"]
    if rows.empty:
        return statement("Every condition forgets, so no embeddings are shown.")
    rows = rows[rows["seed"] == rows["seed"].min()]
    steps = _spread_out(np.unique(rows["step"]), PANELS_OF_EMBEDDINGS)
    conditions = _shown_conditions(rows)
    figure = Figure(figsize=(WIDTH, 0.6 + 1.25 * len(conditions)), layout="constrained")
    grid = figure.subplots(len(conditions), len(steps), squeeze=False)
    for line, (alpha, ambiguity) in zip(grid, conditions, strict=True):
        own = rows[(rows["alpha"] == alpha) & (rows["ambiguity"] == ambiguity)]
        for axes, step in zip(line, steps, strict=True):
            at = own[own["step"] == step].pivot(
                index=["word_class", "rank", "switch"], columns="metric", values="value"
            )
            for word_class, (colour, marker) in CLASS_STYLES.items():
                marks = at.xs(word_class, level="word_class") if len(at) else at
                rank = marks.index.get_level_values("rank").to_numpy(dtype=float)
                switches = marks.index.get_level_values("switch").to_numpy() > 0
                sizes = 2 + 22 / np.sqrt(rank)
                for filled in (True, False):
                    chosen = switches != filled
                    axes.scatter(
                        marks["component_1"].to_numpy()[chosen],
                        marks["component_2"].to_numpy()[chosen],
                        s=sizes[chosen],
                        marker=marker,
                        facecolors=colour if filled else "none",
                        edgecolors=colour,
                        linewidths=0.5,
                        alpha=0.75,
                        gid=f"{alpha:g}:{ambiguity:g}:{step}:{word_class}",
                    )
            axes.set_xticks([])
            axes.set_yticks([])
            axes.margins(0.1)
        line[0].set_ylabel(f"{law_name(alpha)}\nambiguity {ambiguity:g}\ncomponent 2")
    for axes, step in zip(grid[0], steps, strict=True):
        axes.set_title(f"step {short_number(float(step))}")
    for axes in grid[-1]:
        axes.set_xlabel("component 1")
    figure.legend(handles=_class_handles(), loc="outside lower center", ncols=4)
    return figure


def _spread_out(steps: np.ndarray, most: int) -> Sequence[int]:
    """Return at most so many of the steps, evenly spread, the first and the last among them."""
    chosen = np.linspace(0, len(steps) - 1, min(most, len(steps))).round().astype(int)
    return [int(step) for step in steps[chosen]]


def _shown_conditions(rows: pd.DataFrame) -> list[tuple[float, float]]:
    """Return, for the lowest and the highest alpha, the lowest and the highest ambiguity."""
    alphas = sorted({rows["alpha"].min(), rows["alpha"].max()})
    conditions = []
    for alpha in alphas:
        levels = rows.loc[rows["alpha"] == alpha, "ambiguity"]
        conditions += [(float(alpha), float(p)) for p in sorted({levels.min(), levels.max()})]
    return conditions


def _class_handles() -> list[Line2D]:
    handles = []
    for word_class, (colour, marker) in CLASS_STYLES.items():
        for filled in ("full", "none"):
            label = word_class if filled == "full" else f"{word_class}, ambiguous"
            handles.append(
                Line2D(
                    [], [], linestyle="", color=colour, marker=marker, fillstyle=filled, label=label
                )
            )
    return handles
