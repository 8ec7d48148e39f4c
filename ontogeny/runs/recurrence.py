"""A layer of long short-term memory in plain operations.

`torch.nn.LSTM` is one kernel: it can't be computed for many models at once (`torch.func.vmap`), nor
looked into. Here the parameters and their order are the same, and what comes out is.
"""

import torch
from torch import Tensor
from torch.nn.functional import linear

State = tuple[Tensor, Tensor]


def lstm_layer(
    inputs: Tensor,
    state: State,
    input_weight: Tensor,
    recurrent_weight: Tensor,
    input_bias: Tensor,
    recurrent_bias: Tensor,
) -> tuple[Tensor, State]:
    """Return the hidden states (batch, tokens, width), and the state after the last token.

    `inputs` are (batch, tokens, in). A state is a hidden state and a cell, (batch, width) each.
    `input_weight` (4 * width, in), `recurrent_weight` (4 * width, width) and the biases
    (4 * width,) are what `torch.nn.LSTM` calls `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`:
    of the input gate, the forget gate, the candidate and the output gate, in this order (Hochreiter
    and Schmidhuber 1997; Gers et al. 2000). The inputs of all tokens are projected in one product.
    """
    hidden, cell = state
    states = []
    for projected in linear(inputs, input_weight, input_bias + recurrent_bias).unbind(-2):
        gates = projected + linear(hidden, recurrent_weight)
        enter, keep, candidate, leave = gates.chunk(4, -1)
        cell = keep.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
        hidden = leave.sigmoid() * cell.tanh()
        states.append(hidden)
    return torch.stack(states, -2), (hidden, cell)
