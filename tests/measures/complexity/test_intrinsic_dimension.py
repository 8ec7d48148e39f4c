"""TwoNN finds the dimension of manifolds, and equals a slow version of itself."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from ontogeny.measures.complexity import intrinsic_dimension
from ontogeny.measures.complexity.intrinsic_dimension import neighbour_ratios


def sphere(dimension, points, generator):
    """Points on a sphere, which has no edge, turned and moved in 64 dimensions."""
    places = generator.normal(size=(points, dimension + 1))
    places /= np.linalg.norm(places, axis=1, keepdims=True)
    turn = np.linalg.qr(generator.normal(size=(64, 64)))[0][: dimension + 1]
    return torch.from_numpy(places @ turn + generator.normal(size=64))


@pytest.mark.parametrize("dimension", [1, 2, 5, 10])
def test_the_dimension_of_a_manifold_is_found(dimension):
    generator = np.random.default_rng(dimension)
    layers = torch.stack([sphere(dimension, 2500, generator) for _ in range(3)]).float()
    found = intrinsic_dimension(layers)
    assert found.shape == (3,)
    # The standard error is 2%; in 10 dimensions neighbours are so far that the sphere is curved
    # between them, and the estimate falls some 5% short.
    assert np.allclose(found, dimension, rtol=0.07 if dimension < 10 else 0.13)


def slow_two_nn(points, discard):
    points = np.unique(points, axis=0)
    distances = np.sort(cdist(points, points), axis=1)
    ratios = np.sort(distances[:, 2] / distances[:, 1])
    kept = [
        (np.log(mu), -np.log(1 - (i + 1) / len(ratios)))
        for i, mu in enumerate(ratios)
        if i + 1 <= (1 - discard) * len(ratios) and i + 1 < len(ratios)
    ]
    return sum(x * y for x, y in kept) / sum(x * x for x, y in kept)


@settings(max_examples=25, deadline=None)
@given(st.integers(4, 60), st.integers(1, 8), st.sampled_from([0.0, 0.1, 0.25]), st.integers(0, 99))
def test_it_equals_a_slow_version(points, width, discard, seed):
    layers = np.random.default_rng(seed).normal(size=(2, points, width))
    found = intrinsic_dimension(torch.from_numpy(layers), discard)
    expected = [slow_two_nn(layer, discard) for layer in layers]
    assert np.allclose(found, expected, rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0.01, 100))
def test_moving_turning_and_scaling_change_nothing(seed, scale):
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(40, 5))
    turned = scale * points @ np.linalg.qr(generator.normal(size=(5, 5)))[0] + 3
    found = intrinsic_dimension(torch.from_numpy(np.stack([points, turned])))
    assert found[0] == pytest.approx(found[1], rel=1e-6)


def test_copies_of_points_count_once():
    points = torch.from_numpy(np.random.default_rng(0).normal(size=(50, 4)))
    twice = torch.cat([points, points[:20]])
    assert intrinsic_dimension(twice[None]) == pytest.approx(intrinsic_dimension(points[None]))


@pytest.mark.parametrize("copies", [1, 7])
def test_points_that_differ_by_rounding_alone_count_once(copies):
    generator = np.random.default_rng(1)
    points = torch.from_numpy(generator.normal(size=(300, 24))).float()
    rounded = points[:90].repeat(copies, 1)
    rounded *= 1 + 2e-7 * torch.from_numpy(generator.choice([-1, 1], rounded.shape)).float()
    assert len(torch.unique(torch.cat([points, rounded]), dim=0)) > 300
    found = intrinsic_dimension(torch.cat([rounded, points])[None])
    assert found == pytest.approx(intrinsic_dimension(points[None]), rel=1e-4)
    # But a distance that is small, though not of rounding, counts.
    moved = points[:90] * (1 + 1e-4)
    assert intrinsic_dimension(torch.cat([moved, points])[None]) < 0.5 * found


def test_neighbours_far_from_the_origin_are_told_apart():
    points = torch.from_numpy(np.random.default_rng(0).normal(size=(50, 4)))
    assert np.allclose(
        np.sort(neighbour_ratios(points + 1e6)), np.sort(neighbour_ratios(points)), rtol=1e-6
    )


def test_the_dimension_of_too_few_points_or_a_lattice_is_not_defined():
    assert np.isnan(intrinsic_dimension(torch.zeros(1, 10, 3))).all()
    assert np.isnan(intrinsic_dimension(torch.eye(2)[None])).all()
    lattice = torch.cartesian_prod(torch.arange(5.0), torch.arange(5.0))
    assert np.isnan(intrinsic_dimension(lattice[None])).all()
    with pytest.raises(ValueError, match="discard"):
        intrinsic_dimension(torch.zeros(1, 10, 3), discard=1.0)
