"""Control tasks, the majority label and the subsets, against values worked out by hand."""

import numpy as np
import pytest

from ontogeny.measures.probes.control import control_labels, majority_label, subsets


def test_a_control_task_draws_from_the_distribution_of_the_training_words():
    labels = np.array([0] * 60 + [1] * 30 + [3] * 10 + [-1] * 50)
    drawn = control_labels(20000, labels, "upos", seed=0)
    shares = np.bincount(drawn, minlength=4) / 20000
    # Five standard deviations of a share of 0.6 among 20,000 draws are 0.017.
    np.testing.assert_allclose(shares, [0.6, 0.3, 0.0, 0.1], atol=0.018)
    assert shares[2] == 0


def test_a_control_task_depends_on_seed_and_task_alone():
    labels, types = np.array([0, 1, 2, 3]), 200
    first = control_labels(types, labels, "upos", seed=0)
    assert (first == control_labels(types, labels, "upos", seed=0)).all()
    assert (first != control_labels(types, labels, "upos", seed=1)).any()
    assert (first != control_labels(types, labels, "xpos", seed=0)).any()


def test_the_majority_label_is_the_most_frequent_that_counts():
    assert majority_label(np.array([-1, -1, -1, 2, 0, 2])) == 2
    assert majority_label(np.array([3, 1, 1, 3])) == 1


def test_subsets_are_those_worked_out_by_hand():
    # Types: 0 bears two labels, 1 bears one label twice, 2 never counts, 3 and 4 are test only.
    train_types, train_labels = np.array([0, 0, 1, 1, 2]), np.array([5, 6, 5, 5, -1])
    test_types, test_labels = np.array([0, 1, 2, 3, 0, 4]), np.array([5, 6, 5, 5, -1, 0])
    found = subsets(train_types, train_labels, test_types, test_labels)
    expected = {
        "all": [1, 1, 1, 1, 0, 1],
        "seen": [1, 1, 0, 0, 0, 0],
        "unseen": [0, 0, 1, 1, 0, 1],
        "ambiguous": [1, 0, 0, 0, 0, 0],
    }
    assert found.keys() == expected.keys()
    for name, members in expected.items():
        assert found[name].tolist() == [bool(member) for member in members], name


@pytest.mark.parametrize("seed", range(10))
def test_subsets_are_those_of_a_slow_count(seed):
    generator = np.random.default_rng(seed)
    train_types, test_types = generator.integers(0, 30, (2, 40))
    train_labels, test_labels = generator.integers(-1, 3, (2, 40))
    borne: dict[int, set[int]] = {}
    for kind, label in zip(train_types, train_labels, strict=True):
        if label >= 0:
            borne.setdefault(kind, set()).add(label)
    found = subsets(train_types, train_labels, test_types, test_labels)
    for word, (kind, label) in enumerate(zip(test_types, test_labels, strict=True)):
        labels = borne.get(kind, set())
        assert found["all"][word] == (label >= 0)
        assert found["seen"][word] == (label >= 0 and len(labels) > 0)
        assert found["unseen"][word] == (label >= 0 and len(labels) == 0)
        assert found["ambiguous"][word] == (label >= 0 and len(labels) > 1)
