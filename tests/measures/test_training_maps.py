"""Hidden states that were planted in sequences are found again."""

import numpy as np
import pytest

from ontogeny.measures.training_maps import training_map

MEANS = np.array([[0.0, 0, 5], [4, 0, 0], [4, 4, -5]])


def planted(seeds=5, lengths=(9, 14, 12), noise=0.4, seed=0):
    """Return sequences of three states, one after the other, and the states."""
    generator = np.random.default_rng(seed)
    paths = [
        np.repeat([1, 2, 3], np.array(lengths) + generator.integers(-3, 4, size=3))
        for _ in range(seeds)
    ]
    return [MEANS[path - 1] + generator.normal(0, noise, (len(path), 3)) for path in paths], paths


def fitted(sequences, most=5, **changes):
    return training_map(sequences, range(1, most + 1), **({"restarts": 4, "seed": 0} | changes))


def test_planted_states_are_found_their_number_by_bic_and_in_their_order():
    sequences, paths = planted()
    found = fitted(sequences)
    assert found.number == 3
    assert min(found.criteria, key=found.criteria.get) == 3
    for states, path in zip(found.states, paths, strict=True):
        assert states.tolist() == path.tolist()
    assert all((sure > 0.95).all() for sure in found.probabilities)


def test_means_are_those_of_the_states_in_standard_deviations():
    sequences, paths = planted()
    found = fitted(sequences)
    data, path = np.concatenate(sequences), np.concatenate(paths)
    standard = (data - data.mean(axis=0)) / data.std(axis=0)
    expected = [standard[path == state].mean(axis=0) for state in (1, 2, 3)]
    assert found.means == pytest.approx(np.array(expected), abs=0.05)
    assert found.transitions.sum(axis=1) == pytest.approx(1)
    assert found.transitions[0, 2] == pytest.approx(0, abs=1e-6)  # never from the first to the last


def test_a_statistic_may_stand_still_but_not_all():
    sequences, paths = planted()
    still = [np.column_stack([one, np.ones(len(one))]) for one in sequences]
    assert [s.tolist() for s in fitted(still).states] == [path.tolist() for path in paths]
    with pytest.raises(ValueError, match="that vary"):
        fitted([np.ones((8, 2))])


@pytest.mark.slow
def test_noise_alone_is_one_state():
    generator = np.random.default_rng(3)
    assert fitted([generator.normal(size=(40, 3)) for _ in range(3)]).number == 1


def test_no_model_has_as_many_parameters_as_there_are_numbers():
    # 10 checkpoints of 2 statistics: 20 numbers; with three states there are 20 parameters.
    generator = np.random.default_rng(4)
    assert list(fitted([generator.normal(size=(10, 2))]).criteria) == [1, 2]
    with pytest.raises(ValueError, match="there are 2 numbers"):
        fitted([np.array([[0.0], [1.0]])])


@pytest.mark.slow
def test_the_same_seed_gives_the_same_map():
    sequences, _ = planted(noise=1.5)
    one, other = fitted(sequences), fitted(sequences)
    assert one.criteria == other.criteria
    assert np.array_equal(one.means, other.means)
