"""Scores of n-grams and induction are what hand-built heads and enumeration give."""

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogeny.errors import CorpusError
from ontogeny.measures.in_context.induction import (
    in_context_score,
    prefix_matching_by_chance,
    prefix_matching_score,
    prefix_places,
    previous_token_score,
    repeated_tokens,
)
from ontogeny.measures.in_context.ngrams import (
    Bigrams,
    bigram_divergence,
    ends_of_frequent_ngrams,
    ngram_score,
)
from ontogeny.runs.architectures import configure, initialise

TYPES, LENGTH = 12, 9
PLACES = 1 + 2 * LENGTH


@torch.no_grad()
def induction_circuit():
    """Two layers of one head each, by hand: the token before, then what followed a like one.

    The width holds the token itself, a copy of the token before, and, in queries and keys alone,
    the place.
    """
    width = 2 * TYPES + PLACES
    config = configure("attention_only", TYPES, positions=PLACES, layers=2, heads=1, width=width)
    model = initialise(config, 0).eval()
    for values in model.parameters():
        if values.ndim == 2:
            values.zero_()
    itself, before, place = (
        torch.eye(width)[start:stop]
        for start, stop in ((0, TYPES), (TYPES, 2 * TYPES), (2 * TYPES, width))
    )
    model.transformer.embedding.weight.copy_(itself)
    first, second = (layer.attention for layer in model.transformer.layers)
    first.position.weight.copy_(10 * place)
    # The query of a place asks for the one before.
    first.query.weight.copy_(place[:-1].T @ place[1:])
    first.key.weight.copy_(10 * place.T @ place)
    first.value.weight.copy_(itself.T @ itself)
    first.output.weight.copy_(before.T @ itself)
    # The query of a token asks for a place whose token before is the same.
    second.query.weight.copy_(100 * itself.T @ itself)
    second.key.weight.copy_(itself.T @ before)
    return model


def test_a_hand_built_circuit_scores_1_where_it_should_and_nowhere_else():
    model = induction_circuit()
    types = torch.arange(1, TYPES)
    repeated = repeated_tokens(torch.Generator().manual_seed(0), 5, LENGTH, types)
    # The first token has none before it and looks at itself: one that doesn't come again.
    tokens = torch.nn.functional.pad(repeated, (1, 0))
    with torch.no_grad():
        attention = torch.stack(model(input_ids=tokens, output_attentions=True).attentions)
    previous = previous_token_score(attention)[:, 0]
    prefix = prefix_matching_score(attention, tokens)[:, 0]
    assert previous[0].item() == pytest.approx(1, abs=1e-3)
    assert prefix[1].item() == pytest.approx(1, abs=1e-3)
    assert prefix[0].item() < 0.2
    assert previous[1].item() < 0.3


def uniform(sequences, tokens):
    weights = torch.ones(tokens, tokens).tril()
    return (weights / weights.sum(-1, keepdim=True)).expand(sequences, 2, tokens, tokens)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 4), st.integers(2, 6), st.integers(2, 8), st.integers(0, 99))
def test_scores_are_what_loops_give(sequences, types, length, seed):
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(types, (sequences, 2 * length), generator=generator)
    tokens[:, 1] = tokens[:, 0]
    attention = torch.rand(sequences, 3, 2 * length, 2 * length, generator=generator).tril()
    attention = attention / attention.sum(-1, keepdim=True)
    previous, prefix, chance = torch.zeros(3), torch.zeros(3), 0.0
    repeated = 0
    for row in range(sequences):
        for t in range(2 * length):
            if t:
                previous += attention[row, :, t, t - 1] / sequences / (2 * length - 1)
            places = [j for j in range(1, t + 1) if tokens[row, j - 1] == tokens[row, t]]
            if places:
                repeated += 1
                prefix += attention[row, :, t, places].sum(-1)
                chance += len(places) / (t + 1)
    torch.testing.assert_close(previous_token_score(attention), previous)
    torch.testing.assert_close(prefix_matching_score(attention, tokens), prefix / repeated)
    assert prefix_matching_by_chance(tokens) == pytest.approx(chance / repeated, rel=1e-5)
    even = prefix_matching_score(uniform(sequences, 2 * length), tokens)
    torch.testing.assert_close(even, torch.full((2,), chance / repeated))


