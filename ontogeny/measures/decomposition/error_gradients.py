"""How much of an error reaches earlier states: its gradient through a recurrence."""

import torch
from torch import Tensor

from ontogeny.measures.decomposition.contextual import project
from ontogeny.measures.decomposition.layers import RecurrentLayer


def error_gradients(
    layers: list[RecurrentLayer],
    inputs: Tensor,
    output_weight: Tensor,
    output_bias: Tensor,
    target: int,
) -> Tensor:
    """Return the gradient of an error at the last token in the hidden states at all tokens.

    `inputs` (..., rows, tokens, in) are embeddings of texts, the error is the negative logarithm of
    the probability of the token `target` after the last one, by `output_weight` (..., vocabulary,
    width) and `output_bias` (..., vocabulary). The result is (..., layers, rows, tokens, width): by
    how much the error changes with a hidden state, in all ways in which it is read from then on
    (Saphra 2021, chapter 5, section 4.3 and appendix C). At the last token of the top layer that is
    the output weights times the probabilities less the one-hot target.
    """
    width = layers[0].width
    shifts = inputs.new_zeros(*inputs.shape[:-1], len(layers), width, requires_grad=True)
    with torch.enable_grad():
        states = inputs.detach()
        for number, layer in enumerate(layers):
            states = _shifted(layer, states, shifts[..., number, :])
        logits = project(states[..., -1:, :], output_weight)[..., 0, :] + output_bias[..., None, :]
        error = -logits.log_softmax(-1)[..., target].sum()
        (found,) = torch.autograd.grad(error, [shifts])
    return found.movedim(-2, -4)


def _shifted(layer: RecurrentLayer, inputs: Tensor, shifts: Tensor) -> Tensor:
    """Return the hidden states of a layer, to each of which a shift is added before it is read."""
    projected = project(inputs, layer.input_weight) + layer.bias[..., None, None, :]
    recurrent = layer.recurrent_weight.mT
    hidden = cell = projected.new_zeros(*projected.shape[:-2], layer.width)
    steps = []
    for token in range(projected.shape[-2]):
        enter, keep, candidate, leave = (projected[..., token, :] + hidden @ recurrent).chunk(4, -1)
        cell = keep.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
        hidden = leave.sigmoid() * cell.tanh() + shifts[..., token, :]
        steps.append(hidden)
    return torch.stack(steps, -2)
