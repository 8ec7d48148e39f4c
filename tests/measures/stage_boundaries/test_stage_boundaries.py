"""Boundaries are found where curves have plateaus, and their intervals hold what they should."""

import itertools

import numpy as np
import pytest

from ontogeny.errors import TrajectoryError
from ontogeny.measures.essential_dynamics import log_steps, smooth
from ontogeny.measures.stage_boundaries import (
    agreement,
    bootstrap_boundaries,
    find_boundaries,
    stages,
)
from ontogeny.measures.stage_boundaries.boundaries import boundaries_of, grid

# "Stagewise Development in Neural Networks": the ends of stages, and the changes of lambda-hat.
LANGUAGE = ([900, 6500, 8500, 17000, 50000], [26.4, 22.5, -1.57, 8.62, 1.77])
REGRESSION = ([1000, 40000, 126000, 320000, 500000], [21.4, 149, -12.3, -44.1, 3.56])


def plateaus(times, ends, changes, start=0.0):
    """A curve that is level at the end of each stage, and changes smoothly between."""
    levels = np.cumsum([0, *changes])
    knots = np.array([start, *ends])
    place = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(ends) - 1)
    share = (times - knots[place]) / (knots[place + 1] - knots[place])
    smoothstep = share**2 * (3 - 2 * share)
    return levels[place] + np.diff(levels)[place] * smoothstep


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize(
    ("published", "types"), [(LANGUAGE, "AABAA"), (REGRESSION, "AABBA")], ids=["LM", "LR"]
)
def test_the_published_boundaries_are_recovered(published, types, noise):
    ends, changes = published
    steps = np.unique(np.geomspace(100, ends[-1], 400).round())
    times = log_steps(steps)
    curve = plateaus(times, log_steps(np.array(ends)), changes, start=times[0])
    curve += noise * np.random.default_rng(0).normal(size=len(curve))
    bandwidth = 0.05 if noise == 0 else 0.08
    found = stages(times, curve, bandwidth)
    assert "".join(stage.type for stage in found) == types
    steps_found = np.expm1([stage.end for stage in found])
    assert steps_found == pytest.approx(np.array(ends), rel=0.1)
    assert [stage.change for stage in found] == pytest.approx(changes, abs=0.5)


def test_sign_changes_alone_would_miss_four_of_eight_published_boundaries():
    missed = 0
    for _, changes in (LANGUAGE, REGRESSION):
        missed += sum(a * b > 0 for a, b in itertools.pairwise(changes))
    assert missed == 4


@pytest.mark.parametrize(
    "curve", [lambda t: 0 * t, lambda t: 3 * t, np.exp], ids=["level", "line", "exponential"]
)
def test_a_curve_without_plateaus_has_no_boundary(curve):
    times = np.linspace(0, 5, 60)
    assert len(find_boundaries(times, curve(times), 0.3)) == 0


@pytest.mark.parametrize("rise", [1.0, 3.0, 30.0])
def test_a_coarse_curve_that_never_falls_has_no_stage_of_falling(rise):
    times = log_steps(np.array([0, 20, 29, 41, 59, 84, 121, 173, 248, 356, 510, 730, 1047, 1500]))
    curve = 1 / (1 + np.exp(-rise * (times - times[9])))
    smoothed = smooth(times, curve, 0.4, np.linspace(times[0], times[-1], 200)).values
    if rise > 1:  # what the types would be read off otherwise
        assert (smoothed.max() - smoothed[: smoothed.argmax()].min()) > 1.01 * np.ptp(curve)
    assert {stage.type for stage in stages(times, curve, 0.4)} == {"A"}


def test_between_checkpoints_that_are_far_apart_there_is_no_boundary():
    steps = np.array([0, 200, 264, 347, 458, 603, 795, 1048, 1382, 1821, 2400])
    values = np.array([-3, 11, 9, 7, 9.5, 16, 22, 28, 30, 32, 36.0])
    times, bandwidth = np.log1p(steps), 0.4
    at = grid(times, bandwidth)
    curve, levels = smooth(times, values, bandwidth, at), np.interp(at, times, values)
    anywhere = boundaries_of(curve, levels, np.ones(len(at), dtype=bool))
    assert anywhere[0] < np.log1p(10)  # where nothing was measured
    np.testing.assert_array_equal(find_boundaries(times, values, bandwidth), anywhere[1:])


