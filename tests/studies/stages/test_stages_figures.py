"""Figures of stages show what their tables hold, and say so where that is nothing."""

import numpy as np
import pandas as pd
import pytest
from planted_stages import planted, tables

from ontogeny.results.tables import check
from ontogeny.studies.stages.evidence import boundary_rows
from ontogeny.studies.stages.figures import (
    FIGURES,
    behaviour,
    calibration,
    coefficient,
    dynamics,
    forms,
)
from ontogeny.studies.stages.tables import BOUNDARIES, CALIBRATION, FORMS, GEOMETRY, STAGES

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


def of_forms(seeds=(0, 1, 2)):
    rows = [("lm", "text", 0, 1, None, f"pc{n}", 0.1 * n, None, None) for n in (1, 2, 3)]
    rows += [("lm", "text", 0, 1, None, "step", 90.0, None, None)]
    rows += [
        ("lm", "text", 0, 1, rank, "loss_change", 1.0 / rank, "word", "$ before it")
        for rank in (1, 2, 3)
    ]
    for seed in seeds:
        rows += [
            ("lm", "text", seed, None, None, "forms", float(seed == 0), None, None),
            ("lm", "text", seed, None, None, "forms_by_chance", 0.3, None, None),
        ]
    names = ["run", "corpus", "seed", "form", "rank", "metric", "value", "token", "before"]
    frame = pd.DataFrame(rows, columns=names).astype({"form": "Int64", "rank": "Int64"})
    check(frame, FORMS)
    return frame


def test_each_seed_has_three_projections_each_with_its_evolute_and_forms(drawn_from):
    figure = dynamics(*drawn_from, of_forms(), bandwidth=0.4)
    assert len(figure.axes) == 9
    for number, axes in enumerate(figure.axes):
        own = {line.get_gid(): line for line in axes.get_lines()}
        assert {"evolute", "cusps", "first", "forms"} <= own.keys()
        assert len(own["forms"].get_xdata()) == (1 if number < 3 else 0)


def test_a_form_is_shown_by_the_tokens_it_moves():
    figure = forms(of_forms(), bandwidth=0.4)
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [1, 1 / 2, 1 / 3]
    assert axes.get_yticklabels()[0].get_text() == r"\$ before it [word]"
    none = forms(of_forms()[lambda rows: rows["form"].isna()], bandwidth=0.4)
    assert "a random walk over the same steps has 0.3" in none.texts[0].get_text()


def test_the_sweep_marks_what_is_used():
    rows = [
        ("lm", "text", seed, step, size, pull, heat, metric, value)
        for seed in (0, 1)
        for step in (10, 90)
        for heat in (40.0, 80.0)
        for size in (1e-5, 1e-4)
        for pull in (30.0, 100.0)
        for metric, value in (
            ("llc", 1e5 * size + pull / 100),
            ("chosen", float((size, pull, heat) == (1e-4, 30.0, 40.0))),
        )
    ]
    names = [column.name for column in CALIBRATION.keys]
    frame = pd.DataFrame(rows, columns=[*names, "metric", "value"])
    check(frame, CALIBRATION)
    figure = calibration(frame, bandwidth=0.4)
    assert len(figure.axes) == 4
    rings = [
        line.get_ydata() for axes in figure.axes for line in axes.get_lines()
        if line.get_gid() == "used"
    ]  # fmt: skip
    np.testing.assert_allclose(rings, [[10.3], [10.3]])


def test_each_score_has_a_panel_and_no_other(drawn_from):
    figure = behaviour(*drawn_from, bandwidth=0.4)
    assert len(figure.axes) == 5


def test_without_a_coefficient_there_is_a_statement(drawn_from):
    measures = drawn_from[0]
    figure = coefficient(measures[measures["metric"] != "llc"], drawn_from[1], bandwidth=0.4)
    assert "nothing to show" in figure.texts[0].get_text()


def test_of_a_masked_model_which_has_no_scores_there_is_a_statement(drawn_from):
    measures, boundaries = drawn_from
    geometry = [metric.name for metric in GEOMETRY]
    masked = measures[measures["metric"].isin(geometry)]
    assert "masked model" in behaviour(masked, boundaries, bandwidth=0.4).texts[0].get_text()


def test_every_figure_has_its_function():
    assert list(FIGURES) == ["coefficient", "dynamics", "forms", "behaviour", "calibration"]
