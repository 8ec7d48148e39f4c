import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.ensemble.machine_code import products
from ontogeny.ensemble.machine_code.functions import (
    exponential,
    gelu_and_slopes,
    gelu_backward,
)
from ontogeny.ensemble.machine_code.products import PLAIN, TRANSPOSED, multiply


def single(*numbers):
    return np.array(numbers, np.float32)


def test_the_exponential_is_that_of_numpy_as_far_as_single_precision_goes():
    for x in np.linspace(-87, 88, 5001).astype(np.float32):
        assert exponential(x) == pytest.approx(np.exp(np.float64(x)), rel=3e-7)
    assert exponential(np.float32(-1000)) == pytest.approx(np.exp(-87.0), rel=1e-5)
    assert exponential(np.float32(0)) == 1
    assert np.isnan(exponential(np.float32(np.nan)))
    assert exponential(np.float32(np.inf)) == pytest.approx(np.exp(88.0), rel=1e-5)


def test_gelu_and_its_slope_are_those_of_torch_in_double_precision():
    x = torch.linspace(-12, 12, 6001, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.gelu(x)
    (slope,) = torch.autograd.grad(expected.sum(), x)
    bias = single(*[0.5] * 6001)
    rows = (x.detach().numpy() - 0.5).astype(np.float32)[None]
    slopes = np.empty_like(rows)
    gelu_and_slopes(rows, bias, slopes)
    # Numbers up to 12 are themselves rounded by 5e-7.
    np.testing.assert_allclose(rows[0], expected.detach(), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(slopes[0], slope, rtol=1e-6, atol=1e-6)

    gradient = np.stack([slopes[0], 2 * slopes[0]])
    total = np.ones_like(bias)
    gelu_backward(gradient, np.stack([rows[0], rows[0]]), total)
    np.testing.assert_allclose(gradient[1], 2 * slopes[0] * rows[0])
    np.testing.assert_allclose(total, 1 + gradient.sum(0), rtol=1e-6)


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40)),
    left_as=st.sampled_from([PLAIN, TRANSPOSED]),
    right_as=st.sampled_from([PLAIN, TRANSPOSED]),
    keep=st.sampled_from([0, 1, -2]),
    seed=st.integers(0, 1000),
)
def test_products_are_those_of_numpy(shape, left_as, right_as, keep, seed):
    rows, inner, columns = shape
    draw = np.random.default_rng(seed).standard_normal
    left, right, result = draw((rows, inner)), draw((inner, columns)), draw((rows, columns))
    expected = left @ right + keep * result
    if left_as == TRANSPOSED:
        left = left.T
    if right_as == TRANSPOSED:
        right = right.T
    found = result.astype(np.float32)
    multiply(
        np.ascontiguousarray(left, np.float32),
        left_as,
        np.ascontiguousarray(right, np.float32),
        right_as,
        found,
        np.float32(keep),
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_function_of_other_arguments_than_expected_is_refused():
    with pytest.raises(ImportError, match=r"SciPy's saxpy .* expected 6 sizes of type int"):
        products._address("saxpy")