def test_fewer_checkpoints_than_smoothing_needs_are_refused():
    with pytest.raises(TrajectoryError, match="5 checkpoints; expected at least 8"):
        find_boundaries(np.arange(5.0), np.zeros(5), 1.0)


TIMES = np.linspace(0, 10, 60)
TRUE = plateaus(TIMES, [4.0, 7.0, 10.0], [10, 6, -4])


def noisy(generator, seeds, chains, of_seeds=0.3, of_chains=0.6):
    """Curves of chains, (seeds, chains, checkpoints): what is common to a seed, and its own."""
    shape = (seeds, 1, len(TIMES))
    curves = TRUE + of_seeds * generator.normal(size=shape)
    return curves + of_chains * generator.normal(size=(seeds, chains, len(TIMES)))


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "chains"), [(1, 8), (8, 4)])
def test_intervals_hold_the_true_boundaries_as_often_as_they_say(seeds, chains):
    generator = np.random.default_rng(0)
    target = find_boundaries(TIMES, TRUE, 0.6)
    assert len(target) == 2
    held, trials = np.zeros(2), 80
    between = 0.0 if seeds == 1 else 0.3
    for _ in range(trials):
        values = noisy(generator, seeds, chains, between)
        found = bootstrap_boundaries(TIMES, values, 0.6, resamples=100, generator=generator)
        for number, time in enumerate(target):
            nearest = np.abs(found.times - time).argmin()
            held[number] += found.low[nearest] <= time <= found.high[nearest]
    assert (held / trials > 0.85).all()


def test_boundaries_that_are_plain_are_found_in_every_resample():
    generator = np.random.default_rng(1)
    values = noisy(generator, 3, 4, 0.01, 0.01)
    found = bootstrap_boundaries(TIMES, values, 0.3, resamples=50, generator=generator)
    assert found.times == pytest.approx([4.0, 7.0], abs=0.2)
    assert found.found == pytest.approx(1.0)
    assert (found.high - found.low < 0.3).all()


def test_a_chain_that_is_left_out_somewhere_is_none_elsewhere():
    generator = np.random.default_rng(1)
    values = noisy(generator, 2, 4, 0.01, 0.01)
    values[0, 0, 10:20] = np.nan
    found = bootstrap_boundaries(TIMES, values, 0.3, resamples=50, generator=generator)
    assert found.times == pytest.approx([4.0, 7.0], abs=0.2)
    with pytest.raises(TrajectoryError, match="one chain of one seed"):
        bootstrap_boundaries(TIMES, values[:1, :1], 0.3, resamples=9, generator=generator)
    values[0, :, 12] = np.nan
    with pytest.raises(TrajectoryError, match="no chain that stayed near"):
        bootstrap_boundaries(TIMES, values, 0.3, resamples=50, generator=generator)


def test_the_permutation_test_is_what_enumeration_gives():
    times = np.arange(9.0)
    points, boundaries = np.array([1.0, 6.1]), np.array([2.0, 6.0])
    distances = [min(abs(t - b) for b in boundaries) for t in times]
    every = [np.mean(pair) for pair in itertools.combinations(distances, 2)]
    expected = np.mean(np.array(every) <= 0.5)
    found = agreement(
        points, boundaries, times, permutations=20_000, generator=np.random.default_rng(0)
    )
    assert found.distance == 0.5
    assert found.p_value == pytest.approx(expected, abs=0.01)
    assert found.by_chance == pytest.approx(np.mean(every), abs=0.02)


def test_under_the_null_small_p_values_are_as_rare_as_they_say():
    generator = np.random.default_rng(0)
    times, values = np.linspace(0, 8, 40), []
    for _ in range(300):
        points = generator.choice(times, 3, replace=False)
        found = agreement(points, np.array([2.1, 5.3]), times, permutations=99, generator=generator)
        values.append(found.p_value)
    assert np.mean(np.array(values) <= 0.1) < 0.15


def test_nothing_agrees_with_nothing():
    generator = np.random.default_rng(0)
    assert (
        agreement(np.array([]), np.array([1.0]), TIMES, permutations=9, generator=generator) is None
    )
