"""The figures of the strategies study, drawn from its tables alone.

Each takes the table that its declaration names and returns a figure as wide as a page of text.
`curves`, `probes` and `embeddings` show one vocabulary: the tables must be filtered to it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ontogeny.figures.axes import layer_colours, step_axis, step_label
from ontogeny.figures.style import WIDTH, band, legend_below, over_seeds, statement, styled
from ontogeny.studies.strategies.conditions import FORGETTING
from ontogeny.studies.strategies.maps import check_one_vocabulary, embeddings, law_name, probes

# The colours of Okabe and Ito (2008). Sets with switched roles share a hue, as do trained ones.
SUBSET_STYLES: dict[str, dict[str, Any]] = {
    "validation": {"color": "#000000", "marker": "o"},
    "tail": {"color": "#E69F00", "marker": "s"},
    "switch": {"color": "#0072B2", "marker": "^"},
    "tail_switch": {"color": "#56B4E9", "marker": "v"},
    "unseen": {"color": "#D55E00", "marker": "D"},
    "fresh": {"color": "#CC79A7", "marker": "P"},
}
# The forced choice on the same tokens has their colour.
CHOICE_STYLE: dict[str, Any] = {"color": "#D55E00", "marker": "D", "linestyle": ":", "mfc": "none"}

# What `unseen` draws in its rows: metric and set, and what they are called.
UNSEEN_ROWS = {
    ("accuracy", "unseen"): "unseen: accuracy",
    ("accuracy", "fresh"): "fresh: accuracy",
    ("forced_choice", "unseen"): "unseen: forced choice",
}
ENDS = ("highest of all steps", "at the last step")
MARKERS = "osD^vX<>"


@styled
def curves(table: pd.DataFrame) -> Figure:
    """Draw accuracy against step, a line for each evaluation set and a panel for each condition.

    Columns are laws, rows are ambiguity and forgetting. A dotted line is the forced choice between
    the two tokens of `unseen` sentences.
    """
    accuracy = table[table["metric"] == "accuracy"]
    choices = table[(table["metric"] == "forced_choice") & (table["subset"] == "unseen")]
    check_one_vocabulary(accuracy)
    alphas = np.unique(accuracy["alpha"])
    rows = _rows(accuracy)
    height = 0.75 + 1.15 * len(rows)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    steps = np.unique(accuracy["step"])
    grid = figure.subplots(len(rows), len(alphas), squeeze=False, sharex=True, sharey=True)
    for (ambiguity, forgetting), line in zip(rows, grid, strict=True):
        for alpha, axes in zip(alphas, line, strict=True):
            cell, choice = (
                rows_of[
                    (rows_of["alpha"] == alpha)
                    & (rows_of["ambiguity"] == ambiguity)
                    & (rows_of["forgetting"] == forgetting)
                ]
                for rows_of in (accuracy, choices)
            )
            if cell.empty:
                axes.set_axis_off()
                continue
            step_axis(axes, steps, most=3, label=False)
            axes.set_ylim(-0.03, 1.03)
            for subset, style in SUBSET_STYLES.items():
                summary = over_seeds(cell[cell["subset"] == subset], "step")
                gid = f"{alpha:g}:{ambiguity:g}:{forgetting}:{subset}"
                band(axes, summary, gid=gid, **(style | {"markersize": 2}))
            gid = f"{alpha:g}:{ambiguity:g}:{forgetting}:choice"
            band(axes, over_seeds(choice, "step"), gid=gid, **(CHOICE_STYLE | {"markersize": 2}))
            axes.set_title(f"{law_name(alpha)}; {_row_name(ambiguity, forgetting)}", fontsize=6.5)
    _label_outer(grid, step_label(steps))
    figure.supylabel("share of sequences right")
    handles = _handles(SUBSET_STYLES | {"unseen, forced choice": CHOICE_STYLE})
    legend_below(figure, accuracy["seed"].nunique(), handles, columns=4)
    return figure


def _rows(table: pd.DataFrame) -> list[tuple[float, str]]:
    """Return the combinations of ambiguity and forgetting that occur, in order."""
    found = set(zip(table["ambiguity"], table["forgetting"], strict=True))
    return sorted(found, key=lambda row: (FORGETTING.index(row[1]), row[0]))


def _row_name(ambiguity: float, forgetting: str) -> str:
    if forgetting == "none":
        return f"ambiguity {ambiguity:g}"
    return f"{forgetting} forgetting" + (f", amb. {ambiguity:g}" if ambiguity else "")


def _label_outer(grid: np.ndarray, x: str) -> None:
    """Label the lowest panel of each column, and give the leftmost of each row its numbers."""
    for row in grid:
        shown = [axes for axes in row if axes.axison]
        if shown:
            shown[0].tick_params(labelleft=True)
    for column in grid.T:
        shown = [axes for axes in column if axes.axison]
        if shown:
            shown[-1].set_xlabel(x)
            shown[-1].tick_params(labelbottom=True)


def _handles(styles: dict[str, dict[str, Any]]) -> list[Line2D]:
    return [Line2D([], [], label=name.replace("_", " "), **style) for name, style in styles.items()]


@styled
def switch(table: pd.DataFrame) -> Figure:
    """Draw the last accuracy on `switch` against that on `validation`, over ambiguity.

    A column for each law, a row for each vocabulary; without forgetting. The levels of ambiguity
    stand at equal distances.
    """
    last = _last_accuracies(table)
    if last.empty:
        return statement("Every condition forgets, so there is nothing to compare over ambiguity.")
    vocabularies, alphas = np.unique(last["vocabulary"]), np.unique(last["alpha"])
    levels = np.unique(last["ambiguity"])
    figure = Figure(figsize=(WIDTH, 0.8 + 1.35 * len(vocabularies)), layout="constrained")
    grid = figure.subplots(len(vocabularies), len(alphas), squeeze=False, sharex=True, sharey=True)
    shown = {name: SUBSET_STYLES[name] for name in ("validation", "switch", "tail_switch")}
    for vocabulary, line in zip(vocabularies, grid, strict=True):
        for alpha, axes in zip(alphas, line, strict=True):
            cell = last[(last["alpha"] == alpha) & (last["vocabulary"] == vocabulary)]
            _levels(axes, levels)
            axes.set_title(f"{law_name(alpha)}; {vocabulary:,} tokens")
            for subset, style in shown.items():
                summary = over_seeds(cell[cell["subset"] == subset], "ambiguity")
                summary.index = np.searchsorted(levels, summary.index)
                band(axes, summary, gid=f"{vocabulary}:{alpha:g}:{subset}", **style)
    _label_outer(grid, "ambiguity (share)")
    figure.supylabel("share of sequences right\nat the last step")
    legend_below(figure, last["seed"].nunique(), _handles(shown), columns=5)
    return figure


def _last_accuracies(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of accuracy at the last step, without forgetting."""
    accuracy = table[(table["metric"] == "accuracy") & (table["forgetting"] == "none")]
    return accuracy[accuracy["step"] == accuracy["step"].max()]


