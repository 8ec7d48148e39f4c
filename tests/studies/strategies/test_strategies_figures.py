"""The figures of the strategies study show what its tables hold."""

import numpy as np
import pytest
from drawn_figures import assert_order_of_rows_does_not_matter, line, of_all_tables
from planted_sweeps import STEPS, as_published, planted

from ontogeny.errors import TableError
from ontogeny.studies.strategies import figures
from ontogeny.studies.strategies.conditions import SUBSETS
from ontogeny.studies.strategies.study import STRATEGIES

pytestmark = pytest.mark.slow

FIGURES = of_all_tables(STRATEGIES, figures.FIGURES)


@pytest.fixture(scope="module")
def tables():
    def by_seed(member, subset, step):
        return as_published(member, subset, step) * (0.8 + 0.1 * member.seed)

    return planted(by_seed)


@pytest.fixture(scope="module")
def drawn(tables):
    return {name: draw(*tables) for name, draw in FIGURES.items()}


def test_every_condition_has_a_panel_with_a_line_for_each_evaluation_set(tables, drawn):
    accuracy = tables[0][tables[0]["metric"] == "accuracy"]
    for (alpha, ambiguity, forgetting), cell in accuracy.groupby(
        ["alpha", "ambiguity", "forgetting"]
    ):
        for subset in SUBSETS:
            steps, values = line(drawn["curves"], f"{alpha:g}:{ambiguity:g}:{forgetting}:{subset}")
            mean = cell[cell["subset"] == subset].groupby("step")["value"].mean()
            np.testing.assert_allclose(steps, mean.index)
            np.testing.assert_allclose(values, mean)


def test_a_condition_that_was_excluded_has_no_panel(tables):
    table, places = tables
    gone = (table["alpha"] == 0) & (table["forgetting"] == "active")
    figure = FIGURES["curves"](table[~gone], places)
    figure.draw_without_rendering()
    shown = [axes for axes in figure.axes if axes.axison]
    assert len(shown) == 3 * 2 * 3 - 2


def test_probe_maps_stand_side_by_side_for_each_law_and_hold_the_means(drawn):
    meshes = [
        m for axes in drawn["probes"].axes for m in axes.collections if m.get_array() is not None
    ]
    panels = [axes for axes in drawn["probes"].axes if axes.get_title()]
    assert [axes.get_title().split("\n")[0] for axes in panels[:3]] == [
        "uniform",
        "Zipf, α = 1.2",
        "Zipf, α = 1.5",
    ]
    zipf = meshes[1].get_array().reshape(4, len(STEPS))
    expected = [[0.95 if s >= 160 / 2**layer else 0.5 for s in STEPS] for layer in range(4)]
    np.testing.assert_allclose(zipf, expected)


def test_last_accuracies_stand_over_the_levels_of_ambiguity(tables, drawn):
    rows = tables[0][
        (tables[0]["metric"] == "accuracy")
        & (tables[0]["step"] == STEPS[-1])
        & (tables[0]["forgetting"] == "none")
        & (tables[0]["alpha"] == 1.5)
    ]
    for subset in ("validation", "switch"):
        levels, values = line(drawn["switch"], f"100:1.5:{subset}")
        mean = rows[rows["subset"] == subset].groupby("ambiguity")["value"].mean()
        np.testing.assert_allclose(levels, [0, 1])
        np.testing.assert_allclose(values, mean)


def test_peak_and_end_of_unseen_are_means_over_seeds_of_each_seeds_own(tables, drawn):
    rows = tables[0].query(
        "metric == 'accuracy' and subset == 'unseen' and forgetting == 'none' and ambiguity == 0"
    )
    for when, statistic in (("highest of all steps", "max"), ("at the last step", "last")):
        own = rows.sort_values("step").groupby(["alpha", "seed"])["value"].agg(statistic)
        for row in ("accuracy:unseen", "accuracy:fresh", "forced_choice:unseen"):
            _, values = line(drawn["unseen"], f"100:{row}:{when}")
            np.testing.assert_allclose(values, own.groupby("alpha").mean())


def test_embeddings_are_those_of_the_lowest_seed_with_ambiguous_types_open(tables, drawn):
    places = tables[1].query("seed == 0 and alpha == 1.5 and ambiguity == 0.1 and step == 320")
    places = places[places["forgetting"] == "none"]
    marks = [m for m in drawn["embeddings"].findobj() if m.get_gid() == "1.5:0.1:320:noun"]
    filled, opened = (np.asarray(m.get_offsets()) for m in marks)
    nouns = places[places["word_class"] == "noun"].pivot(
        index=["rank", "switch"], columns="metric", values="value"
    )
    switches = nouns.index.get_level_values("switch") > 0
    np.testing.assert_allclose(filled, nouns[~switches].to_numpy())
    np.testing.assert_allclose(opened, nouns[switches].to_numpy())
    assert len(marks[1].get_facecolors()) == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(
    "case",
    [
        {"seeds": (3,)},
        {"steps": (0, 10)},
        {"steps": (50,)},
        {"grid": {"alpha": [0], "ambiguity": [0], "forgetting": ["none"]}},
        {"grid": {"ambiguity": [0.1]}},
        {"grid": {"forgetting": ["active"]}},
    ],
    ids=str,
)
def test_figures_are_drawn_from_little(name, case):
    figure = FIGURES[name](*planted(**case))
    figure.draw_without_rendering()
    assert figure.axes or figure.texts


@pytest.mark.parametrize("name", ["curves", "probes", "embeddings"])
def test_a_figure_of_one_vocabulary_refuses_two(name):
    tables = planted(grid={"vocabulary": [100, 200], "forgetting": ["none"]}, steps=(0, 10))
    with pytest.raises(TableError, match="shows one vocabulary, the table holds 100, 200"):
        FIGURES[name](*tables)


@pytest.mark.parametrize("name", ["switch", "unseen"])
def test_a_figure_of_all_shows_every_vocabulary(name):
    tables = planted(grid={"vocabulary": [100, 2000], "forgetting": ["none"]}, steps=(0, 10))
    figure = FIGURES[name](*tables)
    texts = [text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text"))]
    assert any("2,000 tokens" in text for text in texts)


@pytest.mark.parametrize("name", FIGURES)
def test_rows_in_any_order_give_the_same_bytes(name, tables):
    assert_order_of_rows_does_not_matter(FIGURES[name], tables)
