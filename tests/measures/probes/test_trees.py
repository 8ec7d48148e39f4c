"""Trees and depths read off projected words, and the two tree tasks as a whole."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse.csgraph
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogeny.corpora.corpus import SCHEMA
from ontogeny.errors import CorpusError
from ontogeny.measures.probes import trees as library
from ontogeny.measures.probes.gold_trees import gold_trees, is_punctuation
from ontogeny.measures.probes.tree_scores import found_edges, mean_spearman, spanning_tree, spearman
from ontogeny.measures.probes.trees import probe_trees, score_trees

LONGEST = 9


@pytest.fixture(autouse=True)
def one_thread():
    """Matrices this small are slower on two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def corpus(rows):
    return pd.DataFrame(rows).reindex(columns=SCHEMA.names).astype(object).replace({np.nan: None})


def random_corpus(seed, count, longest=LONGEST):
    generator = np.random.default_rng(seed)
    rows = []
    for size in generator.integers(1, longest + 1, count):
        order = generator.permutation(size)
        head = np.zeros(size, dtype=int)
        for place in range(1, size):
            head[order[place]] = order[generator.integers(max(0, place - 3), place)] + 1
        rows.append({"words": ["word"] * size, "upos": ["X"] * size, "head": list(head)})
    return corpus(rows)


def tree_embedding(sentences):
    """Each word is the sum of the unit vectors of the edges between it and the root."""
    vectors = []
    for head in sentences["head"]:
        for word in range(len(head)):
            vector = torch.zeros(LONGEST)
            while head[word]:
                vector[word] = 1
                word = head[word] - 1
            vectors.append(vector)
    return torch.stack(vectors)


def planted(sentences, seed, where, layers=4, width=16):
    """Return vectors with the trees in the layers `where`, hidden by one map, and that map."""
    generator = torch.Generator().manual_seed(99)
    turn = torch.linalg.qr(torch.randn(width, width, generator=generator))[0]
    edges = tree_embedding(sentences)
    noise = torch.randn(layers, len(edges), width, generator=generator.manual_seed(seed)) * 0.5
    for layer in where:
        noise[layer, :, :LONGEST] = edges
    return noise @ turn.T, turn[:, :LONGEST]


def values(scores):
    return scores.pivot(index="layer", columns="metric", values="value")


def slow_spearman(projected, sentences, of_distances):
    """The publication's mean, a layer, a sentence and a word at a time, with scipy's Spearman."""
    means = []
    trees = gold_trees(sentences, np.ones(projected.shape[1], dtype=bool))
    for layer in projected.double().numpy():
        lengths = {}
        for tree in trees:
            words, size = layer[tree.rows], len(tree.rows)
            pairs = []
            if of_distances:
                for i in range(size):
                    others = [j for j in range(size) if j != i]
                    predicted = [((words[i] - words[j]) ** 2).sum() for j in others]
                    pairs.append((predicted, tree.distances[i, others]))
            else:
                pairs.append(((words**2).sum(1), tree.depths))
            known = [scipy.stats.spearmanr(*p)[0] for p in pairs if len(set(p[1])) > 1]
            if 5 <= size <= 50 and known:
                lengths.setdefault(size, []).append(np.mean(known))
        means.append(np.mean([np.mean(sentences) for sentences in lengths.values()]))
    return np.array(means), sum(map(len, lengths.values()))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 12), st.integers(0, 999))
