"""How well the taggers do: counterpart of Table 2 of Saphra and Lopez (2019)."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ontogeny.figures.style import WIDTH, styled, task_name
from ontogeny.studies.similarity.tables import TAGGINGS
from ontogeny.studies.similarity.tagsets import TAGSETS

ROW = 0.19  # inches
# Where each column ends, as a share of the width, and its head; the first two begin there.
PLACES = (0.0, 0.12, 0.27, 0.34, 0.40)
HEADS = ("tag set", "corpus", "classes", "words", "dev")
# The columns of the taggers: the next word's tag and the word's own, of true and shuffled tags.
GROUPS = {
    "next word's tag": ("next", 0),
    "own tag": ("input", 0),
    "next, shuffled": ("next", 1),
    "own, shuffled": ("input", 1),
}
FIRST, EACH = 0.43, 0.125  # where the first of these groups begins, and how far apart they are
WITHIN = 0.06  # from the end of a group's accuracies to that of its perplexities
MAJORITY = 1.0


@styled
def taggers(table: pd.DataFrame) -> Figure:
    """Set out each tag set's classes and words, and its taggers' accuracy and perplexity.

    `table` has the rows of TAGGERS. Beside them stands the accuracy of always guessing the most
    frequent tag. What isn't better than that by two standard errors is grey: such a tagger has
    learned nothing, and no claim counts it.
    """
    values = table.pivot_table(
        index=["domain", "tagset", "tagging", "shuffled"], columns="metric", values="value"
    )
    rows = [
        (domain, tagset)
        for domain in sorted(table["domain"].unique())
        for tagset in TAGSETS
        if (domain, tagset, TAGGINGS[0], 0) in values.index
    ]
    figure = Figure(figsize=(WIDTH, ROW * (len(rows) + 2.4)))
    axes = figure.add_axes((0.01, 0.0, 0.98, 1.0))
    axes.set(xlim=(0, 1), ylim=(len(rows) - 0.1, -2.5))
    axes.axis("off")
    _heads(axes)
    for line, (domain, tagset) in enumerate(rows):
        own = values.loc[(domain, tagset)]
        counts = own.loc[TAGGINGS[0], 0]
        texts = (
            task_name(tagset),
            domain,
            *(f"{counts[name]:,.0f}" for name in ("classes", "train_words", "dev_words")),
        )
        for column, (place, text) in enumerate(zip(PLACES, texts, strict=True)):
            axes.text(place, line, text, ha="left" if column < 2 else "right", va="center")
        for group, (tagging, shuffled) in enumerate(GROUPS.values()):
            _scores(axes, line, group, own.loc[tagging, shuffled], f"{domain}:{tagset}")
        majority = 100 * counts["majority_accuracy"]
        axes.text(MAJORITY, line, f"{majority:.1f}", ha="right", va="center")
    for height, width in ((-2.4, 0.9), (-0.6, 0.5), (len(rows) - 0.4, 0.9)):
        axes.axhline(height, color="black", linewidth=width)
    return figure


def _heads(axes: Axes) -> None:
    for column, (place, text) in enumerate(zip(PLACES, HEADS, strict=True)):
        axes.text(place, -1, text, ha="left" if column < 2 else "right", va="center")
    for group, name in enumerate(GROUPS):
        end = _end(group)
        axes.text(end - WITHIN + 0.005, -1.8, name, ha="center", va="center")
        axes.plot([end - WITHIN - 0.045, end], [-1.4, -1.4], color="black", linewidth=0.4)
        axes.text(end - WITHIN, -1, "acc %", ha="right", va="center")
        axes.text(end, -1, "ppl", ha="right", va="center")
    axes.text(MAJORITY, -1.8, "majority", ha="right", va="center")
    axes.text(MAJORITY, -1, "acc %", ha="right", va="center")


def _scores(axes: Axes, line: int, group: int, own: pd.Series, name: str) -> None:
    share = own["accuracy"]
    error = np.sqrt(share * (1 - share) / own["test_words"])
    learned = share - own["majority_accuracy"] > 2 * error
    look: dict[str, Any] = {"color": "black" if learned else "0.55", "ha": "right", "va": "center"}
    gid = f"{name}:{group}:{'learned' if learned else 'not learned'}"
    axes.text(_end(group) - WITHIN, line, f"{100 * share:.1f}", gid=gid, **look)
    axes.text(_end(group), line, _short(own["perplexity"]), **look)


def _short(perplexity: float) -> str:
    return f"{perplexity:.2f}" if perplexity < 10 else f"{perplexity:.1f}"


def _end(group: int) -> float:
    return FIRST + EACH * (group + 1) - 0.015
