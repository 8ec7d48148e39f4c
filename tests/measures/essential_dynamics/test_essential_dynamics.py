"""Known curves have the curvature, vertices, evolutes and forms that geometry gives them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogeny.errors import TrajectoryError
from ontogeny.measures.essential_dynamics import (
    find_forms,
    gram_matrix,
    lift,
    log_steps,
    principal_components,
    smooth,
    turning,
    vertices,
)
from ontogeny.measures.essential_dynamics.forms import cusps

# A little more than once around, from a place that is no vertex.
ONCE = np.linspace(0.3, 0.3 + 2 * np.pi, 600)


def curve(*functions, times=ONCE, bandwidth=0.02):
    return smooth(times, np.stack([f(times) for f in functions], axis=1), bandwidth)


def ellipse(a, b):
    return curve(lambda t: a * np.cos(t), lambda t: b * np.sin(t))


@settings(deadline=None, max_examples=20)
@given(st.floats(0.2, 5), st.floats(1.2, 4), st.floats(-3, 3))
@pytest.mark.slow
def test_an_ellipse_has_four_vertices_and_its_evolute_four_cusps(b, ratio, angle):
    a = b * ratio
    flat = ellipse(a, b)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = smooth(flat.times, flat.values @ rotation.T, 0.02)
    turns = turning(turned)
    places = vertices(turns.curvature)
    assert flat.times[places] == pytest.approx(np.pi / 2 * np.arange(1, 5), abs=0.02)
    # The cusps lie on the axes, (a^2 - b^2) / a and (a^2 - b^2) / b from the middle.
    lengths = np.linalg.norm(turns.centres[places], axis=1)
    expected = (a**2 - b**2) / np.array([b, a, b, a])
    assert lengths == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("radius", [0.01, 1.0, 300.0])
def test_a_circle_has_no_vertex_and_its_evolute_is_its_centre(radius):
    turns = turning(curve(lambda t: 5 + radius * np.cos(t), lambda t: -2 + radius * np.sin(t)))
    assert turns.curvature[5:-5] == pytest.approx(1 / radius, rel=0.01)
    assert turns.centres[5:-5] == pytest.approx(np.array([[5.0, -2]] * 590), abs=0.01 * radius)
    assert len(vertices(turns.curvature[5:-5])) == 0


@pytest.mark.parametrize(
    ("functions", "curvature"),
    [
        ((lambda t: t, lambda t: t**2), lambda t: 2 / (1 + 4 * t**2) ** 1.5),
        ((lambda t: t, np.cosh), lambda t: 1 / np.cosh(t) ** 2),
        (
            (lambda t: np.exp(t / 3) * np.cos(t), lambda t: np.exp(t / 3) * np.sin(t)),
            lambda t: 1 / (np.sqrt(1 + 1 / 9) * np.exp(t / 3)),
        ),
        ((lambda t: 3 * np.cos(t), lambda t: np.sin(t)), None),
        ((np.sin, lambda t: -np.cos(t)), lambda t: np.ones_like(t)),
    ],
    ids=["parabola", "catenary", "logarithmic spiral", "ellipse", "circle"],
)
def test_the_curvature_of_known_curves_is_right_within_1_percent(functions, curvature):
    times = np.linspace(-1, 2, 300)
    found = turning(curve(*functions, times=times)).curvature
    if curvature is None:
        expected = 3 / (9 * np.sin(times) ** 2 + np.cos(times) ** 2) ** 1.5
    else:
        expected = curvature(times)
    inner = slice(10, -10)
    assert found[inner] == pytest.approx(expected[inner], rel=0.01)


def test_a_curve_that_turns_right_has_negative_curvature():
    assert (turning(curve(np.sin, np.cos)).curvature < 0).all()


def test_a_straight_line_has_no_vertex():
    assert len(vertices(turning(curve(lambda t: t, lambda t: 2 * t)).curvature * 0)) == 0


@pytest.mark.parametrize("bandwidth", [0.1, 1.0])
def test_smoothing_leaves_a_cubic_as_it_is(bandwidth):
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0, 9, 25))
    at = np.linspace(0, 9, 50)
    found = smooth(times, times**3 - 2 * times, bandwidth, at)
    np.testing.assert_allclose(found.values, at**3 - 2 * at, atol=1e-6)
    np.testing.assert_allclose(found.first, 3 * at**2 - 2, atol=1e-5)
    np.testing.assert_allclose(found.second, 6 * at, atol=1e-4)


def test_smoothing_is_what_weighted_least_squares_gives():
    rng = np.random.default_rng(1)
    times, values = np.sort(rng.uniform(0, 9, 40)), rng.normal(size=(40, 2))
    found = smooth(times, values, 2.0, np.array([4.0]))
    weights = np.exp(-((times - 4) ** 2) / 8)
    for column in range(2):
        fit = np.polynomial.Polynomial.fit(
            times - 4, values[:, column], 3, w=np.sqrt(weights), domain=[-1, 1], window=[-1, 1]
        )
        assert found.values[0, column] == pytest.approx(fit(0))
        assert found.second[0, column] == pytest.approx(fit.deriv(2)(0))


def test_smoothing_with_few_checkpoints_is_refused():
    with pytest.raises(TrajectoryError, match="7 checkpoints; expected at least 8"):
        smooth(np.arange(7.0), np.zeros(7), 1.0)


@settings(deadline=None, max_examples=20)
@given(st.integers(5, 12), st.integers(20, 60), st.integers(0, 100))
def test_the_gram_matrix_gives_the_components_of_the_singular_value_decomposition(
    checkpoints, features, seed
):
    outputs = np.random.default_rng(seed).normal(size=(checkpoints, features)) + 3
    gram = gram_matrix([outputs[:, :7], outputs[:, 7:]])
    found = principal_components(gram)
    centred = outputs - outputs.mean(axis=0)
    u, s, directions = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(found.scores), np.abs(u * s)[:, :3], atol=1e-8)
    np.testing.assert_allclose(found.explained, (s**2 / (s**2).sum())[:3])
    assert (found.scores[-1] >= found.scores[0]).all()
    # A checkpoint, lifted, is its projection on the first three directions.
    expected = outputs.mean(axis=0) + centred[2] @ directions[:3].T @ directions[:3]
    np.testing.assert_allclose(lift(found, found.scores[2], outputs), expected, atol=1e-8)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (np.zeros((3, 5)), "3 checkpoints; expected at least 4"),
        (np.ones((6, 5)), "span fewer than 3 dimensions"),
        (np.full((6, 5), np.nan), "isn't a number"),
    ],
)
def test_outputs_without_three_components_are_refused(outputs, message):
    with pytest.raises(TrajectoryError, match=message):
        principal_components(gram_matrix([outputs]))


FORM = np.array([1.0, -2.0, 0.5])


def hairpin(sharpness):
    """A curve in three dimensions that comes from afar, turns around a point, and leaves."""
    times = np.linspace(-3, 3, 600)
    away = np.array([1.0, 0.8, -1.2])
    across = np.array([0.9, -1.1, 0.7])
    # A branch of a hyperbola around the point, its axis along `away`.
    values = (
        FORM
        + away * (np.sqrt(times**2 + sharpness**2))[:, None]
        + across * (sharpness * times)[:, None]
    )
    return smooth(times, values, 0.02)


def test_a_planted_form_is_found_and_nothing_else():
    forms = find_forms(hairpin(0.1), time_tolerance=0.2, place_tolerance=0.1)
    assert len(forms) == 1
    assert forms[0].time == pytest.approx(0, abs=0.1)
    extent = np.ptp(hairpin(0.1).values, axis=0)
    assert (np.abs(forms[0].coordinates - FORM) / extent).max() < 0.1


def test_a_form_is_found_in_the_space_of_outputs_it_was_planted_in():
    """Through components and back: outputs of 200 features that turn around a function."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(200, 3)))[0]
    mean = rng.normal(size=200)
    # A turn that is well within the plane of every two components: components of unequal size.
    path = hairpin(0.1)
    outputs = mean + (path.values * [1.0, 0.9, 0.8]) @ directions.T
    outputs += 1e-6 * rng.normal(size=outputs.shape)
    found = principal_components(gram_matrix([outputs]))
    assert found.explained.sum() == pytest.approx(1)
    target = mean + (FORM * [1.0, 0.9, 0.8]) @ directions.T
    forms_curve = smooth(path.times, found.scores, 0.05)
    # Every cusp's centre that is near the turn in time lifts to somewhere near the form.
    by_pair = cusps(forms_curve)
    times, places = by_pair[0, 1]
    nearest = np.abs(times).argmin()
    point = np.array([*places[nearest], found.scores[np.abs(path.times).argmin(), 2]])
    size = np.ptp(outputs, axis=0).max() * np.sqrt(200)
    assert np.linalg.norm(lift(found, point, outputs) - target) < 0.1 * size


def test_a_cusp_in_one_projection_alone_is_no_form():
    times = np.linspace(-3, 3, 600)
    values = np.stack([times, np.sqrt(times**2 + 0.01), times + 0.2 * times**3], axis=1)
    assert find_forms(smooth(times, values, 0.02), time_tolerance=0.2, place_tolerance=0.05) == []


def test_step_0_has_a_time():
    assert log_steps(np.array([0, 1, 9])) == pytest.approx([0, np.log(2), np.log(10)])