def test_spanning_trees_are_scipys(layers, sentences, size, seed):
    points = np.random.default_rng(seed).normal(size=(layers, sentences, size, 3))
    distances = ((points[:, :, :, None] - points[:, :, None]) ** 2).sum(-1)
    parents = spanning_tree(torch.from_numpy(distances)).numpy()
    assert parents.shape == (layers, sentences, size)
    assert (parents[..., 0] == -1).all()
    for place in np.ndindex(layers, sentences):
        expected = scipy.sparse.csgraph.minimum_spanning_tree(distances[place]).nonzero()
        edges = {frozenset(edge) for edge in zip(*map(list, expected), strict=True)}
        found = {frozenset((child, parents[place][child])) for child in range(1, size)}
        assert found == edges


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(2, 12), st.integers(1, 5), st.integers(0, 999))
def test_spearman_is_scipys_with_ties_too(layers, size, levels, seed):
    generator = np.random.default_rng(seed)
    predicted = generator.integers(0, levels + 1, (layers, 4, size)).astype(float)
    gold = generator.integers(0, levels, (4, size))
    result = spearman(torch.from_numpy(predicted), torch.from_numpy(gold)).numpy()
    for layer, row in np.ndindex(layers, 4):
        if len(set(gold[row])) == 1:
            assert np.isnan(result[layer, row])
        elif len(set(predicted[layer, row])) == 1:
            assert result[layer, row] == 0
        else:
            expected = scipy.stats.spearmanr(predicted[layer, row], gold[row])[0]
            assert result[layer, row] == pytest.approx(expected)


@pytest.mark.parametrize("of_distances", [True, False])
def test_mean_spearman_is_that_of_a_slow_loop(of_distances):
    sentences = random_corpus(1, 40)
    words = sum(map(len, sentences["words"]))
    projected = torch.randn(3, words, 4, generator=torch.Generator().manual_seed(0))
    trees = gold_trees(sentences, np.ones(words, dtype=bool))
    means, count = mean_spearman(projected, trees, of_distances=of_distances)
    expected, expected_count = slow_spearman(projected, sentences, of_distances)
    assert means == pytest.approx(expected, abs=1e-3)
    assert count == expected_count


def test_only_lengths_from_5_to_50_enter_the_mean():
    chain = [[0, *range(1, size)] for size in (4, 5, 50, 51)]
    sentences = corpus([{"words": ["w"] * len(head), "head": head} for head in chain])
    trees = gold_trees(sentences, np.ones(110, dtype=bool))
    right = torch.cat([torch.arange(n).sqrt() for n in (4, 5, 50, 51)])[None, :, None]
    assert mean_spearman(right, trees, of_distances=False) == (pytest.approx([1.0]), 2)
    wrong_outside = right.clone()
    wrong_outside[:, [*range(4), *range(59, 110)]] *= -0.1
    wrong_outside[:, 59] = 9
    assert mean_spearman(wrong_outside, trees, of_distances=False)[0] == pytest.approx([1.0])


def test_the_exact_probe_of_a_planted_tree_scores_1_everywhere():
    test, train = random_corpus(2, 60), random_corpus(3, 5)
    vectors, probe = planted(test, 0, where=[0, 1, 2, 3])
    every = np.ones(vectors.shape[1], dtype=bool)
    trees, train_trees = gold_trees(test, every), gold_trees(train, every)
    distances, _ = score_trees(vectors @ probe, trees, train_trees, "tree_distance")
    depths, _ = score_trees(vectors @ probe, trees, train_trees, "tree_depth")
    assert (values(distances)["uuas"] == 1).all()
    assert (values(depths)["root_accuracy"] == 1).all()
    assert values(distances)["distance_spearman"].to_numpy() == pytest.approx(1)
    assert values(depths)["depth_spearman"].to_numpy() == pytest.approx(1)


def test_a_planted_tree_is_found_in_the_layers_in_which_it_was_planted():
    sentences = {"train": random_corpus(4, 350), "dev": random_corpus(5, 60)}
    sentences["test"] = random_corpus(6, 60)
    vectors = {s: planted(sentences[s], i, where=[1, 3])[0] for i, s in enumerate(sentences)}
    valid = {s: torch.ones(vectors[s].shape[1], dtype=torch.bool) for s in sentences}
    scores, answers = probe_trees(vectors, valid, sentences)
    table = values(scores)
    assert (table.loc[[1, 3], ["uuas", "root_accuracy"]] > 0.98).all(axis=None)
    # A fitted probe breaks the gold's many ties, which no untied ranking can match in full.
    for metric, of_distances in (("distance_spearman", True), ("depth_spearman", False)):
        edges = tree_embedding(sentences["test"])[None]
        untied = edges + 1e-3 * torch.randn(edges.shape, generator=torch.Generator().manual_seed(0))
        best = slow_spearman(untied, sentences["test"], of_distances)[0]
        assert (table.loc[[1, 3], metric] > 0.98 * best[0]).all()
    assert (table.loc[[0, 2], ["uuas", "root_accuracy"]] < 0.6).all(axis=None)
    assert (table.loc[[0, 2], ["distance_spearman", "depth_spearman"]] < 0.2).all(axis=None)
    assert list(scores.columns) == ["layer", "task", "subset", "metric", "value", "n"]
    totals = answers.groupby(["task", "layer"])[["correct", "n"]].sum()
    shares = totals["correct"] / totals["n"]
    assert shares["tree_distance"].to_numpy() == pytest.approx(table["uuas"].to_numpy())
    assert shares["tree_depth"].to_numpy() == pytest.approx(table["root_accuracy"].to_numpy())


