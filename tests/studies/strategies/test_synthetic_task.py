"""The sequences of the synthetic task follow its rules, and its tokens their laws."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from ontogeny.errors import ConfigError
from ontogeny.studies.strategies.distributions import (
    ambiguous_ranks,
    cumulative,
    draw_ranks,
    halves_of_types,
    rank_probabilities,
    redrawn_probabilities,
    switch_probabilities,
)
from ontogeny.studies.strategies.task import (
    COPULA,
    FIRST_NOUN,
    MASK,
    Laws,
    Vocabulary,
    training_sequences,
)


def numbers(seed, members, draws, count=6):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(members, count, draws, generator=generator, dtype=torch.float64)


def laws(types, alphas, switch):
    probabilities = torch.stack([rank_probabilities(types, alpha) for alpha in alphas])
    return Laws(probabilities, torch.as_tensor(switch, dtype=torch.float64).expand(len(alphas), -1))


def zipf(types, alpha):
    """Zipf's law written out: 1 / r ** alpha over the sum of all, in exact order."""
    weights = [1 / rank**alpha for rank in range(1, types + 1)]
    return [weight / sum(weights) for weight in weights]


def slow_answer(tokens):
    """The answer to one sequence, by the rule as the issue words it."""
    first, second, third, query = tokens[:4]
    if first == COPULA:  # cop adj noun
        adjective, noun = second, third
    else:  # noun cop adj
        noun, adjective = first, third
        assert second == COPULA
    assert query in (noun, adjective)
    return [adjective, noun, noun] if query == noun else [adjective, adjective, adjective]


@pytest.mark.parametrize("alpha", [0, 1.0001, 1.2, 1.5])
def test_ranks_are_as_probable_as_zipfs_law_says(alpha):
    expected = zipf(50, alpha)
    np.testing.assert_allclose(rank_probabilities(50, alpha), expected, rtol=1e-12)
    if alpha == 0:
        assert set(expected) == {1 / 50}


@pytest.mark.parametrize("alpha", [1.1, 1.5])
def test_the_shifted_law_is_what_rejecting_draws_of_numpys_zipf_gives(alpha):
    types = 30
    drawn = np.random.default_rng(0).zipf(alpha, 400_000)
    kept = drawn[drawn < types]  # types are counted from 0, the draws from 1
    law = rank_probabilities(types, alpha, "shifted").numpy()
    assert law[0] == 0
    counts = np.bincount(kept, minlength=types)
    assert chisquare(counts[1:], law[1:] * len(kept)).pvalue > 1e-3
    assert (rank_probabilities(types, 0, "shifted") == rank_probabilities(types, 0)).all()
    assert rank_probabilities(1, alpha, "shifted").tolist() == [1]


@pytest.mark.parametrize(("alpha", "zipf_law"), [(0, "exact"), (1.2, "exact"), (1.5, "shifted")])
def test_redrawn_tokens_are_ambiguous_ones_of_the_other_class_by_their_own_law(alpha, zipf_law):
    types, draws = 20, 200_000
    switch = torch.zeros(1, types, dtype=torch.float64)
    ambiguous = [2, 7, 11, 16]
    switch[:, ambiguous] = 0.5
    probabilities = rank_probabilities(types, alpha, zipf_law)
    redrawn = redrawn_probabilities(switch[0], alpha, zipf_law)
    assert redrawn[ambiguous].tolist() == rank_probabilities(4, alpha, zipf_law).tolist()
    assert redrawn.sum() == pytest.approx(1)
    found = training_sequences(
        Vocabulary(types, 4),
        Laws(probabilities[None], switch, redrawn[None]),
        numbers(2, 1, draws, 8),
    )
    adjectives = found.answers[0, :, 0].numpy()
    sentence = found.inputs[0, :, :3].numpy()
    nouns = sentence[sentence != COPULA].reshape(-1, 2).sum(1) - adjectives
    law = probabilities.numpy()
    for role, first, other in (
        (nouns, FIRST_NOUN, FIRST_NOUN + types),
        (adjectives, FIRST_NOUN + types, FIRST_NOUN),
    ):
        expected = np.zeros(FIRST_NOUN + 2 * types)
        expected[first : first + types] = law * (1 - switch[0].numpy())
        moved = (law * switch[0].numpy()).sum()
        expected[other : other + types] += moved * redrawn.numpy()
        counts = np.bincount(role, minlength=len(expected))
        assert counts[expected == 0].sum() == 0
        some = expected > 0
        assert chisquare(counts[some], expected[some] * draws).pvalue > 1e-3
    for tokens, answer in zip(found.inputs[0, :200], found.answers[0, :200], strict=True):
        assert slow_answer(tokens.tolist()) == answer.tolist()


