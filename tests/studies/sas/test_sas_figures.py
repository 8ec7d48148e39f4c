"""The figures of syntactic attention show what its tables hold."""

import numpy as np
import pandas as pd
import pytest
from drawn_figures import (
    assert_order_of_rows_does_not_matter,
    line,
    marked,
    of_all_tables,
    texts,
)
from matplotlib.colors import to_hex
from planted_sas_tables import FIELDS, STEPS, planted, planted_interventions

from ontogeny.errors import TableError
from ontogeny.figures.style import in_style
from ontogeny.studies.sas import figures
from ontogeny.studies.sas.intervention_figure import run_styles
from ontogeny.studies.sas.study import SAS
from ontogeny.studies.sas.tables import DIRECTIONS

pytestmark = pytest.mark.slow

FIGURES = of_all_tables(SAS, figures.FIGURES)
interventions = FIGURES.pop("interventions")


@pytest.fixture(scope="module")
def tables():
    return planted(relations=16)


@pytest.fixture(scope="module")
def drawn(tables):
    return {name: draw(*tables) for name, draw in FIGURES.items()}


@pytest.fixture(scope="module")
def compared():
    return planted_interventions(relations=3)


def means(table, metric, **where):
    """The mean over seeds of a metric at each step; a column that is None must be null."""
    rows = table[table["metric"] == metric]
    for column, wanted in where.items():
        rows = rows[rows[column].isna() if wanted is None else rows[column] == wanted]
    return rows.groupby("step")["value"].mean()


def legend_texts(figure):
    legend = figure.legends[-1]
    return [text.get_text() for text in legend.get_texts()]


def said_to_be_absent(figure):
    return figure.legends[-1].get_title().get_text().replace("\n", " ")


# --- onsets and complexity ----------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["uas", "uas_held_out", "offset_uas", "loss"])
def test_curves_are_means_over_seeds_at_each_step(tables, drawn, metric):
    steps, values = line(drawn["onsets"], metric)
    expected = means(tables[0], metric, relation=None)
    np.testing.assert_array_equal(steps, STEPS)
    np.testing.assert_allclose(values, expected)


@pytest.mark.parametrize("field", [None, *FIELDS])
def test_capability_is_drawn_overall_and_by_field(tables, drawn, field):
    gid = "capability" if field is None else f"capability:{field}"
    _, values = line(drawn["onsets"], gid)
    expected = means(tables[0], "minimal_pair_accuracy", paradigm=None, field=field)
    np.testing.assert_allclose(values, expected)


def test_seeds_are_drawn_thin_behind_their_mean(tables, drawn):
    for seed in (0, 1):
        rows = tables[0].query("metric == 'loss' and seed == @seed").sort_values("step")
        (thin,) = marked(drawn["onsets"], f"loss:seed {seed}")
        (mean,) = marked(drawn["onsets"], "loss")
        np.testing.assert_allclose(thin.get_ydata(), rows["value"])
        assert thin.get_linewidth() < mean.get_linewidth()
        assert thin.get_zorder() < mean.get_zorder()


@pytest.mark.parametrize("name", ["onsets", "complexity"])
@pytest.mark.parametrize("milestone", ["structure_onset", "loss_drop", "capability_onset"])
def test_milestones_stand_where_the_table_has_them(tables, drawn, name, milestone):
    rows = tables[1][tables[1]["metric"] == milestone]
    (mean,) = rows[rows["seed"].isna()].to_dict("records")
    assert line(drawn[name], milestone)[0] == [mean["value"]]
    np.testing.assert_array_equal(
        line(drawn[name], f"interval:{milestone}")[0], [mean["low"], mean["high"]]
    )
    of_seeds = rows[rows["seed"].notna()].sort_values("seed")["value"]
    np.testing.assert_array_equal(line(drawn[name], f"seeds:{milestone}")[0], of_seeds)
    lines = marked(drawn[name], f"at:{milestone}")
    assert len(lines) == 3  # panels
    assert {found.get_xdata()[0] for found in lines} == {mean["value"]}


