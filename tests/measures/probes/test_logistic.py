"""The batched probes against scikit-learn, autograd, and cases whose answer is known."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import cross_entropy as torch_cross_entropy

from ontogeny.errors import ConfigError
from ontogeny.measures.probes.logistic import fit
from ontogeny.measures.probes.softmax_regression import Tasks, cross_entropy


def planted(layers=3, words=600, width=10, sizes=(3, 2, 5), seed=0, noise=1.0):
    """Random features, and labels that follow, with noise, from a linear map of the last layer."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(layers, words, width, generator=generator)
    features *= torch.logspace(0, -1, width)
    rows = []
    for size in sizes:
        logits = features[-1] @ torch.randn(width, size, generator=generator) * 3
        rows.append((logits + noise * torch.randn(words, size, generator=generator)).argmax(1))
    offset = 3 * torch.randn(layers, 1, width, generator=generator)
    return features + offset, torch.stack(rows)


def scaled(features):
    """One layer, centred and divided by the mean deviation along its principal axes."""
    centred = features.double().numpy() - features.double().numpy().mean(0)
    return centred / (np.linalg.svd(centred, compute_uv=False) / np.sqrt(len(centred))).mean()


def scikit_learn(features, labels, l2):
    """Its objective in our terms and the fitted model."""
    classes = len(np.unique(labels))
    penalty = l2 / 2 if classes == 2 else l2
    strength = 1 / (penalty * len(labels))
    model = LogisticRegression(C=strength, tol=1e-8, max_iter=20000).fit(features, labels)
    logits = torch.tensor(model.decision_function(features))
    if classes == 2:
        logits = torch.stack([-logits / 2, logits / 2], 1)
    codes = torch.tensor(np.searchsorted(model.classes_, labels))
    loss = torch_cross_entropy(logits, codes).item()
    return loss + penalty / 2 * np.square(model.coef_).sum(), model


@pytest.mark.parametrize("l2", [1.0, 1e-2, 1e-4])
def test_the_objective_is_that_of_scikit_learn(l2):
    features, labels = planted()
    labels[0, ::5] = -1
    probes = fit(features, labels, features, labels, l2=[l2], tolerance=1e-6)
    assert probes.converged.all()
    for layer in range(3):
        for task in range(3):
            counted = (labels[task] >= 0).numpy()
            expected, model = scikit_learn(
                scaled(features[layer])[counted], labels[task].numpy()[counted], l2
            )
            assert probes.objective[layer, task] == pytest.approx(expected, rel=1e-3)
            same = model.predict(scaled(features[layer])) == probes.predict(features)[layer, task]
            assert same.float().mean() > 0.98


def test_without_a_bias_the_fit_is_that_of_scikit_learn_on_features_that_are_not_centred():
    features, labels = planted(sizes=(3, 2))
    probes = fit(features, labels, features, labels, l2=[1e-2], bias=False, tolerance=1e-7)
    assert not probes.bias.any()
    assert not probes.centre.any()
    for layer in range(3):
        raw = features[layer].double().numpy()
        inputs = raw / (np.linalg.svd(raw, compute_uv=False) / np.sqrt(len(raw))).mean()
        model = LogisticRegression(
            C=1 / (1e-2 * len(raw)), tol=1e-8, max_iter=20000, fit_intercept=False
        ).fit(inputs, labels[0].numpy())
        weights = probes.weight[layer].split(probes.sizes)[0].numpy()
        np.testing.assert_allclose(weights - weights.mean(0), model.coef_, atol=5e-3)
        found = probes.predict(features)[layer, 0].numpy()
        assert (found == model.predict(inputs)).mean() > 0.995


