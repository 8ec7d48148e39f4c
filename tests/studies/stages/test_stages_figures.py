"""Figures of stages show what their tables hold, and say so where that is nothing."""

import pytest
from planted_stages import planted, tables

from ontogeny.results.tables import check
from ontogeny.studies.stages.evidence import boundary_rows
from ontogeny.studies.stages.figures import FIGURES, behaviour, coefficient, dynamics
from ontogeny.studies.stages.tables import BOUNDARIES, STAGES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def drawn_from():
    evidence = planted()
    measures, boundaries = tables(evidence), boundary_rows(evidence)
    check(measures, STAGES)
    check(boundaries, BOUNDARIES)
    return measures, boundaries


def gids(figure):
    return {line.get_gid() for axes in figure.axes for line in axes.get_lines()}


def test_loss_and_coefficient_are_drawn_with_their_bands(drawn_from):
    figure = coefficient(*drawn_from, bandwidth=0.4)
    assert {"loss", "llc"} <= gids(figure)
    spans = [patch for patch in figure.axes[0].patches if patch.get_alpha() == 0.18]
    assert len(spans) == drawn_from[1]["stage"].nunique()


def test_each_seed_has_three_projections_each_with_its_evolute(drawn_from):
    figure = dynamics(*drawn_from, bandwidth=0.4)
    assert len(figure.axes) == 9
    for axes in figure.axes:
        own = {line.get_gid() for line in axes.get_lines()}
        assert {"evolute", "cusps", "first"} <= own


def test_each_score_has_a_panel_and_no_other(drawn_from):
    figure = behaviour(*drawn_from, bandwidth=0.4)
    assert len(figure.axes) == 5


def test_without_a_coefficient_there_is_a_statement(drawn_from):
    measures = drawn_from[0]
    figure = coefficient(measures[measures["metric"] != "llc"], drawn_from[1], bandwidth=0.4)
    assert "nothing to show" in figure.texts[0].get_text()


def test_every_figure_has_its_function():
    assert list(FIGURES) == ["coefficient", "dynamics", "behaviour", "calibration"]
