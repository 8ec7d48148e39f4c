"""Milestones that move together are found, and those that share a date alone are not."""

from itertools import permutations
from unittest.mock import patch

import numpy as np
import pytest
from scipy import stats

from ontogeny.measures.timelines.coincidence import coincidence


def found_in(times, within=0.1, draws=999, seed=0):
    generator = np.random.default_rng(seed)
    return coincidence(np.asarray(times, float), within, permutations=draws, generator=generator)


def test_shares_are_counted_and_expected_as_all_pairings_have_them():
    generator = np.random.default_rng(3)
    times = generator.normal(size=(4, 5))
    times[1, 2] = np.nan
    found = found_in(times, within=0.8, draws=9)
    for a, b in permutations(range(4), 2):
        near = [abs(x - y) <= 0.8 for x, y in zip(times[a], times[b], strict=True)]
        assert found.share[a, b] == np.mean(near)
        counts = [
            np.mean(np.abs(times[a] - times[b][list(order)]) <= 0.8)
            for order in permutations(range(5))
        ]
        assert found.expected[a, b] == pytest.approx(np.mean(counts))


@pytest.mark.parametrize("seeds", [1, 2, 5, 6])
def test_p_is_exactly_the_share_of_pairings_that_coincide_as_often(seeds):
    generator = np.random.default_rng(seeds)
    times = generator.normal(size=(5, seeds))
    times[0] = times[1] + 0.01
    found = found_in(times, within=0.5)
    for a, b in permutations(range(5), 2):
        counts = np.array(
            [
                (np.abs(times[a] - times[b][list(order)]) <= 0.5).sum()
                for order in permutations(range(seeds))
            ]
        )
        if counts.min() == counts.max():
            assert np.isnan(found.p[a, b])
        else:
            assert found.p[a, b] == pytest.approx(np.mean(counts >= found.share[a, b] * seeds))


def test_adjusted_is_over_all_pairs_and_attainable_is_the_least_it_could_be():
    times = np.random.default_rng(8).normal(size=(6, 7))
    found = found_in(times, within=0.4)
    upper = np.triu_indices(6, 1)
    p = found.p[upper]
    told = ~np.isnan(p)
    expected = stats.false_discovery_control(p[told])
    assert found.adjusted[upper][told] == pytest.approx(expected)
    assert (found.attainable[upper][told] <= found.adjusted[upper][told] + 1e-12).all()


def test_many_seeds_are_tested_by_drawn_permutations_as_by_all():
    times = np.random.default_rng(5).normal(size=(4, 10))
    times[1] = times[0] + np.random.default_rng(6).normal(0, 0.6, 10)
    exact = found_in(times, within=0.3)
    with patch("ontogeny.measures.timelines.coincidence.EXACT", 1):
        drawn = found_in(times, within=0.3, draws=4000)
    assert drawn.p == pytest.approx(exact.p, abs=0.03, nan_ok=True)
    assert drawn.expected == pytest.approx(exact.expected)


def test_milestones_that_are_planted_together_are_found_among_many_that_are_not():
    generator = np.random.default_rng(1)
    times = generator.normal(size=(12, 9))
    times[7] = times[2] + generator.normal(scale=0.02, size=9)
    found = found_in(times, draws=1999)
    significant = np.argwhere(np.nan_to_num(found.adjusted, nan=1.0) < 0.05)
    assert significant.tolist() == [[2, 7], [7, 2]]


def test_two_that_always_come_at_the_same_step_share_a_date_and_prove_nothing():
    times = np.vstack([np.full(9, 3.0), np.full(9, 3.05), np.arange(9)])
    found = found_in(times)
    assert found.share[0, 1] == 1
    assert np.isnan([found.p[0, 1], found.attainable[0, 1]]).all()


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_few_seeds_can_never_be_significant(seeds):
    times = np.tile(np.arange(seeds, dtype=float), (5, 1))
    found = found_in(times)
    defined = found.attainable[~np.isnan(found.attainable)]
    assert (defined >= 0.05).all()


@pytest.mark.slow
def test_under_independence_any_pair_is_found_no_more_often_than_the_level():
    found = []
    for trial in range(400):
        generator = np.random.default_rng([11, trial])
        # Rounded as by a schedule of checkpoints, and with a usual time of its own for each.
        times = np.round(generator.normal(generator.uniform(0, 3, 10)[:, None], 0.5, (10, 6)), 1)
        p = found_in(times, within=0.21, draws=199, seed=trial).adjusted
        found.append(np.nanmin(p, initial=1.0) < 0.05)
    # 400 trials at .05: 20 expected, and 31 or more with probability .01.
    assert sum(found) <= 31


def test_a_seed_without_the_milestone_coincides_with_nothing():
    found = found_in([[0.0, 1, np.nan], [0.0, 1, 2]])
    assert found.share[0, 1] == pytest.approx(2 / 3)


def test_no_milestones_are_no_pairs():
    assert found_in(np.zeros((0, 0)), draws=9).share.shape == (0, 0)
