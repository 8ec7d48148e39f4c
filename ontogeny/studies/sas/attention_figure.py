"""What one attention head looks at in one sentence as training goes on, and the sentence's tree."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import Normal, Stroke

from ontogeny.figures.style import SEQUENTIAL, WIDTH, parts, statement, styled
from ontogeny.studies.sas.figure_rows import check_one
from ontogeny.studies.sas.tables import DIRECTIONS
from ontogeny.studies.sas.tree_figure import CHOSEN, draw_tree, tree_height

MAPS = 4  # steps shown at most
SIDE_BY_SIDE = 12  # words up to which all maps stand in one row
LETTERS = 14  # longest word that is written out
READINGS = {
    DIRECTIONS[0]: "from dependent to head",
    DIRECTIONS[1]: "from head to dependent",
}
DOT: dict[str, Any] = {
    "marker": "o",
    "markersize": 3.4,
    "color": CHOSEN,
    "markeredgecolor": "white",
    "markeredgewidth": 0.6,
}


@styled
def attention(maps: pd.DataFrame) -> Figure:
    """Draw the attention of one head at up to four steps on one sentence, below its gold tree.

    `maps` is the table ATTENTION, of which the lowest seed is shown: each seed has a best head of
    its own. Rows attend, columns are attended to; all maps share a scale. The cells of gold edges
    are outlined, those of the relation for which the head is the best in thick lines; a dot is on
    the cell by which the head picks a word's syntactic head, for each word with that relation.
    """
    check_one(maps)
    if maps.empty:
        return statement("No sentence's attention was measured, so there is no map to show.")
    rows = maps[maps["seed"] == maps["seed"].min()].sort_values(["step", "from", "to"])
    head = rows.iloc[0]
    words = _words(rows)
    all_steps = np.unique(rows["step"])
    shown = np.linspace(0, len(all_steps) - 1, min(MAPS, len(all_steps))).round().astype(int)
    steps = all_steps[shown]
    columns = max(2, len(steps) if len(words) <= SIDE_BY_SIDE else 2)
    margin = 0.07 * int(words["text"].str.len().max())
    side = (WIDTH - margin - 0.8) / columns - 0.07  # beside the words and the colour bar
    lines = -(-len(steps) // columns)
    heights = [0.25 + tree_height(words), 0.2 + lines * (side + 0.2) + margin]
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.25), layout="constrained")
    title = (
        f"relation {head['relation']}: layer {head['layer']}, head {head['head']}, read "
        f"{READINGS[head['direction']]}; seed {head['seed']}"
    )
    above, below = parts(figure, [title, ""], heights)
    draw_tree(above.subplots(), words, head["relation"])
    grid = below.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    for spare in grid.flat[len(steps) :]:
        spare.remove()
    squares = {int(step): _square(rows[rows["step"] == step], len(words)) for step in steps}
    # Full size where a cell is at least 8 points wide.
    share = min(1.0, 72 * side / len(words) / 8)
    _maps(below, list(grid.flat[: len(steps)]), squares, words, head, share)
    for axes in grid.flat[: len(steps)]:
        _word_axes(axes, words["text"], side)
    for axes in grid[:, 0]:
        axes.set_ylabel("word that attends")
    for column in range(min(columns, len(steps))):
        lowest = grid[(len(steps) - 1 - column) // columns, column]
        lowest.tick_params(labelbottom=True)
        lowest.set_xlabel("word attended to")
    figure.legend(handles=_handles(head["relation"]), loc="outside lower center", ncols=3)
    return figure


def _words(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the sentence's words in order: `text` (shortened), `head` (0 = root), `relation`."""
    columns = {"from_word": "text", "gold_head": "head", "gold_relation": "relation"}
    words = rows.groupby("from")[list(columns)].first().rename(columns=columns)
    long = words["text"].str.len() > LETTERS
    shortened = words["text"].str.slice(0, LETTERS - 1) + "\N{HORIZONTAL ELLIPSIS}"
    return words.assign(text=words["text"].mask(long, shortened))


def _square(rows: pd.DataFrame, words: int) -> np.ndarray:
    """Return the attention of each word (row) to each other (column); NaN where there is none."""
    square = np.full((words, words), np.nan)
    square[rows["from"] - 1, rows["to"] - 1] = rows["value"]
    np.fill_diagonal(square, np.nan)
    return square


