"""Interdependence by masking: that of set functions of which all is known."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ontogeny.measures.decomposition.masking import masking_interdependence

WORDS, WIDTH, MASK = 4, 3, 0
TOKENS = torch.tensor([9, 1, 2, 3, 4, 8])  # words with special tokens around them
PLACES = torch.arange(1, 5)
PAIRS = torch.tensor(list(itertools.combinations(range(WORDS), 2)))


def model_of(set_function):
    """States (1, rows, tokens, width) that are the function of which words are there."""

    def states_of(tokens):
        there = (tokens[:, PLACES] != MASK).tolist()
        rows = [set_function(frozenset(np.flatnonzero(row).tolist())) for row in there]
        return torch.stack(rows)[None, :, None].expand(1, -1, tokens.shape[1], -1)

    return states_of


def random_function(seed):
    generator = torch.Generator().manual_seed(seed)
    return {
        frozenset(some): torch.randn(WIDTH, generator=generator, dtype=torch.float64)
        for size in range(WORDS + 1)
        for some in itertools.combinations(range(WORDS), size)
    }


def exact(values, first, second):
    """DI from all sets of other words, each size alike and each set of a size alike."""
    others = [word for word in range(WORDS) if word not in (first, second)]
    together, left_over = 0, 0
    for size in range(len(others) + 1):
        weight = 1 / ((len(others) + 1) * math.comb(len(others), size))
        for some in itertools.combinations(others, size):
            none = frozenset(some)
            one, other, both = none | {first}, none | {second}, none | {first, second}
            together = together + weight * (values[both] - values[none])
            left_over = left_over + weight * (
                values[both] - values[one] - values[other] + values[none]
            )
    return left_over.norm() / together.norm()


def found(function, samples, seed=0):
    return masking_interdependence(
        model_of(function), TOKENS, PLACES, PAIRS, MASK, samples, np.random.default_rng(seed)
    )[0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_many_sets_give_what_all_sets_give(seed):
    values = random_function(seed)
    expected = torch.stack([exact(values, *pair) for pair in PAIRS.tolist()])
    assert_close(found(values.__getitem__, 4000), expected, rtol=0.1, atol=0.05)


def test_words_that_add_up_do_not_depend_on_each_other():
    parts = torch.randn(WORDS, WIDTH, dtype=torch.float64)

    def added(some):
        return parts[list(some)].sum(0)

    assert (found(added, 5) < 1e-12).all()


def test_words_that_only_work_together_depend_on_each_other_alone():
    def both(some):
        return torch.full((WIDTH,), float({0, 2} <= some), dtype=torch.float64)

    depends = dict(zip(map(tuple, PAIRS.tolist()), found(both, 200).tolist(), strict=True))
    assert depends[0, 2] == pytest.approx(1)
    assert depends[0, 1] == pytest.approx(0)
    assert math.isnan(depends[1, 3])  # the two contribute nothing
