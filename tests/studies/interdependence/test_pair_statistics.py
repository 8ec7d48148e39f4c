"""Slopes and correlations of planted interdependences, and the claims on them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ontogeny.results.claims import evaluate
from ontogeny.studies.interdependence.correlation_sums import SUMS, correlation_sums, pearson
from ontogeny.studies.interdependence.measure import summarise
from ontogeny.studies.interdependence.pair_claims import CLAIMS
from ontogeny.studies.interdependence.pair_statistics import (
    resample,
    sequential_slope,
    syntactic_slope,
)
from ontogeny.studies.interdependence.word_pairs import WordPairs

SENTENCES, OF_EACH = 30, 60


def random_pairs(generator):
    """Pairs in sentences, of all distances and classes."""
    size = SENTENCES * OF_EACH
    return WordPairs(
        np.repeat(np.arange(SENTENCES), OF_EACH),
        generator.integers(20, size=size),
        generator.integers(1, 5, size=size),
        generator.integers(1, 5, size=size),
        generator.choice(["open", "closed", "mixed", "other"], size=size),
        generator.integers(1, 100, size=(size, 2)),
    )


def planted(interdependence, seeds=3, least_cases=20, draws=100):
    """The resampled measurements of a run whose DI is a function of (pairs, step, generator)."""
    pairs = random_pairs(np.random.default_rng(0))
    frames = []
    for seed in range(seeds):
        for step in (0, 100):
            generator = np.random.default_rng([seed, step])
            values = interdependence(pairs, step, generator)
            _, sentences, frequencies = summarise(values[None], pairs, least_cases)
            keys = {"seed": seed, "step": step}
            frames.append((sentences.assign(**keys), frequencies.assign(**keys)))
    sentences, frequencies = map(pd.concat, zip(*frames, strict=True))
    return resample(sentences, frequencies, least_cases=least_cases, draws=draws, seed=0)


def falling(pairs, step, generator):
    """DI that falls with both distances once it is trained; noise before."""
    noise = 1 + 0.02 * generator.standard_normal(len(pairs))
    if step == 0:
        return noise
    return np.exp(-0.3 * pairs.sequential) * (1 - 0.1 * pairs.syntactic) * noise


def verdicts(found):
    table = evaluate(CLAIMS, {("run", "corpus"): found}, "toy")
    return dict(
        zip(table["claim"].str.removeprefix("interdependence."), table["verdict"], strict=True)
    )


def test_planted_slopes_are_found():
    found = planted(falling)
    sequential = sequential_slope(found)[0]
    assert sequential[:, 1] == pytest.approx(-0.3, abs=0.02)
    assert sequential[:, 0] == pytest.approx(0, abs=0.01)
    for word_class in ("open", "closed"):
        # A line through 1 - x / 10, as a share of its mean at x = 2.5.
        assert syntactic_slope(found, word_class)[0, :, 1] == pytest.approx(-0.1 / 0.75, abs=0.01)
        assert syntactic_slope(found, word_class)[0, :, 0] == pytest.approx(0, abs=0.01)


def test_what_is_planted_is_replicated():
    assert set(verdicts(planted(falling)).values()) == {"replicated"}


def test_the_reverse_is_not():
    def rising(pairs, step, generator):
        return 1 / falling(pairs, step, generator)

    said = verdicts(planted(rising))
    assert {said[claim] for claim in ("1a", "1b", "2a", "2b", "2c", "2d")} == {"not replicated"}


def test_what_an_untrained_model_does_as_well_fails_its_control():
    def same(pairs, step, generator):
        return falling(pairs, 100, generator)

    said = verdicts(planted(same))
    assert {said[claim] for claim in ("1a", "2a", "2c")} == {"replicated"}
    assert "replicated" not in {said[claim] for claim in ("1b", "2b", "2d")}


def test_a_relation_to_frequency_is_found():
    def frequent(pairs, step, generator):
        return pairs.frequencies[:, 0] + 5 * generator.random(len(pairs))

    said = verdicts(planted(frequent))
    assert (said["3a"], said["3b"]) == ("not replicated", "replicated")


def test_with_too_few_cases_nothing_is_decided():
    said = verdicts(planted(falling, least_cases=10_000))
    assert {said[c] for c in said if c[0] in "12"} == {"insufficient data"}


def test_means_are_taken_from_the_least_number_of_cases_on():
    pairs = random_pairs(np.random.default_rng(0))
    values = np.random.default_rng(1).random(len(pairs))
    table, _, _ = summarise(values[None], pairs, 60)
    keys = ["sequential_distance", "syntactic_distance", "word_class"]
    tall = table[table["syntactic_distance"].notna()].pivot(
        index=keys, columns="metric", values="value"
    )
    assert (tall["interdependence"].notna() == (tall["cases"] >= 60)).all()
    assert 0 < tall["interdependence"].notna().sum() < len(tall)
    for (s, d, c), row in tall.dropna().iterrows():
        at = (pairs.sequential == s) & (pairs.syntactic == d)
        at &= (c == "all") | (pairs.word_class == c)
        assert row["cases"] == at.sum()
        assert row["interdependence"] == pytest.approx(values[at].mean())


def test_sums_give_spearmans_correlation_in_one_stratum():
    generator = np.random.default_rng(0)
    values, others = generator.random(50), generator.integers(8, size=50)
    sentence = np.sort(generator.integers(6, size=50))
    sums = correlation_sums(values, others, np.zeros(50), sentence)
    expected = stats.spearmanr(values, others).statistic
    assert pearson(sums[list(SUMS)].sum().to_numpy()) == pytest.approx(expected)
    twice = np.concatenate([np.flatnonzero(sentence == s) for s in sentence[[0, 0, -1]]])
    drawn = 2 * sums.iloc[0] + sums.iloc[-1]
    ranked = stats.rankdata(values), stats.rankdata(others)
    again = np.corrcoef(ranked[0][twice], ranked[1][twice])[0, 1]
    assert pearson(drawn[list(SUMS)].to_numpy()) == pytest.approx(again)


def test_a_constant_side_has_no_correlation():
    sums = correlation_sums(np.arange(9.0), np.ones(9), np.zeros(9), np.zeros(9))
    assert np.isnan(pearson(sums[list(SUMS)].sum().to_numpy()))


def test_pairs_without_an_interdependence_count_nowhere():
    pairs = random_pairs(np.random.default_rng(0))
    values = np.random.default_rng(1).random(len(pairs))
    gone = np.arange(len(values)) % 7 == 0
    holes = summarise(np.where(gone, np.nan, values)[None], pairs, 20)
    without = summarise(values[None, ~gone], pairs.take(~gone), 20)
    for found, expected in zip(holes, without, strict=True):
        if "cases" in found:
            found = found[found["cases"] > 0].reset_index(drop=True)
        pd.testing.assert_frame_equal(found, expected)
