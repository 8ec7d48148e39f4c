"""Models whose strategy is known by construction score what their strategy must score."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import nn

from ontogeny.studies.strategies.conditions import SUBSETS, Member
from ontogeny.studies.strategies.evaluation import (
    by_subset,
    draw_set,
    evaluation_numbers,
    evaluation_set,
    score,
)
from ontogeny.studies.strategies.streams import laws_of
from ontogeny.studies.strategies.task import COPULA, FIRST_NOUN, Vocabulary

VOCABULARY = Vocabulary(types=40, held_out=10)
COUNT = 200


class Speller(nn.Module):
    """Answers `adjective query query`; what it takes for the adjective is its strategy."""

    def __init__(self, adjective):
        super().__init__()
        self.adjective = adjective

    def forward(self, inputs):
        query = inputs[..., 3]
        answer = torch.stack([self.adjective(inputs), query, query], -1)
        return 50.0 * nn.functional.one_hot(answer, VOCABULARY.tokens).float()


def after_the_copula(inputs):
    """The positional rule: the adjective is the token right after the copula."""
    place = (inputs[..., :3] == COPULA).int().argmax(-1, keepdim=True) + 1
    return inputs.gather(-1, place)[..., 0]


def known_adjective(inputs):
    """Memory: of the sentence's tokens, the one that belongs to the class of adjectives."""
    first, last = FIRST_NOUN + VOCABULARY.types, FIRST_NOUN + 2 * VOCABULARY.types
    sentence = inputs[..., :3]
    is_adjective = (sentence >= first) & (sentence < last)
    return sentence.gather(-1, is_adjective.int().argmax(-1, keepdim=True))[..., 0]


def members(ambiguity=0.0):
    return [Member(alpha, 80, ambiguity, "none", seed) for seed in (0, 1) for alpha in (0, 1.5)]


def accuracies(model, ambiguity=0.0):
    """Accuracy by evaluation set, (members,) each."""
    group = members(ambiguity)
    laws = laws_of(group, "types")
    sequences = evaluation_set(VOCABULARY, laws, group, COUNT)
    found = score(model, sequences, VOCABULARY.tokens)
    for values in found.values():
        assert values.shape == (len(group), len(SUBSETS) * COUNT)
    assert ((found["loss"] < 1e-3) == found["accuracy"]).all()
    assert (found["forced_choice"] >= found["accuracy"]).all()
    return dict(zip(SUBSETS, by_subset(found["accuracy"]).T, strict=True))


@pytest.mark.parametrize("ambiguity", [0, 0.1, 1])
def test_a_model_that_follows_the_position_is_right_on_every_set(ambiguity):
    for values in accuracies(Speller(after_the_copula), ambiguity).values():
        assert (values == 1).all()


def test_a_model_that_remembers_classes_is_right_where_roles_are_usual_and_wrong_elsewhere():
    found = accuracies(Speller(known_adjective))
    assert (found["validation"] == 1).all()
    assert (found["tail"] == 1).all()
    assert (found["switch"] == 0).all()
    assert (found["tail_switch"] == 0).all()


def test_a_model_that_copies_and_cannot_tell_roles_is_right_half_the_time():
    # The query is the adjective in half of the sequences.
    found = accuracies(Speller(lambda inputs: inputs[..., 3]))
    for values in found.values():
        assert (values == 0.5).all()


def test_an_untrained_tie_goes_to_one_token_and_is_wrong():
    found = accuracies(lambda inputs: torch.zeros(*inputs.shape[:2], 3, VOCABULARY.tokens))
    assert all((values == 0).all() for values in found.values())


def test_a_forced_choice_asks_which_of_the_two_tokens_whatever_else_is_more_probable():
    sequences = evaluation_set(VOCABULARY, laws_of(members(), "types"), members(), COUNT)

    def biased(model):
        # The mask is the most probable of all; of the sentence's tokens the model's choice is.
        return lambda inputs: model(inputs) + 99.0 * (torch.arange(VOCABULARY.tokens) == 0)

    for rule, expected in (
        (after_the_copula, [1, 1, 1, 1, 1, 1]),
        (lambda inputs: inputs[..., 3], [0.5] * 6),
        (known_adjective, [1, 1, 0, 0]),
    ):
        found = score(biased(Speller(rule)), sequences, VOCABULARY.tokens)
        assert not found["accuracy"].any()
        chosen = by_subset(found["forced_choice"])[:, : len(expected)]
        assert (chosen == torch.tensor(expected, dtype=torch.float64)).all()


