"""Onsets, drops and change points of curves whose own are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogeny.results.change_points import change_points
from ontogeny.results.milestones import (
    bootstrap_interval,
    crossed_weights,
    local_derivatives,
    log_step,
    mean_over_seeds,
    onset,
    resampled_ratio,
    steepest_drop,
)

# A logistic curve of width w around c accelerates most at c - w * log(2 + sqrt(3)).
FASTEST = np.log(2 + np.sqrt(3))


def sigmoid(steps, centre, width):
    return 1 / (1 + np.exp(-(log_step(steps) - np.log(centre)) / width))


def log_spaced(count, last=100_000):
    return np.unique(np.r_[0, np.round(np.geomspace(1, last, count))].astype(int))


def nearest(steps, target):
    """Indices of steps within one place of the one nearest to the target in log step."""
    at = np.abs(log_step(steps) - np.log(target)).argmin()
    return steps[max(at - 1, 0) : at + 2]


def test_step_0_stands_one_gap_before_the_first_positive_step():
    assert np.allclose(log_step(np.array([0, 10, 100, 1000])), np.log([1, 10, 100, 1000]))
    assert np.allclose(log_step(np.array([3, 5])), np.log([3, 5]))
    assert np.isfinite(log_step(np.array([0, 7]))).all()


@settings(max_examples=30, deadline=None)
@given(
    st.sets(st.integers(1, 10**6), min_size=5, max_size=25),
    st.tuples(*[st.floats(-2, 2)] * 3),
    st.floats(0.3, 3),
)
def test_derivatives_of_a_parabola_in_log_step_are_exact_on_any_schedule(
    steps, coefficients, bandwidth
):
    steps = np.sort(list(steps))
    x, (a, b, c) = np.log(steps), coefficients
    slope, acceleration = local_derivatives(steps, a + b * x + c * x**2, bandwidth)
    # Neighbouring integers far out lie 10^-6 apart in log step: the fit is that much less precise.
    gap = np.minimum(np.diff(x)[:-1], np.diff(x)[1:]).min()
    tolerance = 1e-9 / gap**2 + 1e-9
    inside = slice(2, -2)
    assert np.allclose(slope[inside], (b + 2 * c * x)[inside], atol=tolerance)
    assert np.allclose(acceleration[inside], 2 * c, atol=tolerance)
    assert np.isnan(slope[[0, 1, -2, -1]]).all()


@pytest.mark.parametrize("count", [15, 25, 60])
@pytest.mark.parametrize("centre", [300, 3000])
def test_an_onset_planted_in_a_noisy_sigmoid_is_found(count, centre):
    steps = log_spaced(count)
    width = 0.8
    planted = centre * np.exp(-width * FASTEST)
    generator = np.random.default_rng(count + centre)
    curves = sigmoid(steps, centre, width) + generator.normal(0, 0.005, (40, len(steps)))
    found = onset(steps, curves)
    # A gap of the schedule, or half of what the sigmoid takes from a tenth to a half.
    allowed = max(np.diff(log_step(steps)).max(), 0.9)
    assert (np.abs(np.log(found / planted)) < allowed).mean() > 0.9
    assert np.median(np.log(found / planted)) == pytest.approx(0, abs=allowed / 1.2)
    # Without the sigmoid there is nothing to be found there.
    noise = onset(steps, generator.normal(0, 1, (40, len(steps))))
    assert (np.abs(np.log(noise / planted)) < allowed).mean() < 0.6


def test_an_onset_is_found_on_a_schedule_that_is_even_in_steps():
    steps = np.arange(0, 2_001, 20) * 1000
    planted = 300_000 * np.exp(-0.5 * FASTEST)
    curves = sigmoid(steps, 300_000, 0.5)
    curves = curves + np.random.default_rng(0).normal(0, 0.01, (20, len(steps)))
    assert (np.abs(np.log(onset(steps, curves) / planted)) < 0.4).mean() > 0.85


def test_a_curve_that_nowhere_accelerates_has_no_onset():
    steps = np.array([0, 1, 10, 100, 1000, 10_000])
    assert np.isnan(onset(steps, np.ones(6)))
    assert np.isnan(onset(steps, 0.3 + 0.1 * log_step(steps)))
    assert np.isnan(onset(steps, np.array([0, 0, 0, np.nan, 1, 1])))
    with pytest.raises(ValueError, match="at least 5"):
        onset(steps[:4], np.ones(4))


def test_the_steepest_drop_of_a_falling_sigmoid_is_at_its_centre_and_its_window_is_known():
    steps = log_spaced(120)
    centre, width = 1000, 0.7
    at, first, last = steepest_drop(steps, -sigmoid(steps, centre, width), bandwidth=0.2)
    assert at in nearest(steps, centre)
    # A logistic curve is half as steep at log(3 + 2 sqrt(2)) widths from its centre.
    away = width * np.log(3 + 2 * np.sqrt(2))
    assert np.log(first) == pytest.approx(np.log(centre) - away, abs=0.15)
    assert np.log(last) == pytest.approx(np.log(centre) + away, abs=0.15)


def test_the_window_of_a_drop_holds_the_drop_and_ends_before_another():
    steps = log_spaced(60)
    two = -sigmoid(steps, 30, 0.3) - 0.8 * sigmoid(steps, 30_000, 0.3)
    at, first, last = steepest_drop(steps, np.stack([two, np.zeros_like(two)]), bandwidth=0.3)
    assert first[0] <= at[0] <= last[0] < 1000
    assert np.isnan([at[1], first[1], last[1]]).all()


def test_the_interval_of_an_onset_covers_it_and_widens_with_fewer_sentences():
    steps = log_spaced(20)
    chance = sigmoid(steps, 1000, 0.8)
    planted = 1000 * np.exp(-0.8 * FASTEST)
    widths = []
    for sentences in (40, 2000):
        generator = np.random.default_rng(sentences)
        total = generator.integers(1, 20, (sentences, 1, 1))
        right = generator.binomial(total, chance, (sentences, 3, len(steps)))
        by_seed, by_sentence = crossed_weights(3, sentences, 100, np.random.default_rng(0))
        curves = mean_over_seeds(resampled_ratio(by_sentence, right, total), by_seed)
        rows = onset(steps, curves)
        assert rows.shape == (101,)
        curve = (right.sum(0) / total.sum(0)).mean(0)
        assert rows[0] == onset(steps, curve)
        low, high = bootstrap_interval(rows)
        widths.append(np.log(high / low))
        assert low <= nearest(steps, planted)[-1]
        assert high >= nearest(steps, planted)[0]
    assert widths[1] <= widths[0]


def test_bends_of_a_piecewise_linear_curve_are_its_change_points():
    steps = np.unique(np.round(np.geomspace(1, 100_000, 45)))
    x = np.log(steps)
    values = np.clip(x - np.log(100), 0, np.log(50))  # flat, rising from 100, flat from 5000
    values = values + np.random.default_rng(0).normal(0, 0.01, len(steps))
    found = change_points(steps, values)
    assert found.shape == (2,)
    assert np.allclose(np.log(found), np.log([100, 5000]), atol=0.35)
    with_zero = change_points(np.r_[0, steps], np.r_[0, values])
    assert np.allclose(np.log(with_zero), np.log([100, 5000]), atol=0.35)
    with pytest.raises(ValueError, match="NaN"):
        change_points(steps, np.full(len(steps), np.nan))
