"""The claims as a forest plot: each statistic with its interval, against its threshold."""

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ontogeny.errors import TableError
from ontogeny.figures.style import WIDTH, statement, styled

# Blue and vermillion of Okabe and Ito mark the two decisions, black and grey what isn't decided.
# Without colour, shape and filling tell the four apart: full circle, open square, half full
# diamond, cross. What is empty is white, lest the interval be seen through it.
VERDICT_STYLES: dict[str, dict[str, Any]] = {
    "replicated": {"color": "#0072B2", "marker": "o"},
    "not replicated": {"color": "#D55E00", "marker": "s", "markerfacecolor": "white"},
    "undecided": {
        "color": "black",
        "marker": "D",
        "fillstyle": "left",
        "markerfacecoloralt": "white",
    },
    "insufficient data": {"color": "0.45", "marker": "x"},
}
STATEMENT_WIDTH, STATISTIC_WIDTH = 52, 112  # characters in a line
LINE = 0.125  # inches between lines of text


@styled
def forest(claims: pd.DataFrame) -> Figure:
    """Draw the claims on one run and corpus, a row a claim, a panel a statistic.

    `claims` is as `ontogeny.results.claims.read_claims` returns it, filtered to one run, corpus and
    tier. The marker is the statistic, the line its 95% interval (with an arrow where the data don't
    bound it), the dashed line the threshold, the shading the side that was claimed. A claim whose
    statistic could not be computed has its row, without a marker; an infinite one stands at the
    edge. Raises `TableError` if there are several runs, corpora or tiers.
    """
    for column in ("run", "corpus", "tier"):
        names = sorted(claims[column].unique())
        if len(names) > 1:
            raise TableError(
                f"a forest plot shows the claims on one {column}, the table holds "
                f"{', '.join(names)}. Select one before drawing."
            )
    if claims.empty:
        return statement("No claim was tested.")
    groups = [group for _, group in claims.groupby(["statistic", "threshold"], sort=False)]
    rows = [_rows_height(group) for group in groups]
    height = sum(rows) + sum(map(_frame_height, groups)) + 0.3
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    grid = figure.subplots(len(groups), 1, squeeze=False, height_ratios=rows)[:, 0]
    for axes, group in zip(grid, groups, strict=True):
        _statistic(axes, group)
    handles = [
        Line2D([], [], linestyle="", label=verdict, **style)
        for verdict, style in VERDICT_STYLES.items()
    ]
    handles.append(Line2D([], [], color="0.35", linestyle="--", linewidth=0.7, label="threshold"))
    figure.legend(handles=handles, loc="outside lower center", ncols=5)
    return figure


def _lines(claim: str, text: str) -> str:
    """Return a claim's identifier and statement, wrapped."""
    return textwrap.fill(f"{claim}  {text}", STATEMENT_WIDTH)


def _rows_height(group: pd.DataFrame) -> float:
    """Return how high, in inches, the rows of one statistic are: each as high as the highest."""
    lines = [_lines(*row).count("\n") + 1 for row in group[["claim", "statement"]].to_numpy()]
    return LINE * len(group) * (max(lines) + 0.6)


def _frame_height(group: pd.DataFrame) -> float:
    """Return how high, in inches, the title and the axis of one statistic are together."""
    return LINE * len(textwrap.wrap(group["statistic"].iloc[0], STATISTIC_WIDTH)) + 0.3


def _statistic(axes: Axes, group: pd.DataFrame) -> None:
    """Draw the rows of one statistic."""
    sign, number = group["threshold"].iloc[0].split()
    threshold = float(number)
    finite = group[["value", "low", "high"]].to_numpy(dtype=float)
    finite = np.r_[finite[np.isfinite(finite)], threshold]
    margin = 0.12 * (np.ptp(finite) or 1.0)
    left, right = finite.min() - margin, finite.max() + margin
    axes.axvline(threshold, color="0.35", linestyle="--", linewidth=0.7, gid="threshold")
    axes.axvspan(threshold, right if sign == ">" else left, color="0.93", linewidth=0, zorder=0)
    for place, row in enumerate(group.to_dict("records")):
        value, low, high = (float(row[name]) for name in ("value", "low", "high"))
        style = VERDICT_STYLES[row["verdict"]]
        text = "not computed"
        if not np.isnan(value):
            text = f"{value:.2f} [{low:.2f}, {high:.2f}]"
            text = text.replace("-", "\N{MINUS SIGN}").replace("inf", "\N{INFINITY}")
            ends = np.clip([low, high], left, right)
            axes.plot(ends, [place, place], color=style["color"], linewidth=0.9, gid="interval")
            for end, edge, arrow in ((low, left, "<"), (high, right, ">")):
                if np.isinf(end):
                    axes.plot(edge, place, marker=arrow, color=style["color"], clip_on=False)
            at = np.clip(value, left, right)
            axes.plot(at, place, markersize=4, **style, gid=f"claim:{row['claim']}")
        axes.annotate(
            text,
            xy=(1.02, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=6.5,
            annotation_clip=False,
        )
    axes.set_xlim(left, right)
    axes.set_ylim(len(group) - 0.5, -0.5)
    names = [_lines(*row) for row in group[["claim", "statement"]].to_numpy()]
    axes.set_yticks(range(len(group)), names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    title = textwrap.fill(f"{group['statistic'].iloc[0]}", STATISTIC_WIDTH)
    axes.set_title(title, loc="right", fontsize=6.5, style="italic", ha="right")