def test_change_points_stand_beside_the_onsets_that_they_second(tables, drawn):
    for kind in ("structure", "capability"):
        rows = tables[1][tables[1]["seed"].isna()].set_index("metric")["value"]
        place, row = line(drawn["onsets"], f"{kind}_change_point")
        assert place == [rows[f"{kind}_change_point"]]
        assert row == line(drawn["onsets"], f"{kind}_onset")[1]


def test_the_shading_covers_the_steps_of_the_loss_drop_and_no_others(tables, drawn):
    rows = tables[1][tables[1]["seed"].isna()].set_index("metric")["value"]
    within = [rows["loss_drop_begins"] <= step <= rows["loss_drop_ends"] for step in STEPS]
    shadings = marked(drawn["onsets"], "window")
    assert len(shadings) == 4  # the strip and three panels
    for shading in shadings:
        left, right = shading.get_x(), shading.get_x() + shading.get_width()
        assert [left < step < right for step in STEPS] == within


def test_a_window_of_one_step_is_seen():
    table, onsets, attention = planted(relations=3)
    edge = onsets["metric"].isin(["loss_drop_begins", "loss_drop_ends"])
    onsets.loc[edge, "value"] = 41.0
    (shading, *_) = marked(FIGURES["onsets"](table, onsets, attention), "window")
    left, right = shading.get_x(), shading.get_x() + shading.get_width()
    assert [step for step in STEPS if left < step < right] == [41]


def test_intrinsic_dimension_has_a_line_for_each_layer(tables, drawn):
    for layer in range(5):
        _, values = line(drawn["complexity"], f"dimension:{layer}")
        np.testing.assert_allclose(values, means(tables[0], "intrinsic_dimension", layer=layer))


@pytest.mark.parametrize("metric", ["fisher_trace", "weight_norm"])
def test_complexity_is_that_of_the_table(tables, drawn, metric):
    np.testing.assert_allclose(line(drawn["complexity"], metric)[1], means(tables[0], metric))


def test_only_what_spans_orders_of_magnitude_is_on_a_logarithmic_axis(drawn):
    scales = {
        metric: marked(drawn["complexity"], metric)[0].axes.get_yscale()
        for metric in ("fisher_trace", "weight_norm")
    }
    assert scales == {"fisher_trace": "log", "weight_norm": "linear"}
    assert "Fisher trace (log)" in texts(drawn["complexity"])


# --- relations and heads ------------------------------------------------------------------------


def test_the_most_frequent_relations_have_panels_and_the_others_rows(tables, drawn):
    words = tables[0].query("metric == 'uas'").groupby("relation")["n"].max()
    by_frequency = words.sort_values(ascending=False).index
    titles = [axes.get_title().split("\n") for axes in drawn["relations"].axes]
    panels = [title for title in titles if title != [""]]
    assert [title[0] for title in panels] == list(by_frequency[:12])
    assert panels[0][1] == "2,400 words, offset \N{MINUS SIGN}1"
    (mesh,) = marked(drawn["relations"], "map")
    rows = [label.get_text() for label in mesh.axes.get_yticklabels()]
    assert rows == [f"{name}  {words[name]:,.0f}" for name in by_frequency[12:]]


@pytest.mark.parametrize("metric", ["uas", "uas_held_out", "offset_uas"])
def test_panels_of_relations_hold_their_means(tables, drawn, metric):
    for relation in ("case", "aux"):
        _, values = line(drawn["relations"], f"{metric}:{relation}")
        np.testing.assert_allclose(values, means(tables[0], metric, relation=relation))


def test_the_map_holds_uas_held_out_and_beside_it_the_best_offsets(tables, drawn):
    others = ["nmod", "cop", "nmod:poss", "advcl"]
    (mesh,) = marked(drawn["relations"], "map")
    expected = [means(tables[0], "uas_held_out", relation=relation) for relation in others]
    np.testing.assert_allclose(mesh.get_array().reshape(4, len(STEPS)), expected)
    (mesh,) = marked(drawn["relations"], "map of offsets")
    expected = [means(tables[0], "offset_uas", relation=relation).iloc[-1] for relation in others]
    np.testing.assert_allclose(np.ravel(mesh.get_array()), expected)


