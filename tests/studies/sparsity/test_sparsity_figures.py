import numpy as np
import pandas as pd
import pytest
from planted_words import STEPS, trajectory
from test_sparsity_claims import AS_PUBLISHED, RISING, TOP

from ontogeny.studies.sparsity.figures import FIGURES
from ontogeny.studies.sparsity.rows import correlation_rows, word_rows
from ontogeny.studies.sparsity.study import SPARSITY

pytestmark = pytest.mark.slow

LOSSES = pd.DataFrame(
    [
        {"run": "lstm", "seed": seed, "step": 50, "metric": "learning_rate", "value": 5.0}
        for seed in range(3)
    ]
)


@pytest.fixture(scope="module")
def tables():
    found = trajectory(AS_PUBLISHED)
    return correlation_rows(found), word_rows(found)


def lines(axes):
    return {line.get_gid(): line for line in axes.lines if line.get_gid()}


def test_each_declared_figure_is_drawn_with_the_rescalings(tables):
    rows, words = tables
    for figure in SPARSITY.figures:
        given = {"sparsity": rows, "sparsity_words": words, "loss": LOSSES}
        drawn = FIGURES[figure.name](*(given[table.name] for table in figure.reads))
        named = [gid for axes in drawn.axes for gid in lines(axes)]
        assert ("rescaling:50" in named) == (figure.name != "final")


def test_lines_are_the_correlations(tables):
    figure = FIGURES["frequency"](tables[0], LOSSES)
    line = lines(figure.axes[0])["target:layer 2, gradient"]
    np.testing.assert_array_equal(line.get_xdata(), STEPS)
    np.testing.assert_allclose(line.get_ydata(), RISING, atol=1e-9)
    assert "input:logits, gradient" in lines(figure.axes[1])
    assert figure.axes[0].get_ylabel() == "gradients: correlation of\nconcentration with frequency"
    assert figure.axes[2].get_ylabel().startswith("activations")
    assert not any("activation" in gid for axes in figure.axes[:2] for gid in lines(axes))


def test_the_map_has_the_most_frequent_words_from_below(tables):
    figure = FIGURES["words"](tables[1], LOSSES)
    axes = figure.axes[0]
    names = [label.get_text().split()[0] for label in axes.get_yticklabels()]
    assert names == [f"w{place:03d}" for place in range(40)]
    mesh = next(found for found in axes.collections if found.get_gid() == "map")
    expected = trajectory(AS_PUBLISHED).values[TOP].mean(axis=1)[:40]
    np.testing.assert_allclose(mesh.get_array().reshape(40, -1), expected)


def test_without_rows_figures_say_so(tables):
    rows, words = tables
    given = {"words": words, "frequency": rows, "classes": rows, "indices": rows}
    for name, table in given.items():
        text = FIGURES[name](table[:0], LOSSES[:0]).texts[0].get_text()
        assert "nothing to show" in text
