"""The figures of the study of similarity, drawn from its tables and that of the losses.

The latter says where a run's step size was rescaled: dotted vertical lines, as published.
"""

from collections.abc import Callable, Iterable
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ontogeny.figures.axes import label_ends, rescalings, step_axis, step_label
from ontogeny.figures.style import (
    SEQUENTIAL,
    TASK_COLOURS,
    TASK_MARKERS,
    WIDTH,
    band,
    each,
    legend_below,
    over_seeds,
    panels,
    statement,
    styled,
    task_name,
)
from ontogeny.studies.similarity.tables import MEASURES, PRIMARY
from ontogeny.studies.similarity.tagger_figure import taggers
from ontogeny.studies.similarity.tagsets import TAGSETS

COLOURS = {
    **{name: TASK_COLOURS[name] for name in ("upos", "xpos", "deprel", "entity")},
    "semantic_coarse": "#D55E00",
    "semantic_fine": "#E69F00",
    "topic": "#7A1F4B",
}
MARKERS = {
    **{name: TASK_MARKERS[name] for name in ("upos", "xpos", "deprel", "entity")},
    "semantic_coarse": "v",
    "semantic_fine": ">",
    "topic": "X",
}
MEASURE_NAMES = {
    "svcca": "SVCCA",
    "cca": "CCA",
    "pwcca": "PWCCA",
    "linear_cka": "linear CKA",
    "unbiased_cka": "unbiased CKA",
    "rsa": "RSA",
}
COLUMNS = 3
NAMED_PAIRS = 3  # of layers, up to which each bears its name


def layer_name(layer: int) -> str:
    """Return a layer's name as it stands in figures."""
    return "embeddings" if layer == 0 else f"layer {layer}"


@styled
def convergence(table: pd.DataFrame, losses: pd.DataFrame) -> Figure:
    """Draw how layers approach their final state, another seed's, and each other.

    (a) each layer against its own at the last checkpoint; (b) against the same layer of the other
    seeds' last checkpoints; (c) pairs of layers of one checkpoint. Dotted: what chance gives.
    """
    rows = table[table["metric"] == PRIMARY]
    layers = sorted(rows["layer"].unique())
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    grid = figure.subplots(1, 3, sharey=True)
    colours = _shades(len(layers))
    titles = {
        "own_final": "(a) own final state",
        "seed_final": "(b) final state of other seeds",
        "layer": "(c) another layer of the model",
    }
    for axes, (other, title) in zip(grid, titles.items(), strict=True):
        step_axis(axes, table["step"].unique())
        rescalings(axes, losses)
        axes.set_title(title)
        axes.set_ylim(0, 1.02)
        found = rows[rows["other"] == other]
        if other == "layer":
            _layer_pairs(axes, found)
            continue
        for layer, summary in each(found, "layer", "step").items():
            colour = colours[layers.index(layer)]
            band(axes, summary, color=colour, gid=f"{other}:{layer}", marker="o")
        _chance(axes, rows[rows["other"] == "chance"])
        if found.empty:
            axes.text(0.5, 0.5, "one seed", transform=axes.transAxes, ha="center")
    grid[0].set_ylabel("SVCCA")
    handles = [
        Line2D([], [], color=colour, marker="o", label=layer_name(layer))
        for layer, colour in zip(layers, colours, strict=True)
    ]
    handles.append(Line2D([], [], color="0.45", linestyle=":", label="chance: words mismatched"))
    legend_below(figure, table["seed"].nunique(), handles, columns=5)
    return figure