def test_the_table_of_heads_is_that_of_the_lowest_seed_at_the_last_step(tables, drawn):
    last = tables[0].query("step == 3000 and seed == 0")
    best = last.query("metric == 'uas' and relation == relation").sort_values("n", ascending=False)
    written = {}
    for axes in drawn["heads"].axes:
        for text in axes.texts:
            written.setdefault(round(text.get_position()[1]), []).append(text.get_text())
    for row, relation in enumerate(best.to_dict("records"), start=1):
        own = last[last["relation"] == relation["relation"]].set_index("metric")["value"]
        ends = ("dep.", "head") if relation["direction"] == DIRECTIONS[0] else ("head", "dep.")
        assert written[row] == [
            relation["relation"],
            f"{relation['n']:,.0f}",
            f"{relation['layer']:.0f}-{relation['head']:.0f}",
            " \N{RIGHTWARDS ARROW} ".join(ends),
            f"{relation['value']:.2f}",
            f"{own['uas_held_out']:.2f}",
            f"{own['offset_uas']:.2f}",
        ]
    assert "share of words, step 3,000, seed 0" in texts(drawn["heads"])


@pytest.mark.parametrize("metric", ["uas", "uas_held_out", "offset_uas"])
def test_dots_of_heads_are_the_numbers_beside_them(tables, drawn, metric):
    last = tables[0].query("step == 3000 and seed == 0 and metric == @metric")
    values, rows = line(drawn["heads"], metric)
    np.testing.assert_array_equal(rows, np.arange(17))
    assert values[0] == last[last["relation"].isna()]["value"].item()
    by_relation = last[last["relation"].notna()].sort_values("n", ascending=False)
    np.testing.assert_array_equal(values[1:], by_relation["value"])


def test_other_seeds_stand_pale_in_the_table_of_heads(tables, drawn):
    (pale,) = marked(drawn["heads"], "seed 1")
    rows = tables[0].query("step == 3000 and seed == 1 and metric == 'uas_held_out'")
    assert sorted(pale.get_xdata()) == sorted(rows["value"])
    assert pale.get_alpha() < 1
    assert "other seed, held out" in legend_texts(drawn["heads"])


# --- interventions ------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["uas_held_out", "loss", "minimal_pair_accuracy"])
def test_every_run_has_its_curve_and_its_last_value(compared, metric):
    table, onsets, labels = compared
    figure = interventions(table, onsets, labels=labels)
    null = {"field": None} if metric == "minimal_pair_accuracy" else {"relation": None}
    for row, run in enumerate(labels):
        expected = means(table, metric, run=run, **null)
        np.testing.assert_allclose(line(figure, f"{metric}:{run}")[1], expected)
        values, rows = line(figure, f"final:{metric}:{run}")
        assert (values[0], rows[0]) == (pytest.approx(expected.iloc[-1]), row)
        of_seeds = table[(table["run"] == run) & (table["step"] == 3000)]
        of_seeds = of_seeds[of_seeds["metric"] == metric]
        for name in null:
            of_seeds = of_seeds[of_seeds[name].isna()]
        assert sorted(line(figure, f"seeds:{metric}:{run}")[0]) == sorted(of_seeds["value"])


def test_rings_are_on_each_runs_own_milestones(compared):
    table, onsets, labels = compared
    own = (onsets["run"] == "suppressed") & (onsets["metric"] == "structure_onset")
    onsets = onsets.assign(value=onsets["value"].mask(own, 394.0))
    figure = interventions(table, onsets, labels=labels)
    (axes,) = {found.axes for found in marked(figure, "uas_held_out:suppressed")}
    rings = [found for found in axes.lines if found.get_gid() == "milestone"]
    colour = run_styles(labels)["suppressed"]["color"]
    ((step,), (height,)) = next(r.get_data() for r in rings if r.get_color() == colour)
    assert step == 394
    assert height == means(table, "uas_held_out", run="suppressed", relation=None)[394]
    assert len(rings) == len(labels)


def test_the_baseline_is_black_and_every_run_has_a_colour_and_a_marker_of_its_own():
    labels = {"b": "baseline", "s": "suppressed throughout", "p": "promoted throughout"}
    labels |= {f"u{step}": f"suppressed until {step:,}" for step in (10, 100, 300, 1000)}
    labels["o"] = "other stages"
    styles = run_styles(labels)
    assert styles["b"]["color"] == "#000000"
    for key in ("color", "marker"):
        assert len({style[key] for style in styles.values()}) == len(labels)
    assert run_styles({"p": "promoted throughout"})["p"] == styles["p"]
    assert all(to_hex(style["color"]) != "#ffffff" for style in styles.values())


