"""Figures of stages show what their tables hold, and say so where that is nothing."""

from itertools import product

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
    refined,
    traces,
)
from ontogeny.studies.stages.tables import (
    BOUNDARIES,
    CALIBRATION,
    FORMS,
    GEOMETRY,
    STAGES,
    TRACES,
)

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


def of_parts(layers=(1, 2), heads=(1, 2, 3, 4), seeds=(0, 1)):
    """Coefficients of parts at some steps, that of each head a tenth of its number and layer's."""
    rows = [
        ("lm", "text", seed, step, layer, head, "llc_refined", (layer + (head or 0) / 10) * step)
        for seed in seeds
        for step in (1, 50, 5000)
        for layer in layers
        for head in (None, *heads)
    ]
    names = ["run", "corpus", "seed", "step", "layer", "head", "metric", "value"]
    return pd.DataFrame(rows, columns=names).astype({"layer": "Int64", "head": "Int64"})


def test_layers_have_a_panel_and_so_have_the_heads_of_each(drawn_from):
    measures, boundaries = drawn_from
    table = pd.concat([measures, of_parts()], ignore_index=True)
    check(table, STAGES)
    table = table.astype({"layer": float, "head": float})  # as it is read, with its nulls
    figure = refined(table, boundaries, bandwidth=0.4)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "layers",
        "heads of layer 1",
        "heads of layer 2",
    ]
    lines = {line.get_gid(): line for axes in figure.axes for line in axes.get_lines()}
    np.testing.assert_allclose(lines["layers 2"].get_ydata(), [2, 100, 10_000])
    np.testing.assert_allclose(lines["heads of layer 2 3"].get_ydata(), [2.3, 115, 11_500])
    assert figure.axes[1].get_ylim() == figure.axes[2].get_ylim()
    layers = refined(table[table["head"].isna()], boundaries, bandwidth=0.4)
    assert len(layers.axes) == 1
    assert "layer 2" in [text.get_text() for text in layers.legends[0].get_texts()]
    assert "nothing to show" in refined(measures, boundaries, bandwidth=0.4).texts[0].get_text()


def of_chains(seeds=(0, 1), steps=(0, 50, 5000), burn_in=20, draws=40, diverged=()):
    """Chains that rise to 1 above the checkpoint within the burn-in; some diverge."""
    generator = np.random.default_rng(0)
    places = np.arange(-burn_in, draws) + 1
    share = np.clip((places + burn_in - 1) / max(burn_in, 1), 0, 1)
    frames = []
    for seed, step, chain in product(seeds, steps, (1, 2, 3)):
        gone = (step, chain) in diverged
        keys = {"run": "lm", "corpus": "text", "seed": seed, "step": step, "chain": chain}
        keys["use"] = "left out" if gone else "kept"
        loss = 2 + share * (1 + 0.1 * generator.normal(size=len(places)) + 9e3 * gone)
        for metric, value in (("loss", loss), ("baseline", np.full(len(places), 2.0))):
            own = pd.DataFrame({"draw": places, "metric": metric, "value": value})
            frames.append(own.assign(**keys))
    table = pd.concat(frames, ignore_index=True)
    check(table, TRACES)
    return table


def diagnosed(seeds=(0, 1), steps=(0, 50, 5000)):
    rows = [
        ("lm", "text", seed, step, None, None, metric, value)
        for seed in seeds
        for step in steps
        for metric, value in (
            *((("llc_rhat", 1.03), ("llc_ess", 71.4)) if step < 5000 else ()),
            ("llc_diverged", {0: 0.0, 50: 1.0, 5000: 3.0}[step]),
        )
    ]
    names = ["run", "corpus", "seed", "step", "layer", "head", "metric", "value"]
    return pd.DataFrame(rows, columns=names)


def test_traces_have_a_panel_for_each_seed_and_step_with_the_mean_of_draws():
    figure = traces(of_chains(diverged=[(50, 2)]), diagnosed(), bandwidth=0.4)
    assert len(figure.axes) == 6
    titles = [axes.get_title(loc="left") for axes in figure.axes[:3]]
    assert titles == [
        "step 0\nR-hat 1.03, ESS 71",
        "step 50\nR-hat 1.03, ESS 71, 1 left out",
        "step 5,000\n3 left out",
    ]
    for axes in figure.axes[:3]:
        lines = {line.get_gid(): line for line in axes.get_lines()}
        np.testing.assert_allclose(lines["mean"].get_ydata(), 1, atol=0.05)
        assert lines["kept 1"].get_ydata()[0] == 0
        assert axes.get_ylim()[1] < 2  # a chain that was left out doesn't set the heights
    assert "left out 2" in gids(figure)


def test_traces_without_a_burn_in_or_a_chain_that_is_kept_are_drawn_all_the_same():
    gone = [(step, chain) for step in (0, 50, 5000) for chain in (1, 2, 3)]
    figure = traces(of_chains(burn_in=0, diverged=gone), diagnosed(), bandwidth=0.4)
    assert "mean" not in gids(figure)
    assert figure.axes[0].get_xlim() == (0.5, 40.5)
    assert "nothing to show" in traces(
        of_chains()[lambda rows: rows["metric"] == "loss"][:0], diagnosed(), bandwidth=0.4
    ).texts[0].get_text()  # fmt: skip


def test_every_figure_has_its_function():
    assert list(FIGURES) == [
        "coefficient",
        "refined",
        "dynamics",
        "forms",
        "behaviour",
        "calibration",
        "traces",
    ]
