from itertools import permutations

import numpy as np
import pytest

from ontogeny.corpora.build import build
from ontogeny.corpora.corpus import write_split
from ontogeny.corpora.hamiltonian import (
    Hamiltonian,
    autocorrelation_time,
    draw_hamiltonian,
    sample,
    subsets,
    sweep,
)
from ontogeny.errors import ConfigError

COUPLINGS = [
    {"order": 2, "count": 3, "strength": 0.5},
    {"order": 3, "count": 2, "strength": 0.6},
    {"order": 4, "count": 2, "strength": 0.7},
]


def small(seed=0):
    return draw_hamiltonian(4, 3, [COUPLINGS[0], COUPLINGS[1]], seed)


def frequencies(sequences, symbols):
    """The share of each sequence, in the order of `Hamiltonian.states`."""
    length = sequences.shape[1]
    codes = sequences @ (symbols ** np.arange(length)[::-1])
    return np.bincount(codes, minlength=symbols**length) / len(sequences)


def test_the_energy_is_the_sum_over_interactions():
    hamiltonian = Hamiltonian(4, 3, ((0, 1), (1, 2, 3)), (0.5, -2.0))
    assert hamiltonian.signs.tolist() == [1, 1, -1]
    # signs 1, -1, 1, -1: -0.5 * (1 * -1) + 2 * (-1 * 1 * -1)
    assert hamiltonian.energy(np.array([0, 2, 1, 2])) == pytest.approx(0.5 + 2.0)


@pytest.mark.parametrize("seed", range(3))
def test_conditionals_equal_brute_force_normalisation(seed):
    hamiltonian = draw_hamiltonian(6, 4, COUPLINGS, seed)
    sequences = np.random.default_rng(seed).integers(4, size=(20, 6))
    for site in range(6):
        every = np.repeat(sequences[:, None], 4, axis=1)
        every[:, :, site] = np.arange(4)
        weights = np.exp(-hamiltonian.energy(every))
        np.testing.assert_allclose(
            np.exp(hamiltonian.log_conditional(sequences, site)),
            weights / weights.sum(axis=1, keepdims=True),
        )


@pytest.mark.parametrize("seed", [1, 2])
def test_samples_have_the_distribution_of_exact_enumeration(seed):
    """Total variation below 0.02 with 60,000 samples of 81 states; by luck it is some 0.008."""
    hamiltonian = small(seed)
    found = frequencies(sample(hamiltonian, 60_000, seed), 3)
    assert np.abs(found - hamiltonian.states()[1]).sum() / 2 < 0.02


def test_a_temperature_divides_the_energy():
    hamiltonian = small(3)
    found = frequencies(sample(hamiltonian, 60_000, 0, temperature=2.0), 3)
    halved = Hamiltonian(
        4, 3, hamiltonian.interactions, tuple(c / 2 for c in hamiltonian.couplings)
    )
    assert np.abs(found - halved.states()[1]).sum() / 2 < 0.02
    assert np.abs(found - hamiltonian.states()[1]).sum() / 2 > 0.05


def test_a_sweep_leaves_the_distribution_as_it_is():
    """Detailed balance: of pairs (before, after) a change is as frequent as its reverse."""
    hamiltonian = Hamiltonian(1, 3, ((0,),), (0.8,))
    generator = np.random.default_rng(0)
    probabilities = hamiltonian.states()[1]
    before = generator.choice(3, size=(300_000, 1), p=probabilities)
    after = before.copy()
    sweep(hamiltonian, after, generator)
    flows = np.zeros((3, 3))
    np.add.at(flows, (before[:, 0], after[:, 0]), 1)
    for one, other in permutations(range(3), 2):
        there, back = flows[one, other], flows[other, one]
        assert abs(there - back) < 5 * np.sqrt(there + back)


def test_lower_orders_are_drawn_within_the_highest():
    hamiltonian = draw_hamiltonian(12, 10, COUPLINGS, 5)
    by_order = {order: [] for order in (2, 3, 4)}
    for sites in hamiltonian.interactions:
        by_order[len(sites)].append(set(sites))
    assert {order: len(sets) for order, sets in by_order.items()} == {2: 3, 3: 2, 4: 2}
    for sites in by_order[2] + by_order[3]:
        assert any(sites < larger for larger in by_order[4])


def test_models_of_an_order_have_all_sets_or_those_within_interactions():
    hamiltonian = Hamiltonian(6, 2, ((0, 1, 2, 3),), (1.0,))
    assert [len(subsets(hamiltonian, order)) for order in (1, 2, 3)] == [6, 6 + 15, 6 + 15 + 20]
    found = [len(subsets(hamiltonian, order, most=5)) for order in (1, 2, 3, 4)]
    assert found == [6, 6 + 15, 6 + 15 + 4, 6 + 15 + 4 + 1]


def test_the_autocorrelation_time_is_that_of_an_autoregression():
    """Of x' = r x + noise it is (1 + r) / (1 - r)."""
    generator = np.random.default_rng(0)
    values = np.zeros((400, 400))
    values[0] = generator.normal(size=400) / np.sqrt(1 - 0.5**2)
    for step in range(1, 400):
        values[step] = 0.5 * values[step - 1] + generator.normal(size=400)
    assert autocorrelation_time(values) == pytest.approx(3, rel=0.1)


def test_a_corpus_is_built_and_keeps_to_the_form(tmp_path):
    settings = {
        "kind": "hamiltonian",
        "length": 6,
        "symbols": 3,
        "couplings": COUPLINGS,
        "seed": 0,
        "temperature": 1.0,
        "sentences": {"train": 30, "dev": 5, "test": 5},
    }
    splits = build("four-body", settings)
    assert [len(rows) for rows in splits.values()] == [30, 5, 5]
    for rows in splits.values():
        write_split(rows, tmp_path / "split.parquet")
        assert all(len(row["words"]) == 6 and set(row["words"]) <= set("012") for row in rows)
    assert build("four-body", settings) == splits


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"length": 3}, "order 4 is above the length"),
        ({"couplings": [{"order": 5, "count": 1, "strength": 1.0}]}, "order 5; expected some of"),
        ({"couplings": []}, "there are none"),
        ({"couplings": [{"order": 2, "count": 1, "strength": 1.0}] * 2}, "comes twice"),
        ({"couplings": [{"order": 3, "count": 40, "strength": 1.0}]}, "than there are sets"),
        ({"symbols": 1}, "at least 2"),
        ({"temperature": 0.0}, "expected a number above 0"),
        ({"couplings": [{"order": 2, "count": 9, "strength": 9.0}]}, "chains hardly move"),
    ],
)  # fmt: skip
def test_what_cant_be_is_refused_by_name(change, message):
    settings = {
        "kind": "hamiltonian", "length": 6, "symbols": 3, "couplings": COUPLINGS, "seed": 0,
        "sentences": {"train": 30, "dev": 5, "test": 5},
    } | change  # fmt: skip
    with pytest.raises(ConfigError, match=message):
        build("four-body", settings)