def test_without_a_penalty_the_gradient_of_the_cross_entropy_vanishes():
    features, labels = planted(noise=4.0)
    for bias in (True, False):
        probes = fit(features, labels, features, labels, l2=[0.0], bias=bias, tolerance=1e-8)
        for layer in range(3):
            inputs = (features[layer] - probes.centre[layer]) / probes.scale[layer]
            weight = probes.weight[layer].clone().requires_grad_()
            logits = (inputs @ weight.mT + probes.bias[layer]).split(probes.sizes, 1)
            sum(
                torch_cross_entropy(own, row) for own, row in zip(logits, labels, strict=True)
            ).backward()
            assert weight.grad.abs().max() < 2e-3


@pytest.mark.slow
def test_classes_that_can_be_told_apart_are_told_apart_without_a_penalty():
    features = torch.linspace(-1, 1, 40)[None, :, None] * torch.ones(1, 40, 3)  # of one dimension
    labels = (features[..., 0] > 0).long()
    probes = fit(features, labels, features, labels, l2=[0.0], bias=False)
    assert (probes.predict(features)[:, 0] == labels).all()
    assert probes.weight.isfinite().all()


def test_the_weights_bear_the_objective_that_is_reported():
    features, labels = planted()
    probes = fit(features, labels, features, labels, l2=[1e-2], tolerance=1e-6)
    for layer in range(3):
        inputs = torch.tensor(scaled(features[layer])).float()
        logits = (inputs @ probes.weight[layer].mT + probes.bias[layer]).split(probes.sizes, 1)
        weights = probes.weight[layer].split(probes.sizes)
        for task in range(3):
            loss = torch_cross_entropy(logits[task], labels[task])
            value = loss + 1e-2 / 2 * weights[task].square().sum()
            assert probes.objective[layer, task] == pytest.approx(value.item(), rel=1e-4)