def _levels(axes: Axes, levels: np.ndarray) -> None:
    axes.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
    axes.set_xlim(-0.3, len(levels) - 0.7)
    axes.set_ylim(-0.03, 1.03)


@styled
def unseen(table: pd.DataFrame) -> Figure:
    """Draw what models make of tokens they never saw, highest and last, over law and vocabulary.

    Without ambiguity and forgetting. The rows are those of `UNSEEN_ROWS`; the laws stand at equal
    distances, with a line for each vocabulary. The dotted line is what a model gets that copies
    tokens and can't tell their roles.
    """
    plain = table[(table["forgetting"] == "none") & (table["ambiguity"] == 0)]
    if plain.empty:
        return statement("No condition is without ambiguity and forgetting.")
    alphas, vocabularies = np.unique(plain["alpha"]), np.unique(plain["vocabulary"])
    colours = layer_colours(len(vocabularies))
    figure = Figure(figsize=(WIDTH, 0.7 + 1.35 * len(UNSEEN_ROWS)), layout="constrained")
    grid = figure.subplots(len(UNSEEN_ROWS), 2, sharex=True, sharey=True)
    for pair, ((metric, subset), name) in zip(grid, UNSEEN_ROWS.items(), strict=True):
        rows = plain[(plain["metric"] == metric) & (plain["subset"] == subset)]
        by_member = rows.sort_values("step").groupby(["vocabulary", "alpha", "seed"])["value"]
        for axes, when, values in zip(pair, ENDS, (by_member.max(), by_member.last()), strict=True):
            axes.set_title(f"{name}, {when}")
            axes.axhline(0.5, color="0.5", linestyle=":", linewidth=0.8)
            for place, vocabulary in enumerate(vocabularies):
                own = values.xs(vocabulary, level="vocabulary").reset_index()
                summary = over_seeds(own, "alpha")
                summary.index = np.searchsorted(alphas, summary.index)
                gid = f"{vocabulary}:{metric}:{subset}:{when}"
                band(axes, summary, color=colours[place], marker=MARKERS[place % 8], gid=gid)
            axes.set_xticks(range(len(alphas)), [law_name(alpha) for alpha in alphas])
            axes.set_xlim(-0.3, len(alphas) - 0.7)
            axes.set_ylim(-0.03, 1.03)
    figure.supylabel("share of sequences right")
    handles = [
        Line2D([], [], color=colours[i], marker=MARKERS[i % 8], label=f"{size:,} tokens")
        for i, size in enumerate(vocabularies)
    ]
    legend_below(figure, plain["seed"].nunique(), handles, columns=4)
    return figure


# The study's figures by the names of their files.
FIGURES: dict[str, Callable[..., Figure]] = {
    "curves": curves,
    "probes": probes,
    "embeddings": embeddings,
    "switch": switch,
    "unseen": unseen,
}
