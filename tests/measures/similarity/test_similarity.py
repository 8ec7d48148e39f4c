"""Similarities of matrices whose similarity is known, and slow versions from the publications."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from ontogeny.errors import CheckpointError, CorpusError
from ontogeny.measures.similarity import (
    Correlations,
    Moments,
    canonical_correlations,
    linear_cka,
    pwcca,
    representational_similarity,
    svcca,
    unbiased_cka,
)

FORMS = {"svcca": {"variance": 0.99}, "cca": {"variance": None, "mass": 0.98}}
ROUNDING = 2e-5  # of products that are added up in 32 bits


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def anisotropic(words, width, seed=0):
    """Vectors whose units correlate, of a spectrum that decays, away from zero."""
    spectrum = torch.logspace(0, -1.5, width, dtype=torch.float64)
    mixed = (normal(words, width, seed=seed) * spectrum) @ rotation(width, seed + 1)
    return mixed + normal(width, seed=seed + 2)


def rotation(width, seed):
    return torch.linalg.qr(normal(width, width, seed=seed))[0]


def principal(*matrices, block=64):
    moments = Moments()
    for words in torch.stack(matrices).split(block, 1):
        moments.add(words)
    return moments.principal("test")


def compared(first, second, block=64):
    """The correlations of two matrices, (words, width) and (words, another width)."""
    correlations = Correlations(principal(first, block=block), principal(second, block=block))
    for one, other in zip(first.split(block), second.split(block), strict=True):
        correlations.add(one[None], other[None])
    return correlations.cross()


def of_all_kinds(first, second):
    cross = compared(first, second)
    return {
        **{name: svcca(cross, **form).item() for name, form in FORMS.items()},
        "pwcca": pwcca(cross).item(),
        "cka": linear_cka(cross).item(),
        "unbiased_cka": unbiased_cka(cross).item(),
        "rsa": float(representational_similarity(first[None, :100], second[None, :100])[0, 0]),
    }


@given(
    width=st.integers(1, 12),
    words=st.integers(120, 300),
    scale=st.floats(0.01, 100),
    seed=st.integers(0, 99),
)
def test_a_matrix_is_fully_similar_to_its_rotation_with_isotropic_scaling(
    width, words, scale, seed
):
    vectors = anisotropic(words, width, seed)
    turned = scale * vectors @ rotation(width, seed + 7) + normal(width, seed=seed + 8)
    for name, value in of_all_kinds(vectors, turned).items():
        assert value == pytest.approx(1, abs=1e-4), name


@given(width=st.integers(2, 10), seed=st.integers(0, 99))
def test_cca_and_pwcca_are_one_after_any_invertible_map_and_svcca_is_not(width, seed):
    vectors = anisotropic(400, width, seed)
    # A map that makes what varies least vary most.
    cross = compared(vectors, torch.linalg.solve(torch.cov(vectors.T), vectors.T).T)
    assert svcca(cross, variance=None, mass=0.98).item() == pytest.approx(1, abs=1e-4)
    assert svcca(cross, variance=None).item() == pytest.approx(1, abs=1e-4)
    assert pwcca(cross).item() == pytest.approx(1, abs=1e-4)


def test_svcca_is_changed_by_a_map_that_moves_variance_to_other_axes():
    vectors = anisotropic(2000, 10)
    inverted = torch.linalg.solve(torch.cov(vectors.T), vectors.T).T
    cross = compared(vectors, inverted)
    assert svcca(cross, variance=0.9).item() < 0.9
    assert svcca(cross, variance=None).item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("width", "other", "words"), [(8, 8, 200), (5, 20, 150), (30, 12, 400)])
def test_independent_gaussians_have_the_squared_correlation_that_chance_gives(width, other, words):
    draws = 60
    first, second = normal(draws, words, width, seed=1), normal(draws, words, other, seed=2)
    correlations = Correlations(principal(*first), principal(*second))
    correlations.add(first, second)
    # Each with each: all draws are independent of all others.
    found, count = canonical_correlations(correlations.cross())
    assert (count == min(width, other)).all()
    squared = found.square().sum(-1) / count
    assert squared.mean().item() == pytest.approx(max(width, other) / (words - 1), rel=0.01)


def slow_svcca(first, second, variance, mass):
    """Raghu et al. (2017, section 2) for two NumPy matrices, with the rows (words)."""
    reduced = []
    for matrix in (first, second):
        u, s, _ = np.linalg.svd(matrix - matrix.mean(0), full_matrices=False)
        kept = len(s)
        if variance is not None:
            kept = np.flatnonzero(np.cumsum(s**2) / np.sum(s**2) >= variance)[0] + 1
        reduced.append(u[:, :kept])
    correlations = np.linalg.svd(reduced[0].T @ reduced[1], compute_uv=False)
    if mass is not None:
        held = np.cumsum(correlations) / correlations.sum()
        correlations = correlations[: np.flatnonzero(held >= mass)[0] + 1]
    return correlations.mean()


@pytest.mark.parametrize(
    "form",
    [*FORMS.values(), {"variance": 0.9, "mass": 0.5}, {"variance": None, "mass": None}],
    ids=str,
)
@pytest.mark.parametrize(("width", "other"), [(6, 6), (4, 9), (11, 3)])
def test_svcca_equals_the_publication_s_two_steps(form, width, other):
    first, noise = anisotropic(500, width, 3), anisotropic(500, other, 9)
    second = noise + 0.3 * first @ normal(width, other, seed=4)
    expected = slow_svcca(first.numpy(), second.numpy(), form["variance"], form.get("mass"))
    found = svcca(compared(first, second), **form).item()
    assert found == pytest.approx(expected, abs=ROUNDING)


def slow_pwcca(first, second):
    """Morcos et al. (2018, equation 2), words as rows; the first of the two weighs."""
    first, second = (matrix - matrix.mean(0) for matrix in (first, second))
    bases = [np.linalg.qr(matrix)[0] for matrix in (first, second)]
    left, correlations, _ = np.linalg.svd(bases[0].T @ bases[1], full_matrices=False)
    weights = []
    for direction in (bases[0] @ left).T:
        weights.append(sum(abs(direction @ unit) for unit in first.T))
    return np.dot(weights, correlations) / sum(weights)


@pytest.mark.parametrize(("width", "other"), [(6, 6), (4, 9), (11, 3)])
def test_pwcca_equals_a_slow_version_from_the_publication_s_equations(width, other):
    first = anisotropic(500, width, 3)
    second = anisotropic(500, other, 9) + 0.3 * first @ normal(width, other, seed=4)
    for one, two in ((first, second), (second, first)):
        expected = slow_pwcca(one.numpy(), two.numpy())
        assert pwcca(compared(one, two)).item() == pytest.approx(expected, abs=ROUNDING)


def test_in_pwcca_the_first_side_weighs():
    first, second = anisotropic(500, 6, 3), anisotropic(500, 6, 9)
    second = second + 0.3 * first @ normal(6, 6, seed=4)
    stretched = second * torch.tensor([100.0, 1, 1, 1, 1, 1], dtype=torch.float64)
    once = pwcca(compared(first, second)).item()
    assert pwcca(compared(first, stretched)).item() == pytest.approx(once, abs=ROUNDING)
    other_way = pwcca(compared(second, first)).item()
    assert abs(pwcca(compared(stretched, first)).item() - other_way) > 0.01


def centred_kernels(first, second):
    centre = np.eye(len(first)) - 1 / len(first)
    return [centre @ (m @ m.T) @ centre for m in (first.numpy(), second.numpy())]


@pytest.mark.parametrize(("width", "other", "words"), [(6, 6, 40), (3, 11, 90)])
def test_linear_cka_equals_its_hsic_form(width, other, words):
    first = anisotropic(words, width, 3)
    second = anisotropic(words, other, 9) + first @ normal(width, other, seed=4)
    one, two = centred_kernels(first, second)
    expected = np.sum(one * two) / np.sqrt(np.sum(one * one) * np.sum(two * two))
    assert linear_cka(compared(first, second)).item() == pytest.approx(expected, abs=ROUNDING)


def slow_unbiased_hsic(one, two):
    """Song et al. (2012, equation 5), from kernels whose diagonals are taken out."""
    words = len(one)
    one, two = one - np.diag(np.diag(one)), two - np.diag(np.diag(two))
    total = np.trace(one @ two)
    total += one.sum() * two.sum() / ((words - 1) * (words - 2))
    total -= 2 / (words - 2) * (one @ two).sum()
    return total / (words * (words - 3))


@pytest.mark.parametrize(("width", "other", "words"), [(6, 6, 40), (3, 11, 90)])
def test_unbiased_cka_equals_the_estimator_on_whole_kernels(width, other, words):
    first = anisotropic(words, width, 3)
    second = anisotropic(words, other, 9) + first @ normal(width, other, seed=4)
    # The kernels of vectors as they are: the estimator doesn't depend on their mean.
    one, two = (matrix.numpy() @ matrix.numpy().T for matrix in (first, second))
    alone = [slow_unbiased_hsic(kernel, kernel) for kernel in (one, two)]
    expected = slow_unbiased_hsic(one, two) / np.sqrt(np.prod(alone))
    assert unbiased_cka(compared(first, second)).item() == pytest.approx(expected, abs=ROUNDING)


def test_unbiased_cka_of_what_is_independent_is_zero_on_average_and_the_other_is_not():
    first, second = normal(40, 60, 20, seed=1), normal(40, 60, 20, seed=2)
    correlations = Correlations(principal(*first), principal(*second))
    correlations.add(first, second)
    cross = correlations.cross()
    values = unbiased_cka(cross)
    assert abs(values.mean().item()) < 3 * values.std().item() / np.sqrt(len(values)) + 1e-3
    assert linear_cka(cross).mean().item() > 0.2


def test_representational_similarity_is_the_rank_correlation_of_distances():
    first = anisotropic(80, 5, 1)
    second = anisotropic(80, 7, 2) + first @ normal(5, 7, seed=3)
    expected = spearmanr(pdist(first.numpy()), pdist(second.numpy())).statistic
    found = representational_similarity(first[None], second[None])
    assert found[0, 0] == pytest.approx(expected, abs=1e-10)


def test_representational_similarity_without_a_distance_is_no_number():
    vectors = anisotropic(30, 4)
    found = representational_similarity(torch.ones(1, 30, 4), vectors[None])
    assert np.isnan(found).all()


@pytest.mark.parametrize("block", [1, 7, 500])
def test_blocks_of_any_size_give_the_same(block):
    first, second = anisotropic(500, 6, 3), anisotropic(500, 8, 9) + 100
    whole, parts = compared(first, second, 500), compared(first, second, block)
    for measure in (svcca, pwcca, linear_cka, unbiased_cka):
        assert measure(parts).item() == pytest.approx(measure(whole).item(), abs=1e-5)


def test_pairs_within_a_set_are_those_between_it_and_itself():
    matrices = [anisotropic(300, 5, seed) for seed in range(4)]
    matrices[2] = matrices[2] + matrices[0]
    axes = principal(*matrices)
    within, between = Correlations(axes), Correlations(axes, axes)
    stacked = torch.stack(matrices)
    within.add(stacked)
    between.add(stacked, stacked)
    within, between = within.cross(), between.cross()
    above = between.rows < between.columns
    assert within.rows.tolist() == between.rows[above].tolist()
    assert within.columns.tolist() == between.columns[above].tolist()
    for measure in (svcca, pwcca, linear_cka, unbiased_cka):
        torch.testing.assert_close(measure(within), measure(between)[above], atol=1e-5, rtol=0)


def test_axes_reduced_beforehand_give_the_same_svcca():
    matrices = torch.stack([anisotropic(300, 9, seed) for seed in range(4)])
    matrices[2] += matrices[0]
    axes = principal(*matrices)
    whole, reduced = Correlations(axes), Correlations(axes.reduced(0.9))
    whole.add(matrices)
    reduced.add(matrices)
    assert reduced.cross().correlation.shape[1] < 9
    found = svcca(reduced.cross(), variance=None)
    torch.testing.assert_close(found, svcca(whole.cross(), variance=0.9), atol=1e-6, rtol=0)


def test_columns_of_zeros_change_nothing():
    first, second = anisotropic(300, 5, 1), anisotropic(300, 5, 2)
    second = second + first
    wide = torch.nn.functional.pad(first, (0, 4))
    narrow, filled = compared(first, second), compared(wide, second)
    for measure in (svcca, pwcca, linear_cka, unbiased_cka):
        assert measure(filled).item() == pytest.approx(measure(narrow).item(), abs=1e-6)


def test_memory_does_not_grow_with_the_corpus():
    def held(words):
        moments = Moments()
        for _ in range(words // 50):
            moments.add(normal(2, 50, 6))
        correlations = Correlations(moments.principal("test"))
        for _ in range(words // 50):
            correlations.add(normal(2, 50, 6))
        values = [*vars(moments).values(), *vars(correlations).values()]
        tensors = [v for v in values if isinstance(v, torch.Tensor)]
        return sum(tensor.numel() for tensor in [*tensors, *correlations._sums])

    assert held(100) == held(5000)


def test_constant_features_are_refused_with_their_layer():
    moments = Moments()
    moments.add(torch.stack([anisotropic(50, 4), torch.full((50, 4), 3.7, dtype=torch.float64)]))
    with pytest.raises(CheckpointError, match="run/step-3: layer 1 has the same vector"):
        moments.principal("run/step-3")


def test_features_that_are_not_finite_are_refused_with_their_layer():
    vectors = torch.stack([anisotropic(50, 4), anisotropic(50, 4)])
    vectors[1, 3, 2] = torch.nan
    moments = Moments()
    moments.add(vectors)
    with pytest.raises(CheckpointError, match="run/step-3: the vectors of layer 1 hold NaN"):
        moments.principal("run/step-3")


@pytest.mark.parametrize("measure", [svcca, pwcca])
def test_fewer_words_than_dimensions_are_refused(measure):
    cross = compared(normal(20, 12, seed=1), normal(20, 12, seed=2))
    with pytest.raises(CorpusError, match=r"both together, can.t be taken from 20"):
        measure(cross)


@pytest.mark.parametrize("measure", [svcca, pwcca])
def test_one_word_more_than_dimensions_is_the_least(measure):
    with pytest.raises(CorpusError, match=r"both together, can.t be taken from 10"):
        measure(compared(normal(10, 6, seed=1), normal(10, 4, seed=2)))
    assert torch.isfinite(measure(compared(normal(11, 6, seed=1), normal(11, 4, seed=2)))).all()