def test_a_control_stands_hollow_below_its_run_and_has_no_curve(compared):
    table, onsets, _ = compared
    gold = "suppressed until 87, 0.03"
    labels = {"toy-bert": "baseline", "until-87": gold, "until-394": f"{gold}, random edges"}
    figure = interventions(table, onsets, labels=labels)
    assert not marked(figure, "loss:until-394")
    assert marked(figure, "loss:until-87")
    own, control = (marked(figure, f"final:uas_held_out:{run}")[0] for run in list(labels)[1:])
    assert own.get_ydata()[0] == 1 < control.get_ydata()[0] < 2
    assert control.get_color() == own.get_color()
    assert control.get_fillstyle() == "none"
    assert own.get_fillstyle() == "full"
    assert [label.get_text() for label in own.axes.get_yticklabels()] == ["baseline", gold]
    assert "random edges" in legend_texts(figure)
    lonely = {run: label for run, label in labels.items() if run != "until-87"}
    (control,) = marked(interventions(table, onsets, labels=lonely), "final:uas_held_out:until-394")
    ticks = [label.get_text() for label in control.axes.get_yticklabels()]
    assert ticks == ["baseline", f"{gold}, random edges"]


def test_runs_stand_in_the_order_of_the_labels(compared):
    table, onsets, labels = compared
    backwards = dict(reversed(labels.items()))
    figure = interventions(table, onsets, labels=backwards)
    (final,) = marked(figure, "final:uas_held_out:promoted")
    ticks = [label.get_text() for label in final.axes.get_yticklabels()]
    assert ticks == list(backwards.values())
    assert legend_texts(figure)[: len(ticks)] == ticks


def test_runs_with_the_same_label_are_told_apart_by_name(compared):
    table, onsets, _ = compared
    labels = {"toy-bert": "baseline", "until-87": "other stages", "promoted": "other stages"}
    figure = interventions(table, onsets, labels=labels)
    assert legend_texts(figure)[1:3] == ["other stages (until-87)", "other stages (promoted)"]


def test_a_run_without_rows_is_named_and_one_without_label_left_out(compared):
    table, onsets, labels = compared
    shown = {"toy-bert": labels["toy-bert"], "gone": "suppressed throughout"}
    figure = interventions(table, onsets, labels=shown)
    assert said_to_be_absent(figure) == "Not shown: suppressed throughout (no rows)."
    assert not marked(figure, "loss:promoted")


# --- little, wrong and shuffled tables ----------------------------------------------------------

