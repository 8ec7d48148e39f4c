"""The push-down study's figures show what its tables hold."""

import time

import numpy as np
import pandas as pd
import pytest
from drawn_figures import assert_order_of_rows_does_not_matter, line, marked, of_all_tables
from matplotlib.colors import to_hex
from planted_tables import LOG_STEPS, MULTIBERTS_STEPS, planted

from ontogeny.corpora.tasks import TASKS, WORD_LABEL_TASKS
from ontogeny.errors import TableError
from ontogeny.figures.style import TASK_COLOURS
from ontogeny.studies.pushdown import figures
from ontogeny.studies.pushdown.claim_statistics import PUBLISHED_ORDER
from ontogeny.studies.pushdown.heatmaps import TASK_ORDER, boundary, normalised
from ontogeny.studies.pushdown.study import PUSHDOWN

pytestmark = pytest.mark.slow

FIGURES = of_all_tables(PUSHDOWN, figures.FIGURES)

LABELS = {
    "heatmap": {"step (updates, log)", "layer"},
    "regions": {
        "step (updates, log)",
        "layer",
        "share of the way from baseline to best",
        "standard deviation over seeds (RMS)",
    },
    "migration": {"step (updates, log)", "layer", "mean over steps (layer)"},
    "selectivity": {"step (updates, log)", "layer", "share of words", "selectivity (share)"},
    "seen_unseen": {"step\n(updates, log)", "layer", "share of words"},
}


@pytest.fixture(scope="module")
def tables():
    return planted(seeds=(0, 1, 2))


@pytest.fixture(scope="module")
def drawn(tables):
    return {name: draw(*tables) for name, draw in FIGURES.items()}


def first_axes(figure, count):
    return [axes for axes in figure.axes if axes.get_title()][:count]


def band_at(figure, gid, place):
    """The lowest and the highest point of a band at a place on the x axis."""
    (found,) = marked(figure, f"band:{gid}")
    corners = found.get_paths()[0].vertices
    heights = corners[corners[:, 0] == place, 1]
    return heights.min(), heights.max()


def scores_of(scores, task, metric, subset="all"):
    """Values of one metric, shape (seeds, steps, layers)."""
    rows = (scores["task"] == task) & (scores["metric"] == metric) & (scores["subset"] == subset)
    square = scores[rows].pivot(index=["seed", "step"], columns="layer", values="value")
    return square.to_numpy().reshape(scores["seed"].nunique(), -1, square.shape[1])


def sufficient_layers(scores, migration, task, subset="all"):
    """Shallowest sufficient layers as they stand in the table, shape (seeds, steps)."""
    seeds, steps = np.unique(scores["seed"]), np.unique(scores["step"])
    layers = np.full((len(seeds), len(steps)), scores["layer"].max() + 1.0)
    for row in migration.itertuples():
        key = (row.metric, row.task, row.subset)
        if key == ("shallowest_sufficient_layer", task, subset) and not np.isnan(row.seed):
            layers[list(seeds).index(row.seed), list(steps).index(row.step)] = row.value
    return layers


@pytest.mark.parametrize("name", FIGURES)
def test_axes_bear_labels_with_units(drawn, name):
    found = {axes.get_xlabel() for axes in drawn[name].axes}
    found |= {axes.get_ylabel() for axes in drawn[name].axes}
    assert found - {""} >= LABELS[name]
    bars = {"share of the way from\nbaseline (0) to best (1)", "standard deviation\nover seeds"}
    assert found - {""} - LABELS[name] <= bars


def test_panels_stand_in_the_published_order(drawn):
    assert sorted(TASK_ORDER, key=lambda task: PUBLISHED_ORDER[task]) == list(TASK_ORDER)
    titles = [axes.get_title().split("\n")[0] for axes in first_axes(drawn["heatmap"], 8)]
    assert titles == [task.replace("_", " ") for task in TASK_ORDER]


def test_heatmap_cells_are_the_mean_share_of_the_way(tables, drawn):
    for task, axes in zip(TASK_ORDER, first_axes(drawn["heatmap"], 8), strict=True):
        metric = {"tree_depth": "root_accuracy", "tree_distance": "uuas"}.get(task, "accuracy")
        baseline = {"accuracy": "majority_accuracy"}.get(metric, f"baseline_{metric}")
        score = scores_of(tables[0], task, metric)
        low = scores_of(tables[0], task, baseline)
        best = score.max(axis=(1, 2), keepdims=True)
        expected = np.maximum((score - low) / (best - low), 0).mean(axis=0).T
        (mesh,) = [m for m in axes.collections if m.get_array() is not None]
        np.testing.assert_allclose(mesh.get_array().reshape(expected.shape), expected)
        title = f"baseline {low.mean():.2f}, best {best.mean():.2f}"
        assert axes.get_title().split("\n")[1] == title


@pytest.mark.parametrize("name", ["heatmap", "regions"])
def test_boundary_is_the_lower_edge_of_the_shallowest_sufficient_layer(tables, drawn, name):
    for task in TASKS:
        (stairs,) = marked(drawn[name], f"boundary:{task}")
        expected = sufficient_layers(*tables, task).mean(axis=0) - 0.5
        np.testing.assert_allclose(stairs.get_data().values, expected)


