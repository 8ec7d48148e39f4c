"""Bootstrap weights against exact enumeration; intervals and rank trends against slow versions."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import stats

from ontogeny.results import milestones
from ontogeny.results.milestones import (
    bootstrap_interval,
    bootstrap_weights,
    crossed_weights,
    mean_over_seeds,
    percentile_interval,
    ranks,
    resampled_ratio,
    spearman,
)


def assert_frequencies(found: Counter, expected: dict, draws: int) -> None:
    """Each outcome comes as often as it should, within five standard errors."""
    assert set(found) <= set(expected)
    for outcome, probability in expected.items():
        error = np.sqrt(probability * (1 - probability) / draws)
        assert abs(found[outcome] / draws - probability) <= 5 * error, outcome


@pytest.mark.parametrize("groups", [1, 2, 3, 4])
def test_weights_come_as_often_as_enumeration_of_all_draws_says(groups):
    draws = 20_000
    weights = bootstrap_weights(groups, draws, np.random.default_rng(groups))
    exact = Counter()
    for drawn in itertools.product(range(groups), repeat=groups):
        exact[tuple(np.bincount(drawn, minlength=groups))] += 1 / groups**groups
    assert_frequencies(Counter(map(tuple, weights[1:])), exact, draws)


@given(st.integers(1, 30), st.integers(1, 20), st.integers(0, 1000))
def test_first_row_is_the_data_and_every_row_draws_as_many_as_there_are(groups, draws, seed):
    weights = bootstrap_weights(groups, draws, np.random.default_rng(seed))
    assert weights.shape == (1 + draws, groups)
    assert (weights[0] == 1).all()
    assert (weights.sum(axis=1) == groups).all()


def test_mean_over_seeds_and_sentences_is_distributed_as_enumeration_of_both_says():
    correct = np.array([[0, 3], [2, 7]])  # (sentences, seeds)
    n = np.array([[4, 4], [9, 9]])
    exact: Counter = Counter()
    for sentences in itertools.product(range(2), repeat=2):
        for seeds in itertools.product(range(2), repeat=2):
            chosen = np.ix_(sentences, seeds)
            ratio = (correct[chosen].sum(axis=0) / n[chosen].sum(axis=0)).mean()
            exact[round(ratio, 9)] += 1 / 16
    draws = 20_000
    seed_weights, sentence_weights = crossed_weights(2, 2, draws, np.random.default_rng(3))
    ratios = mean_over_seeds(resampled_ratio(sentence_weights, correct, n), seed_weights)
    assert_frequencies(Counter(np.round(ratios[1:], 9)), exact, draws)


def test_a_single_seed_is_always_drawn_once():
    seed_weights, _ = crossed_weights(1, 5, 50, np.random.default_rng(0))
    assert (seed_weights == 1).all()


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 1000))
def test_resampled_ratio_is_that_of_the_sentences_written_out(sentences, cells, seed):
    generator = np.random.default_rng(seed)
    weights = generator.integers(0, 3, size=(5, sentences))
    n = generator.integers(0, 4, size=(sentences, 2, cells))
    correct = generator.integers(0, n + 1)
    ratios = resampled_ratio(weights, correct, n)
    assert ratios.shape == (5, 2, cells)
    for draw, row in enumerate(weights):
        written = np.repeat(np.arange(sentences), row)
        for cell in np.ndindex(2, cells):
            total = sum(int(n[s][cell]) for s in written)
            right = sum(int(correct[s][cell]) for s in written)
            found = ratios[draw][cell]
            assert found == right / total if total else np.isnan(found)


@given(st.integers(1, 40), st.integers(0, 1000))
def test_resampled_ratio_is_the_same_in_blocks_and_with_a_denominator_given_once(cells, seed):
    generator = np.random.default_rng(seed)
    weights = generator.integers(0, 3, size=(4, 6))
    n = generator.integers(0, 4, size=(6, 1, 1))
    correct = generator.integers(0, n + 1, size=(6, cells, 2))
    whole = resampled_ratio(weights, correct, np.broadcast_to(n, correct.shape))
    with pytest.MonkeyPatch.context() as patch:
        for product_cells in (1, 4 * 3, 4 * 1000):
            patch.setattr(milestones, "PRODUCT_CELLS", product_cells)
            for denominators in (n, np.broadcast_to(n, correct.shape)):
                in_blocks = resampled_ratio(weights, correct, denominators)
                np.testing.assert_array_equal(in_blocks, whole)


@given(st.integers(1, 5), st.integers(0, 1000))
def test_mean_over_seeds_is_that_of_the_seeds_written_out(seeds, seed):
    generator = np.random.default_rng(seed)
    weights = bootstrap_weights(seeds, 6, generator)
    values = generator.choice([0.5, 1.0, 4.0, np.inf, np.nan], size=(7, seeds, 3))
    slow = [np.repeat(v, w, axis=0).mean(axis=0) for v, w in zip(values, weights, strict=True)]
    np.testing.assert_allclose(mean_over_seeds(values, weights), slow)


def test_percentile_interval_leaves_out_a_fortieth_on_each_side():
    draws = np.random.default_rng(0).permutation(np.arange(1001.0))
    assert [float(end) for end in percentile_interval(draws)] == [25, 975]
    assert [float(end) for end in percentile_interval(draws, level=0.5)] == [250, 750]


@given(st.integers(1, 200), st.sampled_from([0.5, 0.9, 0.95]), st.integers(0, 1000))
def test_percentile_interval_holds_at_least_its_level_of_the_draws(draws, level, seed):
    values = np.random.default_rng(seed).normal(size=draws)
    low, high = percentile_interval(values, level)
    inside = np.mean((values >= low) & (values <= high))
    assert inside >= level - 1e-9
    assert inside <= level + 4 / draws


def test_percentile_interval_is_open_where_draws_are_infinite_and_blind_to_undefined_ones():
    finite = np.arange(100.0)
    never = np.where(finite < 90, finite, np.inf)
    undefined = np.concatenate([np.full(50, np.nan), finite])
    assert [float(end) for end in percentile_interval(never)] == [2, np.inf]
    assert percentile_interval(undefined) == percentile_interval(finite)
    assert np.isnan(percentile_interval(np.full(9, np.nan))).all()


def test_percentile_interval_goes_over_the_first_dimension_alone():
    draws = np.random.default_rng(0).normal(size=(101, 2, 3))
    low, high = percentile_interval(draws)
    for cell in np.ndindex(2, 3):
        assert (low[cell], high[cell]) == percentile_interval(draws[(slice(None), *cell)])


def test_bootstrap_interval_is_extended_to_a_value_outside_the_draws():
    draws = np.arange(1001.0)
    for value, expected in [(500, (25, 975)), (10, (10, 975)), (2000, (25, 2000))]:
        low, high = bootstrap_interval(np.concatenate([[value], draws]))
        assert (float(low), float(high)) == expected


@pytest.mark.parametrize("seeds", [1, 20])
def test_interval_holds_the_truth_in_about_95_of_100_experiments(seeds):
    # Sentences differ in difficulty for all seeds alike, seeds in skill, and cells by chance.
    generator = np.random.default_rng(seeds)
    sentences, experiments, hits = 60, 400, 0
    seed_spread = 0.1 if seeds > 1 else 0.0
    for _ in range(experiments):
        difficulty = generator.normal(scale=0.3, size=(sentences, 1))
        skill = generator.normal(scale=seed_spread, size=seeds)
        chance = generator.normal(scale=0.3, size=(sentences, seeds))
        scores = 2 + difficulty + skill + chance
        weights = crossed_weights(seeds, sentences, 300, generator)
        ratios = resampled_ratio(weights[1], scores, np.ones_like(scores))
        low, high = bootstrap_interval(mean_over_seeds(ratios, weights[0]))
        hits += bool(low <= 2 <= high)
    assert 0.90 < hits / experiments < 0.985


tied = st.one_of(st.sampled_from([0.0, 1.0, 2.0, np.nan]), st.floats(-9, 9))


@given(arrays(float, array_shapes(max_dims=3, max_side=7), elements=tied))
def test_a_rank_counts_what_is_smaller_and_half_of_what_is_equal(values):
    of_all, of_one = values[..., None, :], values[..., None]
    expected = (of_all < of_one).sum(-1) + ((of_all == of_one).sum(-1) + 1) / 2
    np.testing.assert_array_equal(ranks(values), np.where(np.isnan(values), np.nan, expected))


@given(arrays(float, array_shapes(min_dims=2, max_dims=3, max_side=7), elements=tied))
def test_spearman_is_scipys_where_it_is_defined_and_nan_elsewhere(values):
    positions = np.arange(values.shape[-1]) ** 2.0
    found = spearman(values, positions)
    assert found.shape == values.shape[:-1]
    for place in np.ndindex(found.shape):
        there = ~np.isnan(values[place])
        row = values[place][there]
        if len(row) < 3 or (row == row[0]).all():
            assert np.isnan(found[place])
        else:
            expected = stats.spearmanr(row, positions[there]).statistic
            assert found[place] == pytest.approx(expected, abs=1e-12)
            assert -1 <= found[place] <= 1


@given(arrays(float, st.integers(3, 9), elements=st.integers(-3, 3).map(float)))
def test_spearman_depends_on_order_alone(values):
    steps = np.arange(len(values), dtype=float)
    np.testing.assert_array_equal(spearman(values, steps), spearman(np.exp(values), steps**3))
    np.testing.assert_array_equal(spearman(-values, steps), -spearman(values, steps))