FEW = {"relations": 2}
LONG = (("Donaudampfschifffahrtsgesellschaft", 2, "nsubj"), ("anlegt", 0, "root"))
CASES = {
    "one seed": FEW | {"seeds": (3,)},
    "one step": FEW | {"steps": (3000,)},
    "step 0 alone": FEW | {"steps": (0,)},
    "no step 0": FEW | {"steps": (10, 100, 1000, 2000, 3000)},
    "no suite": FEW | {"suite": None},
    "no onsets": FEW | {"found": False},
    "thirteen relations": {"relations": 13, "steps": (0, 3000)},
    "long words": FEW | {"steps": (0, 3000), "sentence": LONG * 13},
    "one word": FEW | {"steps": (0, 3000), "sentence": (("Go", 0, "root"),)},
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_drawn_from_little(case, name):
    figure = FIGURES[name](*planted(**CASES[case]))
    figure.draw_without_rendering()
    assert figure.axes or figure.texts


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", list(CASES)[:6])
def test_interventions_are_drawn_from_little(case):
    *tables, labels = planted_interventions(**CASES[case])
    figure = interventions(*tables, labels=labels)
    figure.draw_without_rendering()
    assert figure.axes


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", FIGURES)
def test_empty_tables_give_a_sentence(name):
    figure = FIGURES[name](*(table.iloc[:0] for table in planted(steps=(0,), **FEW)))
    assert not figure.axes
    assert figure.texts[0].get_text().endswith(".")


def test_without_minimal_pairs_the_figures_say_so():
    table, onsets, attention = planted(suite=None, **FEW)
    figure = FIGURES["onsets"](table, onsets, attention)
    assert said_to_be_absent(figure) == "Not shown: capability (no minimal pairs were scored)."
    assert not marked(figure, "capability")
    figure = interventions(table, onsets, labels={"toy-bert": "baseline"})
    assert said_to_be_absent(figure) == "Not shown: capability (no minimal pairs were scored)."


def test_an_onset_that_was_not_found_is_named():
    table, onsets, attention = planted(**FEW)
    figure = FIGURES["onsets"](table, onsets[onsets["metric"] != "structure_onset"], attention)
    assert said_to_be_absent(figure) == "Not shown: structure onset (none was found)."
    assert marked(figure, "loss_drop")


@pytest.mark.parametrize("name", ["onsets", "complexity"])
def test_a_curve_that_does_not_rise_beyond_its_noise_is_said_to_have_no_onset(name):
    table, onsets, attention = planted(**FEW)
    flat = onsets[onsets["metric"] != "capability_onset"].copy()
    flat.loc[flat["metric"] == "capability_rise", ["value", "low", "high"]] = 0.009, -0.011, 0.031
    figure = FIGURES[name](table, flat, attention)
    assert said_to_be_absent(figure).replace("\n", " ") == (
        "Not shown: capability onset (no rise beyond noise: +0.009 [-0.011, +0.031] from the first "
        "checkpoint to the last)."
    )
    assert not marked(figure, "capability_onset")


def test_an_onset_without_an_interval_is_a_mark_alone():
    table, onsets, attention = planted(**FEW)
    figure = FIGURES["onsets"](table, onsets.assign(low=None, high=None), attention)
    assert not marked(figure, "interval:structure_onset")
    assert marked(figure, "structure_onset")
    assert not [text for text in legend_texts(figure) if "interval" in text]


@pytest.mark.parametrize("name", ["onsets", "relations", "heads"])
def test_figures_say_when_nothing_could_be_held_out(name):
    table, onsets, attention = planted(relations=14)
    figure = FIGURES[name](table[table["metric"] != "uas_held_out"], onsets, attention)
    assert said_to_be_absent(figure) == "Not shown: UAS held out (one sentence was scored)."
    figure.draw_without_rendering()


@pytest.mark.parametrize("name", ["onsets", "complexity"])
def test_one_seed_has_no_thin_lines_and_the_figure_says_so(name):
    figure = FIGURES[name](*planted(seeds=(3,), **FEW))
    assert not [a for a in figure.findobj() if "seed 3" in (a.get_gid() or "")]
    assert "one seed" in legend_texts(figure)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_two_runs_or_corpora_is_refused(name, tables):
    place = 2 if name == "attention" else 0
    for column, shown in (("run", "toy-bert"), ("corpus", "toyglish")):
        twice = list(tables)
        twice[place] = pd.concat([twice[place], twice[place].assign(**{column: "other"})])
        with pytest.raises(
            TableError, match=rf"shows one {column}, the table holds other, {shown}"
        ):
            FIGURES[name](*twice)


def test_two_suites_of_minimal_pairs_are_refused(compared):
    table, onsets, labels = compared
    pairs = table[table["metric"] == "minimal_pair_accuracy"].assign(corpus="blimp")
    with pytest.raises(TableError, match="one suite of minimal pairs, the table holds blimp, toy"):
        interventions(pd.concat([table, pairs]), onsets, labels=labels)


@pytest.mark.parametrize("name", FIGURES)
def test_rows_in_any_order_give_the_same_bytes(name, tables):
    assert_order_of_rows_does_not_matter(FIGURES[name], tables)


def test_runs_in_any_order_give_the_same_bytes(compared):
    *tables, labels = compared
    assert_order_of_rows_does_not_matter(interventions, tables, labels=labels)


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_that_is_written_is_cut_off(name, drawn):
    figure = drawn[name]
    with in_style():
        figure.draw_without_rendering()
        boxes = [part.get_tightbbox() for part in [*figure.axes, *figure.legends]]
    for box in boxes:
        assert min(box.x0, box.y0) > -1
        assert box.x1 < figure.bbox.width + 1
        assert box.y1 < figure.bbox.height + 1