def test_prefix_places_come_after_earlier_copies():
    places = prefix_places(torch.tensor([[5, 6, 5, 6]]))
    assert places[0].nonzero().tolist() == [[2, 1], [3, 2]]


@pytest.mark.parametrize("types", [4, 12, 30])
def test_repeated_tokens_repeat(types):
    tokens = repeated_tokens(torch.Generator().manual_seed(1), 3, 12, torch.arange(types) + 7)
    assert torch.equal(tokens[:, :12], tokens[:, 12:])
    assert (tokens >= 7).all()
    if types >= 12:
        assert all(len(set(row.tolist())) == 12 for row in tokens)


def test_the_in_context_score_is_late_less_early():
    losses = torch.tensor([[np.nan, 3.0, 2.0, 1.0], [np.nan, 5.0, 4.0, 0.0]])
    assert in_context_score(losses, slice(1, 2), slice(3, 4)).item() == pytest.approx(-3.5)


def sampled_text(seed=0, sequences=40, length=30, types=6):
    return np.random.default_rng(seed).integers(types, size=(sequences, length))


def test_a_model_that_is_the_bigrams_is_at_no_distance_from_them():
    tokens = sampled_text()
    bigrams = Bigrams.of(tokens, 6)
    logits = bigrams.probabilities.clamp(min=1e-30).log()[torch.from_numpy(tokens)]
    found = bigram_divergence(logits, torch.from_numpy(tokens), bigrams)
    assert found.item() == pytest.approx(0, abs=1e-5)


def test_the_distance_from_bigrams_is_the_sum_written_out():
    tokens = np.array([[0, 1, 0, 2, 0, 1, 2]])
    bigrams = Bigrams.of(tokens, 4)
    expected = {0: {1: 2 / 3, 2: 1 / 3}, 1: {0: 0.5, 2: 0.5}, 2: {0: 1.0}}
    logits = torch.randn(1, 7, 4, generator=torch.Generator().manual_seed(0))
    q = logits.softmax(-1)[0]
    total = sum(
        p * np.log(p / q[t, other].item())
        for t, token in enumerate(tokens[0])
        for other, p in expected[token].items()
    )
    found = bigram_divergence(logits, torch.from_numpy(tokens), bigrams)
    assert found.item() == pytest.approx(total / 7, rel=1e-5)


def test_frequent_ngrams_are_those_that_counting_finds():
    tokens = sampled_text(3, 20, 15, 3)
    found = ends_of_frequent_ngrams(tokens, (3,), most=5)
    counts = Counter(tuple(row[i : i + 3]) for row in tokens.tolist() for i in range(len(row) - 2))
    chosen = {gram for gram, _ in sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))[:5]}
    for row, t in itertools.product(range(20), range(15)):
        expected = t >= 2 and tuple(tokens[row, t - 2 : t + 1].tolist()) in chosen
        assert found[row, t] == expected


def test_the_ngram_score_is_1_for_a_model_that_knows_nothing_and_more_for_one_that_does():
    losses = torch.full((3, 6), 2.0)
    losses[:, 0] = np.nan
    ends = torch.zeros(3, 6, dtype=torch.bool)
    ends[:, 3] = True
    assert ngram_score(losses, ends).item() == 1
    losses[:, 3] = 0.5
    assert ngram_score(losses, ends).item() == pytest.approx((4 * 2 + 0.5) / 5 / 0.5)


def test_a_text_without_ngrams_is_refused():
    with pytest.raises(CorpusError, match="none of 3 or 4 tokens comes twice"):
        ends_of_frequent_ngrams(np.arange(20).reshape(2, 10))
