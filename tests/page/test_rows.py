"""What stands behind a panel: means, steps left out, and columns packed for the page."""

import base64
import gzip
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_rows import MILESTONES, PLAIN, SMALL, made_rows, milestones

from ontogeny.page.panels import NOTHING, Panel, default_panels
from ontogeny.page.rows import (
    FEWEST_STEPS,
    MOST_ROWS,
    MOST_STEPS,
    aggregated,
    compressed,
    evenly,
    packed,
    thinned,
)
from ontogeny.studies.pushdown.tables import PUSHDOWN
from ontogeny.studies.sas.tables import ONSETS, SAS

HEATMAP = Panel("", PUSHDOWN, "heatmap", ("accuracy",), series="layer", task="task")


def test_what_is_named_nowhere_is_averaged_over_and_said_to_be():
    frame = made_rows(HEATMAP)
    rows, over = aggregated(frame, HEATMAP)
    assert over == ["subset"]
    assert len(rows) < len(frame)
    for row in rows.itertuples():
        same = (frame["run"] == row.run) & (frame["task"] == row.task)
        same &= (frame["seed"] == row.seed) & (frame["step"] == row.step)
        same &= frame["layer"] == row.layer
        assert row.value == pytest.approx(frame.loc[same, "value"].mean())


def test_a_panel_keeps_the_values_that_it_names_null_among_them():
    panel = Panel("", SAS, "curves", ("uas",), keep={"relation": None, "corpus": ("a", "b")})
    frame = pd.DataFrame(
        {name.name: [None] * 4 for name in SAS.columns}
        | {"run": "r", "corpus": ["a", "b", "c", "a"], "seed": 0, "step": 1}
        | {"relation": [None, None, None, "obj"], "metric": "uas", "value": [1.0, 3.0, 9.0, 9.0]}
    )
    rows, over = aggregated(frame, panel)
    assert rows["value"].tolist() == [2.0]
    assert over == ["corpus"]


def test_rows_of_no_seed_sum_others_up_and_are_left_out():
    panel = Panel("", ONSETS, "curves", ("structure_onset",))
    frame = pd.DataFrame(
        {"run": "r", "corpus": "c", "seed": [None, 0, 1], "metric": "structure_onset"}
        | {"value": [5.0, 4.0, 6.0], "low": None, "high": None}
    )
    rows, _ = aggregated(frame, panel)
    assert rows["seed"].tolist() == [0, 1]


@given(st.sets(st.integers(0, 10**6), min_size=1, max_size=300), st.integers(2, 60))
def test_steps_that_are_shown_are_some_of_those_there_and_both_ends(steps, most):
    ordered = np.array(sorted(steps))
    shown = evenly(ordered, most)
    assert set(shown) <= steps
    assert len(shown) <= most
    assert {min(steps), max(steps)} <= set(shown)


def test_few_steps_all_stay():
    rows, _ = aggregated(made_rows(HEATMAP), HEATMAP)
    thin, shorter = thinned(rows)
    assert not shorter
    pd.testing.assert_frame_equal(thin, rows)


@pytest.mark.parametrize("lines", [1, 400, 4000])
def test_many_rows_lose_steps_evenly_in_every_run_and_say_so(lines):
    steps = np.arange(200)
    rows = pd.concat(
        pd.DataFrame({"run": run, "step": np.repeat(steps * run_length, lines), "value": 0.0})
        for run, run_length in (("a", 1), ("b", 50))
    )
    rows = rows.reset_index(drop=True)
    thin, shorter = thinned(rows)
    assert shorter
    for run, run_length in (("a", 1), ("b", 50)):
        shown = thin.loc[thin["run"] == run, "step"].unique()
        assert {0, 199 * run_length} <= set(shown)
        assert FEWEST_STEPS <= len(shown) <= MOST_STEPS
        assert np.diff(shown).max() <= 2 * np.diff(shown).min()
    assert len(thin) <= MOST_ROWS or len(shown) == FEWEST_STEPS


def test_packed_columns_give_the_rows_back():
    rows, _ = aggregated(made_rows(HEATMAP), HEATMAP)
    columns = packed(rows, HEATMAP)
    for name in ("run", "seed", "step", "layer", "task"):
        levels, codes = columns[name]["levels"], columns[name]["codes"]
        assert [levels[code] for code in codes] == rows[name].tolist()
    np.testing.assert_allclose(columns["value"], rows["value"], rtol=1e-3)


def test_levels_stand_in_declared_order_and_null_last():
    panel = Panel("", SAS, "curves", ("uas", "loss"), series="layer", choices=("metric",), null="-")
    rows = pd.DataFrame({"metric": ["loss", "uas", "uas"], "layer": [None, 10, 9], "value": 1.0})
    columns = packed(rows, panel)
    assert columns["metric"]["levels"] == ["uas", "loss"]
    assert columns["layer"] == {"levels": [9, 10, "-"], "codes": [2, 1, 0]}
    assert packed(rows[["layer"]], Panel("", SAS, "curves", ()))["layer"]["levels"][-1] == NOTHING


def test_what_is_no_number_is_null_and_others_keep_four_digits():
    panel = Panel("", SAS, "curves", ("loss",))
    rows = pd.DataFrame({"value": [1 / 3, np.nan, np.inf, 123456.0, -2e-9]})
    assert packed(rows, panel)["value"] == [0.3333, None, None, 123500.0, -2e-9]


def test_the_same_rows_are_compressed_to_the_same_text_and_come_back():
    rows, _ = aggregated(made_rows(HEATMAP), HEATMAP)
    columns = packed(rows, HEATMAP)
    text = compressed([columns])
    assert text == compressed([packed(rows, HEATMAP)])
    assert json.loads(gzip.decompress(base64.b64decode(text))) == [columns]


def test_a_study_that_declares_no_panel_is_shown_by_what_its_tables_say():
    plain, timeline = default_panels([PLAIN, MILESTONES])
    assert (plain.kind, plain.series, plain.choices) == ("curves", "kind", ("metric",))
    assert (timeline.kind, timeline.series) == ("timeline", "milestone")


def test_a_timeline_keeps_each_milestone_with_its_interval():
    (panel,) = default_panels([MILESTONES])
    frame = milestones(MILESTONES, SMALL)
    rows, _ = aggregated(frame.sample(frac=1, random_state=0), panel)
    assert len(rows) == len(frame)
    assert set(rows.columns) == {"run", "study", "seed", "milestone", "value", "low", "high"}


def test_a_milestone_bears_its_layer_and_those_of_all_seeds_stand_for_want_of_others():
    (panel,) = default_panels([MILESTONES])
    frame = pd.DataFrame(
        {"run": ["a", "a", "b"], "seed": [0, None, None], "layer": [2, None, None]}
        | {"milestone": "upos", "study": "pushdown", "metric": "step", "value": [5.0, 6.0, 7.0]}
        | {"low": None, "high": None}
    )
    rows, _ = aggregated(frame, panel)
    assert rows[["run", "milestone", "value"]].to_numpy().tolist() == [
        ["a", "upos, layer 2", 5.0],
        ["b", "upos", 7.0],
    ]
