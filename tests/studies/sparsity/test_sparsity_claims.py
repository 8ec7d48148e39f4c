import numpy as np
import pytest
from planted_words import STEPS, frequencies, trajectory
from scipy import stats

from ontogeny.results.claims import evaluate
from ontogeny.results.tables import check
from ontogeny.studies.sparsity.claim_statistics import Evidence
from ontogeny.studies.sparsity.claims import CLAIMS
from ontogeny.studies.sparsity.correlation import correlations, weighted_pearson
from ontogeny.studies.sparsity.rows import correlation_rows, word_rows
from ontogeny.studies.sparsity.tables import SPARSITY, WORDS
from ontogeny.studies.sparsity.trajectory import Key

TOP = Key("recurrent", 2, "gradient", "chi", "target")
RISING = np.array([0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8])
AS_PUBLISHED = {
    TOP: RISING,
    Key("recurrent", 1, "activation", "chi", "input"): np.array([0, 0.3, 0.5, 0.6, 0.6, 0.6, 0.6]),
    Key("embedding", 0, "activation", "chi", "input"): np.array([0, 0, 0, 0.1, 0.3, 0.6, 0.85]),
}


def verdicts(found, draws=200):
    rows = evaluate(
        CLAIMS, {("lstm", "toy"): Evidence.of(found, draws=draws, seed=0)}, "toy"
    ).set_index("claim")
    return rows["verdict"].to_dict(), rows["value"].to_dict()


def test_a_redrawn_correlation_is_that_of_the_words_as_often_as_they_were_drawn():
    draw = np.random.default_rng(0)
    frequency, values = draw.integers(1, 99, 12).astype(float), draw.normal(size=(12, 2, 3))
    values[3, 0, 1] = np.nan
    weights = draw.multinomial(12, np.full(12, 1 / 12), size=5)
    found = weighted_pearson(weights, frequency, values)
    for row, times in zip(found, weights, strict=True):
        for place in np.ndindex(2, 3):
            own = values[(slice(None), *place)]
            x, y = np.repeat(frequency, times), np.repeat(own, times)
            known = ~np.isnan(y)
            expected = stats.pearsonr(x[known], y[known]).statistic
            assert row[place] == pytest.approx(expected)


@pytest.mark.slow
def test_planted_frequencies_give_the_planted_correlations_in_the_table():
    found = trajectory({TOP: RISING})
    rows = correlation_rows(found)
    check(rows, SPARSITY)
    keys = dict(TOP._asdict(), word_class="all", metric="rho")
    own = rows.loc[(rows[list(keys)] == list(keys.values())).all(axis=1)]
    for step, rho in zip(STEPS, RISING, strict=True):
        assert own[own["step"] == step]["value"].to_numpy() == pytest.approx([rho] * 3, abs=1e-9)
    words = word_rows(found)
    check(words, WORDS)
    one = words[(words["word"] == "w007") & (words["seed"] == 1)].sort_values("step")
    assert one["value"].to_numpy() == pytest.approx(found.values[TOP][7, 1])
    assert set(one["frequency"]) == {int(frequencies()[7])}


def test_fewer_than_three_words_and_words_all_alike_have_no_correlation():
    frequency = np.array([1.0, 2, 3])
    assert np.isnan(correlations(frequency[:2], np.ones((2, 4)))["rho"]).all()
    assert np.isnan(correlations(frequency, np.ones((3, 4)))["rho"]).all()


def test_curves_as_published_replicate_what_was_published_of_them():
    found, values = verdicts(trajectory(AS_PUBLISHED))
    assert values["sparsity.1a"] == pytest.approx(0.8)
    assert values["sparsity.2b"] == pytest.approx(1)
    # At step 100, a tenth of the updates; and at the last.
    assert values["sparsity.5a"] == pytest.approx(0.5)
    assert values["sparsity.5b"] == pytest.approx(0.25)
    for claim in ("1a", "2a", "2c", "2d", "2e", "5a", "5b", "6"):
        assert found[f"sparsity.{claim}"] == "replicated", claim
    assert values["sparsity.3"] == pytest.approx(0, abs=1e-9)


def test_curves_that_say_the_opposite_are_not_replicated():
    opposite = {key: -curve for key, curve in AS_PUBLISHED.items()}
    opposite |= {
        Key("recurrent", 2, "activation", "chi", "target"): RISING,
        Key("logits", None, "gradient", "chi", "target"): RISING,
        Key("embedding", 0, "gradient", "chi", "target"): RISING,
        Key("recurrent", 2, "gradient", "l1", "target"): -RISING,
        Key("recurrent", 2, "gradient", "chi", "input"): RISING,
    }
    found, _ = verdicts(trajectory(opposite))
    for claim in ("1a", "2a", "2b", "2c", "2d", "2e", "3", "5a", "5b", "6"):
        assert found[f"sparsity.{claim}"] == "not replicated", claim


def test_classes_are_compared_with_their_own_words():
    found = trajectory({})
    opened, closed = (found.word_class == name for name in ("open", "closed"))
    generator = np.random.default_rng(1)
    shape = found.values[TOP].shape[1:]
    x = np.log(found.frequency) / 1000
    early = found.steps <= 100
    values = 0.2 + 0.0001 * generator.normal(size=found.values[TOP].shape)
    # Closed words are tied to frequency from the beginning, open ones only later.
    values[closed] += 0.05 + np.multiply.outer(x[closed], np.ones(shape))
    values[opened] += np.multiply.outer(x[opened], np.ones(shape)) * ~early
    found.values[TOP] = values
    told, means = verdicts(found)
    for claim in ("4a", "4b", "4e"):
        assert told[f"sparsity.{claim}"] == "replicated", claim
    assert means["sparsity.4e"] == pytest.approx(0.05, abs=0.002)


def test_claims_on_recurrent_layers_are_not_about_transformers_and_one_seed_is_too_few():
    told, _ = verdicts(trajectory({}, layers=("residual", 2)))
    assert not {"sparsity.5a", "sparsity.5b"} & told.keys()
    told, _ = verdicts(trajectory(AS_PUBLISHED, seeds=1))
    assert set(told.values()) == {"insufficient data"}
