"""Layer normalisation (Ba et al. 2016) in machine code, with the sum before it.

Activations are (rows, width), all vectors (width,).
"""

import numpy as np
from numpy.typing import NDArray

from ontogeny.ensemble.machine_code.compiling import inlined
from ontogeny.ensemble.machine_code.functions import ONE, ZERO

Array = NDArray[np.float32]


@inlined
def normalise(
    rows: Array, epsilon: np.float32, gain: Array, shift: Array, inverse: Array, output: Array
) -> None:
    """Overwrite rows by (row - mean) * inverse; `output` is that times gain plus shift.

    `inverse` (rows,) becomes 1 / sqrt(variance + epsilon).
    """
    width = np.float32(rows.shape[1])
    for row in range(rows.shape[0]):
        values, out = rows[row], output[row]
        mean = ZERO
        for column in range(values.size):
            mean += values[column]
        mean /= width
        variance = ZERO
        for column in range(values.size):
            centred = values[column] - mean
            variance += centred * centred
        scale = ONE / np.sqrt(variance / width + epsilon)
        inverse[row] = scale
        for column in range(values.size):
            normal = (values[column] - mean) * scale
            values[column] = normal
            out[column] = normal * gain[column] + shift[column]


@inlined
def add_sum(residual: Array, bias: Array, rows: Array) -> None:
    """Add a residual (rows, width) and a bias to rows."""
    for row in range(rows.shape[0]):
        values, onto = rows[row], residual[row]
        for column in range(values.size):
            values[column] += onto[column] + bias[column]


@inlined
def normalise_backward(
    gradient: Array,
    normal: Array,
    inverse: Array,
    gain: Array,
    by_gain: Array,
    by_shift: Array,
    by_sum: Array,
) -> None:
    """Overwrite the gradient by the output by that by the input of `normalise`.

    With g the gradient times the gain and n the normalised row, that is inverse * (g - mean(g) - n
    mean(g n)). Adds the gradients by gain and shift to theirs, and the result's sum to `by_sum`.
    """
    share = ONE / np.float32(gradient.shape[1])
    for row in range(gradient.shape[0]):
        values, n = gradient[row], normal[row]
        mean, along = ZERO, ZERO
        for column in range(values.size):
            value = values[column]
            by_shift[column] += value
            by_gain[column] += value * n[column]
            value *= gain[column]
            values[column] = value
            mean += value
            along += value * n[column]
        mean *= share
        along *= share
        for column in range(values.size):
            by_input = inverse[row] * (values[column] - mean - n[column] * along)
            values[column] = by_input
            by_sum[column] += by_input
