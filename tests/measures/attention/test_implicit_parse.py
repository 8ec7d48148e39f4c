"""The implicit parse of planted, uniform and random attention."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_corpora import as_corpus, random_corpus
from tiny_language_models import build, random_sentences

from ontogeny.errors import CorpusError
from ontogeny.measures.attention import WordAttention, word_attention
from ontogeny.measures.attention.edge_hits import EdgeHits, edge_hits, gold_edges
from ontogeny.measures.attention.implicit_parse import OFFSETS, held_out_hits, implicit_parse


def batches(corpus, weights_of, size=4):
    """Attention batches of `weights_of(row)`, (layers, heads, words, words), for each sentence."""
    for start in range(0, len(corpus), size):
        rows = np.arange(start, min(start + size, len(corpus)))[::-1].copy()
        each = [torch.as_tensor(weights_of(int(row))).float() for row in rows]
        longest = max(w.shape[-1] for w in each)
        padded = torch.zeros(len(rows), *each[0].shape[:2], longest, longest)
        for place, w in enumerate(each):
            padded[place, :, :, : w.shape[-1], : w.shape[-1]] = w
        yield WordAttention(rows, padded, np.array([w.shape[-1] for w in each]))


def random_attention(corpus, generator, layers=2, heads=3, levels=None):
    """Random weights without a diagonal; with few `levels`, words often tie."""
    found = []
    for words in corpus["words"]:
        shape = (layers, heads, len(words), len(words))
        weights = (
            generator.random(shape)
            if levels is None
            else generator.integers(levels, size=shape) / (levels - 1)
        )
        found.append(weights * (1 - np.eye(len(words))))
    return found


def slow_hits(corpus, attention):
    """(sentence, word) -> credit (layers, heads, 2), by a loop over everything."""
    found = {}
    for s, row in corpus.iterrows():
        for word, (head, relation) in enumerate(zip(row["head"], row["deprel"], strict=True)):
            if head == 0 or relation == "punct":
                continue
            credit = np.zeros((*attention[s].shape[:2], 2))
            for layer, head_number in np.ndindex(*attention[s].shape[:2]):
                weights = attention[s][layer, head_number]
                for direction, looks in enumerate((weights[word], weights[:, word])):
                    best = looks.max()
                    chosen = [k for k in range(len(looks)) if k != word and looks[k] == best]
                    if best > 0 and head - 1 in chosen:
                        credit[layer, head_number, direction] = 1 / len(chosen)
            found[s, word] = credit
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.sampled_from([None, 2, 3]))
def test_hits_equal_a_loop_over_words_layers_and_heads(seed, count, levels):
    generator = np.random.default_rng(seed)
    corpus = pd.concat([random_corpus(generator, count), random_corpus(generator, 1, 9)])
    corpus = corpus.reset_index(drop=True)
    attention = random_attention(corpus, generator, levels=levels)
    expected = slow_hits(corpus, attention)
    if not expected:
        return
    scored = edge_hits(batches(corpus, lambda row: attention[row]), gold_edges(corpus, "c"))
    edges = scored.edges
    assert list(zip(edges.sentence, edges.dependent, strict=True)) == list(expected)
    assert np.allclose(scored.hits, np.stack(list(expected.values())))
    for place, (s, word) in enumerate(expected):
        head = corpus["head"][s][word] - 1
        assert edges.head[place] == head
        assert edges.relations[edges.relation[place]] == corpus["deprel"][s][word]
        both = attention[s][:, :, word, head], attention[s][:, :, head, word]
        assert np.allclose(scored.mass[place], np.stack(both, axis=-1))


def plant(corpus, generator, homes):
    """Random attention in which each relation's edges have the most attention in its home."""
    attention = random_attention(corpus, generator)
    for s, row in corpus.iterrows():
        for word, (head, relation) in enumerate(zip(row["head"], row["deprel"], strict=True)):
            if relation in homes and head:
                layer, head_number, direction = homes[relation]
                place = (word, head - 1) if direction == 0 else (head - 1, word)
                attention[s][layer, head_number][place] = 2
    return attention


