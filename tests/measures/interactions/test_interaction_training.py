"""What depth can learn, held against exact enumeration."""

import numpy as np
import pytest
import torch

from ontogeny.corpora.hamiltonian import draw_hamiltonian, sample
from ontogeny.ensemble import Shared
from ontogeny.errors import TrainingError
from ontogeny.measures.interactions.training import (
    conditional_losses,
    falling,
    masked_batch,
    train_factored,
)

LENGTH, SYMBOLS = 6, 3


def exact_losses(hamiltonian, *, layers, steps=1500):
    """The conditional loss of trained models under the exact distribution, one of each seed."""
    states, probabilities = hamiltonian.states()
    weights = torch.from_numpy(np.repeat(probabilities, LENGTH) / LENGTH).float()
    rows = torch.from_numpy(states).repeat_interleave(LENGTH, 0)
    asked = masked_batch(rows, torch.arange(LENGTH).repeat(len(states)), SYMBOLS)
    shared = {name: Shared(values) for name, values in asked.items()}
    found = {}

    def keep(step, stack, members):
        if step == steps:
            found["losses"] = stack.evaluate(conditional_losses, shared) @ weights

    train_factored(
        sample(hamiltonian, 25_600, 0), SYMBOLS,
        sizes={"layers": layers, "heads": 4, "width": 16, "initial_deviation": 0.2},
        seeds=[0, 1], steps=[0, steps], batch_size=256, learning_rate=0.3, callback=keep,
    )  # fmt: skip
    return found["losses"].numpy()


def entropy_of(hamiltonian):
    """The mean over sites of H(site | others), by enumeration."""
    table = hamiltonian.states()[1].reshape([SYMBOLS] * LENGTH)
    return np.mean(
        [-(table * np.log(table / table.sum(axis=s, keepdims=True))).sum() for s in range(LENGTH)]
    )


def only(order, count, strength):
    couplings = [{"order": order, "count": count, "strength": strength}]
    return draw_hamiltonian(LENGTH, SYMBOLS, couplings, 0)


@pytest.mark.slow
def test_one_layer_reaches_the_conditional_entropy_of_two_bodies():
    hamiltonian = only(2, 5, 0.5)
    assert np.log(SYMBOLS) - entropy_of(hamiltonian) > 0.05
    assert np.abs(exact_losses(hamiltonian, layers=1) - entropy_of(hamiltonian)).max() < 0.005


@pytest.mark.slow
def test_three_bodies_take_two_layers():
    hamiltonian = only(3, 4, 0.8)
    entropy = entropy_of(hamiltonian)
    assert exact_losses(hamiltonian, layers=1).min() > entropy + 0.1
    assert np.abs(exact_losses(hamiltonian, layers=2) - entropy).max() < 0.02


def test_a_seed_doesnt_depend_on_the_others():
    hamiltonian = only(2, 3, 0.5)
    sequences, found = sample(hamiltonian, 500, 0), {}
    for seeds in ([3], [5, 3]):

        def keep(step, stack, members, seeds=seeds):
            found[len(seeds), step] = stack.flat[seeds.index(3)].clone()

        train_factored(
            sequences, SYMBOLS,
            sizes={"layers": 2, "heads": 2, "width": 4, "initial_deviation": 0.2},
            seeds=seeds, steps=[0, 5], batch_size=16, learning_rate=0.1, callback=keep,
        )  # fmt: skip
    assert torch.equal(found[1, 0], found[2, 0])
    torch.testing.assert_close(found[1, 5], found[2, 5])
    assert not torch.equal(found[1, 0], found[1, 5])


def test_training_that_diverges_is_said_to():
    with pytest.raises(TrainingError, match="diverged"):
        train_factored(
            sample(only(2, 3, 0.5), 500, 0), SYMBOLS,
            sizes={"layers": 4, "heads": 2, "width": 8, "initial_deviation": 5.0},
            seeds=[0], steps=[0, 50], batch_size=16, learning_rate=100.0,
            callback=lambda *_: None,
        )  # fmt: skip


def test_the_learning_rate_is_steady_and_then_falls_to_nothing():
    assert [falling(step, 100, 0.1) for step in (0, 50, 75, 100)] == [0.1, 0.1, 0.05, 0.0]


def test_one_place_of_each_sequence_is_masked():
    tokens = torch.tensor([[0, 1, 2], [2, 1, 0]])
    batch = masked_batch(tokens, torch.tensor([1, 2]), 3)
    assert batch["tokens"].tolist() == [[0, 3, 2], [2, 1, 3]]
    assert batch["targets"].tolist() == [1, 0]
