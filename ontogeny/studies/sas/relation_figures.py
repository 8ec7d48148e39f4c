"""Which relations attention parses, when, and by which heads."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from ontogeny.figures.axes import step_axis, step_edges, step_label
from ontogeny.figures.style import (
    SEQUENTIAL,
    WIDTH,
    band,
    each,
    legend_below,
    panels,
    parts,
    statement,
    styled,
)
from ontogeny.studies.sas.figure_rows import (
    check_one,
    last_step,
    of_all_words,
    of_relations,
    state_absent,
    steps_of,
    words_by_relation,
)

IN_PANELS = 12  # relations that have a panel of their own; the others have a row of a map
ROW = 0.135  # inches between the rows of a map or a table

STYLES: dict[str, tuple[str, dict[str, Any]]] = {
    "uas": ("UAS, heads chosen on all", {"color": "#56B4E9"}),
    "uas_held_out": ("UAS held out", {"color": "#0072B2"}),
    "offset_uas": ("best offset", {"color": "0.4", "linestyle": ":"}),
}
DIRECTION_NAMES = {
    "dependent_to_head": "dep. \N{RIGHTWARDS ARROW} head",
    "head_to_dependent": "head \N{RIGHTWARDS ARROW} dep.",
}
NONE_MEASURED = "UAS of no relation was measured, so there is nothing to show."


@styled
def relations(table: pd.DataFrame) -> Figure:
    """Draw UAS of each relation against step, with the best offset as a reference.

    (a) A panel for each of the most frequent relations: heads chosen on all words and held out, and
    the best fixed offset. (b) The others as a map of relation by step, coloured by UAS held out
    (by UAS where nothing could be held out), beside it the best offset on the same scale. Means
    over seeds.
    """
    check_one(table)
    words = words_by_relation(table)
    if words.empty:
        return statement(NONE_MEASURED)
    in_panels, in_map = list(words.index[:IN_PANELS]), list(words.index[IN_PANELS:])
    heights = [0.55 + 1.15 * -(-len(in_panels) // 4)]
    titles = [f"(a) the {len(in_panels)} most frequent relations" if in_map else ""]
    if in_map:
        heights.append(0.6 + ROW * len(in_map))
        titles.append("(b) the other relations")
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.4), layout="constrained")
    divided = parts(figure, titles, heights)
    summaries = {metric: each(of_relations(table, metric), "relation", "step") for metric in STYLES}
    steps = steps_of(table)
    offsets = last_step(of_relations(table, "offset_uas")).groupby("relation")["offset"].first()
    grid = panels(divided[0], in_panels, 4, x=step_label(steps), y="share of words")
    for relation, axes in grid.items():
        step_axis(axes, steps, most=4, label=False)
        axes.set_ylim(-0.03, 1.03)
        for metric, (_, style) in STYLES.items():
            if relation in summaries[metric]:
                summary = summaries[metric][relation]
                marker = "o" if len(summary) == 1 else ""
                band(axes, summary, gid=f"{metric}:{relation}", marker=marker, **style)
        offset = offsets.get(relation, np.nan)
        best = "" if np.isnan(offset) else f", offset {_signed(offset)}"
        axes.set_title(f"{relation}\n{words[relation]:,} words{best}", fontsize=6.5)
    held_out = bool(summaries["uas_held_out"])
    if in_map:
        metric = "uas_held_out" if held_out else "uas"
        cells = {
            name: pd.DataFrame(
                {
                    relation: summaries[name][relation]["mean"]
                    for relation in in_map
                    if relation in summaries[name]
                }
            ).T.reindex(index=in_map, columns=steps)
            for name in (metric, "offset_uas")
        }
        _map(divided[1], cells[metric], cells["offset_uas"], words, STYLES[metric][0])
    handles = [
        Line2D([], [], label=label, **style)
        for metric, (label, style) in STYLES.items()
        if summaries[metric]
    ]
    legend_below(figure, int(table["seed"].nunique()), handles, columns=3)
    state_absent(figure, [] if held_out else ["UAS held out (one sentence was scored)"])
    return figure


def _signed(offset: float) -> str:
    return f"{int(offset):+d}".replace("-", "\N{MINUS SIGN}")


def _map(
    figure: SubFigure, cells: pd.DataFrame, offsets: pd.DataFrame, words: pd.Series, label: str
) -> None:
    """Colour a map of relation by step, and beside it the best offset at the last checkpoint."""
    steps = cells.columns.to_numpy()
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[20, 1])
    step_axis(left, steps)
    rows = np.arange(len(cells) + 1) - 0.5
    last = offsets.iloc[:, [-1]]
    for axes, edges, values, gid in (
        (left, step_edges(left, steps), cells, "map"),
        (right, np.array([-0.5, 0.5]), last, "map of offsets"),
    ):
        axes.set_facecolor("0.8")  # of cells that have no value
        axes.pcolormesh(
            edges,
            rows,
            np.ma.masked_invalid(values.to_numpy(dtype=float)),
            cmap=SEQUENTIAL,
            vmin=0,
            vmax=1,
            edgecolors="face",
            linewidth=0.1,
            gid=gid,
        )
        axes.tick_params(axis="y", length=0)
    names = [f"{relation}  {words[relation]:,}" for relation in cells.index]
    left.set_yticks(range(len(cells)), names)
    left.set_ylim(len(cells) - 0.5, -0.5)
    left.set_ylabel("relation, words")
    right.set_xticks([0], ["best\noffset"])
    right.tick_params(axis="x", length=0)
    right.tick_params(axis="y", labelleft=False)
    scale = ScalarMappable(Normalize(0, 1), SEQUENTIAL)
    bar = figure.colorbar(scale, ax=[left, right], fraction=0.05, pad=0.01, aspect=30)
    bar.set_label(f"{label}\n(share of words)")


# --- the table of best heads --------------------------------------------------------------------

# Columns at the left and at the right of the dots: title, place in the share's width, alignment.
TEXT_COLUMNS = (
    ("relation", 0.0, "left"),
    ("words", 0.47, "right"),
    ("head", 0.64, "right"),
    ("read", 0.69, "left"),
)
NUMBER_COLUMNS = (
    ("UAS", 0.2, "uas"),
    ("held out", 0.55, "uas_held_out"),
    ("best offset", 1.0, "offset_uas"),
)
DOTS: dict[str, dict[str, Any]] = {
    "uas": {"color": "#56B4E9", "marker": "o", "markersize": 4},
    "uas_held_out": {"color": "#0072B2", "marker": "o", "markersize": 4, "fillstyle": "none"},
    "offset_uas": {"color": "0.2", "marker": "|", "markersize": 6, "markeredgewidth": 1.2},
}


@styled
def heads(table: pd.DataFrame) -> Figure:
    """Draw the table of best heads at the last checkpoint, a row a relation, the frequent first.

    Best heads are a seed's own: those of the lowest seed, with its numbers, are named; the other
    seeds' UAS held out stands pale behind its own.
    """
    check_one(table)
    words = words_by_relation(table)
    if words.empty:
        return statement(NONE_MEASURED)
    last = last_step(table[table["metric"].isin(list(STYLES))])
    seeds = np.unique(last["seed"])
    shown, others = last[last["seed"] == seeds[0]], last[last["seed"] != seeds[0]]
    figure = Figure(figsize=(WIDTH, 0.85 + ROW * (len(words) + 2)), layout="constrained")
    text, axes, numbers = figure.subplots(1, 3, sharey=True, width_ratios=[2.2, 2.6, 1.6])
    best = of_relations(shown, "uas").set_index("relation")
    lines: list[tuple[str, int | None, str, str]] = [("all words", int(words.sum()), "", "")]
    for relation in words.index:
        head = direction = ""
        if relation in best.index:
            row = best.loc[relation]
            head = f"{int(row['layer'])}-{int(row['head'])}"
            direction = DIRECTION_NAMES[row["direction"]]
        lines.append((relation, int(words[relation]) or None, head, direction))
    scores = {metric: _scores(shown, metric, words.index) for metric in DOTS}
    for row, line in enumerate(lines):
        _text_row(text, row, line)
        for _, place, metric in NUMBER_COLUMNS:
            number = scores[metric][row]
            cell = f"{number:.2f}" if np.isfinite(number) else "\N{EN DASH}"
            _write(numbers, cell, place, row, "right", row == 0)
    rows = np.arange(len(lines))
    for seed in seeds[1:]:
        own = _scores(others[others["seed"] == seed], "uas_held_out", words.index)
        pale = DOTS["uas_held_out"] | {"alpha": 0.35, "linestyle": "", "gid": f"seed {seed}"}
        axes.plot(own, rows, **pale)
    axes.hlines(
        rows, scores["offset_uas"], scores["uas_held_out"], color="0.75", linewidth=0.6, zorder=1
    )
    for metric, style in DOTS.items():
        axes.plot(scores[metric], rows, linestyle="", gid=metric, **style)
    _set_table(text, axes, numbers, len(lines))
    axes.set_xlabel(f"share of words, step {last['step'].max():,}, seed {seeds[0]}")
    handles = [
        Line2D([], [], linestyle="", label=STYLES[metric][0], **style)
        for metric, style in DOTS.items()
    ]
    if len(seeds) > 1:
        pale = DOTS["uas_held_out"] | {"alpha": 0.35, "linestyle": ""}
        name = "other seed" if len(seeds) == 2 else f"{len(seeds) - 1} other seeds"
        handles.append(Line2D([], [], label=f"{name}, held out", **pale))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    absent = (
        []
        if np.isfinite(scores["uas_held_out"]).any()
        else ["UAS held out (one sentence was scored)"]
    )
    state_absent(figure, absent)
    return figure


def _scores(rows: pd.DataFrame, metric: str, relations: pd.Index) -> np.ndarray:
    """Return a metric of all words, then of each relation; NaN where it has no row."""
    by_relation = of_relations(rows, metric).set_index("relation")["value"].reindex(relations)
    of_all = of_all_words(rows, metric)["value"]
    return np.r_[of_all.iloc[0] if len(of_all) else np.nan, by_relation.to_numpy(dtype=float)]


def _text_row(axes: Axes, row: int, line: tuple[str, int | None, str, str]) -> None:
    """Write what stands to the left of the dots."""
    for cell, (_, place, side) in zip(line, TEXT_COLUMNS, strict=True):
        text = "" if cell is None else f"{cell:,}" if isinstance(cell, int) else cell
        _write(axes, text, place, row, side, row == 0)


def _write(axes: Axes, text: str, place: float, row: float, side: str, bold: bool = False) -> None:
    axes.text(
        place,
        row,
        text,
        transform=axes.get_yaxis_transform(),
        ha=side,
        va="center",
        fontsize=6.5,
        weight="bold" if bold else "normal",
    )


def _set_table(text: Axes, axes: Axes, numbers: Axes, rows: int) -> None:
    """Write the columns' titles above their rules, and lay out the axes of the dots."""
    for title, place, side in TEXT_COLUMNS:
        _write(text, title, place, -1, side)
    for title, place, _ in NUMBER_COLUMNS:
        _write(numbers, title, place, -1, "right")
    for part in (text, axes, numbers):
        part.set_yticks([])
        part.set_ylim(rows - 0.4, -1.5)
        part.axhline(-0.5, color="black", linewidth=0.6)
        part.axhline(0.5, color="0.6", linewidth=0.4)
        for side in ("left", "bottom"):
            part.spines[side].set_visible(part is axes and side == "bottom")
    for part in (text, numbers):
        part.set_xticks([])
    axes.set_xlim(-0.03, 1.03)
    axes.vlines(np.linspace(0, 1, 6), -0.5, rows, color="0.92", linewidth=0.5, zorder=0)
