"""Batched diagnostic classifiers against one network at a time, and labels that are known."""

import pytest
import torch
from torch import nn

from ontogeny.measures.probes.control import NOT_COUNTED
from ontogeny.measures.probes.diagnostic import fit

CLASSES = (2, 3)


def planted(words=400, seed=0):
    """Two layers, and labels that no linear map of the second can tell: the signs' product."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(2, words, 5, generator=generator) * torch.tensor([1, 3, 1, 0.1, 1.0])
    signs = (features[1, :, :2] > 0).long()
    return features, torch.stack([signs[:, 0] ^ signs[:, 1], signs.sum(1)])


def one_network(values, labels, classes, fitted_from, *, epochs, batch_size, seed):
    """Train a single network as PyTorch's own modules do, from the same weights and batches."""
    generator = torch.Generator().manual_seed(seed)
    start, hidden, outputs, layer, task = fitted_from
    network = nn.Sequential(nn.Linear(5, hidden), nn.ReLU(), nn.Linear(hidden, classes))
    with torch.no_grad():
        network[0].weight.copy_(start.hidden[layer, task].T)
        network[0].bias.copy_(start.hidden_bias[layer, task])
        network[2].weight.copy_(start.output[layer, task, :, :classes].T)
        network[2].bias.copy_(start.output_bias[layer, task, :classes])
    for shape in ((5, hidden), (hidden,), (hidden, outputs), (outputs,)):
        torch.rand(len(CLASSES), *shape, generator=generator)  # what the weights were drawn from
    values = (values - values.mean(0)) / values.std(0, correction=0)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(values), generator=generator).split(batch_size):
            optimiser.zero_grad()
            nn.CrossEntropyLoss(ignore_index=NOT_COUNTED)(
                network(values[rows]), labels[rows]
            ).backward()
            optimiser.step()
    return network


def test_all_layers_and_tasks_are_trained_as_each_would_be_alone():
    features, labels = planted()
    labels[1, ::7] = NOT_COUNTED
    settings = {"hidden": 6, "batch_size": 64, "seed": 3}
    start = fit(features, labels, CLASSES, epochs=0, **settings)
    fitted = fit(features, labels, CLASSES, epochs=4, **settings)
    for layer in range(2):
        for task, classes in enumerate(CLASSES):
            network = one_network(
                *(features[layer], labels[task], classes, (start, 6, 3, layer, task)),
                **{"epochs": 4, "batch_size": 64, "seed": 3},
            )
            found = fitted.hidden[layer, task].T
            torch.testing.assert_close(found, network[0].weight.detach(), atol=1e-5, rtol=1e-4)
            found = fitted.output_bias[layer, task, :classes]
            torch.testing.assert_close(found, network[2].bias.detach(), atol=1e-5, rtol=1e-4)


def test_what_no_linear_map_tells_is_told_where_it_is_and_nowhere_else():
    train, labels = planted(2000)
    test, answers = planted(1000, seed=1)
    fitted = fit(train, labels, CLASSES, hidden=20, epochs=30, seed=0)
    right = (fitted.predict(test) == answers).double().mean(-1)
    assert right[1, 0] > 0.9
    assert abs(right[0, 0] - 0.5) < 0.06


def test_classes_that_a_task_lacks_are_never_predicted():
    features, labels = planted()
    fitted = fit(features, labels, CLASSES, hidden=4, epochs=1, seed=0)
    assert fitted.predict(features)[:, 0].max() < CLASSES[0]


def test_units_that_never_change_do_no_harm():
    features, labels = planted()
    features[:, :, 2] = 5.0
    fitted = fit(features, labels, CLASSES, hidden=4, epochs=1, seed=0)
    assert torch.isfinite(fitted.hidden).all()


@pytest.mark.parametrize(
    "part",
    [
        lambda features, labels: (features, labels[:, 1:]),
        lambda features, labels: (features[0], labels),
        lambda features, labels: (features[None], labels),
        lambda features, labels: (features, labels[0]),
    ],
    ids=["fewer words", "no layers", "one dimension more", "no tasks"],
)
def test_features_and_labels_whose_shapes_do_not_agree_are_refused(part):
    with pytest.raises(ValueError, match="expected \\(layers, words, width\\)"):
        fit(*part(*planted()), CLASSES, seed=0)
