"""Probes find what was planted in the representations, where it was planted."""

import pytest
import torch

from ontogeny.studies.strategies.conditions import PROBED, Member
from ontogeny.studies.strategies.probing import probe, probing_inputs
from ontogeny.studies.strategies.streams import laws_of
from ontogeny.studies.strategies.task import COPULA, FIRST_NOUN, Vocabulary

VOCABULARY = Vocabulary(types=40, held_out=20)
TRAIN, TEST, WIDTH = 200, 100, 16
GROUP = [Member(0, 80, 0, "none", seed) for seed in range(3)]


@pytest.fixture(scope="module")
def inputs():
    return probing_inputs(VOCABULARY, laws_of(GROUP, "types"), GROUP, TRAIN, TEST)


def by_heart(width=64):
    """Random vectors for tokens: no two have anything in common."""
    return torch.randn(VOCABULARY.tokens, width, generator=torch.Generator().manual_seed(0))


def by_class():
    """Random vectors in which nouns and adjectives differ along one direction."""
    vectors = by_heart(WIDTH)
    vectors[FIRST_NOUN : FIRST_NOUN + VOCABULARY.types, 0] += 8
    return vectors


def noun_is_queried(inputs):
    copula = (inputs[..., :3] == COPULA).int().argmax(-1, keepdim=True)
    return inputs[..., 3] != inputs.gather(-1, copula + 1)[..., 0]


def probed(inputs, states_of):
    """Accuracy on types that were trained on and on new ones, by set: (layers, members)."""
    known, new = probe(states_of, inputs, TRAIN, 1e-3)
    return {subset: (known[..., place], new[..., place]) for place, subset in enumerate(PROBED)}


def test_types_to_test_on_are_new_and_types_to_train_on_are_not(inputs):
    assert inputs.shape == (3, len(PROBED), TRAIN + 2 * TEST, 7)
    for place, subset in enumerate(PROBED):
        types = VOCABULARY.held_out if subset == "unseen" else VOCABULARY.types
        first = VOCABULARY.first_held_out if subset == "unseen" else FIRST_NOUN
        for member in inputs[:, place]:
            ranks = (member[:, 3] - first) % types
            train, known, new = ranks.split([TRAIN, TEST, TEST])
            assert set(train.tolist()).isdisjoint(new.tolist())
            assert set(known.tolist()) <= set(train.tolist())


def test_a_role_that_follows_from_position_is_found_for_types_known_and_new(inputs):
    generator = torch.Generator().manual_seed(0)

    def states_of(tokens):
        states = torch.randn(2, *tokens.shape[:2], WIDTH, generator=generator)
        states[1, ..., 3] += 6 * noun_is_queried(tokens)
        return states

    for known, new in probed(inputs, states_of).values():
        assert known[1].min() > 0.97
        assert new[1].min() > 0.97
        assert (known[0] - 0.5).abs().max() < 0.2


def test_types_known_by_heart_are_found_among_types_known_alone(inputs):
    vectors = by_heart()
    found = probed(inputs, lambda tokens: vectors[tokens[..., 3]][None])
    for subset in ("validation", "tail"):
        known, new = found[subset]
        assert known.min() > 0.95
        assert abs(new.mean() - 0.5) < 0.2
    known, new = found["unseen"]
    assert abs(known.mean() - 0.5) < 0.1  # a held-out token is a noun as often as an adjective
    assert abs(new.mean() - 0.5) < 0.1


def test_a_direction_that_all_nouns_share_is_found_for_new_types(inputs):
    vectors = by_class()
    found = probed(inputs, lambda tokens: vectors[tokens[..., 3]][None])
    assert found["validation"][1].min() > 0.95
    assert abs(found["unseen"][1].mean() - 0.5) < 0.1


def test_a_members_probes_do_not_depend_on_its_company(inputs):
    vectors = by_class() + 0.5 * by_heart(WIDTH)
    alone = probe(lambda tokens: vectors[tokens[..., 3]][None], inputs[1:2], TRAIN, 1e-2)
    together = probe(lambda tokens: vectors[tokens[..., 3]][None], inputs, TRAIN, 1e-2)
    for one, all_of_them in zip(alone, together, strict=True):
        assert (one[:, 0] - all_of_them[:, 1]).abs().max() < 0.011
