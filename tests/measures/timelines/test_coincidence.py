"""Milestones that move together are found, and those that share a date alone are not."""

from itertools import permutations

import numpy as np
import pytest

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


def test_p_of_two_milestones_is_that_of_all_their_pairings():
    times = np.array([[0.0, 1, 2, 3, 4], [0.0, 1, 2, 4, 3]])
    found = found_in(times, within=0.5, draws=19999)
    as_many = [
        sum(abs(x - y) <= 0.5 for x, y in zip(times[0], times[1][list(order)], strict=True)) >= 3
        for order in permutations(range(5))
    ]
    assert found.p[0, 1] == pytest.approx(np.mean(as_many), abs=0.01)
    assert found.attainable[0, 1] == pytest.approx(1 / 120, abs=0.003)


def test_milestones_that_are_planted_together_are_found_among_many_that_are_not():
    generator = np.random.default_rng(1)
    times = generator.normal(size=(12, 9))
    times[7] = times[2] + generator.normal(scale=0.02, size=9)
    found = found_in(times, draws=1999)
    significant = np.argwhere(np.nan_to_num(found.p, nan=1.0) < 0.05)
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
        p = found_in(times, within=0.21, draws=199, seed=trial).p
        found.append(np.nanmin(p, initial=1.0) < 0.05)
    # 400 trials at .05: 20 expected, and 31 or more with probability .01.
    assert sum(found) <= 31


def test_a_seed_without_the_milestone_coincides_with_nothing():
    found = found_in([[0.0, 1, np.nan], [0.0, 1, 2]])
    assert found.share[0, 1] == pytest.approx(2 / 3)


def test_no_milestones_are_no_pairs():
    assert found_in(np.zeros((0, 0)), draws=9).share.shape == (0, 0)
