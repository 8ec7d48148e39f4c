"""The forest plot shows the claims as the table has them."""

import itertools

import matplotlib.colors
import numpy as np
import pandas as pd
import pytest

from ontogeny.errors import TableError
from ontogeny.figures.forest import VERDICT_STYLES, forest
from ontogeny.results.claims import CLAIM_COLUMNS, VERDICTS

INFINITY = float("inf")


def claims(*rows):
    """Claims from (id, statistic, threshold, value, low, high, verdict)."""
    names = ("claim", "statistic", "threshold", "value", "low", "high", "verdict")
    frame = pd.DataFrame(rows, columns=list(names)).assign(
        study="pushdown",
        run="toy-bert",
        corpus="toyglish",
        statement="Early in training, syntactic information is found in late layers only.",
        source="somewhere",
        chance=np.nan,
        seeds=2,
        tier="toy",
        reason="",
    )
    return frame[[column.name for column in CLAIM_COLUMNS]]


FRAME = claims(
    ("a.1", "correlation", "< 0", -0.6, -0.8, -0.4, "replicated"),
    ("a.2", "correlation", "< 0", -0.1, -INFINITY, 0.3, "undecided"),
    ("a.3", "difference", "> 0.5", np.nan, np.nan, np.nan, "insufficient data"),
)


def marked(axes, gid):
    return [line for line in axes.lines if line.get_gid() == gid]


def test_each_statistic_has_a_panel_with_its_threshold():
    correlation, difference = forest(FRAME).axes
    assert correlation.get_title(loc="right") == "correlation"
    assert difference.get_title(loc="right") == "difference"
    assert list(marked(correlation, "threshold")[0].get_xdata()) == [0, 0]
    assert list(marked(difference, "threshold")[0].get_xdata()) == [0.5, 0.5]


def test_the_claimed_side_is_shaded():
    correlation, difference = forest(FRAME).axes
    below, above = (axes.patches[0].get_extents() for axes in (correlation, difference))
    assert below.x1 == correlation.transData.transform((0, 0))[0]
    assert above.x0 == difference.transData.transform((0.5, 0))[0]


def test_values_intervals_and_verdicts_are_those_of_the_table():
    correlation = forest(FRAME).axes[0]
    (marker,) = marked(correlation, "claim:a.1")
    assert marker.get_xdata() == [-0.6]
    assert marker.get_marker() == VERDICT_STYLES["replicated"]["marker"]
    assert list(marked(correlation, "interval")[0].get_xdata()) == [-0.8, -0.4]
    assert "−0.60 [−0.80, −0.40]" in [text.get_text() for text in correlation.texts]


def test_an_end_without_bound_is_an_arrow_at_the_edge():
    correlation = forest(FRAME).axes[0]
    left = correlation.get_xlim()[0]
    assert marked(correlation, "interval")[1].get_xdata()[0] == left
    assert [line.get_marker() for line in correlation.lines if line.get_xdata()[0] == left][
        -1
    ] == "<"
    assert "−0.10 [−∞, 0.30]" in [text.get_text() for text in correlation.texts]


def test_what_was_not_computed_has_a_row_without_a_marker():
    difference = forest(FRAME).axes[1]
    assert not marked(difference, "claim:a.3")
    assert [text.get_text() for text in difference.texts] == ["not computed"]
    assert difference.get_yticklabels()[0].get_text().startswith("a.3  Early in training")


def test_a_statistic_that_is_infinite_stands_at_the_edge():
    (axes,) = forest(claims(("a.1", "lag", "< 1", INFINITY, 2.0, INFINITY, "not replicated"))).axes
    (marker,) = marked(axes, "claim:a.1")
    assert marker.get_xdata()[0] == axes.get_xlim()[1]
    assert [text.get_text() for text in axes.texts] == ["∞ [2.00, ∞]"]


def test_each_verdict_has_a_marker_of_its_own_and_a_name_in_the_legend():
    assert tuple(VERDICT_STYLES) == VERDICTS
    rows = [(f"a.{i}", "lag", "> 0", i, i - 1.0, i + 1.0, v) for i, v in enumerate(VERDICTS)]
    figure = forest(claims(*rows))
    markers = [marked(figure.axes[0], f"claim:a.{i}")[0] for i in range(len(VERDICTS))]
    assert len({marker.get_marker() for marker in markers}) == len(VERDICTS)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [*VERDICTS, "threshold"]
    for shown, marker in zip(legend.legend_handles, markers, strict=False):
        assert (shown.get_marker(), shown.get_color(), shown.get_fillstyle()) == (
            marker.get_marker(),
            marker.get_color(),
            marker.get_fillstyle(),
        )


def test_in_grey_the_verdicts_are_told_apart_by_how_much_of_the_marker_is_filled():
    def empty(colour):
        return matplotlib.colors.to_rgb(colour) == (1, 1, 1)

    rows = [(f"a.{i}", "lag", "> 0", i, i - 1.0, i + 1.0, v) for i, v in enumerate(VERDICTS)]
    axes = forest(claims(*rows)).axes[0]
    halves = {}
    for i, name in enumerate(VERDICTS):
        (marker,) = marked(axes, f"claim:a.{i}")
        both = marker.get_fillstyle() == "full"
        other = marker.get_markerfacecolor() if both else marker.get_markerfacecoloralt()
        halves[name] = [empty(marker.get_markerfacecolor()), empty(other)]
    assert halves["replicated"] == [False, False]
    assert halves["not replicated"] == [True, True]
    assert halves["undecided"] == [False, True]
    assert VERDICT_STYLES["insufficient data"]["marker"] == "x"  # lines, which have no filling


def test_a_row_is_as_high_beside_many_others_as_alone():
    rows = [(f"a.{k}", "correlation", "< 0", -0.5, -0.8, 0.1, "undecided") for k in range(8)]
    rows += [(f"b.{k}", f"other {k}", "< 0", -0.5, -0.8, 0.1, "undecided") for k in range(6)]
    figure = forest(claims(*rows))
    figure.draw_without_rendering()
    many, *alone = (axes.get_window_extent().height for axes in figure.axes)
    assert alone == pytest.approx([many / 8] * 6, rel=0.01)
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(upper.y0 >= lower.y1 for upper, lower in itertools.pairwise(boxes))


def test_labels_of_neighbouring_claims_do_not_overlap():
    rows = [(f"a.{k}", "correlation", "< 0", -0.5, -0.8, 0.1, "undecided") for k in range(6)]
    figure = forest(claims(*rows).assign(statement="a long statement of many words " * 5))
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(upper.y0 >= lower.y1 for upper, lower in itertools.pairwise(boxes))


@pytest.mark.parametrize("column", ["run", "corpus", "tier"])
def test_two_runs_corpora_or_tiers_are_refused(column):
    with pytest.raises(TableError, match=f"one {column}, the table holds other, to"):
        forest(pd.concat([FRAME, FRAME.assign(**{column: "other"})]))


def test_no_claims_make_a_sentence():
    assert forest(FRAME.iloc[:0]).texts[0].get_text() == "No claim was tested."
