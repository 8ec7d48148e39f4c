"""The structural probes' loss, gradient and fit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogeny.corpora.tasks import tree_depths, tree_distances
from ontogeny.measures.probes.structural import (
    TreeVectors,
    fit_probes,
    lay_out,
    loss_and_gradient,
    squared_distances,
    squared_norms,
)


@pytest.fixture(autouse=True)
def one_thread():
    """Matrices this small are slower on two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def random_heads(generator, size):
    """A random tree over the words in random order."""
    order = generator.permutation(size)
    heads = np.zeros(size, dtype=int)
    for place in range(1, size):
        heads[order[place]] = order[generator.integers(place)] + 1
    return list(heads)


def random_data(seed, task, *, layers=3, width=5, sentences=9, longest=7):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, longest + 1, sentences)
    heads = [random_heads(generator, n) for n in lengths]
    # Some words of the corpus belong to no sentence, as words without a vector do not.
    words = np.sort(generator.permutation(lengths.sum() + 4)[: lengths.sum()])
    gold = [tree_distances(h) if task == "tree_distance" else tree_depths(h) for h in heads]
    vectors = torch.from_numpy(generator.normal(size=(layers, lengths.sum() + 4, width)))
    # Something to learn, more of it in higher layers: the first number follows the depth.
    depths = torch.from_numpy(np.concatenate([tree_depths(h) for h in heads]))
    vectors[:, words, 0] = (
        vectors[:, words, 0] * 0.3 + torch.arange(layers)[:, None] * depths.sqrt()
    )
    return TreeVectors(vectors.float(), np.split(words, np.cumsum(lengths)[:-1]), gold)


def slow_loss(weights, vectors, data, sentences):
    """Equation 2 of the publication and its like for depth, a pair at a time; (sentences,)."""
    losses = []
    for sentence in sentences:
        words = [vectors[row] @ weights for row in data.rows[sentence]]
        gold, loss = data.gold[sentence], 0.0
        for i, one in enumerate(words):
            if gold.ndim == 1:
                loss = loss + (one @ one - gold[i]).abs() / len(words)
                continue
            for j, other in enumerate(words):
                difference = one - other
                loss = loss + (difference @ difference - gold[i, j]).abs() / len(words) ** 2
        losses.append(loss)
    return torch.stack(losses)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 6), st.integers(0, 999))
def test_distances_and_norms_are_those_of_explicit_differences(layers, words, rank, seed):
    projected = torch.randn(layers, words, rank, generator=torch.Generator().manual_seed(seed))
    projected = projected.double() + 100
    differences = projected[:, :, None] - projected[:, None]
    expected = differences.square().sum(-1)
    assert torch.allclose(squared_distances(projected), expected, atol=1e-9)
    assert torch.allclose(squared_norms(projected), projected.norm(dim=-1) ** 2)


@pytest.mark.parametrize("task", ["tree_distance", "tree_depth"])
@pytest.mark.parametrize("seed", range(4))
def test_loss_and_gradient_are_those_of_the_publications_equation(task, seed):
    data = random_data(seed, task)
    weights = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(seed))
    generator = torch.Generator().manual_seed(0)
    vectors, batches = lay_out(data, 4, generator, torch.device("cpu"))
    assert [len(batch.gold) for batch in batches] == [3, 3, 3]
    losses, gradients = zip(*(loss_and_gradient(weights, vectors, b) for b in batches), strict=True)
    for layer in range(3):
        free = weights[layer].double().requires_grad_()
        expected = slow_loss(free, data.vectors[layer].double(), data, range(9)).sum() / 3
        expected.backward()
        assert torch.isclose(sum(losses)[layer] / 3, expected.float(), rtol=1e-5)
        assert torch.allclose(sum(gradients)[layer], free.grad.float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("task", ["tree_distance", "tree_depth"])
def test_a_layers_probe_does_not_depend_on_the_other_layers(task):
    train, dev = random_data(1, task, sentences=40), random_data(2, task, sentences=20)
    together = fit_probes(train, dev, epochs=30, batch_size=8)
    for layer in range(3):
        alone = fit_probes(
            TreeVectors(train.vectors[[layer]], train.rows, train.gold),
            TreeVectors(dev.vectors[[layer]], dev.rows, dev.gold),
            epochs=30,
            batch_size=8,
        )
        assert torch.allclose(alone.dev_loss[0], together.dev_loss[layer], rtol=1e-3)
        assert torch.allclose(alone.weights[0], together.weights[layer], atol=1e-2)


@pytest.mark.parametrize("task", ["tree_distance", "tree_depth"])
def test_the_weights_returned_have_the_dev_loss_returned_and_apply_to_unscaled_vectors(task):
    train, dev = random_data(3, task, sentences=40), random_data(4, task, sentences=20)
    train.vectors.mul_(30).add_(7)
    dev.vectors.mul_(30).add_(7)
    probes = fit_probes(train, dev, epochs=15, batch_size=8, rank=3)
    assert probes.weights.shape == (3, 5, 3)
    for layer in range(3):
        weights, vectors = probes.weights[layer].double(), dev.vectors[layer].double()
        expected = slow_loss(weights, vectors, dev, range(20)).mean()
        assert torch.isclose(probes.dev_loss[layer], expected.float(), rtol=1e-4)


@pytest.mark.parametrize("task", ["tree_distance", "tree_depth"])
def test_the_scale_of_a_layer_does_not_matter(task):
    train, dev = random_data(5, task, sentences=40), random_data(6, task, sentences=20)
    factor = torch.tensor([1.0, 2.0**10, 2.0**-10])[:, None, None]
    probes = fit_probes(train, dev, epochs=10)
    scaled = fit_probes(
        TreeVectors(train.vectors * factor, train.rows, train.gold),
        TreeVectors(dev.vectors * factor, dev.rows, dev.gold),
        epochs=10,
    )
    assert torch.allclose(scaled.weights * factor, probes.weights, atol=1e-5)


def test_more_epochs_never_leave_a_layer_with_a_higher_dev_loss():
    train = random_data(7, "tree_distance", sentences=40)
    dev = random_data(8, "tree_distance", sentences=20)
    losses = torch.stack([fit_probes(train, dev, epochs=n).dev_loss for n in (1, 2, 4, 8, 16, 32)])
    assert (losses.diff(dim=0) <= 0).all()
    assert (losses[-1] < losses[0])[1:].all()  # layer 0 holds nothing to learn


def test_a_layer_that_has_converged_stays_as_it_is():
    train, dev = random_data(9, "tree_depth"), random_data(10, "tree_depth")
    long, longer = (fit_probes(train, dev, epochs=n) for n in (150, 200))
    assert torch.equal(long.weights, longer.weights)


def test_the_same_seed_gives_the_same_probe_and_another_seed_another():
    train, dev = random_data(11, "tree_depth"), random_data(12, "tree_depth")
    one, same, other = (fit_probes(train, dev, epochs=5, seed=s) for s in (0, 0, 1))
    assert torch.equal(one.weights, same.weights)
    assert not torch.equal(one.weights, other.weights)


def test_a_layer_of_zeros_gives_a_finite_probe():
    train, dev = random_data(13, "tree_distance"), random_data(14, "tree_distance")
    train.vectors[1], dev.vectors[1] = 0, 0
    probes = fit_probes(train, dev, epochs=5)
    assert probes.weights.isfinite().all()
    assert probes.dev_loss.isfinite().all()


def test_without_sentences_there_is_nothing_to_fit():
    data = random_data(0, "tree_depth")
    with pytest.raises(ValueError, match="at least one sentence"):
        fit_probes(data, TreeVectors(data.vectors, [], []))