def test_held_out_tokens_occur_in_unseen_and_fresh_alone_and_two_of_them_in_each_sequence():
    group = members()
    laws = laws_of(group, "types")
    for subset in SUBSETS:
        numbers = evaluation_numbers(group, subset, laws, COUNT)
        inputs = draw_set(VOCABULARY, subset, laws, numbers).inputs
        held_out = (inputs[..., :3] >= VOCABULARY.first_held_out).sum(-1)
        assert (held_out == (2 if subset in ("unseen", "fresh") else 0)).all()
        different = inputs[..., :3].sort(-1).values.diff(dim=-1) > 0
        assert different.all()
        assert (inputs < VOCABULARY.tokens).all()


def content(subset, alpha, count, queried=None):
    group = [Member(alpha, 80, 0, "none", 5)]
    laws = laws_of(group, "types")
    numbers = evaluation_numbers(group, subset, laws, count)
    return draw_set(VOCABULARY, subset, laws, numbers, queried)


@pytest.mark.parametrize("subset", ["tail", "tail_switch"])
def test_the_tail_is_the_rarest_tenth_of_each_class_and_uniform(subset):
    found = content(subset, 1.5, 8000)
    query = found.inputs[0, :, 3] - FIRST_NOUN
    counts = np.bincount(query, minlength=80)
    rarest = [*range(36, 40), *range(76, 80)]
    assert counts.sum() == counts[rarest].sum()
    assert chisquare(counts[rarest]).pvalue > 1e-3


def test_validation_follows_the_law_for_queries_and_for_the_other_token():
    found = content("validation", 1.2, 40_000)
    law = np.arange(1, 41) ** -1.2
    sentence = found.inputs[0, :, :3]
    tokens = sentence[sentence != COPULA].view(-1, 2)
    other = tokens.sum(1) - found.inputs[0, :, 3]
    for drawn in (found.inputs[0, :, 3], other):
        counts = np.bincount((drawn - FIRST_NOUN) % 40, minlength=40)
        assert chisquare(counts, law / law.sum() * len(drawn)).pvalue > 1e-3


def test_every_other_query_is_the_noun():
    for subset in SUBSETS:
        found = content(subset, 1.0, 50)
        asked_noun = found.inputs[0, :, 3] != found.answers[0, :, 0]
        assert asked_noun.tolist() == [True, False] * 25


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), subset=st.sampled_from(["validation", "tail", "unseen"]))
def test_queries_are_of_the_types_asked_for_and_other_tokens_of_any(seed, subset):
    types = VOCABULARY.held_out if subset == "unseen" else VOCABULARY.types
    generator = torch.Generator().manual_seed(seed)
    queried = torch.rand(1, types, generator=generator) < 0.5
    queried[:, -1] = True
    found = content(subset, 1.0, 60, queried)
    first = VOCABULARY.first_held_out if subset == "unseen" else FIRST_NOUN
    ranks = (found.inputs[0, :, 3] - first) % types
    assert queried[0, ranks].all()


@pytest.mark.parametrize("subset", ["validation", "tail", "switch"])
def test_redrawn_tokens_stand_in_training_sentences_and_are_asked_for_as_others_are(subset):
    group = [Member(1.5, 80, 0.3, "none", seed) for seed in range(6)]
    laws = laws_of(group, "redrawn", "shifted")
    queried = torch.zeros(6, 40, dtype=torch.bool)
    queried[:, ::2] = True
    queried[5] = ~(laws.redrawn[5] > 0)  # none of its ambiguous types may be asked for
    numbers = evaluation_numbers(group, subset, laws, 400)
    found = draw_set(VOCABULARY, subset, laws, numbers, queried)
    assert queried.gather(1, (found.inputs[..., 3] - FIRST_NOUN) % 40).all()
    is_noun = found.inputs[..., 3] < FIRST_NOUN + 40
    as_usual = is_noun == found.noun_query
    share = {"validation": as_usual[:5].double().mean(), "tail": 1, "switch": 0}[subset]
    assert as_usual[:5].double().mean() == share
    if subset == "validation":
        assert 0.7 < share < 0.95
        assert as_usual[5].all()


def test_sets_are_the_same_each_time_and_depend_on_the_seed():
    drawn = [
        evaluation_set(VOCABULARY, laws_of(group, "types"), group, 20).inputs
        for group in (members(), members()[2:], [Member(0, 80, 0, "active", 9)])
    ]
    assert torch.equal(drawn[0][2:], drawn[1])
    assert not torch.equal(drawn[0][:1], drawn[2])
    for one, other in itertools.pairwise(range(4)):
        assert not torch.equal(drawn[0][one], drawn[0][other])
