"""The exponential and gelu, such that the compiler can take many numbers at once.

All constants are of single precision: a double would make its expression one.
"""

import numpy as np
from numpy.typing import NDArray

from ontogeny.ensemble.machine_code.compiling import inlined

Array = NDArray[np.float32]

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)

# exp(x) = 2**n exp(r) with |r| <= log(2) / 2; log(2) in two parts, of which n times the first is
# exact. The polynomial is that of Cephes (Moshier 1989). A little beyond the bounds the result
# would be no ordinary number.
_LOWEST, _HIGHEST = np.float32(-87), np.float32(88)
_LOG2_E = np.float32(1.44269504088896341)
_LOG_2, _LOG_2_REST = np.float32(0.693359375), np.float32(-2.12194440e-4)
_E6, _E5, _E4 = (
    np.float32(1.9875691500e-4),
    np.float32(1.3981999507e-3),
    np.float32(8.3334519073e-3),
)
_E3, _E2, _E1 = (
    np.float32(4.1665795894e-2),
    np.float32(1.6666665459e-1),
    np.float32(5.0000001201e-1),
)
_BIAS, _MANTISSA = np.int32(127), np.int32(23)

# erfc(z) = (a1 t + ... + a5 t**5) exp(-z * z), t = 1 / (1 + p z), within 1.5e-7 (Abramowitz and
# Stegun 1964, 7.1.26), here with z = |x| / sqrt(2).
_P = np.float32(0.3275911 / np.sqrt(2))
_A1, _A2 = np.float32(0.254829592), np.float32(-0.284496736)
_A3, _A4 = np.float32(1.421413741), np.float32(-1.453152027)
_A5 = np.float32(1.061405429)
_DENSITY = np.float32(1 / np.sqrt(2 * np.pi))


@inlined
def exponential(x: np.float32) -> np.float32:
    """Return exp(x), relative error below 3e-7 from -87 to 88; beyond, that of the bound.

    NaN gives NaN.
    """
    bounded = min(max(x, _LOWEST), _HIGHEST)
    power = np.floor(bounded * _LOG2_E + HALF)
    rest = bounded - power * _LOG_2 - power * _LOG_2_REST
    found = _E6 * rest + _E5
    found = found * rest + _E4
    found = found * rest + _E3
    found = found * rest + _E2
    found = found * rest + _E1
    found = found * (rest * rest) + rest + ONE
    two_to_power = np.int32((np.int32(power) + _BIAS) << _MANTISSA).view(np.float32)
    return x if np.isnan(x) else found * two_to_power


@inlined
def dot(left: Array, right: Array) -> np.float32:
    """Return the inner product of two vectors."""
    total = ZERO
    for place in range(left.size):
        total += left[place] * right[place]
    return total


@inlined
def tail(size: np.float32, bell: np.float32) -> np.float32:
    """Return how much of a normal distribution lies beyond `size` deviations.

    `bell` is exp(-size * size / 2).
    """
    t = ONE / (ONE + _P * size)
    return HALF * bell * t * (_A1 + t * (_A2 + t * (_A3 + t * (_A4 + t * _A5))))


@inlined
def gelu_and_slopes(rows: Array, bias: Array, slopes: Array) -> None:
    """Overwrite rows (rows, columns) by the exact gelu of rows + bias; `slopes` by its derivative.

    Both are within 5e-7 for numbers from -1e30 to 4.
    """
    for row in range(rows.shape[0]):
        values, slope = rows[row], slopes[row]
        for column in range(values.size):
            x = values[column] + bias[column]
            bell = exponential(-HALF * x * x)
            beyond = tail(abs(x), bell)
            below = ONE - beyond if x > ZERO else beyond
            values[column] = x * below
            slope[column] = below + x * bell * _DENSITY


@inlined
def gelu_backward(gradient: Array, slopes: Array, by_bias: Array) -> None:
    """Overwrite the gradient by gelu's output by that by its input; add its sum to `by_bias`."""
    for row in range(gradient.shape[0]):
        values, slope = gradient[row], slopes[row]
        for column in range(values.size):
            by_input = values[column] * slope[column]
            values[column] = by_input
            by_bias[column] += by_input
