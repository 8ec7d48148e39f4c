"""A layer of LSTM is PyTorch's own, and can be computed for many models at once."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.runs.recurrence import lstm_layer


def draw(seed, *shapes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.double) for shape in shapes]


@given(
    width=st.integers(1, 5),
    size=st.integers(1, 5),
    batch=st.integers(1, 4),
    tokens=st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_states_and_gradients_are_those_of_torch(width, size, batch, tokens, seed):
    theirs = torch.nn.LSTM(size, width, batch_first=True).double()
    for values, drawn in zip(
        theirs.parameters(),
        draw(seed, *(values.shape for values in theirs.parameters())),
        strict=True,
    ):
        values.data = drawn
    state = draw(seed + 1, (batch, width), (batch, width))
    inputs, weights = draw(seed + 2, (batch, tokens, size), (batch, tokens, width))
    given_, own = inputs.clone().requires_grad_(), inputs.clone().requires_grad_()
    expected, last = theirs(given_, tuple(values[None] for values in state))
    found, (hidden, cell) = lstm_layer(own, state, *theirs.parameters())
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.stack([hidden, cell])[:, None], torch.stack(last))
    (weights * expected).sum().backward()
    of_theirs = [values.grad.clone() for values in theirs.parameters()]
    theirs.zero_grad()
    (weights * found).sum().backward()
    torch.testing.assert_close(own.grad, given_.grad)
    torch.testing.assert_close([values.grad for values in theirs.parameters()], of_theirs)


def test_many_models_at_once_give_what_each_gives():
    shapes = (3, 2, 4, 5), (3, 2, 6), (3, 2, 6), (3, 24, 5), (3, 24, 6), (3, 24), (3, 24)
    inputs, hidden, cell, *weights = draw(0, *shapes)

    def last(*arguments):
        inputs, hidden, cell, *weights = arguments
        return lstm_layer(inputs, (hidden, cell), *weights)

    found = torch.func.vmap(last)(inputs, hidden, cell, *weights)
    for member in range(3):
        own = [values[member] for values in (inputs, hidden, cell, *weights)]
        expected = last(*own)
        torch.testing.assert_close(found[0][member], expected[0])
        torch.testing.assert_close(found[1][1][member], expected[1][1])
