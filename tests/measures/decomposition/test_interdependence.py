"""Interdependence of pairs: that of three decompositions, and none in a linear recurrence."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_lstms import layers_of, random_lstm, slow_decomposition
from test_contextual_decomposition import constant_gates, random_case, shapes
from torch.testing import assert_close

from ontogeny.measures.decomposition import decompose, interdependence, pair_interdependence


@given(shapes, st.integers(1, 6), st.booleans())
@pytest.mark.slow
def test_pairs_equal_three_slow_decompositions_each(shape, farthest, with_state):
    lstm, inputs, _, state = random_case(shape)
    state = state if with_state else None
    found = pair_interdependence(layers_of(lstm), inputs, farthest, state)
    layers, rows, tokens, distances = found.shape
    assert (layers, rows, distances) == (lstm.num_layers, len(inputs), farthest)
    for row, (left, right) in itertools.product(
        range(rows), itertools.combinations(range(tokens), 2)
    ):
        if right - left > farthest:
            continue
        own = None if state is None else tuple(part[:, row] for part in state)
        one, other, both = (
            slow_decomposition(lstm, inputs[row], [word in words for word in range(tokens)], own)[
                0
            ][:, right]
            for words in ({left}, {right}, {left, right})
        )
        expected = (both - one - other).norm(dim=-1) / both.norm(dim=-1)
        assert_close(found[:, row, left, right - left - 1], expected, atol=1e-10, rtol=1e-8)


@given(shapes)
def test_places_without_a_later_word_are_nan(shape):
    lstm, inputs, _, _ = random_case(shape)
    tokens = inputs.shape[1]
    found = pair_interdependence(layers_of(lstm), inputs, 4)
    later = torch.arange(tokens)[:, None] + torch.arange(1, 5)
    assert torch.equal(found.isnan().any(0).any(0), later >= tokens)
    assert torch.equal(found.isnan().all(0).all(0), later >= tokens)


@given(shapes)
def test_disjoint_parts_are_independent_in_a_linear_recurrence(shape):
    lstm, inputs, focus, state = random_case(shape)
    layers = [constant_gates(layer) for layer in layers_of(lstm)]
    pairs = pair_interdependence(layers, inputs, 5, state, squash=lambda x: x)
    assert (pairs[~pairs.isnan()] < 1e-9).all()
    one, other, both = (
        decompose(layers, inputs, words, state, squash=lambda x: x).hidden.relevant
        for words in (focus, ~focus, focus | True)
    )
    found = interdependence(both, one, other)
    assert (found < 1e-9).all()
    # With the gates and tanh as they are, the same parts depend on each other.
    parts = (
        decompose(layers_of(lstm), inputs, words, state).hidden.relevant[..., -1, :]
        for words in (focus | True, focus, ~focus)
    )
    mixed = focus.any(-1) & ~focus.all(-1)
    assert (interdependence(*parts)[:, mixed] > 1e-6).all()


def test_padding_at_the_end_changes_nothing_before_it():
    lstm = random_lstm(2, 3, 4, 0)
    inputs = torch.randn(1, 5, 3, dtype=torch.float64)
    padded = torch.cat([inputs, torch.randn(1, 3, 3, dtype=torch.float64)], 1)
    found, longer = (pair_interdependence(layers_of(lstm), x, 4) for x in (inputs, padded))
    within = ~found.isnan()
    assert_close(longer[:, :, :5][within], found[within])


def test_what_contributes_nothing_has_no_interdependence():
    zero, some = torch.zeros(2), torch.ones(2)
    assert interdependence(zero, some, some).isnan()
    assert interdependence(some, zero, zero) == 1
