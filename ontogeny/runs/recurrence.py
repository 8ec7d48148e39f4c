"""A layer of long short-term memory in plain operations.

`torch.nn.LSTM` is one kernel: it can't be computed for many models at once (`torch.func.vmap`), nor
looked into. Here the parameters and their order are the same, and what comes out is.
"""

import torch
from torch import Tensor

State = tuple[Tensor, Tensor]


def lstm_layer(
    inputs: Tensor,
    state: State,
    input_weight: Tensor,
    recurrent_weight: Tensor,
    input_bias: Tensor,
    recurrent_bias: Tensor,
    attended: Tensor | None = None,
) -> tuple[Tensor, State]:
    """Return the hidden states (batch, tokens, width), and the state after the last token.

    `inputs` are (batch, tokens, in). A state is a hidden state and a cell, (batch, width) each.
    `input_weight` (4 * width, in), `recurrent_weight` (4 * width, width) and the biases
    (4 * width,) are what `torch.nn.LSTM` calls `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`:
    of the input gate, the forget gate, the candidate and the output gate, in this order (Hochreiter
    and Schmidhuber 1997; Gers et al. 2000). The inputs of all tokens are projected in one product.
    All may have leading dimensions, as for many models at once, each with parameters of its own.

    Where `attended` (batch, tokens) is False there is no token, and the state stays as it is.
    """
    hidden, cell = state
    states = []
    bias = (input_bias + recurrent_bias)[..., None, :]
    projected = inputs.flatten(-3, -2) @ input_weight.mT + bias
    projections = projected.unflatten(-2, inputs.shape[-3:-1]).unbind(-2)
    is_token = [None] * len(projections) if attended is None else attended.bool().unbind(-1)
    for given, there in zip(projections, is_token, strict=True):
        gates = given + hidden @ recurrent_weight.mT
        enter, keep, candidate, leave = gates.chunk(4, -1)
        next_cell = keep.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
        next_hidden = leave.sigmoid() * next_cell.tanh()
        if there is not None:
            next_cell = torch.where(there[..., None], next_cell, cell)
            next_hidden = torch.where(there[..., None], next_hidden, hidden)
        hidden, cell = next_hidden, next_cell
        states.append(hidden)
    return torch.stack(states, -2), (hidden, cell)
