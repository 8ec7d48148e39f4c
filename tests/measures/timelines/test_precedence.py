"""What comes before what: exact tests, and a partial order that doesn't repeat itself."""

from math import comb

import numpy as np
import pytest

from ontogeny.measures.timelines.partial_order import least_p, reduction
from ontogeny.measures.timelines.precedence import precedence


def two_sided(heads, tosses):
    tail = sum(comb(tosses, k) for k in range(max(heads, tosses - heads), tosses + 1))
    return min(1.0, 2 * tail / 2**tosses)


def test_p_is_that_of_a_fair_coin_over_the_seeds_that_differ():
    generator = np.random.default_rng(0)
    times = np.round(generator.normal(size=(5, 9)), 0)  # with ties
    times[3, :4] = np.nan
    found = precedence(times)
    for a in range(5):
        for b in range(5):
            tosses = int(((times[a] < times[b]) | (times[a] > times[b])).sum())
            assert found.compared[a, b] == tosses
            if tosses:
                assert found.p[a, b] == pytest.approx(two_sided(int(found.before[a, b]), tosses))
            else:
                assert np.isnan(found.p[a, b])


def test_p_values_are_adjusted_as_benjamini_and_hochberg_have_it():
    times = np.random.default_rng(1).normal(np.arange(6)[:, None] / 2, 0.4, size=(6, 8))
    found = precedence(times)
    upper = np.triu_indices(6, 1)
    p = found.p[upper]
    adjusted = [min(min(1.0, q * len(p) / (p <= q).sum()) for q in p if q >= value) for value in p]
    assert found.adjusted[upper] == pytest.approx(adjusted)
    assert np.array_equal(found.adjusted, found.adjusted.T, equal_nan=True)


def test_a_planted_order_is_recovered_and_drawn_as_a_chain():
    generator = np.random.default_rng(2)
    times = np.arange(5)[:, None] + generator.uniform(0, 0.9, size=(5, 10))
    found = precedence(times)
    assert found.always.tolist() == np.triu(np.ones((5, 5), bool), 1).tolist()
    assert (found.adjusted[found.always] < 0.05).all()
    assert reduction(found.always) == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_five_seeds_decide_nothing_and_six_may():
    assert least_p(5) == 0.0625
    assert least_p(6) == 0.03125
    assert precedence(np.repeat([[0.0], [1.0]], 5, axis=1)).p[0, 1] == 0.0625


def test_always_is_a_partial_order_whatever_the_times():
    for seed in range(20):
        times = np.random.default_rng(seed).normal(size=(8, 3))
        times[np.random.default_rng(seed).random(times.shape) < 0.1] = np.nan
        always = precedence(times).always
        assert not always.diagonal().any()
        assert not (always & always.T).any()
        through = (always[:, :, None] & always[None]).any(axis=1)
        assert (always | ~through).all()  # transitive


def test_the_reduction_keeps_what_follows_from_it_and_nothing_else():
    times = np.random.default_rng(5).normal(np.arange(7)[:, None] / 3, 0.4, size=(7, 3))
    always = precedence(times).always
    kept = np.zeros_like(always)
    for first, second in reduction(always):
        kept[first, second] = True
    closure = kept.copy()
    for _ in range(7):
        closure |= (closure[:, :, None] & kept[None]).any(axis=1)
    assert (closure == always).all()
    for first, second in reduction(always):
        assert not (always[first] & always[:, second]).any()  # nothing stands between
