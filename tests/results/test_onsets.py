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
    resampled_ratio,
    steepest_drop,
)
from ontogeny.results.onsets import onset, onset_of_rise, rise

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


@settings(max_examples=40, deadline=None)
@given(st.integers(12, 60), st.floats(3, 9), st.floats(0.35, 1.0), st.booleans(), st.floats(-3, 3))
def test_the_onset_of_a_logistic_curve_is_where_it_accelerates_most(
    count, centre, width, with_zero, size
):
    steps = log_spaced(count)[0 if with_zero else 1 :]
    planted = np.exp(centre - width * FASTEST)
    height = np.exp(size)
    curve = 2 + height * sigmoid(steps, np.exp(centre), width)
    found = float(onset(steps, curve))
    assert np.log(found) == pytest.approx(np.log(max(planted, steps[1])), abs=0.03) or (
        with_zero and found < steps[1]
    )
    # As the second derivative says, by differences on a fine grid.
    x = np.linspace(centre - 6, centre + 6, 20_001)
    fine = 1 / (1 + np.exp(-(x - centre) / width))
    fastest = x[1:-1][np.diff(fine, 2).argmax()]
    assert np.log(planted) == pytest.approx(fastest, abs=1e-3)


def test_equal_onsets_at_unequal_widths_lie_no_way_apart_and_within_the_interval():
    steps = log_spaced(20)
    generator = np.random.default_rng(0)
    lags, covered = [], []
    for _ in range(60):
        at = np.log(generator.uniform(50, 2000))
        rows = []
        for width in (0.3, 1.0):
            chance = 0.5 + 0.4 * sigmoid(steps, np.exp(at + width * FASTEST), width)
            hard = generator.random((400, 1)) + generator.normal(0, 0.1, (400, len(steps)))
            weights = crossed_weights(1, 400, 100, generator)[1]
            right = (hard < chance).astype(float)
            rows.append(onset(steps, resampled_ratio(weights, right, np.ones((400, 1)))))
        lag = np.log2(rows[0]) - np.log2(rows[1])
        low, high = bootstrap_interval(lag)
        lags.append(lag[0])
        covered.append(low <= 0 <= high)
    # In doublings of the step; the smallest published lag is a third of one.
    assert abs(np.mean(lags)) < 3 * np.std(lags) / np.sqrt(len(lags)) + 0.02
    assert abs(np.mean(lags)) < 0.1
    assert np.mean(covered) > 0.85


@pytest.mark.parametrize("count", [15, 25, 60])
@pytest.mark.parametrize("centre", [300, 3000])
def test_an_onset_planted_in_a_noisy_sigmoid_is_found(count, centre):
    steps = log_spaced(count)
    planted = centre * np.exp(-0.8 * FASTEST)
    noise = np.random.default_rng(count + centre).normal(0, 0.01, (40, len(steps)))
    errors = np.log(onset(steps, sigmoid(steps, centre, 0.8) + noise) / planted)
    assert np.abs(errors).max() < 0.3
    assert abs(errors.mean()) < 3 * errors.std() / np.sqrt(len(errors))


def test_an_onset_is_found_on_a_schedule_that_is_even_in_steps():
    steps = np.arange(0, 2_001, 20) * 1000
    planted = 300_000 * np.exp(-0.5 * FASTEST)
    curves = sigmoid(steps, 300_000, 0.5)
    curves = curves + np.random.default_rng(0).normal(0, 0.01, (20, len(steps)))
    assert (np.abs(np.log(onset(steps, curves) / planted)) < 0.1).all()


def test_a_rise_between_two_checkpoints_has_its_onset_between_them():
    steps = log_spaced(12)
    for place in range(2, len(steps) - 2):
        found = onset(steps, (np.arange(len(steps)) > place).astype(float))
        assert steps[place] <= found <= steps[place + 1]


def test_noise_without_a_rise_seldom_has_an_onset():
    steps = log_spaced(20)
    noise = np.random.default_rng(3).normal(0, 1, (1000, len(steps)))
    assert np.isfinite(onset(steps, noise)).mean() < 0.05


def test_a_curve_that_ends_no_higher_than_its_noise_above_its_beginning_has_no_onset():
    steps = log_spaced(12)
    generator = np.random.default_rng(4)
    weights = crossed_weights(1, 300, 200, generator)[1]
    for height, has in ((0.01, False), (0.4, True)):
        right = generator.random((300, len(steps))) < 0.5 + height * sigmoid(steps, 300, 0.5)
        rows = resampled_ratio(weights, right.astype(float), np.ones((300, 1)))
        value, low, high = rise(rows)
        assert value == rows[0, -1] - rows[0, 0]
        assert low <= value <= high
        assert (low > 0) == has
        assert np.isfinite(onset_of_rise(steps, rows)).all() == has
        assert np.isnan(onset_of_rise(steps, rows)).all() != has


def test_what_rose_before_the_first_checkpoint_or_is_not_half_done_at_the_last_has_no_onset():
    steps = np.unique(np.round(np.geomspace(100, 10_000, 15)))
    assert np.isnan(onset(steps, sigmoid(steps, 120, 0.5)))
    assert np.isnan(onset(steps, sigmoid(steps, 40_000, 0.5)))
    assert np.isfinite(onset(steps, sigmoid(steps, 1000, 0.3)))
    assert np.isnan(onset(steps, -sigmoid(steps, 1000, 0.3)))


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
        assert rows[0] == pytest.approx(float(onset(steps, curve)))
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
