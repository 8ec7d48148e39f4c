"""The figures: what is planted is what they show."""

import numpy as np
import pandas as pd
import pytest
from planted_rules import LENGTHS, STEPS, rules

from ontogeny.studies.interdependence.figures import FIGURES
from ontogeny.studies.interdependence.tables import INTERDEPENDENCE

pytestmark = pytest.mark.slow

LOSSES = pd.DataFrame(
    {"run": "r", "seed": [0, 1], "step": [80, 90], "metric": "learning_rate", "value": [5.0, 5.0]}
)


def lines(figure):
    return {
        line.get_gid(): line
        for axes in figure.axes
        for line in axes.get_lines()
        if line.get_gid() and line.get_gid() != "break"
    }


def pairs(least=0):
    """Rows of two seeds at two steps; DI is 1 / (sequential + syntactic distance)."""
    rows = []
    for seed in (0, 1):
        for step in (0, 100):
            keys = {"run": "r", "corpus": "c", "seed": seed, "step": step, "layer": 1}
            for s in range(1, 7):
                value = {"metric": "interdependence", "value": 1 / (s + 1)}
                rows.append(keys | value | {"sequential_distance": s, "word_class": "all"})
                for d in range(1, 5):
                    for name in ("open", "closed"):
                        cell = {"sequential_distance": s, "syntactic_distance": d}
                        value = {"metric": "interdependence", "value": 1 / (s + d)}
                        rows.append(keys | cell | value | {"word_class": name})
    return pd.DataFrame(rows).reindex(columns=[c.name for c in INTERDEPENDENCE.columns])


def test_distances_show_means_by_sequence_and_by_syntax():
    drawn = lines(FIGURES["distances"](pairs(), LOSSES))
    assert drawn["sequential:last step"].get_ydata() == pytest.approx(1 / np.arange(2, 8))
    assert drawn["syntactic:3:open"].get_ydata() == pytest.approx(1 / np.arange(4, 8))
    assert {f"syntactic:{s}:closed" for s in range(1, 7)} <= set(drawn)
    assert {"step:1", "step:2", "step:4"} <= set(drawn)
    assert {"rescaling:80", "rescaling:90"} <= set(drawn)
    assert not {"rescaling:80"} & set(lines(FIGURES["distances"](pairs(), LOSSES.iloc[:0])))


def test_syntactic_panels_have_y_axes_of_one_length_and_lose_no_mean():
    figure = FIGURES["distances"](pairs(), LOSSES)
    lengths = set()
    for axes in figure.axes:
        for line in axes.get_lines():
            if (line.get_gid() or "").startswith("syntactic:"):
                low, high = axes.get_ylim()
                assert low < min(line.get_ydata())
                assert max(line.get_ydata()) < high
                lengths.add(round(high - low, 9))
    assert len(lengths) == 1


def test_without_enough_cases_the_figure_says_so():
    rows = pairs()
    figure = FIGURES["distances"](rows[rows["metric"] == "cases"], LOSSES)
    assert "enough pairs" in figure.texts[0].get_text()
    only = rows[rows["word_class"] == "all"]
    assert set(lines(FIGURES["distances"](only, LOSSES))) >= {"sequential:last step"}


@pytest.mark.parametrize("name", ["rule", "prefix", "gradients"])
def test_each_setting_has_its_line_in_each_panel(name):
    drawn = lines(FIGURES[name](rules()))
    ends = {gid.rsplit(":", 1)[1] for gid in drawn}
    assert ends == {"unfamiliar", "familiar", "repeated", "elsewhere"}
    panels = {"rule": 4, "prefix": 2, "gradients": 1}[name] * len(LENGTHS)
    assert len(drawn) == 4 * panels


def test_the_rule_shows_the_main_count_over_training():
    drawn = lines(FIGURES["rule"](rules(noise=0)))
    line = drawn["in the domain:2:familiar"]
    assert line.get_xdata() == pytest.approx(STEPS)
    assert line.get_ydata() == pytest.approx([0.05, 0.8, 0.95])


def test_counts_show_what_each_part_predicts():
    drawn = lines(FIGURES["counts"](rules(noise=0)))
    assert drawn["alpha alone:4"].get_xdata() == pytest.approx([60, 120])
    assert drawn["alpha alone:4"].get_ydata() == pytest.approx([0.275, 0.55])
    assert drawn["scaffold alone:2"].get_ydata() == pytest.approx([0.005, 0.01])


def test_gradients_go_from_alpha_to_the_scaffolds_end():
    drawn = lines(FIGURES["gradients"](rules(noise=0)))
    expected = np.log10(np.exp(-np.arange(4, -1, -1.0)))
    assert drawn["gradient:4:unfamiliar"].get_ydata() == pytest.approx(expected)
