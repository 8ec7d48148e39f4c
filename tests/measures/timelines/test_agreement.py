"""How alike seeds order their milestones."""

import numpy as np
import pytest
from scipy import stats

from ontogeny.measures.timelines.agreement import rank_agreement


def agreed(times, kinds=None, permutations=199, draws=200):
    times = np.asarray(times, float)
    return rank_agreement(
        times,
        kinds or ["onset"] * len(times),
        permutations=permutations,
        draws=draws,
        generator=np.random.default_rng(0),
    )


def test_each_pair_of_seeds_has_spearmans_correlation_over_what_both_have():
    times = np.random.default_rng(1).normal(size=(9, 4))
    times[2, 1] = np.nan
    found = agreed(times)
    for (one, other), value in found.pairs.items():
        both = np.isfinite(times[:, one]) & np.isfinite(times[:, other])
        assert value == pytest.approx(stats.spearmanr(*times[both][:, [one, other]].T)[0])
    assert found.value == pytest.approx(np.mean(list(found.pairs.values())))
    assert found.low <= found.value <= found.high


def test_seeds_in_the_same_order_agree_fully_and_not_by_chance():
    found = agreed(np.arange(8)[:, None] + np.random.default_rng(0).uniform(0, 0.5, (8, 5)))
    assert found.value == pytest.approx(1)
    assert found.chance == pytest.approx(1 / 200)


def test_an_order_by_definition_alone_is_no_agreement_beyond_chance():
    generator = np.random.default_rng(4)
    # Arrivals come long after onsets, and otherwise seeds have nothing in common.
    times = np.vstack([generator.normal(0, 1, (6, 5)), generator.normal(50, 1, (6, 5))])
    kinds = ["onset"] * 6 + ["arrival"] * 6
    found = agreed(times, kinds)
    assert found.value > 0.5
    assert found.chance > 0.05
    assert agreed(times).chance < 0.05  # permuted without regard to kinds


@pytest.mark.slow
def test_chance_is_uniform_where_seeds_have_nothing_in_common():
    chances = [
        rank_agreement(
            np.random.default_rng([5, trial]).normal(size=(6, 4)),
            ["onset"] * 6,
            permutations=99,
            draws=2,
            generator=np.random.default_rng([6, trial]),
        ).chance
        for trial in range(300)
    ]
    assert stats.kstest(chances, "uniform").pvalue > 0.01


def test_one_seed_has_no_one_to_agree_with_and_two_have_no_interval():
    assert np.isnan(agreed(np.arange(5)[:, None]).value)
    two = agreed(np.column_stack([np.arange(5), np.arange(5)]))
    assert two.value == 1
    assert np.isnan([two.low, two.high]).all()