def one_sentence(upos=("DET", "NOUN", "PUNCT", "VERB", "PUNCT")):
    """`The cat , sat .` with the edges The-cat, cat-sat, ","-cat, "."-sat."""
    row = {"words": ["The", "cat", ",", "sat", "."], "head": [2, 4, 2, 0, 4]}
    return corpus([{**row, "upos": upos and list(upos)}])


@pytest.mark.parametrize("upos", [None, ("DET", "NOUN", "PUNCT", "VERB", "PUNCT")])
def test_punctuation_is_left_out_of_edges_roots_and_baselines(upos):
    sentence = one_sentence(upos)
    trees = gold_trees(sentence, np.ones(5, dtype=bool))
    # On a line: The 3, cat 1, sat 2, and the two marks in between or nearest to the origin.
    line = torch.tensor([3.0, 1.0, 1.5, 2.0, 0.0])[None, :, None]
    # Without marks the tree is cat - sat - The: one gold edge of the two, found upwards.
    distances, answers = score_trees(line, trees, trees, "tree_distance")
    table = values(distances).loc[0]
    assert (table["uuas"], table["baseline_uuas"]) == (0.5, 1.0)
    assert answers[["sentence", "correct", "n"]].to_numpy().tolist() == [[0, 1, 2]]
    # Least deep is ".", which doesn't count, then "cat": the root "sat" isn't found.
    depths, answers = score_trees(line, trees, trees, "tree_depth")
    table = values(depths).loc[0]
    assert (table["root_accuracy"], table["baseline_root_accuracy"]) == (0.0, 1.0)
    assert answers[["sentence", "correct", "n"]].to_numpy().tolist() == [[0, 0, 1]]
    # Spearman counts all five words: gold depths 2 1 2 0 1, predicted ranks 5 2 3 4 1.
    expected = scipy.stats.spearmanr([2, 1, 2, 0, 1], [5, 2, 3, 4, 1])[0]
    assert table["depth_spearman"] == pytest.approx(expected)


def test_without_tags_a_word_is_punctuation_if_it_has_no_letter_or_digit():
    words = ["U.S.", "...", "€", "-5", "é", "—", "'s"]
    assert is_punctuation(words, None).tolist() == [False, True, True, False, False, True, False]
    assert is_punctuation(["%", ","], ["SYM", "PUNCT"]).tolist() == [False, True]


def test_a_sentence_without_edges_or_root_among_its_words_has_no_answer():
    rows = [
        {"words": ["!", "yes"], "upos": ["PUNCT", "INTJ"], "head": [0, 1]},
        {"words": ["no"], "upos": ["INTJ"], "head": [0]},
        {"words": ["so", "it", "is"], "upos": ["ADV", "PRON", "AUX"], "head": None},
        {"words": ["it", "is"], "upos": ["PRON", "AUX"], "head": [2, 0]},
    ]
    trees = gold_trees(corpus(rows), np.ones(8, dtype=bool))
    line = torch.arange(8.0)[None, :, None]
    scores, answers = score_trees(line, trees, trees, "tree_distance")
    assert answers["sentence"].tolist() == [3]
    assert set(scores["metric"]) == {"uuas", "baseline_uuas"}  # none has five words
    scores, answers = score_trees(line, trees, trees, "tree_depth")
    assert answers["sentence"].tolist() == [1, 3]
    # Roots stand at the places 0 and 1 once each; the first wins.
    assert scores.set_index("metric")["value"]["baseline_root_accuracy"] == 0.5
    none = gold_trees(corpus(rows[:1]), np.ones(2, dtype=bool))
    scores, answers = score_trees(line, none, trees, "tree_depth")
    assert len(scores) == len(answers) == 0


