"""Diagnostic classifiers: networks of one hidden layer, all layers and tasks as one problem."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ontogeny.devices import default_device
from ontogeny.measures.probes.control import NOT_COUNTED

WORDS_AT_ONCE = 4096  # that are predicted


@dataclass(frozen=True)
class DiagnosticClassifiers:
    """Fitted classifiers: a hidden layer of rectified linear units, and a softmax layer.

    `centre` and `scale` (layers, 1, width) are the training words' means and deviations. `hidden`
    (layers, tasks, width, units), `hidden_bias` (layers, tasks, units), `output` (layers, tasks,
    units, classes) and `output_bias` (layers, tasks, classes), -inf for classes that a task lacks.
    """

    centre: Tensor
    scale: Tensor
    hidden: Tensor
    hidden_bias: Tensor
    output: Tensor
    output_bias: Tensor

    @torch.inference_mode()
    def predict(self, features: Tensor) -> Tensor:
        """Return the most probable class of each word: (layers, tasks, words), on the CPU.

        `features` (layers, words, width) are as given to `fit`.
        """
        parts = []
        parameters = [self.hidden, self.hidden_bias, self.output, self.output_bias]
        for block in features.split(WORDS_AT_ONCE, 1):
            scaled = (block.to(self.centre.device).float() - self.centre) / self.scale
            parts.append(_logits(scaled, parameters).argmax(-1).cpu())
        return torch.cat(parts, -1)


def fit(
    features: Tensor,
    labels: Tensor,
    classes: Sequence[int],
    *,
    hidden: int = 500,
    epochs: int = 30,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
    seed: int,
    device: torch.device | str | None = None,
) -> DiagnosticClassifiers:
    """Fit a classifier for each layer and task.

    `features` (layers, words, width) are of any floating type; each unit is centred and scaled.
    `labels` (tasks, words) are classes from 0 on, fewer than the task's `classes`, or
    `NOT_COUNTED`. The network is that of Belinkov et al. (2017, section 3.3): one hidden layer,
    of `hidden` rectified linear units (500 there), and softmax; trained by Adam with its default
    settings, for `epochs` passes (30 there). They drop half of the hidden units; nothing is dropped
    here. Batches and initial weights are the same for all layers, and drawn by `seed`.

    Raises `ValueError` if shapes don't agree.
    """
    if features.ndim != 3 or labels.ndim != 2 or features.shape[1] != labels.shape[1]:
        raise ValueError(
            f"features of shape {tuple(features.shape)} and labels of shape "
            f"{tuple(labels.shape)}; expected (layers, words, width) and (tasks, words)."
        )
    device = default_device() if device is None else torch.device(device)
    generator = torch.Generator().manual_seed(seed)
    values, labels = features.to(device).float(), labels.to(device)
    centre = values.mean(1, keepdim=True)
    scale = values.std(1, keepdim=True, correction=0)
    scale = torch.where(scale > 0, scale, 1)
    values = (values - centre) / scale
    parameters = [
        tensor.to(device).requires_grad_()
        for tensor in _initial(values.shape, labels.shape[0], max(classes), hidden, generator)
    ]
    beyond = torch.arange(max(classes)) >= torch.tensor(list(classes))[:, None]
    absent = torch.zeros(beyond.shape).masked_fill(beyond, -math.inf).to(device)
    # Adam works on each number by itself, so that many classifiers are one problem to it.
    optimiser = torch.optim.Adam(parameters, lr=learning_rate, fused=False)
    for _ in range(epochs):
        order = torch.randperm(values.shape[1], generator=generator).to(device)
        for rows in order.split(batch_size):
            gold = labels[:, rows].expand(len(values), -1, -1)
            masked = [*parameters[:3], parameters[3] + absent]
            loss = cross_entropy(
                _logits(values[:, rows], masked).flatten(0, 2),
                gold.flatten(),
                ignore_index=NOT_COUNTED,
                reduction="none",
            ).view(gold.shape)
            counted = (gold != NOT_COUNTED).sum(-1).clamp(min=1)
            optimiser.zero_grad(set_to_none=True)
            (loss.sum(-1) / counted).sum().backward()
            optimiser.step()
    inside, inside_bias, output, output_bias = (tensor.detach() for tensor in parameters)
    return DiagnosticClassifiers(centre, scale, inside, inside_bias, output, output_bias + absent)


def _initial(
    shape: Sequence[int], tasks: int, classes: int, hidden: int, generator: torch.Generator
) -> list[Tensor]:
    """Draw weights as `torch.nn.Linear` does, uniform within 1 / sqrt(inputs), for each task."""
    layers, _, width = shape

    def uniform(inputs: int, *shape: int) -> Tensor:
        drawn = torch.rand(tasks, *shape, generator=generator)
        return drawn.mul_(2).sub_(1).mul_(inputs**-0.5).expand(layers, tasks, *shape).clone()

    return [
        uniform(width, width, hidden),
        uniform(width, hidden),
        uniform(hidden, hidden, classes),
        uniform(hidden, classes),
    ]


def _logits(values: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Return the logits (layers, tasks, words, classes) of scaled values (layers, words, width)."""
    hidden, hidden_bias, output, output_bias = parameters
    inside = (values[:, None] @ hidden + hidden_bias[:, :, None]).relu()
    return inside @ output + output_bias[:, :, None]
