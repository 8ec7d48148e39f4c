"""The style of figures: colours, axes, bands over seeds, and files that are the same each time."""

import itertools
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.optimize import LinearConstraint, minimize

from ontogeny.corpora.tasks import TASKS
from ontogeny.figures.axes import (
    is_logarithmic,
    label_ends,
    layer_axis,
    layer_colours,
    short_number,
    spread_apart,
    step_axis,
    step_edges,
    step_label,
)
from ontogeny.figures.style import (
    STYLE,
    TASK_COLOURS,
    TASK_MARKERS,
    band,
    each,
    legend_below,
    over_seeds,
    panels,
    save,
    statement,
    styled,
)

LOG_STEPS = (0, 1, 2, 4, 9, 19, 41, 87, 185, 394, 1000, 3000)

# Machado, Oliveira and Fernandes (2009), severity 1: how colours look to dichromats, linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def lab(colour, sight="normal"):
    """CIE L*a*b* (D65) of a colour as it looks to someone."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(SIGHT[sight]) @ linear, 0, 1)
    to_xyz = [[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]]
    xyz = np.array(to_xyz) @ linear / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHT)
def test_task_colours_differ_for_everyone(sight):
    seen = [lab(colour, sight) for colour in TASK_COLOURS.values()]
    distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    assert min(distances) > 15  # some seven just noticeable differences


def test_each_task_has_its_own_colour_and_marker():
    assert set(TASK_COLOURS) == set(TASK_MARKERS) == set(TASKS)
    assert len(set(TASK_COLOURS.values())) == len(set(TASK_MARKERS.values())) == len(TASKS)


def test_task_colours_are_dark_enough_for_white_paper():
    assert max(lab(colour)[0] for colour in TASK_COLOURS.values()) < 75


@given(st.integers(2, 40))
def test_layer_colours_rise_in_lightness(layers):
    lightness = [lab(colour[:3])[0] for colour in layer_colours(layers)]
    assert (np.diff(lightness) > 0).all()


@pytest.mark.parametrize(
    ("steps", "logarithmic"),
    [
        (LOG_STEPS, True),
        ((0, *(2**k for k in range(10)), *range(1000, 144000, 1000)), True),  # Pythia
        ([1000 * k for k in (*range(0, 201, 20), *range(300, 2001, 100))], True),  # MultiBERTs
        (range(0, 3001, 250), False),
        (range(100, 1001, 100), False),
        ((0, 3000), False),
        ((500,), False),
        ((0,), False),
        ((100, 200), False),
        ((10, 100, 1000, 10000), True),
    ],
)
def test_step_axis_is_logarithmic_where_the_schedule_is(steps, logarithmic):
    assert is_logarithmic(list(steps)) == logarithmic
    axes = Figure().subplots()
    step_axis(axes, list(steps))
    assert (axes.get_xscale() in ("log", "symlog")) == logarithmic
    assert axes.get_xlabel() == ("step (updates, log)" if logarithmic else "step (updates)")
    assert axes.get_xlabel() == step_label(list(steps))


schedules = st.lists(st.integers(0, 10**6), min_size=1, max_size=40, unique=True)


@given(schedules)
@settings(max_examples=60, deadline=None)
def test_every_step_lies_on_the_axis_in_a_cell_of_its_own(steps):
    axes = Figure().subplots()
    step_axis(axes, steps)
    edges, ordered = step_edges(axes, steps), np.sort(steps)
    assert len(edges) == len(steps) + 1
    assert (edges[:-1] < ordered).all()
    assert (ordered < edges[1:]).all()
    np.testing.assert_allclose(axes.get_xlim(), edges[[0, -1]])
    labelled = axes.get_xticks()
    assert len(labelled)
    assert labelled.min() >= ordered[0]
    assert labelled.max() <= ordered[-1]


@given(schedules)
@settings(max_examples=60, deadline=None)
def test_cells_meet_midway_between_the_steps_as_shown(steps):
    axes = Figure().subplots()
    step_axis(axes, steps)
    show = axes.xaxis.get_transform().transform
    if len(steps) > 1:
        places, borders = show(np.sort(steps).astype(float)), show(step_edges(axes, steps))
        scale = np.ptp(places)
        np.testing.assert_allclose(borders[1:-1], (places[1:] + places[:-1]) / 2, atol=1e-6 * scale)


def test_positive_steps_are_spaced_by_their_logarithms_and_zero_stands_apart():
    axes = Figure().subplots()
    step_axis(axes, LOG_STEPS)
    places = axes.xaxis.get_transform().transform(np.array(LOG_STEPS, dtype=float))
    differences = np.diff(places[1:]) / np.diff(np.log10(LOG_STEPS[1:]))
    np.testing.assert_allclose(differences, differences[0])
    decades = (places[1] - places[0]) / differences[0]
    assert decades == pytest.approx(np.median(np.diff(np.log10(LOG_STEPS[1:]))))
    (mark,) = [line for line in axes.lines if line.get_gid() == "break"]
    assert 0 < mark.get_xdata()[0] < 1


def test_tick_labels_are_0_and_powers_of_ten():
    figure = Figure()
    axes = figure.subplots()
    step_axis(axes, LOG_STEPS)
    figure.draw_without_rendering()
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["0", "1", "10", "100", "1k"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # 100 would run into 0, and one number alone tells nothing of a scale.
        ((0, 100, 147, 217, 319, 470, 692, 1019, 1500), ["0", "200", "500", "1k"]),
        ((100, 147, 217, 319, 470, 692, 1019, 1500), ["100", "1k"]),
        ((0, 40, 70, 120, 210, 370, 700), ["0", "50", "100", "200", "500"]),
    ],
)
def test_an_axis_of_few_decades_has_two_numbers_at_least_besides_0(steps, expected):
    figure = Figure()
    axes = figure.subplots()
    step_axis(axes, steps)
    figure.draw_without_rendering()
    assert [label.get_text() for label in axes.get_xticklabels()] == expected


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (900, "900"), (1500, "1.5k"), (2_000_000, "2M")]
)
def test_steps_are_written_briefly(number, text):
    assert short_number(number) == text


@given(st.integers(0, 60), st.integers(2, 9), st.booleans())
@settings(max_examples=60, deadline=None)
def test_layer_0_is_called_emb_and_ticks_are_layers(last, most, none):
    axes = Figure().subplots()
    layer_axis(axes, range(last + 1), most=most, none=none)
    names = [label.get_text() for label in axes.get_yticklabels()]
    ticks = list(axes.get_yticks())
    assert axes.get_ylabel() == "layer"
    if none:
        assert names.pop() == "none"
        assert ticks.pop() == last + 1
    assert names[:1] in ([], ["emb."]) if none else names[0] == "emb."
    assert names[1:] == [str(int(tick)) for tick in ticks[1:]]
    assert len(names) <= most + 1
    assert axes.get_ylim() == (-0.5, last + (1.5 if none else 0.5))


@given(
    arrays(float, st.integers(1, 7), elements=st.floats(0, 1, width=16)).map(np.sort),
    st.floats(0.01, 0.3),
)
@settings(max_examples=40, deadline=None)
def test_labels_move_as_little_as_need_be(places, apart):
    spread = spread_apart(places, apart)
    assert (np.diff(spread) >= apart - 1e-9).all()
    if len(places) > 1:
        neighbours = np.diff(np.eye(len(places)), axis=0)
        best = minimize(
            lambda moved: ((moved - places) ** 2).sum(),
            np.arange(len(places)) * apart,
            constraints=LinearConstraint(neighbours, apart, np.inf),
            method="SLSQP",
            options={"ftol": 1e-12},
        )
        np.testing.assert_allclose(spread, best.x, atol=1e-3)


def test_labels_at_the_ends_of_lines_do_not_overlap():
    @styled
    def draw():
        figure = Figure(figsize=(4, 2), layout="constrained")
        label_ends(figure.subplots(), dict.fromkeys(TASKS, 0.5), TASK_COLOURS)
        return figure

    figure = draw()
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in figure.axes[0].texts]  # without the leaders
    assert len(boxes) == len(TASKS)
    boxes.sort(key=lambda box: box.y0)
    assert all(a.y1 <= b.y0 + 0.5 for a, b in itertools.pairwise(boxes))


def frame_of(values):
    """A long table of values (seeds, steps)."""
    return pd.DataFrame(
        [{"seed": s, "step": t, "value": v} for (s, t), v in np.ndenumerate(values)]
    )


@given(arrays(float, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.floats(-9, 9)))
@settings(max_examples=50, deadline=None)
def test_bands_reach_from_the_lowest_to_the_highest_seed(values):
    axes = Figure().subplots()
    summary = over_seeds(frame_of(values), "step")
    line = band(axes, summary, color="red", gid="x")
    np.testing.assert_allclose(line.get_ydata(), values.mean(axis=0), atol=1e-12)
    assert len(axes.collections) == (len(values) > 1)
    if len(values) > 1:
        np.testing.assert_allclose(summary["sd"], values.std(axis=0, ddof=1), atol=1e-9)
        corners = axes.collections[0].get_paths()[0].vertices
        for step in range(values.shape[1]):
            heights = corners[corners[:, 0] == step, 1]
            assert heights.min() == values[:, step].min()
            assert heights.max() == values[:, step].max()


def test_each_group_is_summarised_by_itself():
    frame = pd.concat(
        [frame_of(np.ones((2, 3))).assign(task="a"), frame_of([[5.0]]).assign(task="b")]
    )
    groups = each(frame, "task", "step")
    assert list(groups) == ["a", "b"]
    assert groups["a"]["seeds"].tolist() == [2, 2, 2]
    assert groups["b"]["mean"].tolist() == [5.0]


@pytest.mark.parametrize(
    ("seeds", "texts"),
    [
        (1, ["one seed, hence no band"]),
        (3, ["line: mean of 3 seeds", "band: lowest to highest"]),
    ],
)
def test_the_legend_says_what_lines_and_bands_are(seeds, texts):
    figure = Figure()
    legend_below(figure, seeds)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == texts


@pytest.mark.parametrize("count", range(1, 9))
def test_outer_panels_bear_labels_whatever_their_number(count):
    figure = Figure()
    grid = panels(figure, TASKS[:count], 4, x="step (updates)", y="layer")
    assert list(grid) == list(TASKS[:count])
    assert len(figure.axes) == count
    named = [axes.get_xlabel() for axes in grid.values()]
    assert named[-min(4, count) :] == ["step (updates)"] * min(4, count)
    assert [axes.get_ylabel() for axes in grid.values()][::4] == ["layer"] * -(-count // 4)


@styled
def drawing():
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    step_axis(axes, LOG_STEPS)
    band(axes, over_seeds(frame_of(np.arange(6.0).reshape(2, 3)), "step"), color="k", gid="x")
    return figure


def test_saving_twice_gives_the_same_bytes(tmp_path):
    figure = drawing()
    save(figure, tmp_path / "a.b")  # a dot in the name is part of the name
    save(figure, tmp_path / "again")
    save(drawing(), tmp_path / "anew")
    assert len(list(tmp_path.iterdir())) == 9
    for suffix in ("svg", "png", "pdf"):
        first = (tmp_path / f"a.b.{suffix}").read_bytes()
        assert first == (tmp_path / f"again.{suffix}").read_bytes()
        assert first == (tmp_path / f"anew.{suffix}").read_bytes()


def test_files_bear_no_date_and_the_pdf_keeps_its_text(tmp_path):
    save(drawing(), tmp_path / "figure")
    assert b"<dc:date>" not in (tmp_path / "figure.svg").read_bytes()
    assert b"<text" not in (tmp_path / "figure.svg").read_bytes()
    pdf = (tmp_path / "figure.pdf").read_bytes()
    assert b"CreationDate" not in pdf
    assert b"/CIDFontType2" in pdf or b"/TrueType" in pdf
    assert b"/Type3" not in pdf


def test_a_figure_that_cannot_be_written_leaves_nothing(tmp_path):
    figure = drawing()
    figure.text(0.5, 0.5, r"$\nonsense$")
    with pytest.raises(ValueError, match="nonsense"):
        save(figure, tmp_path / "figure")
    assert list(tmp_path.iterdir()) == []


def test_a_users_own_style_neither_changes_a_figure_nor_is_changed(tmp_path):
    save(drawing(), tmp_path / "plain")
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 9, "axes.facecolor": "red"}):
        save(drawing(), tmp_path / "own")
        assert mpl.rcParams["font.size"] == 20
    assert (tmp_path / "own.png").read_bytes() == (tmp_path / "plain.png").read_bytes()
    assert STYLE["font.size"] < 20


def test_a_statement_is_a_figure_too(tmp_path):
    save(statement("Nothing to draw."), tmp_path / "figure")
    assert (tmp_path / "figure.svg").stat().st_size > 0


def test_colours_are_written_in_full():
    assert all(to_hex(colour).upper() == colour for colour in TASK_COLOURS.values())


def test_drawing_needs_neither_torch_nor_pyplot_nor_scipy():
    code = (
        "import sys, ontogeny.runs.figures, ontogeny.audit.figures, ontogeny.figures.forest\n"
        "from importlib import import_module\n"
        "from ontogeny.studies import STUDIES\n"
        "for study in STUDIES: import_module(f'ontogeny.studies.{study.name}.figures')\n"
        "slow = ('torch', 'transformers', 'matplotlib.pyplot', 'scipy.signal', 'scipy.stats')\n"
        "print([name for name in slow if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
