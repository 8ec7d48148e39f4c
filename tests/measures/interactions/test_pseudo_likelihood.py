import numpy as np
import pytest
from scipy.optimize import check_grad

from ontogeny.corpora.hamiltonian import draw_hamiltonian, sample, subsets
from ontogeny.measures.interactions.pseudo_likelihood import (
    PseudoLikelihood,
    optimum,
    true_losses,
)

COUPLINGS = [
    {"order": 2, "count": 3, "strength": 0.6},
    {"order": 3, "count": 3, "strength": 0.6},
    {"order": 4, "count": 2, "strength": 0.8},
]
SMALL = draw_hamiltonian(6, 3, COUPLINGS, 1)


def exact_optimum(hamiltonian, order, energy=False):
    """The least conditional loss of an order, fitted to the whole distribution, enumerated."""
    states, probabilities = hamiltonian.states()
    sets = subsets(hamiltonian, order)
    fitted = PseudoLikelihood(hamiltonian, sets, states, probabilities, energy=energy)
    return fitted.loss_and_gradient(fitted.fit())[0]


def conditional_entropy(hamiltonian):
    """The mean over sites of H(site | others), by enumeration."""
    probabilities = hamiltonian.states()[1]
    table = probabilities.reshape([hamiltonian.symbols] * hamiltonian.length)
    found = []
    for site in range(hamiltonian.length):
        others = table.sum(axis=site, keepdims=True)
        found.append(-(table * np.log(table / others)).sum())
    return np.mean(found)


def test_the_true_losses_average_to_the_conditional_entropy():
    states, probabilities = SMALL.states()
    found = probabilities @ true_losses(SMALL, states).mean(axis=1)
    assert found == pytest.approx(conditional_entropy(SMALL))


@pytest.mark.parametrize("energy", [False, True])
def test_the_gradient_is_that_of_the_loss(energy):
    fitted = PseudoLikelihood(SMALL, subsets(SMALL, 3), sample(SMALL, 200, 0), energy=energy)
    point = np.random.default_rng(0).normal(size=fitted.number)
    error = check_grad(
        lambda x: fitted.loss_and_gradient(x)[0], lambda x: fitted.loss_and_gradient(x)[1], point
    )
    assert error < 1e-6


def test_losses_are_those_of_the_energy_normalised_by_brute_force():
    """With the true couplings the losses are the Hamiltonian's own."""
    sequences = sample(SMALL, 100, 0)
    fitted = PseudoLikelihood(SMALL, SMALL.interactions, sequences, energy=True)
    found = fitted.losses(np.array(SMALL.couplings))
    np.testing.assert_allclose(found, true_losses(SMALL, sequences), rtol=1e-12)


@pytest.mark.parametrize("energy", [False, True])
def test_the_best_model_of_the_true_order_reaches_the_conditional_entropy(energy):
    found = exact_optimum(SMALL, 4, energy)
    assert found == pytest.approx(conditional_entropy(SMALL), abs=1e-7)


def test_each_lower_order_loses_something():
    found = [exact_optimum(SMALL, order) for order in (1, 2, 3, 4)]
    assert (np.diff(found) < -0.01).all()


@pytest.mark.slow
@pytest.mark.parametrize("energy", [False, True])
@pytest.mark.parametrize("order", [2, 3, 4])
def test_what_samples_are_fitted_to_is_near_what_enumeration_gives(order, energy):
    training, held_out = sample(SMALL, 25_600, 0), sample(SMALL, 40_000, 1)
    losses = optimum(SMALL, order, training, held_out, energy=energy).mean(axis=1)
    error = losses.std() / np.sqrt(len(losses))
    assert abs(losses.mean() - exact_optimum(SMALL, order, energy)) < 4 * error + 0.001


@pytest.mark.parametrize("order", [2, 3])
def test_conditionals_on_their_own_lose_less_than_any_energy_of_the_order(order):
    assert exact_optimum(SMALL, order) < exact_optimum(SMALL, order, energy=True) - 0.0005


@pytest.mark.parametrize("order", [2, 3, 4])
def test_sets_outside_interactions_add_little(order):
    states, probabilities = SMALL.states()
    sparse = PseudoLikelihood(SMALL, subsets(SMALL, order, most=0), states, probabilities)
    least = sparse.loss_and_gradient(sparse.fit())[0]
    assert -1e-6 < least - exact_optimum(SMALL, order) < 0.01