def test_words_of_types_never_seen_have_maps_of_their_own(tables, drawn):
    axes = [found for found in drawn["heatmap"].axes if found.get_title()]
    assert len(axes) == len(TASKS) + len(WORD_LABEL_TASKS)
    order = [task for task in TASK_ORDER if task in WORD_LABEL_TASKS]
    for task, panel in zip(order, axes[len(TASKS) :], strict=True):
        score = scores_of(tables[0], task, "accuracy", "unseen")
        low = scores_of(tables[0], task, "majority_accuracy", "unseen")
        best = score.max(axis=(1, 2), keepdims=True)
        expected = np.maximum((score - low) / (best - low), 0).mean(axis=0).T
        (mesh,) = [m for m in panel.collections if m.get_array() is not None]
        np.testing.assert_allclose(mesh.get_array().reshape(expected.shape), expected)
        (stairs,) = marked(drawn["heatmap"], f"boundary:{task}:unseen")
        boundary = sufficient_layers(*tables, task, "unseen").mean(axis=0) - 0.5
        np.testing.assert_allclose(stairs.get_data().values, boundary)


def test_a_map_in_which_no_layer_passes_the_baseline_says_so(tables):
    scores, migration = (frame.copy() for frame in tables)
    below = (scores["task"] == "entity") & (scores["metric"] == "accuracy")
    scores.loc[below, "value"] = 0.1
    migration = migration[migration["task"] != "entity"]
    figure = FIGURES["heatmap"](scores, migration)
    for subset in ("", ":unseen"):
        (text,) = marked(figure, f"nothing:entity{subset}")
        assert text.get_text() == "no layer passes\nthe baseline"
        assert not marked(figure, f"boundary:entity{subset}")
        assert marked(figure, f"boundary:upos{subset}")
    figure.draw_without_rendering()
    figure = FIGURES["regions"](scores, migration)
    assert marked(figure, "nothing:entity")
    assert not marked(figure, "boundary:entity")
    assert not marked(figure, "nothing:upos")
    assert marked(figure, "boundary:upos")
    figure.draw_without_rendering()


def test_spread_is_the_standard_deviation_in_shares_of_the_mean_way(tables, drawn):
    score = scores_of(tables[0], "upos", "accuracy")
    low = scores_of(tables[0], "upos", "majority_accuracy")
    spread = score.std(axis=0, ddof=1) / (score.max(axis=(1, 2)) - low[:, 0, 0]).mean()
    axes = first_axes(drawn["regions"], 8)[TASK_ORDER.index("upos")]
    (mesh,) = [m for m in axes.collections if m.get_array() is not None]
    np.testing.assert_allclose(mesh.get_array().reshape(spread.T.shape), spread.T)
    layers = np.arange(score.shape[2])
    above = layers >= sufficient_layers(*tables, "upos").mean(axis=0)[:, None]
    for side, name in ((above, "above"), (~above, "below")):
        level, deviation = (
            point.get_xdata()[0] for point in marked(drawn["regions"], f"{name}:upos")
        )
        way = (score - low) / (score.max(axis=(1, 2), keepdims=True) - low)
        assert level == pytest.approx(way.mean(axis=0)[side].mean())
        assert deviation == pytest.approx(np.sqrt((spread[side] ** 2).mean()))


def test_migration_lines_and_bands_are_mean_and_range_over_seeds(tables, drawn):
    for task in TASKS:
        layers = sufficient_layers(*tables, task)
        axes = first_axes(drawn["migration"], 8)[TASK_ORDER.index(task)]
        (drawn_line,) = [found for found in axes.lines if found.get_gid() == task]
        np.testing.assert_allclose(drawn_line.get_ydata(), layers.mean(axis=0))
        (found,) = axes.collections
        corners = found.get_paths()[0].vertices
        for step, column in zip(LOG_STEPS, layers.T, strict=True):
            heights = corners[corners[:, 0] == step, 1]
            assert (heights.min(), heights.max()) == (column.min(), column.max())


def test_migration_depths_bear_their_intervals(tables, drawn):
    rows = tables[1][(tables[1]["metric"] == "migration_depth") & (tables[1]["subset"] == "all")]
    (axes,) = [a for a in drawn["migration"].axes if a.get_xlabel() == "mean over steps (layer)"]
    for row in rows.itertuples():
        place = TASK_ORDER.index(row.task)
        at = [tuple(found.get_xdata()) for found in axes.lines if found.get_ydata()[0] == place]
        assert at == [(row.low, row.high), (row.value,)]


def test_selectivity_figure_shows_the_last_checkpoint(tables, drawn):
    last = scores_of(tables[0], "xpos", "selectivity")[:, -1]
    layers, means = line(drawn["selectivity"], "xpos:selectivity")
    np.testing.assert_allclose(means, last.mean(axis=0))
    for layer in layers:
        low, high = band_at(drawn["selectivity"], "xpos:selectivity", layer)
        assert (low, high) == (last[:, int(layer)].min(), last[:, int(layer)].max())


