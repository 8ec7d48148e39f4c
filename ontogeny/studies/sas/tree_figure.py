"""A sentence's dependency tree, drawn as arcs above its words."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from ontogeny.figures.style import STYLE, WIDTH

CHOSEN = "#D55E00"
POINTS = 0.97 * 72 * WIDTH  # for a row of words, in a figure as wide as the page
WORD, RELATION = 7.0, 6.0  # sizes of letters in points
SMALLEST = 5.0  # size of letters below which words are turned instead
APART = 6.0  # points between words
LEVEL = 0.13  # inches from an arc to the one above it


def arc_levels(heads: np.ndarray) -> np.ndarray:
    """Return how high each word's arc to its head is: one above all arcs within it; 0 for roots.

    `heads` has shape (words,), counted from 1, with 0 for roots; the result likewise.
    """
    words = np.arange(1, len(heads) + 1)
    left, right = np.minimum(heads, words), np.maximum(heads, words)
    levels = np.zeros(len(heads), dtype=int)
    arcs = [int(word) for word in np.argsort(right - left, kind="stable") if heads[word]]
    for place, arc in enumerate(arcs):
        within = [
            levels[other]
            for other in arcs[:place]
            if left[arc] <= left[other] and right[other] <= right[arc]
        ]
        levels[arc] = 1 + max(within, default=0)
    return levels


def tree_height(words: pd.DataFrame) -> float:
    """Return the height in inches that `draw_tree` needs, words included."""
    _, _, turned = _places(words)
    letters = int(words["text"].str.len().max())
    return LEVEL * (arc_levels(words["head"].to_numpy()).max() + 1.6) + (
        0.07 * letters if turned else 0.3
    )


def draw_tree(axes: Axes, words: pd.DataFrame, relation: str) -> None:
    """Draw the words in a row, below each its relation, and arcs from heads to dependents.

    `words` has a row for each word: `text`, `head` (from 1; 0 = root) and `relation`. Words with
    the given relation, and their arcs, are emphasised. Where the words don't fit side by side they
    are turned, without their relations.
    """
    places, share, turned = _places(words)
    heads = words["head"].to_numpy()
    levels = arc_levels(heads)
    axes.set_axis_off()
    axes.set_xlim(0, POINTS)
    axes.set_ylim(0, levels.max() + 1.2)
    for word, (text, head, name) in enumerate(
        words[["text", "head", "relation"]].itertuples(index=False)
    ):
        chosen = name == relation
        style: dict[str, Any] = {"rotation": 90} if turned else {}
        below = 2 if turned else 1 + WORD * share
        colour = CHOSEN if chosen else "black"
        _write(axes, text, places[word], below, WORD * share, colour, **style)
        if not turned:
            below += 1.5 + WORD * share
            colour = CHOSEN if chosen else "0.45"
            _write(axes, name, places[word], below, RELATION * share, colour)
        if head == 0:
            top = (places[word], levels.max() + 1)
            path = Path([top, (places[word], 0)])
        else:
            # Arcs that leave a word stand beside the one that enters it.
            start = places[head - 1] + 2.5 * np.sign(places[word] - places[head - 1])
            path = _arc(start, places[word], float(levels[word]))
        arrow = FancyArrowPatch(
            path=path,
            arrowstyle="-|>,head_length=2.4,head_width=1.2",
            color=CHOSEN if chosen else "0.5",
            linewidth=1.3 if chosen else 0.6,
            zorder=3 if chosen else 2,
            clip_on=False,
            gid=f"arc:{head}:{word + 1}",
        )
        axes.add_patch(arrow)


def _write(
    axes: Axes, text: str, place: float, below: float, size: float, colour: str, **style: Any
) -> None:
    """Write below the arcs; the text's upper edge, if turned, else its baseline is so low."""
    axes.annotate(
        text,
        xy=(place, 0),
        xytext=(0, -below),
        textcoords="offset points",
        ha="center",
        va="top" if style else "baseline",
        fontsize=size,
        color=colour,
        annotation_clip=False,
        **style,
    )


def _arc(start: float, end: float, height: float) -> Path:
    """Return a path up from one place, across at a height, and down to another, corners rounded."""
    bend = np.sign(end - start) * min(8.0, abs(end - start) / 2)
    low = height - min(0.8, height)
    corners = [
        (start, 0),
        (start, low),
        (start, height),
        (start, height),
        (start + bend, height),
        (end - bend, height),
        (end, height),
        (end, height),
        (end, low),
        (end, 0),
    ]
    curve = [Path.CURVE4] * 3
    return Path(corners, [Path.MOVETO, Path.LINETO, *curve, Path.LINETO, *curve, Path.LINETO])


def _places(words: pd.DataFrame) -> tuple[np.ndarray, float, bool]:
    """Return the middle of each word in points, the share of their full size, and if turned."""
    widths = APART + np.array(
        [
            max(_width(text, WORD), _width(relation, RELATION))
            for text, relation in words[["text", "relation"]].itertuples(index=False)
        ]
    )
    share = min(1.0, POINTS / widths.sum())
    if share * WORD < SMALLEST:
        gap = POINTS / len(words)
        size = min(WORD, 0.8 * gap)
        return gap * (np.arange(len(words)) + 0.5), size / WORD, True
    widths = widths * share
    left = (POINTS - widths.sum()) / 2
    return left + np.cumsum(widths) - widths / 2, share, False


def _width(text: str, size: float) -> float:
    """Return how wide a text is, in points."""
    font = FontProperties(family=STYLE["font.family"])
    return float(TextPath((0, 0), text, size=size, prop=font).get_extents().width) if text else 0.0
