"""Linear probes: multinomial logistic regression, all layers and tasks as one problem."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ontogeny.devices import default_device
from ontogeny.errors import ConfigError
from ontogeny.measures.probes.control import NOT_COUNTED
from ontogeny.measures.probes.lockstep_lbfgs import Regression, change_l2, solve
from ontogeny.measures.probes.softmax_regression import Tasks

L2 = (1e-1, 1e-2, 1e-3)
CHUNK_BYTES = {"cpu": 2**26, "cuda": 2**31}  # a CPU gains nothing once a chunk fills its caches


@dataclass(frozen=True)
class LogisticProbes:
    """Fitted probes: a linear map from centred, scaled features to the logits of all classes.

    `centre` (layers, width) and `scale` (layers,) are taken from the training words. `weight`
    (layers, columns, width) and `bias` (layers, columns) have a column for each class that occurs
    in a task's training words: `column_class` (columns,) says which, `sizes` how many each task
    has, one task after the other. `l2`, `objective`, `dev_accuracy` and `converged`, all (layers,
    tasks), tell of the penalty that was chosen.
    """

    centre: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor
    column_class: Tensor
    sizes: tuple[int, ...]
    l2: Tensor
    objective: Tensor
    dev_accuracy: Tensor
    converged: Tensor

    def predict(self, features: Tensor) -> Tensor:
        """Return the most probable class of each word; shape (layers, tasks, words), int64.

        `features` (layers, words, width) are as given to `fit`, of any floating type, on any
        device; the answer is on the CPU.
        """
        answers = []
        for layer in range(len(self.weight)):
            scaled = features[layer].to(self.weight.device).float()
            scaled = (scaled - self.centre[layer]) / self.scale[layer]
            logits = self.weight[layer] @ scaled.mT + self.bias[layer, :, None]
            answers.append(_most_probable(logits[None], self.sizes, self.column_class)[0].cpu())
        return torch.stack(answers)


def fit(
    train: Tensor,
    train_labels: Tensor,
    dev: Tensor,
    dev_labels: Tensor,
    *,
    l2: Sequence[float] = L2,
    bias: bool = True,
    tolerance: float = 3e-4,
    max_iterations: int = 200,
    device: torch.device | str | None = None,
    chunk_bytes: int | None = None,
) -> LogisticProbes:
    """Fit a probe for each layer and task, with the L2 penalty that is best on the dev words.

    `train` and `dev` are features (layers, words, width) of any floating type; labels (tasks,
    words) are class numbers from 0, and -1 where a word doesn't count for a task. A class that no
    training word bears is never predicted; with one class alone it is the answer to everything.

    Each probe minimises, in float32, its mean cross-entropy plus l2 / 2 times the sum of squared
    weights; the bias is free. (scikit-learn's C is 1 / (l2 words), and 2 / (l2 words) for two
    classes, to which it gives one weight vector instead of two.) The penalties are tried from the
    largest to the smallest, each search starting where the last one ended. A search ends as `solve`
    says, by `tolerance`: on a transformer's features 1e-3 leaves the objective about half a percent
    above the least, 1e-5 some 1e-4. With 16,000 words of width 768, 1e-3 comes within 0.2 points of
    the limit in test accuracy; with five words for each dimension it can miss a point. Of
    penalties equally good on dev the larger is chosen. With a penalty of 0, where classes can be
    told apart without error, there is no least objective, and the search goes on for
    `max_iterations`.

    Without `bias` there is none, and features aren't centred: what follows of variances then holds
    of mean squares.

    Features are centred and divided by one number for each layer: the mean, over principal axes,
    of the standard deviation along the axis. One number, not one for each dimension, because the
    question is what can be read off linearly, and that doesn't depend on the basis: after any
    rotation of the features the probe is the same. The mean of deviations, not the root mean square
    over dimensions, because single directions of huge variance, as language models have them, would
    shrink all others, and the same penalty would mean something else.

    Layers are worked through in chunks that need about `chunk_bytes`, by default 64 MiB on a CPU
    and 2 GiB on a GPU, and one layer at the least; that changes the answer by rounding only.
    `device` None means a GPU where there is one. Raises `ConfigError` on a penalty that is
    negative or infinite, and ValueError on shapes that don't fit, or a task without training words
    or, where there is a penalty to choose, dev words.
    """
    penalties = _check(train, train_labels, dev, dev_labels, l2)
    device = default_device() if device is None else torch.device(device)
    train_labels, dev_labels = train_labels.to(device), dev_labels.to(device)
    tasks, column_class = _columns(train_labels)
    layers, words, width = train.shape
    # Features twice while they are rotated; five matrices of the logits' size in the search.
    layer_bytes = 4 * (words * (2 * width + 5 * len(column_class)) + 2 * dev.shape[1] * width)
    chunk_bytes = chunk_bytes or CHUNK_BYTES.get(device.type, 2**30)
    size = max(1, min(layers, chunk_bytes // layer_bytes))
    chunks = [
        _fit_layers(
            train[first : first + size].to(device),
            dev[first : first + size].to(device),
            tasks,
            column_class,
            dev_labels,
            penalties,
            bias,
            tolerance,
            max_iterations,
        )
        for first in range(0, layers, size)
    ]
    names = ("centre", "scale", "weight", "bias", "l2", "objective", "dev_accuracy", "converged")
    together = {name: torch.cat([chunk[name] for chunk in chunks]) for name in names}
    if not together["converged"].all():
        logging.getLogger("ontogeny").warning(
            "%d of %d probes had not converged after %d iterations",
            int((~together["converged"]).sum()),
            together["converged"].numel(),
            max_iterations,
        )
    return LogisticProbes(column_class=column_class, sizes=tasks.sizes, **together)


def _fit_layers(
    train: Tensor,
    dev: Tensor,
    tasks: Tasks,
    column_class: Tensor,
    dev_labels: Tensor,
    penalties: Sequence[float],
    with_bias: bool,
    tolerance: float,
    max_iterations: int,
) -> dict[str, Tensor]:
    """Fit the probes of some layers; returns the fields of `LogisticProbes` that have layers."""
    regression, axes, centre, scale = _in_eigenbasis(train, tasks, with_bias)
    dev = (dev.float() - centre[:, None]) / scale[:, None, None]
    layers = len(train)
    parameters = train.new_zeros(
        layers, len(column_class), train.shape[-1] + 1, dtype=torch.float32
    )
    if with_bias:
        parameters[..., -1] = tasks.log_prior()
    state = regression.start(parameters)
    best: dict[str, Tensor] = {}
    for previous, l2 in zip((penalties[0], *penalties), penalties, strict=False):
        difference = regression.penalty(l2) - regression.penalty(previous)
        state = change_l2(state, tasks, difference)
        state, objective, converged = solve(
            regression, state, l2, tolerance=tolerance, max_iterations=max_iterations
        )
        weight, bias = state.parameters[..., :-1] @ axes.mT, state.parameters[..., -1]
        accuracy = _accuracy(weight @ dev.mT + bias[..., None], tasks, column_class, dev_labels)
        found = {
            "weight": weight,
            "bias": bias,
            "l2": torch.full_like(accuracy, l2),
            "objective": objective,
            "dev_accuracy": accuracy,
            "converged": converged,
        }
        if not best:
            best = found
            continue
        better = accuracy > best["dev_accuracy"]
        columns = better[:, tasks.column_task]
        choice = {"weight": columns[..., None], "bias": columns}
        best = {
            name: torch.where(choice.get(name, better), found[name], best[name]) for name in best
        }
    return best | {"centre": centre, "scale": scale}


def _in_eigenbasis(
    train: Tensor, tasks: Tasks, bias: bool
) -> tuple[Regression, Tensor, Tensor, Tensor]:
    """Centre, scale and rotate the features; returns also axes, centre and scale.

    Without a bias the centre is 0.

    `axes` (layers, width, width) has the principal axes as columns. The penalty is the same in
    any rotated basis, so the problem stays the same, and its Hessian comes close to diagonal.
    """
    centred = train.float()
    centre = centred.mean(1) if bias else torch.zeros_like(centred[:, 0])
    centred = centred - centre[:, None]
    moments = (centred.mT @ centred).double() / train.shape[1]
    variance, axes = torch.linalg.eigh(moments)
    variance = variance.clamp_min(0)
    scale = variance.sqrt().mean(1)
    scale = torch.where(scale > 0, scale, 1)  # a layer that says nothing still gets its constant
    features = centred @ (axes / scale[:, None, None]).float()
    variance = torch.cat([variance / scale[:, None].square(), scale.new_ones(len(train), 1)], 1)
    regression = Regression(features, variance.float(), tasks, bias)
    return regression, axes.float(), centre, scale.float()


def _columns(labels: Tensor) -> tuple[Tasks, Tensor]:
    """Return the tasks with a column for each class that occurs, and the class of each column."""
    sizes: list[int] = []
    classes, gold = [], []
    for row in labels:
        present, column = torch.unique(row[row != NOT_COUNTED], return_inverse=True)
        full = torch.full_like(row, sum(sizes))
        full[row != NOT_COUNTED] += column
        gold.append(full)
        sizes.append(len(present))
        classes.append(present)
    counted = (labels != NOT_COUNTED).float()
    weight = counted / counted.sum(1, keepdim=True)
    return Tasks(tuple(sizes), torch.stack(gold), weight), torch.cat(classes)


def _most_probable(logits: Tensor, sizes: Sequence[int], column_class: Tensor) -> Tensor:
    """Return the class with the highest logit; (layers, columns, words) to (layers, tasks, words).

    Of equal ones the first, so that the answer is the same everywhere.
    """
    blocks = zip(logits.split(list(sizes), 1), column_class.split(list(sizes)), strict=True)
    return torch.stack([classes[block.argmax(1)] for block, classes in blocks], 1)


def _accuracy(logits: Tensor, tasks: Tasks, column_class: Tensor, labels: Tensor) -> Tensor:
    """Return the share of words that count whose class is predicted; shape (layers, tasks)."""
    right = _most_probable(logits, tasks.sizes, column_class) == labels
    counted = labels != NOT_COUNTED
    return (right & counted).sum(-1).double() / counted.sum(-1).clamp_min(1)


def _check(
    train: Tensor, train_labels: Tensor, dev: Tensor, dev_labels: Tensor, l2: Sequence[float]
) -> tuple[float, ...]:
    """Return the penalties, each once, the largest first. Raises as `fit` says."""
    if not l2 or not all(0 <= value < float("inf") for value in l2):
        raise ConfigError(f"l2: found {list(l2)}; expected one or more numbers, none below 0.")
    for name, features, labels in (("train", train, train_labels), ("dev", dev, dev_labels)):
        if features.ndim != 3 or labels.ndim != 2 or features.shape[1] != labels.shape[1]:
            raise ValueError(
                f"{name}: features of shape {tuple(features.shape)} and labels of shape "
                f"{tuple(labels.shape)}; expected (layers, words, width) and (tasks, words)."
            )
    if not (train_labels != NOT_COUNTED).any(1).all():
        raise ValueError("train: a task has no word that counts.")
    if len(set(l2)) > 1 and not (dev_labels != NOT_COUNTED).any(1).all():
        raise ValueError("dev: a task has no word that counts, so no penalty can be chosen.")
    return tuple(sorted(set(l2), reverse=True))
