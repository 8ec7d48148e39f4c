"""Layer normalisation and linear maps of many members, forwards and backwards, in few passes.

Activations are (members, rows, width), a row being a token of a sequence. The backward functions
are written out because autograd's passes over memory, not its arithmetic, are what a small model's
training costs.
"""

import torch
from torch import Tensor


def linear(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return inputs W' + b, (members, rows, out), with weight (members, out, in)."""
    # Two calls: baddbmm, given a bias to spread over the rows, takes twice the time on a CPU.
    return torch.bmm(inputs, weight.mT).add_(bias[:, None])


def linear_gradients(
    inputs: Tensor, gradient: Tensor, weight_gradient: Tensor, bias_gradient: Tensor
) -> None:
    """Write the gradients by weight and bias, given that by the output of `linear`."""
    weight_gradient.copy_(torch.bmm(gradient.mT, inputs))
    bias_gradient.copy_(gradient.sum(1))


def normalise(rows: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Overwrite each row by (row - mean) / sqrt(variance + epsilon); returns it and the divisor's
    inverse, (members, rows, 1).

    The gain and shift of layer normalisation (Ba et al. 2016) are left to the caller: each member
    has its own.
    """
    rows = rows.sub_(rows.mean(-1, keepdim=True))
    variance = torch.linalg.vector_norm(rows, dim=-1, keepdim=True).square_().div_(rows.shape[-1])
    inverse = variance.add_(epsilon).rsqrt_()
    return rows.mul_(inverse), inverse


def scale_and_shift(normalised: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    """Return normalised * gain + shift, with gain and shift (members, width)."""
    return torch.addcmul(shift[:, None], normalised, gain[:, None])


def normalisation_gradients(
    normalised: Tensor,
    inverse: Tensor,
    gain: Tensor,
    gradient: Tensor,
    gain_gradient: Tensor,
    shift_gradient: Tensor,
) -> Tensor:
    """Write the gradients by gain and shift; returns that by the rows that were normalised.

    With g the gradient times the gain and n the normalised row, that is
    inverse * (g - mean(g) - n mean(g n)).
    """
    gain_gradient.copy_((gradient * normalised).sum(1))
    shift_gradient.copy_(gradient.sum(1))
    # PyTorch's own kernel, told that mean and deviation are 0 and 1, takes one pass for the rest.
    zero, one = torch.zeros_like(inverse), torch.ones_like(inverse)
    result = torch.ops.aten.native_layer_norm_backward(
        gradient * gain[:, None],
        normalised,
        [normalised.shape[-1]],
        zero,
        one,
        None,
        None,
        [True, False, False],
    )[0]
    return result.mul_(inverse)