@settings(max_examples=30, deadline=None)
@given(
    layers=st.integers(1, 3),
    words=st.integers(1, 20),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    seed=st.integers(0, 1000),
)
def test_cross_entropy_gradient_and_curvature_are_those_of_autograd(layers, words, sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    shape = (layers, sum(sizes), words)
    logits = (5 * torch.randn(shape, generator=generator)).requires_grad_()
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    labels = [torch.randint(0, size, (words,), generator=generator) for size in sizes]
    counted = torch.rand(len(sizes), words, generator=generator) < 0.7
    counted[:, 0] = True
    weight = counted / counted.sum(1, keepdim=True)
    gold = torch.stack([row + int(start) for row, start in zip(labels, first, strict=True)])
    tasks = Tasks(tuple(sizes), gold, weight)
    expected, curvatures = [], []
    for task, block in enumerate(logits.split(sizes, 1)):
        rows = block.mT[:, counted[task]]
        answers = labels[task][counted[task]]
        expected.append(torch.stack([torch_cross_entropy(row, answers) for row in rows]))
        probability = rows.softmax(-1)
        curvatures.append((probability * (1 - probability)).mean(1))
    expected = torch.stack(expected, 1)
    expected.sum().backward()
    loss, residual, curvature = cross_entropy(logits.detach(), tasks)
    torch.testing.assert_close(loss.float(), expected.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(residual, logits.grad, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(curvature, torch.cat(curvatures, 1).detach(), rtol=1e-3, atol=1e-5)


def test_two_values_of_one_feature_give_the_closed_form():
    # Without a penalty to speak of, the probabilities at +1 and -1 are the shares found there.
    features = torch.tensor([1.0] * 10 + [-1.0] * 10)[None, :, None]
    labels = torch.tensor([[1] * 8 + [0] * 2 + [1] * 3 + [0] * 7])
    probes = fit(features, labels, features, labels, l2=[1e-7], tolerance=1e-7)
    logits = features[0] @ probes.weight[0].mT + probes.bias[0]
    odds = logits[:, 1] - logits[:, 0]
    assert odds[0].item() == pytest.approx(np.log(8 / 2), abs=1e-2)
    assert odds[-1].item() == pytest.approx(np.log(3 / 7), abs=1e-2)


def test_a_task_is_found_in_just_the_layers_in_which_it_was_planted():
    generator = torch.Generator().manual_seed(0)
    layers = {0: [0], 1: [1, 2], 2: [3]}
    labels = torch.randint(0, 4, (3, 3000), generator=generator)
    features = torch.randn(5, 3000, 24, generator=generator)
    for task, where in layers.items():
        directions = torch.randn(4, 24, generator=generator) * 2
        features[where] += directions[labels[task]]
    cut = slice(0, 1500), slice(1500, 2000), slice(2000, 3000)
    train, dev, test = cut
    probes = fit(features[:, train], labels[:, train], features[:, dev], labels[:, dev])
    accuracy = (probes.predict(features[:, test]) == labels[:, test]).float().mean(-1)
    for task, where in layers.items():
        absent = [layer for layer in range(5) if layer not in where]
        assert (accuracy[where, task] > 0.97).all()
        assert (accuracy[absent, task] < 0.32).all()


def test_separable_words_get_finite_weights_and_no_error():
    features, labels = planted(noise=0.0)
    probes = fit(features, labels, features, labels, l2=[1e-6])
    assert torch.isfinite(probes.weight).all()
    assert torch.isfinite(probes.bias).all()
    assert ((probes.predict(features)[-1] == labels).float().mean(-1) > 0.99).all()


def test_a_class_that_training_lacks_is_never_predicted():
    features, labels = planted()
    train = labels.masked_fill(labels == 1, -1)
    probes = fit(features, train, features, labels)
    predicted = probes.predict(features)
    assert not (predicted == 1).any()
    share = (predicted == labels).double().mean(-1)
    torch.testing.assert_close(probes.dev_accuracy, share)


def test_one_class_alone_is_the_answer_to_everything():
    features, labels = planted(sizes=(3, 2))
    labels[0] = 7
    probes = fit(features, labels, features, labels)
    assert (probes.predict(features)[:, 0] == 7).all()
    assert (probes.objective[:, 0] == 0).all()
    assert (probes.dev_accuracy[:, 0] == 1).all()


def test_constant_features_give_the_most_frequent_class():
    features = torch.ones(2, 30, 4)
    labels = torch.tensor([[2] * 20 + [0] * 10])
    assert (fit(features, labels, features, labels).predict(features) == 2).all()


def test_the_largest_of_equally_good_penalties_is_chosen_and_else_the_best():
    features, labels = planted(words=80, width=40, noise=3.0)
    dev, gold = features[:, 40:], labels[:, 40:]
    grid = [1e-4, 1e1, 1e-2]
    each = [
        fit(features[:, :40], labels[:, :40], dev, gold, l2=[l2], tolerance=1e-5) for l2 in grid
    ]
    together = fit(features[:, :40], labels[:, :40], dev, gold, l2=grid, tolerance=1e-5)
    accuracy = {l2: probes.dev_accuracy for l2, probes in zip(grid, each, strict=True)}
    order = sorted(grid, reverse=True)
    best = torch.stack([accuracy[l2] for l2 in order]).max(0)
    torch.testing.assert_close(together.dev_accuracy, best.values)
    assert (together.l2 == torch.tensor(order, dtype=torch.float64)[best.indices]).all()


def test_batched_equals_one_by_one_in_any_order_and_any_chunk():
    features, labels = planted(layers=4)
    settings = {"l2": [1e-2], "tolerance": 1e-6}
    probes = fit(features, labels, features, labels, chunk_bytes=2**40, **settings)
    single = fit(features, labels, features, labels, chunk_bytes=1, **settings)
    torch.testing.assert_close(single.objective, probes.objective, rtol=1e-4, atol=0)
    for layer in range(4):
        for task in range(3):
            row = labels[task : task + 1]
            one = features[layer : layer + 1]
            alone = fit(one, row, one, row, **settings)
            assert alone.objective[0, 0] == pytest.approx(
                probes.objective[layer, task].item(), rel=1e-4
            )
    layer_order, task_order = [2, 0, 3, 1], [1, 2, 0]
    moved = fit(
        features[layer_order], labels[task_order], features[layer_order], labels[task_order],
        **settings,
    )  # fmt: skip
    torch.testing.assert_close(
        moved.objective, probes.objective[layer_order][:, task_order], rtol=1e-4, atol=0
    )


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 100), shift=st.floats(-5, 5), factor=st.floats(0.01, 100))
def test_rotating_shifting_and_scaling_the_features_changes_nothing(seed, shift, factor):
    features, labels = planted(words=200, seed=seed)
    rotation = torch.linalg.qr(torch.randn(10, 10, generator=torch.Generator().manual_seed(seed)))
    moved = factor * (features @ rotation.Q + shift)
    settings = {"l2": [1e-2], "tolerance": 1e-6}
    before = fit(features, labels, features, labels, **settings)
    after = fit(moved, labels, moved, labels, **settings)
    torch.testing.assert_close(before.objective, after.objective, rtol=1e-3, atol=0)


def test_half_precision_features_are_as_good_and_the_input_stays_as_it_was():
    features, labels = planted()
    copy = features.clone()
    whole = fit(features, labels, features, labels, l2=[1e-2], tolerance=1e-5)
    half = fit(features.half(), labels, features.half(), labels, l2=[1e-2], tolerance=1e-5)
    torch.testing.assert_close(whole.objective, half.objective, rtol=5e-3, atol=1e-4)
    whole.predict(features)
    assert torch.equal(features, copy)


def test_the_same_input_gives_the_same_bytes():
    features, labels = planted()
    first, second = (fit(features, labels, features, labels) for _ in range(2))
    assert torch.equal(first.weight, second.weight)


@pytest.mark.parametrize("standardise", [False, True])
def test_accuracy_on_real_features_is_within_half_a_point_of_scikit_learn(standardise):
    # Handwritten digits, bundled with scikit-learn: 64 pixels, ten classes, and two derived tasks.
    digits = load_digits()
    inputs = digits.data.astype(np.float32)
    if standardise:
        inputs = (inputs - inputs.mean(0)) / np.maximum(inputs.std(0), 1e-3)
    labels = np.stack([digits.target, digits.target % 2, digits.target // 3])
    train, dev, test = slice(0, 900), slice(900, 1200), slice(1200, None)
    grid = [1e-1, 1e-2, 1e-3]
    features, gold = torch.tensor(inputs)[None], torch.tensor(labels)
    probes = fit(features[:, train], gold[:, train], features[:, dev], gold[:, dev], l2=grid)
    accuracy = (probes.predict(features[:, test]) == gold[:, test]).double().mean(-1)[0]
    ours = scaled(torch.tensor(inputs[train]))
    whole = (inputs - inputs[train].mean(0)) * (
        np.linalg.norm(ours) / np.linalg.norm(inputs[train] - inputs[train].mean(0))
    )
    for task, row in enumerate(labels):
        models = [scikit_learn(whole[train], row[train], l2)[1] for l2 in grid]
        best = max(models, key=lambda model: model.score(whole[dev], row[dev]))
        assert accuracy[task] >= best.score(whole[test], row[test]) - 0.005


@pytest.mark.parametrize("l2", [[], [-1.0], [float("nan")], [float("inf")]])
def test_a_penalty_below_zero_or_without_end_is_refused(l2):
    features, labels = planted()
    with pytest.raises(ConfigError, match=r"l2: found .* expected one or more numbers, none below"):
        fit(features, labels, features, labels, l2=l2)


def test_shapes_and_tasks_without_words_are_refused():
    features, labels = planted()
    none = torch.full_like(labels, -1)
    for wrong in (features[:, 1:], features[0], features[None]):
        with pytest.raises(ValueError, match=r"expected \(layers, words, width\)"):
            fit(wrong, labels, features, labels)
    with pytest.raises(ValueError, match="train: a task has no word"):
        fit(features, none, features, labels)
    with pytest.raises(ValueError, match="dev: a task has no word"):
        fit(features, labels, features, none)
    fit(features, labels, features, none, l2=[1e-2])
