import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.measures.concentration import concentration, gini, hoyer
from ontogeny.measures.concentration.indices import (
    entropy_of_attention,
    norms,
    norms_of_logit_gradients,
)

widths = given(st.integers(2, 300), st.floats(1e-6, 1e6))


@widths
def test_all_mass_on_one_entry_is_full_concentration_at_any_scale(width, scale):
    vector = torch.zeros(width, dtype=torch.float64)
    vector[width // 2] = -scale
    assert concentration(norms(vector)) == pytest.approx(1)
    assert hoyer(norms(vector)) == pytest.approx(1)
    assert gini(vector) == pytest.approx(1 - 1 / width)


@widths
def test_entries_all_alike_are_the_least_concentration(width, scale):
    vector = torch.full((width,), scale, dtype=torch.float64)
    vector[::2] *= -1
    assert concentration(norms(vector)) == pytest.approx(1 / math.sqrt(width))
    assert hoyer(norms(vector)) == pytest.approx(0, abs=1e-9)
    assert gini(vector) == pytest.approx(0, abs=1e-9)


def test_a_vector_of_zeros_has_none():
    vector = torch.zeros(4)
    assert concentration(norms(vector)).isnan()
    assert hoyer(norms(vector)).isnan()
    assert gini(vector).isnan()


@given(st.integers(2, 40), st.integers(0, 100))
def test_gini_is_half_the_mean_difference_over_the_mean(width, seed):
    vector = np.abs(np.random.default_rng(seed).normal(size=width))
    differences = np.abs(vector[:, None] - vector[None]).mean()
    expected = differences / (2 * vector.mean())
    assert gini(torch.from_numpy(vector)).item() == pytest.approx(expected)


@given(st.integers(2, 60), st.integers(0, 100), st.floats(0.1, 60))
def test_norms_at_the_logits_are_those_of_p_minus_onehot(vocabulary, seed, sharpness):
    draw = torch.Generator().manual_seed(seed)
    logits = sharpness * torch.randn(5, vocabulary, generator=draw, dtype=torch.float64)
    probabilities = logits.softmax(-1)
    targets = torch.randint(vocabulary, (5,), generator=draw)
    gradient = probabilities - torch.nn.functional.one_hot(targets, vocabulary)
    expected, found = norms(gradient), norms_of_logit_gradients(probabilities, targets)
    torch.testing.assert_close(found.two, expected.two, rtol=1e-7, atol=1e-12)
    torch.testing.assert_close(found.one, expected.one, rtol=1e-7, atol=1e-12)


def test_entropy_of_attention_is_1_spread_evenly_and_0_on_one_token():
    attended = torch.ones(1, 4, 4, dtype=torch.bool).tril()
    even = attended.float() / attended.sum(-1, keepdim=True)
    one = torch.eye(4)[None]
    found = entropy_of_attention(torch.stack([even, even], 1), attended)
    assert found[0, 0].isnan()
    torch.testing.assert_close(found[0, 1:], torch.ones(3))
    assert entropy_of_attention(one[None], attended)[0, 1:].tolist() == [0, 0, 0]
