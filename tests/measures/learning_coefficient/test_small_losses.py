"""In one and two dimensions chains give what numerical quadrature of the same density gives."""

import numpy as np
import pytest
import torch
from small_losses import Copies, by_quadrature, coefficients

from ontogeny.ensemble.langevin import RMSProp

COPIES = 2000


def power(exponent):
    return lambda w: w[..., 0] ** exponent


def crossing(w):
    return w[..., 0] ** 2 * w[..., 1] ** 2


def ellipse(w):
    return w[..., 0] ** 2 / 2 + 2 * w[..., 1] ** 2


@pytest.mark.parametrize(
    ("function", "dimensions", "step_size", "localisation", "inverse_temperature", "steps"),
    [
        (power(2), 1, 1e-3, 5.0, 50.0, 400),
        (power(4), 1, 1e-3, 5.0, 100.0, 800),
        pytest.param(power(6), 1, 1e-3, 5.0, 100.0, 1000, marks=pytest.mark.slow),
        (ellipse, 2, 1e-3, 5.0, 50.0, 400),
        pytest.param(crossing, 2, 5e-4, 10.0, 300.0, 2000, marks=pytest.mark.slow),
    ],
    ids=["w^2", "w^4", "w^6", "ellipse", "w1^2 w2^2"],
)
def test_chains_and_quadrature_agree_within_5_percent(
    function, dimensions, step_size, localisation, inverse_temperature, steps
):
    found = coefficients(
        Copies(function, torch.zeros(COPIES, dimensions)),
        [(step_size, localisation, inverse_temperature)],
        burn_in=steps,
        draws=steps,
    )
    expected = by_quadrature(function, dimensions, localisation, inverse_temperature, 1001)
    assert found.coefficient.item() / COPIES == pytest.approx(expected, rel=0.05)
    assert found.standard_error.item() < 0.02 * found.coefficient.item()
    assert found.diverged.item() == 0


@pytest.mark.slow
def test_several_temperatures_at_once_each_agree_with_quadrature():
    temperatures = (20.0, 50.0, 100.0)
    found = coefficients(
        Copies(power(4), torch.zeros(COPIES, 1)),
        [(1e-3, 5.0, value) for value in temperatures],
        burn_in=800,
        draws=800,
    )
    expected = [by_quadrature(power(4), 1, 5.0, value) for value in temperatures]
    assert found.coefficient[0] / COPIES == pytest.approx(np.array(expected), rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("step_size", [0.002, 0.01, 0.02])
def test_variance_of_a_quadratic_is_that_of_the_discretised_chain(step_size):
    curvature, localisation, inverse_temperature = 1.0, 20.0, 80.0
    found = coefficients(
        Copies(lambda w: curvature / 2 * w[..., 0] ** 2, torch.zeros(COPIES, 1)),
        [(step_size, localisation, inverse_temperature)],
        burn_in=200,
        draws=600,
    )
    a = inverse_temperature * curvature + localisation
    variance = 1 / (a * (1 - step_size * a / 4))
    expected = inverse_temperature * curvature / 2 * variance
    assert found.coefficient.item() / COPIES == pytest.approx(expected, rel=0.01)


@pytest.mark.slow
def test_a_preconditioned_chain_samples_the_same_density():
    found = coefficients(
        Copies(ellipse, torch.zeros(COPIES, 2)),
        [(0.01, 5.0, 50.0)],
        burn_in=600,
        draws=600,
        # At the minimum of a loss without noise gradients begin at 0.
        preconditioner=RMSProp(stability=1.0),
    )
    expected = by_quadrature(ellipse, 2, 5.0, 50.0, 1001)
    assert found.coefficient.item() / COPIES == pytest.approx(expected, rel=0.05)


@pytest.mark.slow
def test_a_refined_coefficient_is_that_of_its_weights_alone():
    start = torch.zeros(COPIES, 2)
    parts = [torch.zeros(COPIES, 2, dtype=torch.bool) for _ in range(2)]
    for axis, part in enumerate(parts):
        part[:, axis] = True
    found = coefficients(
        Copies(ellipse, start),
        [(5e-4, 5.0, 50.0)],
        burn_in=400,
        draws=400,
        free=[part.flatten() for part in parts],
    )
    for axis, factor in enumerate((0.5, 2.0)):
        expected = by_quadrature(lambda w, f=factor: f * w[..., 0] ** 2, 1, 5.0, 50.0)
        assert found.coefficient[axis, 0] / COPIES == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("half", [1, 2, 3])
def test_the_coefficient_of_a_power_tends_to_one_over_it(half):
    values = [by_quadrature(power(2 * half), 1, 1.0, 10.0**n) for n in (2, 5, 9)]
    distances = [abs(value - 1 / (2 * half)) for value in values]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.005


def test_the_coefficient_of_a_crossing_tends_to_one_half_as_slowly_as_a_logarithm():
    exponents = np.array([4, 6, 8])
    values = np.array([by_quadrature(crossing, 2, 1.0, 10.0**n, 2001) for n in exponents])
    distances = 0.5 - values
    assert (np.diff(distances) < 0).all()
    # Multiplicity 2 leaves 1 / log n.
    assert distances * exponents * np.log(10) == pytest.approx(1, rel=0.25)
