"""Contextual decomposition: its parts add up, and are those of a slow version."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_lstms import layers_of, random_lstm, slow_decomposition
from torch.testing import assert_close

from ontogeny.errors import CheckpointError
from ontogeny.measures.decomposition import RecurrentLayer, decompose, recurrent_layers
from ontogeny.measures.decomposition.contextual import shares

shapes = st.tuples(
    st.integers(1, 3), st.integers(1, 5), st.integers(1, 4), st.integers(1, 6), st.integers(0, 99)
)


def random_case(shape):
    """A random LSTM, texts, words in focus, and a state before the first word."""
    layers, size, width, tokens, seed = shape
    lstm = random_lstm(layers, size, width, seed)
    inputs = torch.randn(3, tokens, size, dtype=torch.float64)
    focus = torch.rand(3, tokens) < 0.5
    state = tuple(torch.randn(layers, 3, width, dtype=torch.float64) for _ in range(2))
    return lstm, inputs, focus, state


@given(shapes)
def test_parts_add_up_to_the_true_states_at_every_position(shape):
    lstm, inputs, focus, state = random_case(shape)
    found = decompose(layers_of(lstm), inputs, focus, state)
    for tokens in range(1, inputs.shape[1] + 1):
        top, (hidden, cell) = lstm(inputs[:, :tokens], state)
        whole = found.hidden.relevant + found.hidden.irrelevant
        assert_close(whole[-1, :, :tokens], top, atol=1e-12, rtol=0)
        assert_close(whole[..., tokens - 1, :], hidden, atol=1e-12, rtol=0)
        cells = found.cell.relevant + found.cell.irrelevant
        assert_close(cells[..., tokens - 1, :], cell, atol=1e-12, rtol=0)


@given(shapes)
def test_parts_add_up_within_a_hundred_thousandth_in_single_precision(shape):
    lstm, inputs, focus, _ = random_case(shape)
    parameters = {name: p.float() for name, p in lstm.named_parameters()}
    layers = recurrent_layers(parameters, "lstm", torch.float32)
    found = decompose(layers, inputs.float(), focus)
    top, _ = lstm(inputs)
    whole = found.hidden.relevant + found.hidden.irrelevant
    assert_close(whole[-1].double(), top, atol=1e-5, rtol=0)


@given(shapes)
def test_it_equals_a_slow_decomposition_word_by_word(shape):
    lstm, inputs, focus, state = random_case(shape)
    found = decompose(layers_of(lstm), inputs, focus, state)
    for row in range(len(inputs)):
        own = tuple(part[:, row] for part in state)
        slow = slow_decomposition(lstm, inputs[row], focus[row].tolist(), own)
        for part, expected in zip((*found.hidden, *found.cell), slow, strict=True):
            assert_close(part[:, row], expected, atol=1e-12, rtol=0)


@given(shapes)
def test_with_everything_in_focus_nothing_is_irrelevant_but_the_initial_state(shape):
    lstm, inputs, _, state = random_case(shape)
    everything = torch.ones(inputs.shape[:-1], dtype=torch.bool)
    without = decompose(layers_of(lstm), inputs, everything)
    assert_close(without.hidden.irrelevant, torch.zeros_like(without.hidden.irrelevant))
    assert_close(without.cell.irrelevant, torch.zeros_like(without.cell.irrelevant))
    # Where gates are constant, the initial state alone goes on in the irrelevant part.
    linear = [constant_gates(layer) for layer in layers_of(lstm)]
    with_state = decompose(linear, inputs, everything, state, squash=lambda x: x)
    nothing = decompose(linear, 0 * inputs, ~everything, state, squash=lambda x: x)
    alone = decompose(linear, 0 * inputs, ~everything, squash=lambda x: x)
    expected = nothing.cell.irrelevant - alone.cell.irrelevant
    assert_close(with_state.cell.irrelevant, expected, atol=1e-12, rtol=1e-9)


@given(shapes)
def test_with_nothing_in_focus_nothing_is_relevant(shape):
    lstm, inputs, focus, state = random_case(shape)
    found = decompose(layers_of(lstm), inputs, focus & False, state)
    assert not found.hidden.relevant.any()
    assert not found.cell.relevant.any()


@given(st.integers(0, 99))
def test_shares_add_up_and_are_symmetric(seed):
    generator = torch.Generator().manual_seed(seed)
    one, other, bias = 3 * torch.randn(3, 20, generator=generator, dtype=torch.float64)
    for function in (torch.sigmoid, torch.tanh):
        first, second = shares(function, one, other, bias)
        assert_close(first + second + function(bias), function(one + other + bias))
        assert_close(shares(function, other, one, bias), (second, first))
        # A term that adds nothing has no share, and equal terms have equal shares.
        assert not shares(function, 0 * one, other, bias)[0].any()
        twice = shares(function, one, one, bias)
        assert_close(twice[0], twice[1])


def test_many_models_of_one_shape_are_decomposed_as_each_by_itself():
    lstms = [random_lstm(2, 3, 4, seed) for seed in range(3)]
    each = [layers_of(lstm) for lstm in lstms]
    stacked = [
        RecurrentLayer(*(torch.stack(parts) for parts in zip(*same, strict=True)))
        for same in zip(*each, strict=True)
    ]
    inputs = torch.randn(3, 5, 6, 3, dtype=torch.float64)
    focus = torch.rand(5, 6) < 0.5
    found = decompose(stacked, inputs, focus)
    for member, layers in enumerate(each):
        own = decompose(layers, inputs[member], focus)
        assert_close(found.hidden.relevant[member], own.hidden.relevant)
        assert_close(found.cell.irrelevant[member], own.cell.irrelevant)


@pytest.mark.parametrize(
    ("lstm", "fault"),
    [
        (torch.nn.LSTM(2, 3, bidirectional=True), "reads backwards"),
        (torch.nn.LSTM(2, 3, proj_size=2), "projects"),
        (torch.nn.Linear(2, 3), "no recurrent layer"),
    ],
)
def test_what_is_no_plain_lstm_is_refused(lstm, fault):
    with pytest.raises(CheckpointError, match=f"step-3.*{fault}"):
        recurrent_layers(dict(lstm.named_parameters()), "step-3")


def constant_gates(layer):
    """The layer with gates that don't depend on words or states: a linear recurrence."""
    width = layer.width
    keep = torch.ones(4 * width, 1, dtype=torch.float64)
    keep[: 2 * width], keep[3 * width :] = 0, 0
    return RecurrentLayer(keep * layer.input_weight, keep * layer.recurrent_weight, layer.bias)