def test_where_no_ambiguous_type_may_be_drawn_nothing_switches():
    switch = torch.full((1, 10), 0.5, dtype=torch.float64)
    found = training_sequences(
        Vocabulary(10, 4),
        Laws(rank_probabilities(10, 0)[None], switch, torch.zeros_like(switch)),
        numbers(2, 1, 100, 8),
    )
    assert (found.answers[0, :, 0] >= FIRST_NOUN + 10).all()


@pytest.mark.parametrize("alpha", [0, 1.0001, 1.5])
def test_tokens_are_as_frequent_as_the_law_says(alpha):
    types, draws = 40, 60_000
    found = training_sequences(
        Vocabulary(types, 4), laws(types, [alpha], torch.zeros(types)), numbers(1, 1, draws)
    )
    for noun_query in (True, False):
        asked = found.inputs[0, found.noun_query[0] == noun_query, 3]
        first = FIRST_NOUN if noun_query else FIRST_NOUN + types
        counts = np.bincount(asked - first, minlength=types)
        expected = np.array(zipf(types, alpha)) * len(asked)
        assert chisquare(counts, expected).pvalue > 1e-3


def test_an_ambiguous_type_is_in_either_role_half_of_the_time_and_as_frequent_as_before():
    types, draws, alpha = 20, 200_000, 1.2
    switch = torch.zeros(types)
    switch[[0, 7]] = 0.5
    found = training_sequences(
        Vocabulary(types, 4), laws(types, [alpha], switch), numbers(2, 1, draws)
    )
    adjectives = found.answers[0, :, 0].numpy()
    sentence = found.inputs[0, :, :3].numpy()
    content = np.sort(sentence[sentence != COPULA].reshape(-1, 2), 1)
    nouns = content.sum(1) - adjectives
    law = np.array(zipf(types, alpha)) * draws
    for rank in range(types):
        own, other = FIRST_NOUN + rank, FIRST_NOUN + types + rank
        as_noun, as_adjective = (nouns == own).sum(), (adjectives == own).sum()
        expected = [0.5, 0.5] if rank in (0, 7) else [1.0, 0.0]
        deviation = 5 * np.sqrt(law[rank])
        assert abs(as_noun - expected[0] * law[rank]) < deviation
        assert abs(as_adjective - expected[1] * law[rank]) < deviation
        assert abs((adjectives == other).sum() - expected[0] * law[rank]) < deviation


def test_with_switching_draws_every_rank_switches_equally_often():
    generator = torch.Generator().manual_seed(0)
    switch = switch_probabilities(30, 0.2, "draws", generator)
    assert set(switch.tolist()) == {0.2}
    found = training_sequences(Vocabulary(30, 4), laws(30, [0], switch), numbers(3, 1, 100_000))
    switched = found.answers[0, :, 0] < FIRST_NOUN + 30
    assert abs(switched.double().mean() - 0.2) < 0.006


