"""A layer of long short-term memory in plain operations.

`torch.nn.LSTM` is one kernel: it can't be computed for many models at once (`torch.func.vmap`), nor
looked into. Here the parameters and their order are the same, and what comes out is.
"""

from typing import NamedTuple

import torch
from torch import Tensor

State = tuple[Tensor, Tensor]


class LayerWeights(NamedTuple):
    """The parameters of a layer, under the names and in the order of `torch.nn.LSTM`.

    `weight_ih` (4 * width, in), `weight_hh` (4 * width, width) and the biases (4 * width,) hold the
    input gate's rows, then the forget gate's, the candidate's and the output gate's.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor


def lstm_layer(
    inputs: Tensor, state: State, weights: LayerWeights, attended: Tensor | None = None
) -> tuple[Tensor, State]:
    """Return the hidden states (batch, tokens, width), and the state after the last token.

    `inputs` are (batch, tokens, in). A state is a hidden state and a cell, (batch, width) each. The
    layer is that of Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000).
    The inputs of all tokens are projected in one product. Any of the arguments may have leading
    dimensions, as for the layers of many models: `(..., batch, tokens, in)` and `(..., 4 * width,
    in)`.

    Where `attended` (batch, tokens) is False there is no token, and the state stays as it is.
    """
    hidden, cell = state
    states = []
    bias = (weights.bias_ih + weights.bias_hh)[..., None, :]
    projected = inputs.flatten(-3, -2) @ weights.weight_ih.mT + bias
    projections = projected.unflatten(-2, inputs.shape[-3:-1]).unbind(-2)
    recurrent = weights.weight_hh.mT
    is_token = [None] * len(projections) if attended is None else attended.bool().unbind(-1)
    for given_input, there in zip(projections, is_token, strict=True):
        gates = given_input + hidden @ recurrent
        enter, keep, candidate, leave = gates.chunk(4, -1)
        following = keep.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
        given = leave.sigmoid() * following.tanh()
        if there is not None:
            following = torch.where(there[..., None], following, cell)
            given = torch.where(there[..., None], given, hidden)
        hidden, cell = given, following
        states.append(hidden)
    return torch.stack(states, -2), (hidden, cell)