def test_planted_attention_scores_1_in_the_planted_heads_and_nowhere_else():
    generator = np.random.default_rng(0)
    corpus = random_corpus(generator, 120)
    homes = {"nsubj": (0, 1, 0), "obj": (1, 0, 1), "det": (1, 2, 0), "nmod:poss": (0, 0, 1)}
    attention = plant(corpus, generator, homes)
    parse = implicit_parse(
        edge_hits(batches(corpus, lambda row: attention[row]), gold_edges(corpus, "c"))
    )
    assert parse.relations == tuple(sorted(homes))
    assert [tuple(best) for best in parse.best] == [homes[name] for name in parse.relations]
    # A direction's planted edges can be hidden by another's in the same head, not in these homes.
    assert parse.uas == pytest.approx(1, abs=1e-6)
    assert parse.uas_held_out == pytest.approx(1, abs=1e-6)
    assert np.allclose(parse.held_out, 1)
    elsewhere = parse.head_uas.copy()
    for number, best in enumerate(parse.best):
        elsewhere[(number, *best)] = 0
    assert elsewhere.max() < 0.7
    assert parse.offset_uas < 0.7


def test_uniform_attention_scores_what_guessing_does():
    generator = np.random.default_rng(1)
    corpus = random_corpus(generator, 60)
    lengths = corpus["words"].map(len)

    def uniform(row):
        return np.full((2, 2, lengths[row], lengths[row]), 1 / lengths[row]) * (
            1 - np.eye(lengths[row])
        )

    edges = gold_edges(corpus, "c")
    parse = implicit_parse(edge_hits(batches(corpus, uniform), edges))
    chance = np.mean([1 / (lengths[s] - 1) for s in edges.sentence])
    assert parse.uas == pytest.approx(chance, rel=1e-6)
    assert parse.uas_held_out == pytest.approx(chance, rel=1e-6)
    assert np.allclose(np.average(parse.head_uas, axis=0, weights=parse.edges), chance)


def test_choosing_among_many_random_heads_flatters_and_holding_out_does_not():
    generator = np.random.default_rng(2)
    corpus = random_corpus(generator, 60)
    attention = random_attention(corpus, generator, layers=12, heads=12)
    edges = gold_edges(corpus, "c")
    parse = implicit_parse(edge_hits(batches(corpus, lambda row: attention[row]), edges))
    chance = np.array([1 / (len(corpus["words"][s]) - 1) for s in edges.sentence])
    standard_error = np.sqrt((chance * (1 - chance)).sum()) / len(chance)
    assert parse.uas > chance.mean() + 4 * standard_error
    assert abs(parse.uas_held_out - chance.mean()) < 4 * standard_error


def test_mass_is_a_share_where_the_pieces_of_a_word_sum_to_more_by_rounding():
    # Three pieces of a word are attended to with all the attention there is, in 32 bits.
    above = float(torch.full((3,), 1 / 3).nextafter(torch.ones(3)).sum())
    assert above > 1
    corpus = as_corpus([{"words": ["a", "b"], "head": [2, 0], "deprel": ["nsubj", "root"]}] * 2)
    weights = above * (1 - np.eye(2))[None, None]
    parse = implicit_parse(edge_hits(batches(corpus, lambda row: weights), gold_edges(corpus, "c")))
    assert (parse.edge_mass == 1).all()
    assert (parse.head_uas == 1).all()