def _layer_pairs(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the similarity of each pair of layers; pairs equally far apart share a colour.

    Few pairs bear their names as well.
    """
    gaps = sorted((rows["other_layer"] - rows["layer"]).unique())
    colours = mpl.colormaps["plasma"](np.linspace(0, 0.8, len(gaps)))
    ends: dict[str, float] = {}
    shades: dict[str, str] = {}
    for (layer, other), summary in each(rows, ["layer", "other_layer"], "step").items():
        colour = colours[gaps.index(other - layer)]
        band(axes, summary, color=colour, gid=f"layer:{layer}-{int(other)}")
        name = f"{layer if layer else 'emb.'}\N{EN DASH}{int(other)}"
        ends[name], shades[name] = float(summary["mean"].iloc[-1]), mpl.colors.to_hex(colour)
    if 1 < len(ends) <= NAMED_PAIRS:
        label_ends(axes, ends, shades)
    handles = [
        Line2D([], [], color=colour, label=f"{int(gap)} apart")
        for gap, colour in zip(gaps, colours, strict=True)
    ]
    axes.legend(handles=handles, loc="lower right", ncols=2, fontsize=6)


def _taggers(table: pd.DataFrame, losses: pd.DataFrame, tagging: str) -> Figure:
    rows = table[(table["metric"] == PRIMARY) & (table["tagging"] == tagging)]
    rows = rows[rows["other"] == "tagger"]
    own = rows[rows["domain"] == rows["corpus"]]
    if rows.empty:
        return statement("No tagger was compared.")
    layers = sorted(rows["layer"].unique())
    height = 0.8 + 1.9 * -(-len(layers) // COLUMNS)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    grid = panels(
        figure,
        [layer_name(layer) for layer in layers],
        COLUMNS,
        x=step_label(table["step"].unique()),
        y="SVCCA with taggers",
    )
    for layer, axes in zip(layers, grid.values(), strict=True):
        step_axis(axes, table["step"].unique(), label=False)
        rescalings(axes, losses)
        here = rows[rows["layer"] == layer]
        for (tagset, shuffled, domain), summary in each(
            here, ["tagset", "shuffled", "domain"], "step"
        ).items():
            within = domain == here["corpus"].iloc[0]
            if shuffled and not within:
                continue
            gid = f"tagger:{layer}:{tagset}:{int(shuffled)}:{domain}"
            if shuffled or not within:
                style = ":" if shuffled else "--"
                axes.plot(summary["mean"], color=COLOURS[tagset], linestyle=style, lw=0.9, gid=gid)
            else:
                band(axes, summary, color=COLOURS[tagset], marker=MARKERS[tagset], gid=gid)
    handles = _tagset_handles(rows["tagset"])
    handles.append(Line2D([], [], color="0.35", linestyle=":", lw=0.9, label="shuffled tags"))
    if len(own) < len(rows):
        label = "tagger of another corpus"
        handles.append(Line2D([], [], color="0.35", linestyle="--", lw=0.9, label=label))
    legend_below(figure, table["seed"].nunique(), handles, columns=5)
    return figure


@styled
def next_taggers(table: pd.DataFrame, losses: pd.DataFrame) -> Figure:
    """Draw the similarity of each layer to taggers of the next word's tag against step."""
    return _taggers(table, losses, "next")


@styled
def input_taggers(table: pd.DataFrame, losses: pd.DataFrame) -> Figure:
    """Draw the similarity of each layer to taggers of the word's own tag against step."""
    return _taggers(table, losses, "input")


@styled
def diagnostics(table: pd.DataFrame, losses: pd.DataFrame) -> Figure:
    """Draw the accuracy of diagnostic classifiers by layer against step.

    Above of the word's own tag, below of the next word's; what the most frequent tag gives is
    dotted.
    """
    rows = table[table["other"] == "diagnostic"]
    if rows.empty:
        return statement("No diagnostic classifier was fitted.")
    layers = sorted(rows["layer"].unique())
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    grid = figure.subplots(2, len(layers), squeeze=False, sharex=True, sharey="row")
    for row, (tagging, label) in enumerate((("input", "own tag"), ("next", "next word's tag"))):
        for column, layer in enumerate(layers):
            axes = grid[row, column]
            step_axis(axes, table["step"].unique(), most=3, label=row == 1)
            rescalings(axes, losses)
            if row == 0:
                axes.set_title(layer_name(layer))
                axes.tick_params(labelbottom=False)
            here = rows[(rows["layer"] == layer) & (rows["tagging"] == tagging)]
            for (tagset, metric), summary in each(here, ["tagset", "metric"], "step").items():
                gid = f"diagnostic:{tagging}:{layer}:{tagset}:{metric}"
                if metric == "accuracy":
                    band(axes, summary, color=COLOURS[tagset], marker=MARKERS[tagset], gid=gid)
                else:
                    line = {"color": COLOURS[tagset], "linestyle": ":", "lw": 0.8}
                    axes.plot(summary["mean"], **line, gid=gid)
        grid[row, 0].set_ylabel(f"accuracy (share)\n{label}")
    handles = _tagset_handles(rows["tagset"])
    handles.append(Line2D([], [], color="0.35", linestyle=":", lw=0.8, label="most frequent tag"))
    legend_below(figure, table["seed"].nunique(), handles, columns=5)
    return figure


@styled
def measures(table: pd.DataFrame, losses: pd.DataFrame) -> Figure:
    """Draw all measures of similarity: mean over the layers above the embeddings, against step.

    With the layers' own final state, with the other seeds', and with a tagger of the first tag set
    (next word; true and shuffled tags).
    """
    rows = table[table["metric"].isin(MEASURES) & (table["layer"] > 0)]
    corpus = rows["corpus"].iloc[0]
    tagsets = [name for name in TAGSETS if name in set(rows["tagset"].dropna())]
    tagged = rows[(rows["other"] == "tagger") & (rows["tagging"] == "next")]
    tagged = tagged[(tagged["domain"] == corpus) & (tagged["tagset"] == tagsets[0])]
    shuffled = tagged["shuffled"] == 1
    shown: dict[str, tuple[pd.DataFrame, str, Any, str]] = {
        "own final state": (rows[rows["other"] == "own_final"], "#000000", "-", "o"),
        "final state of other seeds": (rows[rows["other"] == "seed_final"], "#0072B2", "-", "s"),
        f"tagger of {task_name(tagsets[0])}": (tagged[~shuffled], "#D55E00", "-", "v"),
        "the same, shuffled tags": (tagged[shuffled], "#D55E00", ":", ""),
        "chance: words mismatched": (rows[rows["other"] == "chance"], "0.45", ":", ""),
    }
    names = [name for name in MEASURES if (rows["metric"] == name).any()]
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    grid = panels(
        figure,
        [MEASURE_NAMES[name] for name in names],
        COLUMNS,
        x=step_label(table["step"].unique()),
        y="similarity",
    )
    for metric, axes in zip(names, grid.values(), strict=True):
        step_axis(axes, table["step"].unique(), label=False)
        rescalings(axes, losses)
        for label, (part, colour, style, marker) in shown.items():
            here = part[part["metric"] == metric]
            means = here.groupby(["seed", "step"])["value"].mean().reset_index()
            if len(means):
                line = {"color": colour, "linestyle": style, "marker": marker}
                band(axes, over_seeds(means, "step"), gid=f"{metric}:{label}", **line)
    handles = [
        Line2D([], [], color=colour, linestyle=style, marker=marker, label=label)
        for label, (part, colour, style, marker) in shown.items()
        if len(part)
    ]
    legend_below(figure, table["seed"].nunique(), handles, columns=4)
    return figure


def _chance(axes: Axes, rows: pd.DataFrame) -> None:
    means = rows.groupby("step")["value"].mean()
    axes.plot(means, color="0.45", linestyle=":", lw=0.9, gid="chance")


def _shades(count: int) -> list:
    return list(mpl.colormaps[SEQUENTIAL](np.linspace(0, 0.85, count)))


def _tagset_handles(present: Iterable[str]) -> list[Line2D]:
    return [
        Line2D([], [], color=COLOURS[name], marker=MARKERS[name], label=task_name(name))
        for name in TAGSETS
        if name in set(present)
    ]


FIGURES: dict[str, Callable[..., Figure]] = {
    "convergence": convergence,
    "next_taggers": next_taggers,
    "input_taggers": input_taggers,
    "diagnostics": diagnostics,
    "measures": measures,
    "taggers": taggers,
}
