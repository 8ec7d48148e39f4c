"""Each word's concentration: as it grows, and at the end."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ontogeny.figures.axes import rescalings, step_axis, step_edges
from ontogeny.figures.style import SEQUENTIAL, WIDTH, statement, styled

ROWS = 60  # words that have a row of their own
CLASS_MARKS: dict[str, tuple[str, dict[str, Any]]] = {
    "open": ("open classes", {"color": "#D55E00", "marker": "o"}),
    "closed": ("closed classes", {"color": "#0072B2", "marker": "^"}),
    "": ("neither", {"color": "0.6", "marker": "x"}),
}
NAMED = 8  # of the most frequent words, which bear their names
NONE = "No word's gradient was measured, so there is nothing to show."
CHI = "\N{GREEK SMALL LETTER CHI}"


@styled
def words(table: pd.DataFrame, losses: pd.DataFrame) -> Figure:
    """Colour the concentration of the top layer's gradient by word and step, mean over seeds.

    The most frequent words, the most frequent at the bottom.
    """
    if table.empty:
        return statement(NONE)
    by_word = table.drop_duplicates("word")
    often = by_word.sort_values(["frequency", "word"], ascending=[False, True])
    shown = often["word"].head(ROWS)
    cells = (
        table[table["word"].isin(shown)]
        .groupby(["word", "step"])["value"]
        .mean()
        .unstack("step")
        .reindex(shown)
    )
    figure = Figure(figsize=(WIDTH, 1.0 + 0.095 * len(shown)), layout="constrained")
    axes = figure.subplots()
    steps = cells.columns.to_numpy()
    step_axis(axes, steps)
    drawn = axes.pcolormesh(
        step_edges(axes, steps),
        np.arange(len(shown) + 1) - 0.5,
        np.ma.masked_invalid(cells.to_numpy()),
        cmap=SEQUENTIAL,
        edgecolors="face",
        linewidth=0.1,
        gid="map",
    )
    axes.set_facecolor("0.8")
    rescalings(axes, losses[losses["step"].between(steps[0], steps[-1])])
    names = [f"{row.word}  {row.frequency:,}" for row in often.head(ROWS).itertuples()]
    axes.set_yticks(range(len(shown)), names, fontsize=5)
    axes.tick_params(axis="y", length=0)
    axes.set_ylabel("target word, occurrences in the training text")
    bar = figure.colorbar(drawn, ax=axes, fraction=0.04, pad=0.01, aspect=40)
    seeds = table["seed"].nunique()
    bar.set_label(
        f"{CHI} of the top layer's gradient" + (f", mean of {seeds} seeds" if seeds > 1 else "")
    )
    return figure


@styled
def final(table: pd.DataFrame) -> Figure:
    """Draw each word's concentration at the last checkpoint against its frequency, by class."""
    if table.empty:
        return statement(NONE)
    last = table[table["step"] == table["step"].max()]
    values = last.groupby("word", sort=True).agg(
        value=("value", "mean"),
        low=("value", "min"),
        high=("value", "max"),
        frequency=("frequency", "first"),
        word_class=("word_class", "first"),
    )
    values["word_class"] = values["word_class"].astype(object).fillna("")
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    handles = []
    for name, (label, style) in CLASS_MARKS.items():
        part = values[values["word_class"] == name]
        if part.empty:
            continue
        axes.vlines(
            part["frequency"], part["low"], part["high"], color=style["color"], alpha=0.25,
            linewidth=0.5,
        )  # fmt: skip
        handles += axes.plot(
            part["frequency"],
            part["value"],
            linestyle="",
            markersize=2.2,
            label=f"{label} ({len(part)})",
            gid=name or "neither",
            **style,
        )
    for row in values.nlargest(NAMED, "frequency").itertuples():
        axes.annotate(
            str(row.Index),
            (row.frequency, row.value),
            xytext=(2, 2),
            textcoords="offset points",
            fontsize=5.5,
        )
    axes.set_xscale("log")
    axes.set_xlabel("occurrences in the training text")
    axes.set_ylabel(f"{CHI} of the top layer's gradient,\nstep {table['step'].max():,}")
    seeds = last["seed"].nunique()
    if seeds > 1:
        note = f"marks: mean of {seeds} seeds, lines: lowest to highest"
        handles.append(Line2D([], [], color="0.35", alpha=0.4, linewidth=0.8, label=note))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure
