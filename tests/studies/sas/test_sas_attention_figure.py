"""The map of attention shows the sentence's attention, its gold edges and what the head picks."""

import numpy as np
import pandas as pd
import pytest
from drawn_figures import marked, of_all_tables, texts
from hypothesis import given
from hypothesis import strategies as st
from planted_sas_tables import SENTENCE, STEPS, planted

from ontogeny.studies.sas import figures
from ontogeny.studies.sas.study import SAS
from ontogeny.studies.sas.tables import DIRECTIONS
from ontogeny.studies.sas.tree_figure import arc_levels

FIGURES = of_all_tables(SAS, figures.FIGURES)

SHOWN = (0, 9, 87, 3000)


@pytest.fixture(scope="module", params=DIRECTIONS)
def drawn(request):
    tables = planted(relations=2, direction=request.param)
    return request.param, tables[2], FIGURES["attention"](*tables)


def cell(dependent, head, direction):
    """Row and column of an edge between two words, which are counted from 1."""
    row, column = (dependent, head) if direction == "dependent_to_head" else (head, dependent)
    return row - 1, column - 1


def test_maps_hold_the_lowest_seeds_attention_with_an_empty_diagonal(drawn):
    _, table, figure = drawn
    for step in SHOWN:
        (mesh,) = marked(figure, f"map:{step}")
        square = mesh.get_array().reshape(len(SENTENCE), -1)
        assert np.ma.getmaskarray(square).diagonal().all()
        for row in table[(table["step"] == step) & (table["seed"] == 0)].to_dict("records"):
            assert square[row["from"] - 1, row["to"] - 1] == row["value"]
        assert mesh.get_clim() == (0, table["value"].max())


def test_words_stand_on_both_axes_in_their_order_from_the_upper_left(drawn):
    axes = marked(drawn[2], "map:0")[0].axes
    words = [word for word, _, _ in SENTENCE]
    assert [label.get_text() for label in axes.get_xticklabels()] == words
    assert [label.get_text() for label in axes.get_yticklabels()] == words
    assert axes.get_ylim() == (len(words), 0)


def test_gold_cells_are_outlined_and_the_relations_own_boldly(drawn):
    direction, _, figure = drawn
    axes = marked(figure, "map:87")[0].axes
    boxes = [box for box in axes.patches if (box.get_gid() or "").startswith("gold:")]
    found = {(box.get_y(), box.get_x()): box for box in boxes}
    gold = {
        cell(place, head, direction): relation
        for place, (_, head, relation) in enumerate(SENTENCE, start=1)
        if head
    }
    assert {place: box.get_gid() for place, box in found.items()} == {
        place: f"gold:{relation}" for place, relation in gold.items()
    }
    bold = [box.get_gid() for box in boxes if box.get_linewidth() > 1]
    assert bold == ["gold:obj"]


def test_dots_are_on_the_word_that_the_head_picks(drawn):
    direction, table, figure = drawn
    dependent = 1 + [relation for _, _, relation in SENTENCE].index("obj")
    own, other = ("from", "to") if direction == "dependent_to_head" else ("to", "from")
    for step in SHOWN:
        rows = table[(table["step"] == step) & (table["seed"] == 0) & (table[own] == dependent)]
        picked = rows.loc[rows["value"] == rows["value"].max(), other]
        (dots,) = marked(figure, f"picks:{step}")
        places = {(y - 0.5, x - 0.5) for x, y in zip(*dots.get_data(), strict=True)}
        assert places == {cell(dependent, head, direction) for head in picked}
    assert len(places) == 1  # at the last step, where attention isn't uniform


def test_arcs_are_the_gold_tree(drawn):
    arcs = {artist.get_gid() for artist in drawn[2].findobj()}
    arcs = {gid for gid in arcs if gid and gid.startswith("arc:")}
    assert arcs == {f"arc:{head}:{place}" for place, (_, head, _) in enumerate(SENTENCE, start=1)}


def test_the_figure_names_relation_layer_head_direction_and_seed(drawn):
    direction, _, figure = drawn
    reading = {
        "dependent_to_head": "from dependent to head",
        "head_to_dependent": "from head to dependent",
    }[direction]
    assert f"relation obj: layer 3, head 4, read {reading}; seed 0" in texts(figure)


def test_of_more_than_four_steps_the_first_the_last_and_two_between_are_shown():
    table, onsets, attention = planted(relations=2)
    row = attention[attention["step"] == 0]
    every = [row.assign(step=step) for step in STEPS]
    figure = FIGURES["attention"](table, onsets, pd.concat(every))
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["step 0", "step 9", "step 87", "step 3,000"]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=12))
def test_an_arc_lies_above_all_that_it_spans_and_no_two_of_a_level_overlap(numbers):
    heads = np.array(
        [
            0 if n % (len(numbers) + 1) == i else n % (len(numbers) + 1)
            for i, n in enumerate(numbers, start=1)
        ]
    )
    levels = arc_levels(heads)
    spans = [tuple(sorted((word, int(head)))) for word, head in enumerate(heads, start=1)]
    for word, head in enumerate(heads):
        assert (levels[word] == 0) == (head == 0)
        for other, its_head in enumerate(heads):
            if other == word or head == 0 or its_head == 0:
                continue
            (a, b), (c, d) = spans[word], spans[other]
            if a <= c and d <= b and (a, b) != (c, d):
                assert levels[word] > levels[other]
            if (a, b) == (c, d):
                assert levels[word] != levels[other]