def test_the_offset_baseline_equals_a_count_by_hand():
    # 1 -> 2 and 3 -> 2 are subjects, 2 -> 4 an object; word 4 is the root, word 5 punctuation.
    rows = [
        {
            "words": list("abcd."),
            "head": [2, 4, 2, 0, 4],
            "deprel": ["nsubj", "obj", "nsubj", "root", "punct"],
        },
        {"words": list("ab"), "head": [2, 0], "deprel": ["nsubj", "root"]},
    ]
    corpus = as_corpus(rows)
    lengths = corpus["words"].map(len)
    parse = implicit_parse(
        edge_hits(
            batches(corpus, lambda row: np.zeros((1, 1, lengths[row], lengths[row]))),
            gold_edges(corpus, "c"),
        )
    )
    assert parse.relations == ("nsubj", "obj")
    assert parse.edges.tolist() == [3, 1]
    assert OFFSETS == (-3, -2, -1, 1, 2, 3)
    by_hand = np.zeros((2, 6))
    by_hand[0, OFFSETS.index(1)], by_hand[0, OFFSETS.index(-1)] = 2 / 3, 1 / 3
    by_hand[1, OFFSETS.index(2)] = 1
    assert np.allclose(parse.offsets, by_hand)
    assert parse.offset_uas == pytest.approx(3 / 4)
    assert parse.uas == 0  # no attention, no prediction


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 30))
def test_held_out_hits_are_of_the_option_best_on_the_other_half(seed, count):
    generator = np.random.default_rng(seed)
    corpus = random_corpus(generator, count)
    two_words = {"words": ["a", "b"], "head": [0, 1], "deprel": ["root", "obj"]}
    corpus = pd.concat([corpus, as_corpus([two_words] * 2)], ignore_index=True)
    edges = gold_edges(corpus, "c")
    options = generator.integers(0, 2, (len(edges.sentence), 7)).astype(np.float32)
    found = held_out_hits(options, edges, seed)
    # The halves are drawn inside: whatever they are, some division of sentences explains all.
    sentences = np.unique(edges.sentence)
    order = np.random.default_rng(seed).permutation(len(sentences))
    first = set(sentences[np.sort(np.flatnonzero(np.argsort(order) < len(sentences) // 2))])
    inside = np.array([s in first for s in edges.sentence])
    assert abs(2 * len(first) - len(sentences)) <= 1
    for place in range(len(found)):
        other = inside != inside[place]
        same = other & (edges.relation == edges.relation[place])
        if same.any():
            best = options[same].sum(0).argmax()
        else:
            best = options[other].sum(0).argmax()
        assert found[place] == options[place, best]


def test_sums_over_sentences_give_the_scores():
    generator = np.random.default_rng(3)
    corpus = random_corpus(generator, 40)
    attention = random_attention(corpus, generator)
    parse = implicit_parse(
        edge_hits(batches(corpus, lambda row: attention[row]), gold_edges(corpus, "c"))
    )
    rows = parse.per_sentence
    assert not rows.duplicated(["sentence", "relation"]).any()
    for name in ("uas", "uas_held_out", "offset_uas"):
        assert rows[name].sum() / rows["edges"].sum() == pytest.approx(getattr(parse, name))
    by_relation = rows.groupby("relation")[["edges", "uas", "uas_held_out"]].sum()
    best = [parse.head_uas[(k, *at)] for k, at in enumerate(parse.best)]
    assert np.allclose(by_relation["uas"] / by_relation["edges"], best)
    assert np.allclose(by_relation["uas_held_out"] / by_relation["edges"], parse.held_out)
    assert by_relation["edges"].tolist() == parse.edges.tolist()


def test_punctuation_by_tag_and_sentences_without_a_parse_are_left_out():
    rows = [
        {
            "words": ["a", "-", "b"],
            "head": [3, 1, 0],
            "deprel": ["nsubj", "dep", "root"],
            "upos": ["X", "PUNCT", "X"],
        },
        {"words": ["c"], "head": None, "deprel": None, "upos": None},
        {"words": ["a", "b"], "head": [0, 1], "deprel": ["root", "obj"], "upos": None},
    ]
    edges = gold_edges(as_corpus(rows), "c")
    assert edges.sentence.tolist() == [0, 2]
    assert edges.dependent.tolist() == [0, 1]
    assert edges.head.tolist() == [2, 0]
    assert edges.relations == ("nsubj", "obj")


def test_a_corpus_without_trees_is_refused_by_name():
    plain = as_corpus([{"words": ["a", "b"]}])
    with pytest.raises(CorpusError, match=r"dev\.parquet.*no head and no deprel"):
        gold_edges(plain, "dev.parquet")
    with pytest.raises(CorpusError, match="no word is left"):
        gold_edges(as_corpus([{"words": ["a"], "head": [0], "deprel": ["root"]}]), "c")


def test_a_model_is_scored_from_end_to_end_and_sentences_it_cant_read_are_left_out():
    model, tokenizer = build("bert", positions=32)
    generator = np.random.default_rng(0)
    corpus = random_corpus(generator, 30)
    corpus["words"] = [
        words[: len(own)]
        for words, own in zip(random_sentences(0, 30, 9, 9), corpus["words"], strict=True)
    ]
    long = {"words": ["unhappily"] * 40, "head": [0] + [1] * 39, "deprel": ["root"] + ["only"] * 39}
    corpus = pd.concat([corpus, as_corpus([long])], ignore_index=True)
    edges = gold_edges(corpus, "c")
    scored = edge_hits(word_attention(model, tokenizer, corpus["words"], device="cpu"), edges)
    assert isinstance(scored, EdgeHits)
    assert 30 in edges.sentence
    assert 30 not in scored.edges.sentence
    parse = implicit_parse(scored)
    assert parse.head_uas.shape == (len(edges.relations), 2, 3, 2)
    unread = parse.relations.index("only")
    assert parse.edges[unread] == 0
    assert np.isnan(parse.head_uas[unread]).all()
    assert 0 < parse.uas <= 1
    again = implicit_parse(
        edge_hits(word_attention(model, tokenizer, corpus["words"], device="cpu"), edges)
    )
    assert again.uas == parse.uas
    assert again.uas_held_out == parse.uas_held_out
