"""Random edges in place of syntactic ones."""

import random
from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_parses import random_tree, write_parsed_text
from scipy.stats import chisquare
from tiny_text import tiny_recipe

from ontogeny.runs.pretraining.batches import causal_batch, gather, with_syntax
from ontogeny.runs.pretraining.parsed_text import NO_HEAD, encode_parsed
from ontogeny.runs.pretraining.preparation import prepare
from ontogeny.runs.pretraining.random_edges import random_heads
from ontogeny.runs.pretraining.sequences import open_sequences
from ontogeny.runs.pretraining.tokenizers import train_tokenizer


def distances(heads):
    place = np.arange(1, len(heads) + 1)
    return sorted((np.asarray(heads) - place)[np.asarray(heads) > 0])


def trees(draw, most=6, longest=12):
    lengths = [draw.randint(0, longest) for _ in range(draw.randint(1, most))]
    return [np.array(random_tree(draw, n) if n else [], dtype=np.int64) for n in lengths]


@given(st.integers(0, 10_000))
@settings(max_examples=80, deadline=None)
def test_random_edges_are_as_many_as_long_and_within_their_sentence(seed):
    sentences = trees(random.Random(seed))
    before = [heads.copy() for heads in sentences]
    drawn = random_heads(sentences, np.random.default_rng(seed))
    assert len(drawn) == len(sentences)
    for gold, heads, original in zip(sentences, drawn, before, strict=True):
        assert (gold == original).all()
        assert ((heads > 0) == (gold > 0)).all()
        assert ((heads >= 0) & (heads <= len(heads))).all()
        assert distances(heads) == distances(gold)
        assert not (heads == np.arange(1, len(heads) + 1)).any()


def possible(heads):
    """Return all ways to deal out the distances of a sentence among its words that have a head."""
    attached = [place for place, head in enumerate(heads) if head]
    found = set()
    for dealt in permutations([heads[place] - 1 - place for place in attached]):
        new = list(heads)
        for place, distance in zip(attached, dealt, strict=True):
            new[place] = place + distance + 1
        if all(1 <= new[place] <= len(heads) for place in attached):
            found.add(tuple(new))
    return found


@pytest.mark.parametrize("heads", [[2, 0, 2, 3, 3], [0, 1, 2, 3, 2], [3, 3, 0, 3, 4, 4]])
def test_all_ways_to_deal_the_distances_out_are_equally_likely(heads):
    ways = possible(heads)
    copies = 3000
    drawn = random_heads([np.array(heads)] * copies, np.random.default_rng(1))
    counts = Counter(tuple(map(int, found)) for found in drawn)
    assert set(counts) == ways
    # Two equal distances dealt out the other way round are another order, and the same edges.
    orders = [_orders(heads, way) for way in sorted(ways)]
    expected = [copies * count / sum(orders) for count in orders]
    assert chisquare([counts[way] for way in sorted(ways)], expected).pvalue > 1e-3


def _orders(heads, way):
    """Return in how many orders of the distances, told apart, a way comes about."""
    attached = [place for place, head in enumerate(heads) if head]
    own = [heads[place] - 1 - place for place in attached]
    wanted = [way[place] - 1 - place for place in attached]
    return sum([own[i] for i in order] == wanted for order in permutations(range(len(own))))


def test_a_sentence_that_can_be_dealt_in_one_way_alone_stays():
    assert [list(h) for h in random_heads([np.array([2, 0])], np.random.default_rng(0))] == [[2, 0]]
    assert [list(h) for h in random_heads([np.array([0])], np.random.default_rng(0))] == [[0]]
    assert random_heads([], np.random.default_rng(0)) == []


def test_the_batch_has_the_edges_that_are_asked_for():
    tokenizer = train_tokenizer([["a", "b"]], kind="word", objective="masked")
    sentences = [(["a", "b", "a", "b", "a", "b"], [2, 3, 0, 3, 4, 4]), (["a"], None)]
    text = encode_parsed(
        tokenizer, sentences, sequences="sentence", longest=9, generator=np.random.default_rng(2)
    )
    assert (text.random_head != text.head).any()
    assert ((text.random_head != NO_HEAD) == (text.head != NO_HEAD)).all()
    chosen = np.array([0, 1])
    plain = causal_batch(*gather(text, chosen, 0))
    gold, control = (with_syntax(plain, text, chosen, edges) for edges in ("gold", "random"))
    assert (gold.head[0, 1:7] == text.head[1:7]).all()
    assert (control.head[0, 1:7] == text.random_head[1:7]).all()
    assert gold.edges == control.edges == 5


def test_random_edges_are_drawn_once_from_the_seed_of_the_trajectory(tmp_path):
    path = write_parsed_text(tmp_path / "train.parquet", 40, 0)
    stage = {"kind": "syntactic_attention", "strength": 1.0, "edges": "random"}
    recipe = tiny_recipe(architecture="bert", steps=[1], regularizer=stage)
    drawn = []
    for attempt, seed in enumerate((0, 0, 1)):
        working = tmp_path / str(attempt)
        prepare(recipe, run="tiny", seed=seed, train=[path], dev=[], working=working)
        drawn.append(open_sequences(working / "train").random_head[:])
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).any()
    gold = tiny_recipe(architecture="bert", steps=[1], regularizer={**stage, "edges": "gold"})
    prepare(gold, run="tiny", seed=0, train=[path], dev=[], working=tmp_path / "gold")
    assert open_sequences(tmp_path / "gold" / "train").random_head is None
