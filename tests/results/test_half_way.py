"""Half-way points: where they lie, what has none, and how sure they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from ontogeny.results.half_way import half_way, half_way_interval, monotone

STEPS = np.array([0, *np.geomspace(10, 1000, 9)])


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12))
def test_the_monotone_curve_is_that_of_isotonic_regression(values):
    assert monotone(np.array(values)) == pytest.approx(isotonic_regression(values).x, abs=1e-9)


def test_many_curves_are_fitted_as_each_alone():
    curves = np.random.default_rng(0).normal(size=(3, 4, 7))
    together = monotone(curves)
    for place in np.ndindex(3, 4):
        assert together[place] == pytest.approx(isotonic_regression(curves[place]).x)


def test_a_line_in_log_step_is_half_way_in_the_middle_of_log_step():
    steps = np.geomspace(10, 1000, 6)
    at, low, high = half_way(steps, np.log(steps))
    assert at == pytest.approx(100)
    assert (low, high) == (steps[2], steps[3])
    falling, _, _ = half_way(steps, -np.log(steps))
    assert falling == pytest.approx(100)


def test_a_step_is_half_way_in_its_gap():
    values = np.where(STEPS[4] < STEPS, 1.0, 0.0)
    at, low, high = half_way(STEPS, values)
    assert (low, high) == (STEPS[4], STEPS[5])
    assert at == pytest.approx(np.sqrt(STEPS[4] * STEPS[5]))


def test_what_changes_at_once_is_half_way_between_0_and_the_first_step():
    at, low, high = half_way(STEPS, np.where(STEPS > 0, 1.0, 0.0))
    assert (low, high) == (0, 10)
    assert at == pytest.approx(5)


def test_what_goes_up_and_down_or_stands_still_has_no_half_way():
    there_and_back = np.array([0, 1, 2, 3, 4, 3.5, 2.5, 1.5, 0.6, 0.1])
    assert np.isnan(half_way(STEPS, there_and_back)[0])
    assert np.isnan(half_way(STEPS, np.full(10, 0.3))[0])
    assert np.isnan(half_way(STEPS, np.r_[np.nan, np.arange(9)])[0])


def test_noise_rarely_has_a_half_way():
    noise = np.random.default_rng(7).normal(size=(2000, len(STEPS)))
    assert np.isfinite(half_way(STEPS, noise)[0]).mean() < 0.1


def test_a_curve_needs_four_steps():
    with pytest.raises(ValueError, match="at least 4"):
        half_way(STEPS[:3], np.arange(3))


@pytest.mark.slow
def test_intervals_of_half_way_points_hold_the_truth_as_often_as_they_say():
    generator = np.random.default_rng(2)
    rise = 1 / (1 + np.exp(-3 * (np.log(np.maximum(STEPS, 1)) - np.log(120))))
    truth = half_way(STEPS, rise)[0]
    held = []
    for _ in range(300):
        words = rise * generator.uniform(0.5, 1.5, (60, 1)) + generator.normal(0, 0.5, (60, 10))
        weights = generator.multinomial(60, np.full(60, 1 / 60), size=200)
        rows = np.vstack([words.mean(axis=0), weights @ words / 60])
        _, low, high = half_way_interval(STEPS, rows)
        held.append(low <= truth <= high)
    # 95% of 300 is 285; the standard error is 4.
    assert 270 <= sum(held) <= 297


def test_a_curve_that_does_not_change_beyond_its_noise_has_no_interval():
    rows = np.random.default_rng(1).normal(size=(200, 10))
    assert np.isnan(half_way_interval(STEPS, rows)).all()
