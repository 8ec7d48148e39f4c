"""Gradients of an error in earlier states: closed form at the end, differences elsewhere."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from random_lstms import layers_of, random_lstm
from torch.testing import assert_close

from ontogeny.measures.decomposition.error_gradients import error_gradients


def error_after(lstm, inputs, place, shift, weight, bias, target):
    """The error if the hidden state of a one-layer LSTM were shifted at a place."""
    _, (hidden, cell) = lstm(inputs[:, : place + 1])
    hidden = hidden + shift
    if place + 1 < inputs.shape[1]:
        _, (hidden, _) = lstm(inputs[:, place + 1 :], (hidden, cell))
    return -(hidden[0] @ weight.T + bias).log_softmax(-1)[0, target]


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 99))
def test_gradients_are_those_of_an_lstm_whose_state_is_shifted(width, tokens, seed):
    lstm = random_lstm(1, 3, width, seed, scale=1.0)
    inputs = torch.randn(1, tokens, 3, dtype=torch.float64)
    weight, bias = torch.randn(5, width + 1, dtype=torch.float64).split([width, 1], 1)
    found = error_gradients(layers_of(lstm), inputs, weight, bias[:, 0], 2)
    assert found.shape == (1, 1, tokens, width)
    for place in range(tokens):
        shift = torch.zeros(1, 1, width, dtype=torch.float64, requires_grad=True)
        error = error_after(lstm, inputs, place, shift, weight, bias[:, 0], 2)
        (expected,) = torch.autograd.grad(error, [shift])
        assert_close(found[0, 0, place], expected[0, 0], atol=1e-12, rtol=1e-9)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 99))
def test_at_the_end_it_is_the_output_weights_times_probabilities_less_one_hot(depth, width, seed):
    lstm = random_lstm(depth, 3, width, seed)
    inputs = torch.randn(4, 6, 3, dtype=torch.float64)
    weight, bias = torch.randn(7, width + 1, dtype=torch.float64).split([width, 1], 1)
    found = error_gradients(layers_of(lstm), inputs, weight, bias[:, 0], 3)
    probability = (lstm(inputs)[0][:, -1] @ weight.T + bias[:, 0]).softmax(-1)
    expected = (probability - torch.eye(7)[3]) @ weight
    assert_close(found[-1, :, -1], expected, atol=1e-12, rtol=1e-9)