@settings(max_examples=40, deadline=None)
@given(
    types=st.integers(2, 40),
    alpha=st.floats(0, 2),
    switch=st.floats(0, 1),
    members=st.integers(1, 3),
    seed=st.integers(0, 2**20),
)
def test_every_answer_is_what_the_rule_says(types, alpha, switch, members, seed):
    generator = torch.Generator().manual_seed(seed)
    switches = torch.rand(members, types, generator=generator, dtype=torch.float64) * switch
    found = training_sequences(
        Vocabulary(types, 3),
        Laws(rank_probabilities(types, alpha).expand(members, -1), switches),
        numbers(seed, members, 25),
    )
    assert found.inputs.shape == (members, 25, 7)
    assert (found.inputs[..., 4:] == MASK).all()
    for member in range(members):
        for tokens, answer in zip(found.inputs[member], found.answers[member], strict=True):
            sentence = tokens[:3].tolist()
            content = [token for token in sentence if token != COPULA]
            assert len(set(content)) == 2
            assert all(FIRST_NOUN <= token < FIRST_NOUN + 2 * types for token in content)
            assert slow_answer(tokens.tolist()) == answer.tolist()


def test_sentences_and_queries_are_of_either_kind_half_of_the_time():
    found = training_sequences(
        Vocabulary(10, 3), laws(10, [0], torch.zeros(10)), numbers(5, 1, 40_000)
    )
    copula_first = found.inputs[0, :, 0] == COPULA
    for kind in (copula_first, found.noun_query[0]):
        assert abs(kind.double().mean() - 0.5) < 0.0125
    both = (copula_first & found.noun_query[0]).double().mean()
    assert abs(both - 0.25) < 0.011


def test_a_member_draws_the_same_whatever_company_it_has():
    three = laws(30, [0, 1.0, 1.5], torch.zeros(30))
    uniforms = numbers(6, 3, 50)
    together = training_sequences(Vocabulary(30, 3), three, uniforms)
    for member, alpha in enumerate([0, 1.0, 1.5]):
        alone = training_sequences(
            Vocabulary(30, 3),
            laws(30, [alpha], torch.zeros(30)),
            uniforms[member : member + 1],
        )
        assert torch.equal(alone.inputs[0], together.inputs[member])


@settings(max_examples=60, deadline=None)
@given(types=st.integers(2, 200), share=st.floats(0, 1), seed=st.integers(0, 2**20))
def test_ambiguous_types_are_the_share_asked_for_and_evenly_spread(types, share, seed):
    chosen = ambiguous_ranks(types, share, torch.Generator().manual_seed(seed))
    count = int(chosen.sum())
    assert count == (max(1, round(share * types)) if share > 0 else 0)
    for part in range(count):  # one in each of as many bins
        assert chosen[part * types // count : (part + 1) * types // count].sum() == 1


@settings(max_examples=40, deadline=None)
@given(types=st.integers(2, 99), seed=st.integers(0, 2**20))
def test_probes_get_one_of_each_two_neighbours_in_frequency(types, seed):
    halves = halves_of_types(types, torch.Generator().manual_seed(seed)).tolist()
    if types % 2:
        assert halves.pop(0)
    assert all(a != b for a, b in zip(halves[::2], halves[1::2], strict=True))


def test_a_rank_that_is_impossible_is_never_drawn():
    sums = cumulative(torch.tensor([[0.0, 3.0, 0.0, 1.0, 0.0]], dtype=torch.float64))
    edges = torch.tensor([[0.0, 0.5, 0.75, 1 - 1e-16]], dtype=torch.float64)
    assert draw_ranks(sums, edges).tolist() == [[1, 1, 3, 3]]


@pytest.mark.parametrize("alpha", [-0.1, float("nan"), float("inf")])
def test_an_exponent_below_zero_or_no_number_is_refused(alpha):
    with pytest.raises(ConfigError, match=r"alpha: is .*; expected 0 \(uniform\) or a positive"):
        rank_probabilities(10, alpha)


@pytest.mark.parametrize("share", [-0.01, 1.01])
def test_an_ambiguity_that_is_no_share_is_refused(share):
    with pytest.raises(ConfigError, match=r"ambiguity: is .*; expected a share from 0 to 1"):
        ambiguous_ranks(10, share, torch.Generator())