@pytest.mark.parametrize("subset", ["seen", "unseen", "ambiguous"])
def test_word_types_are_drawn_from_their_own_rows(tables, drawn, subset):
    found = marked(drawn["seen_unseen"], f"deprel:{subset}")
    accuracy = scores_of(tables[0], "deprel", "accuracy", subset)
    np.testing.assert_allclose(found[0].get_ydata(), accuracy[:, -1].mean(axis=0))
    np.testing.assert_allclose(found[1].get_ydata(), accuracy.max(axis=2).mean(axis=0))
    if subset != "ambiguous":
        layers = sufficient_layers(*tables, "deprel", subset)
        np.testing.assert_allclose(found[2].get_ydata(), layers.mean(axis=0))


def test_a_task_has_the_same_colour_in_all_figures(drawn):
    checked = set()
    for figure in drawn.values():
        for found in figure.findobj():
            name, gid = type(found).__name__, found.get_gid() or ""
            parts = [part for part in gid.split(":") if part in TASKS]
            if name == "Line2D" and parts and "control" not in gid:
                assert to_hex(found.get_color()).upper() == TASK_COLOURS[parts[0]]
                checked.add(parts[0])
    assert checked == set(TASKS)


def test_where_no_layer_suffices_the_boundary_lies_above_the_last():
    scores, migration = planted()
    none = boundary(scores, migration[migration["task"] != "upos"])
    assert set(none.loc[none["task"] == "upos", "value"]) == {5}
    assert len(none) == len(TASKS) * 2 * len(LOG_STEPS)


def test_a_task_that_never_beats_its_baseline_has_no_share_of_the_way():
    scores, migration = planted(tasks=("upos", "deprel"))
    flat = (scores["task"] == "upos") & (scores["metric"] == "accuracy")
    scores.loc[flat, "value"] = 0.1
    shares = normalised(scores)
    assert shares.loc[shares["task"] == "upos", "value"].isna().all()
    assert shares.loc[shares["task"] == "deprel", "value"].max() == 1
    for draw in FIGURES.values():
        draw(scores, migration[migration["task"] != "upos"])


FEW = {"tasks": ("upos", "tree_depth"), "layers": 3}
CASES = {
    "one seed": FEW | {"seeds": (0,)},
    "one task": {"tasks": ("upos",)},
    "trees only": {"tasks": ("tree_depth", "tree_distance")},
    "five tasks": {"tasks": ("entity", "upos", "xpos", "deprel", "tree_depth"), "layers": 2},
    "two steps": FEW | {"steps": (0, 3000)},
    "one step": FEW | {"steps": (3000,)},
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_drawn_from_little(case, name):
    figure = FIGURES[name](*planted(**CASES[case]))
    figure.draw_without_rendering()
    assert figure.axes or figure.texts


@pytest.mark.parametrize("name", ["migration", "selectivity", "seen_unseen"])
def test_one_seed_has_no_band_and_the_figure_says_so(name):
    figure = FIGURES[name](*planted(seeds=(3,), **FEW))
    assert not [a for a in figure.findobj() if (a.get_gid() or "").startswith("band:")]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "one seed, hence no band" in texts


@pytest.mark.parametrize("name", ["selectivity", "seen_unseen"])
def test_figures_of_word_labels_say_when_there_are_none(name):
    figure = FIGURES[name](*planted(tasks=("tree_depth",)))
    assert "No word-label task was measured" in figure.texts[0].get_text()


def test_spread_over_one_seed_is_refused_in_words():
    figure = FIGURES["regions"](*planted(seeds=(0,)))
    assert "at least two seeds" in figure.texts[0].get_text()


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("column", ["run", "corpus"])
def test_a_figure_of_two_runs_or_corpora_is_refused(name, column):
    scores, migration = planted(tasks=("upos",), steps=(0, 10))
    both = pd.concat([scores, scores.assign(**{column: "other"})])
    with pytest.raises(TableError, match=rf"one {column}, the table holds other, toy"):
        FIGURES[name](both, migration)


@pytest.mark.parametrize("name", FIGURES)
def test_rows_in_any_order_give_the_same_bytes(name):
    tables = planted(steps=(0, 1, 10, 100), seeds=(0, 1, 2), **FEW)
    assert_order_of_rows_does_not_matter(FIGURES[name], tables)


def test_figures_of_a_published_size_take_seconds():
    tables = planted(steps=[1000 * s for s in MULTIBERTS_STEPS], layers=13, seeds=range(5))
    for draw in FIGURES.values():
        start = time.process_time()
        draw(*tables).draw_without_rendering()
        assert time.process_time() - start < 5


def test_all_word_label_tasks_are_in_both_word_label_figures(drawn):
    for name in ("selectivity", "seen_unseen"):
        titles = {axes.get_title() for axes in drawn[name].axes} - {""}
        assert titles == {task.replace("_", " ") for task in WORD_LABEL_TASKS}
