"""Figures of the atlas show what their tables hold, and say so where that is nothing."""

import numpy as np
import pandas as pd
import pytest
from drawn_figures import assert_order_of_rows_does_not_matter, line, marked, of_all_tables, texts
from planted_milestones import EARLY, planted, weights

from ontogeny.studies.atlas.comparison import compare, joined
from ontogeny.studies.atlas.figures import FIGURES
from ontogeny.studies.atlas.maps import states
from ontogeny.studies.atlas.study import ATLAS as STUDY
from ontogeny.studies.atlas.tables import ATLAS, STATES, TIMELINE
from ontogeny.studies.atlas.timeline import times_of

DRAW = of_all_tables(STUDY, FIGURES)
NOTHING = tuple(
    pd.DataFrame(columns=[column.name for column in table.columns])
    for table in (TIMELINE, ATLAS, STATES)
)


def drawn_from(seeds=8, **changes):
    rows = planted(seeds, **changes)
    times = times_of(rows, "planted")
    found = compare("planted", times, together=1.25, permutations=199, draws=10, seed=0)
    steps = (0, *np.geomspace(10, 1e6, 11).astype(int))
    return rows, joined([found]), states([weights(seeds, steps)], states=3, restarts=2, seed=0)


@pytest.fixture(scope="module")
def tables():
    return drawn_from()


def test_every_milestone_stands_at_its_mean_step_over_seeds(tables):
    figure = DRAW["timeline"](*tables)
    rows = tables[0]
    for name in EARLY:
        own = rows[rows["milestone"].eq(name)]["value"]
        x, _ = line(figure, f"day:{name}:")
        assert x == pytest.approx(np.expm1(np.log1p(own).mean()))
    (first, _), (second, _) = (line(figure, f"night:task arrives:{layer}") for layer in (1, 2))
    assert first > second
    assert {"day", "night", *EARLY} <= set(texts(figure))


def test_lanes_do_not_overlap_and_rows_stand_in_the_order_in_which_they_come(tables):
    figure = DRAW["timeline"](*tables)
    heights = [float(line(figure, f"day:{name}:")[1][0]) for name in EARLY]
    assert heights == sorted(heights)
    night = [float(line(figure, f"night:{name}:")[1][0]) for name in ("mover", "stranger")]
    assert max(heights) < min(night)


def test_the_state_of_each_checkpoint_stands_above_the_lanes(tables):
    figure = DRAW["timeline"](*tables)
    rows = tables[2]
    path = rows[rows["metric"].eq("state")]
    assert all(
        marked(figure, f"state:{seed}:{step}")
        for seed, step in zip(path["seed"], path["step"], strict=True)
    )


def test_a_milestone_that_a_seed_lacks_is_hollow(tables):
    rows = tables[0]
    lacking = rows[~(rows["milestone"].eq("noon") & rows["seed"].eq(0))]
    figure = DRAW["timeline"](lacking, *tables[1:])
    faces = {
        name: marked(figure, f"day:{name}:")[0].get_markerfacecolor() for name in ("noon", "dawn")
    }
    assert faces["noon"] == "white"
    assert faces["dawn"] != "white"


def test_arrows_lead_from_each_milestone_to_the_next_and_skip_none(tables):
    figure = DRAW["order"](*tables)
    for first in range(3):
        assert marked(figure, f"before:{first}:{first + 1}")
    assert not marked(figure, "before:0:2")
    assert any("always come in the same order" in text for text in texts(figure))


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_with_few_seeds_figures_say_that_data_are_insufficient(seeds):
    few = drawn_from(seeds)
    assert any("Insufficient data" in text for text in texts(DRAW["order"](*few)))
    if seeds < 4:
        assert any("Insufficient data" in text for text in texts(DRAW["coincidence"](*few)))


def test_pairs_that_come_together_are_marked(tables):
    figure = DRAW["coincidence"](*tables)
    found = tables[1]
    together = found["metric"].eq("coincidence") & found["verdict"].eq("together")
    dots = [dot for axes in figure.axes[:1] for dot in axes.get_lines() if dot.get_marker() == "o"]
    assert len(dots) == together.sum() == 1


def test_the_chosen_number_of_states_is_the_one_with_the_least_criterion(tables):
    figure = DRAW["map"](*tables)
    numbers, criteria = line(figure, "bic")
    chosen, _ = line(figure, "chosen")
    assert chosen == numbers[criteria.argmin()] == 2


@pytest.mark.parametrize("name", FIGURES)
def test_empty_tables_give_a_statement(name):
    assert any(
        "nothing to show" in text or "to show" in text for text in texts(DRAW[name](*NOTHING))
    )


def test_a_timeline_needs_no_map(tables):
    figure = DRAW["timeline"](tables[0], tables[1], NOTHING[2])
    assert not [text for text in texts(figure) if text.startswith("states of")]


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_the_order_of_rows_does_not_matter(name, tables):
    assert_order_of_rows_does_not_matter(DRAW[name], tables)


def test_half_a_hundred_milestones_still_have_a_row_each(tables):
    rows = tables[0]
    more = pd.concat(
        [rows.assign(milestone=rows["milestone"] + f" of day {day}") for day in range(8)]
    )
    figure = DRAW["timeline"](more, tables[1], tables[2])
    axes = figure.axes[-2]
    figure.draw_without_rendering()
    heights = sorted(label.get_window_extent().y0 for label in axes.get_yticklabels())
    assert np.diff(heights).min() >= 0.8 * 6.2 * figure.dpi / 72