def _maps(
    figure: SubFigure,
    panels: list[Axes],
    squares: dict[int, np.ndarray],
    words: pd.DataFrame,
    head: pd.Series,
    share: float,
) -> None:
    """Draw the map of each step, all on one scale, with gold edges and what the head picks.

    Outlines and dots have so great a share of their full size.
    """
    most = max(float(np.nanmax(square)) for square in squares.values())
    for axes, (step, square) in zip(panels, squares.items(), strict=True):
        mesh = axes.pcolormesh(
            np.ma.masked_invalid(square),
            cmap=SEQUENTIAL,
            vmin=0,
            vmax=most,
            edgecolors="face",  # else viewers of the pdf show seams between cells
            linewidth=0.1,
            gid=f"map:{step}",
        )
        axes.set_title(f"step {step:,}")
        axes.set_facecolor("0.8")
        _outline_gold(axes, words, head, share)
        dots = _dot_picks(axes, words, square, head, gid=f"picks:{step}")
        dots.set_markersize(DOT["markersize"] * share)
        dots.set_markeredgewidth(DOT["markeredgewidth"] * share)
    bar = figure.colorbar(mesh, ax=panels, fraction=0.04, pad=0.01, aspect=30)
    bar.set_label("attention (share)")


def _cell(dependent: int, head: int, direction: str) -> tuple[int, int]:
    """Return row and column of an edge; its end at `head` attends if so is the direction."""
    return (dependent, head) if direction == DIRECTIONS[0] else (head, dependent)


def _outline_gold(axes: Axes, words: pd.DataFrame, head: pd.Series, share: float) -> None:
    """Outline the cells of gold edges; those of the head's relation boldly, above the others."""
    for dependent, (gold, relation) in enumerate(
        words[["head", "relation"]].itertuples(index=False)
    ):
        if gold == 0:
            continue
        row, column = _cell(dependent, gold - 1, head["direction"])
        bold = relation == head["relation"]
        width = 1.4 * share if bold else 0.5
        box = Rectangle(
            (column, row),
            1,
            1,
            fill=False,
            edgecolor="white",
            linewidth=width,
            zorder=3 if bold else 2,
            clip_on=False,
            gid=f"gold:{relation}",
        )
        # White is lost on the light end of the scale, black on the dark end.
        box.set_path_effects([Stroke(linewidth=1.9 * width, foreground="black"), Normal()])
        axes.add_patch(box)


def _dot_picks(
    axes: Axes, words: pd.DataFrame, square: np.ndarray, head: pd.Series, gid: str
) -> Line2D:
    """Put dots on the cells by which the head picks; where several words tie, on all of them."""
    picks = []
    of_relation = (words["relation"] == head["relation"]) & (words["head"] > 0)
    for dependent in np.flatnonzero(of_relation):
        towards_head = head["direction"] == DIRECTIONS[0]
        line = square[dependent] if towards_head else square[:, dependent]
        most = np.nanmax(line, initial=0)
        picks += [
            _cell(int(dependent), int(picked), head["direction"])
            for picked in np.flatnonzero((line == most) & (most > 0))
        ]
    rows, columns = np.array(picks, dtype=float).reshape(-1, 2).T + 0.5
    (dots,) = axes.plot(columns, rows, linestyle="", zorder=4, gid=gid, **DOT)
    return dots


def _word_axes(axes: Axes, words: pd.Series, side: float) -> None:
    """Write the words on both axes, as large as `side`, the map's size in inches, allows."""
    size = float(np.clip(0.8 * 72 * side / len(words), 3.5, 6.5))
    places = np.arange(len(words)) + 0.5
    axes.set_xticks(places, list(words), rotation=90, fontsize=size)
    axes.set_yticks(places, list(words), fontsize=size)
    axes.set_ylim(len(words), 0)
    axes.tick_params(length=0)


def _handles(relation: str) -> list[Any]:
    bold = Patch(facecolor="none", edgecolor="black", linewidth=1.6, label=f"gold edge, {relation}")
    thin = Patch(facecolor="0.35", edgecolor="white", linewidth=0.8, label="other gold edge")
    dot = Line2D([], [], linestyle="", label=f"head picked for {relation}", **DOT)
    return [bold, thin, dot]