def test_words_without_a_vector_are_left_out_as_if_they_were_not_there():
    valid = np.array([True, True, True, False, True])
    (tree,) = gold_trees(one_sentence(), valid)
    assert tree.rows.tolist() == [0, 1, 2, 4]
    assert tree.depths.tolist() == [2, 1, 2, 1]
    assert tree.distances[1].tolist() == [1, 0, 1, 2]  # cat - sat - "." passes through sat
    assert tree.content.tolist() == [0, 1]
    assert tree.heads.tolist() == [1, -1]
    assert tree.root == -1
    line = torch.tensor([0.0, 1.0, 5.0, float("nan"), 3.0])[None, :, None]
    found = found_edges(line, [tree])
    assert (found.correct.tolist(), found.n.tolist()) == ([[1]], [1])


def test_the_same_seed_gives_the_same_table_and_words_that_do_not_count_change_nothing():
    sentences = {s: random_corpus(seed, 40) for seed, s in enumerate(("train", "dev", "test"))}
    vectors = {s: planted(sentences[s], 7, where=[0], layers=2)[0].half() for s in sentences}
    generator = torch.Generator().manual_seed(0)
    valid = {s: torch.rand(v.shape[1], generator=generator) < 0.8 for s, v in vectors.items()}
    other = {s: torch.where(valid[s][:, None], v, 1e4) for s, v in vectors.items()}
    for one, same in zip(
        probe_trees(vectors, valid, sentences, epochs=3),
        probe_trees(other, valid, sentences, epochs=3),
        strict=True,
    ):
        pd.testing.assert_frame_equal(one, same)


def test_probes_are_fitted_on_train_and_dev_and_their_baseline_is_that_of_train(monkeypatch):
    heads = {"train": [0, 1, 2], "dev": [2, 3, 0], "test": [2, 0, 2]}
    sentences = {s: corpus([{"words": ["a", "b", "c"], "head": heads[s]}] * 4) for s in heads}
    vectors = {s: torch.full((1, 12, 3), float(i)) for i, s in enumerate(heads)}
    valid = {s: torch.ones(12, dtype=torch.bool) for s in heads}
    seen = []
    fit_probes = library.fit_probes

    def watched(*data, **settings):
        seen.append(data)
        return fit_probes(*data, **settings)

    monkeypatch.setattr(library, "fit_probes", watched)
    scores, _ = probe_trees(vectors, valid, sentences, epochs=1)
    for train, dev in seen:
        assert train.vectors is vectors["train"]
        assert dev.vectors is vectors["dev"]
    depths = [part.gold[0].tolist() for part in seen[0]]
    assert depths == [[0, 1, 2], [2, 1, 0]]
    # In train the first word is always the root, in test never.
    assert values(scores).loc[0, "baseline_root_accuracy"] == 0


def test_a_split_without_heads_or_without_words_that_count_is_refused():
    sentences = {s: random_corpus(0, 9) for s in ("train", "dev", "test")}
    vectors = {s: planted(sentences[s], 0, where=[])[0] for s in sentences}
    valid = {s: torch.ones(v.shape[1], dtype=torch.bool) for s, v in vectors.items()}
    with pytest.raises(CorpusError, match="dev: no sentence with heads has a word"):
        probe_trees(vectors, {**valid, "dev": ~valid["dev"]}, sentences)
    headless = sentences["test"].assign(head=None)
    with pytest.raises(CorpusError, match="test: task tree_depth needs the column head"):
        probe_trees(vectors, valid, {**sentences, "test": headless}, ["tree_depth"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores, answers = probe_trees(vectors, valid, sentences, ["tree_depth"], epochs=1)
    assert set(scores["task"]) == set(answers["task"]) == {"tree_depth"}
