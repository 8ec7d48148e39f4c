"""Layer normalisation and linear maps of many members, forwards and backwards, in few passes.

Activations are (members, rows, width), a row being a token of a sequence. The backward functions
are written out because autograd's passes over memory, not its arithmetic, are what a small model's
training costs.
"""

import torch
from torch import Tensor


def linear(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return inputs W' + b, (members, rows, out), for weight (members, out, in), bias
    (members, 1, out)."""
    return torch.baddbmm(bias, inputs, weight.mT)


def linear_onto(
    residual: Tensor, inputs: Tensor, weight: Tensor, bias: Tensor, dropped: Tensor | None
) -> Tensor:
    """Return residual + dropped * (inputs W' + b), (members, rows, out); see `linear`."""
    if dropped is not None:
        return linear(inputs, weight, bias).mul_(dropped).add_(residual)
    # A product that adds to what is there saves the pass that would set its result to zero.
    return torch.add(residual, bias).baddbmm_(inputs, weight.mT)


def linear_gradients(
    inputs: Tensor, gradient: Tensor, weight_gradient: Tensor, bias_gradient: Tensor
) -> None:
    """Write the gradients by weight and bias, given that by the output of `linear`."""
    torch.bmm(gradient.mT, inputs, out=weight_gradient)
    torch.sum(gradient, 1, keepdim=True, out=bias_gradient)


def normalise(rows: Tensor, epsilon: float) -> Tensor:
    """Subtract each row's mean from it, in place; returns 1 / sqrt(variance + epsilon).

    That is (members, rows, 1). The rest of layer normalisation (Ba et al. 2016) is left to
    `scale_and_shift`.
    """
    rows.sub_(rows.mean(-1, keepdim=True))
    norm = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return norm.square_().div_(rows.shape[-1]).add_(epsilon).rsqrt_()


def scale_and_shift(centred: Tensor, inverse: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    """Return centred * inverse * gain + shift, with gain and shift (members, 1, width)."""
    normalised = centred * inverse
    return torch.addcmul(shift, normalised, gain, out=normalised)


def normalisation_gradients(
    centred: Tensor,
    inverse: Tensor,
    gain: Tensor,
    gradient: Tensor,
    gain_gradient: Tensor,
    shift_gradient: Tensor,
) -> Tensor:
    """Write the gradients by gain and shift; returns that by the rows that were normalised.

    With g the gradient times the gain and n the normalised row, that is
    inverse * (g - mean(g) - n mean(g n)). Overwrites `gradient`.
    """
    torch.bmm(inverse.mT, gradient * centred, out=gain_gradient)
    torch.sum(gradient, 1, keepdim=True, out=shift_gradient)
    # PyTorch's own kernel, told that the mean is 0, takes one pass for the rest.
    return torch.ops.aten.native_layer_norm_backward(
        gradient.mul_(gain),
        centred,
        [centred.shape[-1]],
        torch.zeros_like(inverse),
        inverse,
        None,
        None,
        [True, False, False],
    )[0]
