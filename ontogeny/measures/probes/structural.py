"""Structural probes: linear maps under which distances and norms are those of a syntax tree.

Hewitt and Manning (2019), "A Structural Probe for Finding Syntax in Word Representations". A probe
B maps a word's vector h to `rank` dimensions. The squared length of B(h_i - h_j) predicts the
number of edges between two words (section 2.2), that of B h_i the depth of a word (section 2.3).
Probes of all layers are fitted at once; a layer's probe does not depend on the other layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ontogeny.devices import default_device

# Adam's usual decay rates and its guard against division by zero.
MOMENTUM, SECOND_MOMENTUM, EPSILON = 0.9, 0.999, 1e-8

# A dev loss counts as better when it falls by this share; a layer is done when its learning rate
# has been halved more often than this.
IMPROVEMENT = 1e-4
HALVINGS = 6


@dataclass(frozen=True)
class TreeVectors:
    """Word vectors of some sentences, and the numbers of their trees that a probe is to predict.

    `vectors` is (layers, words, width). `rows` holds, for each sentence, where its words stand
    among them, (n,). `gold` holds, for each sentence, the distances between its words, (n, n), or
    their depths, (n,), in edges.
    """

    vectors: Tensor
    rows: Sequence[np.ndarray]
    gold: Sequence[np.ndarray]


@dataclass(frozen=True)
class StructuralProbes:
    """A fitted probe for each layer: `weights` is (layers, width, rank), `dev_loss` (layers,)."""

    weights: Tensor
    dev_loss: Tensor


@dataclass(frozen=True)
class Batch:
    """Sentences of similar length. `first` and `last` bound their words, which lie side by side.

    `places`, (words,), says where the words stand once the sentences are padded to one length;
    `gold` and `weights` have the padded shape, the weights 0 outside of the sentences.
    """

    first: int
    last: int
    places: Tensor
    gold: Tensor
    weights: Tensor


def squared_distances(projected: Tensor) -> Tensor:
    """Return the squared distances between words, (..., n, n), of `projected`, (..., n, rank).

    |p_i - p_j|^2 = |p_i|^2 + |p_j|^2 - 2 p_i p_j: one product of matrices instead of n^2
    differences. The words' mean is taken off first, lest large numbers cancel.
    """
    projected = projected - projected.mean(-2, keepdim=True)
    norms = projected.square().sum(-1)
    products = projected @ projected.transpose(-1, -2)
    return (norms[..., :, None] + norms[..., None, :] - 2 * products).clamp_(min=0)


def squared_norms(projected: Tensor) -> Tensor:
    """Return the squared lengths of the words, (..., n), of `projected`, (..., n, rank)."""
    return projected.square().sum(-1)


def fit_probes(
    train: TreeVectors,
    dev: TreeVectors,
    *,
    rank: int | None = None,
    epochs: int = 30,
    batch_size: int = 40,
    learning_rate: float = 0.1,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> StructuralProbes:
    """Fit the probes of all layers, for distances or depths as the `gold` of the sentences says.

    The loss of a sentence is the sum of |predicted - gold| over its pairs of words divided by n^2
    (Hewitt and Manning 2019, equation 2), or over its words divided by n (section 2.3); it is
    averaged over sentences and minimised by Adam. After each epoch a layer's learning rate is
    halved unless its dev loss fell; a layer ends after some halvings, or after `epochs`, with the
    parameters of its lowest dev loss.

    `rank` None means the width, but at most 64. `learning_rate` is in units of 1 / sqrt(width), for
    vectors scaled to a root mean square of 1 in each layer (distances: about their mean, which they
    don't depend on): so one rate serves all layers and models. The weights returned undo that
    scale: they apply to the vectors as given. Every layer starts from the same random numbers.
    `device` None means a GPU where there is one. Raises `ValueError` if there is no sentence to
    learn from.
    """
    if not len(train.rows) or not len(dev.rows):
        raise ValueError("a structural probe needs at least one sentence in train and in dev")
    generator = torch.Generator().manual_seed(seed)
    device = default_device() if device is None else torch.device(device)
    vectors, batches = lay_out(train, batch_size, generator, device)
    dev_vectors, dev_batches = lay_out(dev, batch_size, generator, device)
    scale = _rescale(vectors, dev_vectors, centre=batches[0].gold.dim() == 3)

    layers, _, width = vectors.shape
    rank = min(width, 64) if rank is None else rank
    start = torch.randn(width, rank, generator=generator) / (width * rank) ** 0.5
    weights = start.to(device).repeat(layers, 1, 1)
    best, best_loss = weights.clone(), torch.full((layers,), torch.inf, device=device)
    rates = torch.full((layers,), learning_rate / width**0.5, device=device)
    lowest = float(rates[0]) / 2 ** (HALVINGS + 0.5)
    optimiser = _Adam(weights)
    live = torch.arange(layers, device=device)
    for _ in range(epochs):
        for index in torch.randperm(len(batches), generator=generator).tolist():
            _, gradient = loss_and_gradient(weights, vectors, batches[index])
            weights = optimiser.step(weights, gradient, rates)
        loss = _mean_loss(weights, dev_vectors, dev_batches)
        better = loss < best_loss[live] * (1 - IMPROVEMENT)
        best[live[better]] = weights[better]
        best_loss[live[better]] = loss[better]
        rates = torch.where(better, rates, rates / 2)
        going = rates > lowest
        if not going.all():
            # A finished layer costs nothing further: it leaves every batch.
            live, rates, weights = live[going], rates[going], weights[going]
            vectors, dev_vectors = vectors[going], dev_vectors[going]
            optimiser.keep(going)
        if not len(live):
            break
    return StructuralProbes(best / scale, best_loss)


def loss_and_gradient(weights: Tensor, vectors: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the summed loss of a batch's sentences, (layers,), and its mean's gradient.

    The gradient has the shape of `weights`, (layers, width, rank). With s_ij the sign of the error
    of the distance of i and j times its weight, the gradient of a sentence's loss in p_i is
    4 sum_j s_ij (p_i - p_j): a graph Laplacian times the projected words. In depth it is 2 s_i p_i.
    """
    words = vectors[:, batch.first : batch.last]
    padded = _project(weights, words, batch)
    errors = _predict(padded, batch) - batch.gold
    signs = errors.sign() * batch.weights
    loss = (errors * signs).flatten(1).sum(1)
    if batch.gold.dim() == 3:
        slope = 4 * (signs.sum(-1, keepdim=True) * padded - signs @ padded)
    else:
        slope = 2 * signs[..., None] * padded
    slope = slope.flatten(1, 2)[:, batch.places] / len(batch.gold)
    return loss, words.transpose(1, 2) @ slope


def _mean_loss(weights: Tensor, vectors: Tensor, batches: Sequence[Batch]) -> Tensor:
    """Return each layer's loss averaged over the sentences of all batches, (layers,)."""
    total = weights.new_zeros(len(weights))
    for batch in batches:
        padded = _project(weights, vectors[:, batch.first : batch.last], batch)
        errors = (_predict(padded, batch) - batch.gold).abs_()
        total += (errors * batch.weights).flatten(1).sum(1)
    return total / sum(len(batch.gold) for batch in batches)


def _project(weights: Tensor, words: Tensor, batch: Batch) -> Tensor:
    """Return the projected words of a batch, padded: (layers, sentences, longest, rank)."""
    projected = words @ weights
    sentences, longest = batch.gold.shape[:2]
    padded = projected.new_zeros(len(projected), sentences * longest, projected.shape[-1])
    padded[:, batch.places] = projected
    return padded.unflatten(1, (sentences, longest))


def _predict(padded: Tensor, batch: Batch) -> Tensor:
    return squared_distances(padded) if batch.gold.dim() == 3 else squared_norms(padded)


def lay_out(
    data: TreeVectors, batch_size: int, generator: torch.Generator, device: torch.device
) -> tuple[Tensor, list[Batch]]:
    """Return the vectors as float32 in the order of the batches, and the batches.

    Sentences of one length come together, so that little is padded; which of them share a batch is
    drawn at random. A batch's words lie side by side, so that no batch has to gather them again.
    """
    lengths = np.array([len(rows) for rows in data.rows])
    shuffled = torch.randperm(len(lengths), generator=generator).numpy()
    order = shuffled[np.argsort(lengths[shuffled], kind="stable")]
    batches, first = [], 0
    for chosen in np.array_split(order, -(-len(order) // batch_size)):
        batch = _batch(lengths[chosen], [data.gold[i] for i in chosen], first, device)
        batches.append(batch)
        first = batch.last
    rows = torch.from_numpy(np.concatenate([data.rows[i] for i in order]))
    vectors = data.vectors[:, rows.to(data.vectors.device)].to(device, torch.float32)
    return vectors, batches


def _batch(
    lengths: np.ndarray, gold: Sequence[np.ndarray], first: int, device: torch.device
) -> Batch:
    longest = int(lengths.max())
    shape = (len(gold), *(longest,) * gold[0].ndim)
    padded, weights = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for row, values in enumerate(gold):
        inside = tuple(slice(size) for size in values.shape)
        padded[row][inside] = values
        weights[row][inside] = 1 / values.size
    places = np.flatnonzero(np.arange(longest) < lengths[:, None])
    return Batch(
        first,
        first + int(lengths.sum()),
        torch.from_numpy(places).to(device),
        torch.from_numpy(padded).to(device),
        torch.from_numpy(weights).to(device),
    )


def _rescale(vectors: Tensor, dev_vectors: Tensor, centre: bool) -> Tensor:
    """Scale both in place to a root mean square of 1 in train; return the scale, (layers, 1, 1).

    Depths are lengths from the origin, so only vectors for distances may be centred.
    """
    if centre:
        mean = vectors.mean(1, keepdim=True)
        vectors.sub_(mean)
        dev_vectors.sub_(mean)
    scale = vectors.square().mean((1, 2), keepdim=True).sqrt()
    scale = torch.where(scale > 0, scale, 1.0)
    vectors.div_(scale)
    dev_vectors.div_(scale)
    return scale


class _Adam:
    """Adam (Kingma and Ba 2015, algorithm 1) with a learning rate for each layer."""

    def __init__(self, weights: Tensor) -> None:
        self.mean = torch.zeros_like(weights)
        self.square = torch.zeros_like(weights)
        self.updates = 0

    def step(self, weights: Tensor, gradient: Tensor, rates: Tensor) -> Tensor:
        self.updates += 1
        self.mean.lerp_(gradient, 1 - MOMENTUM)
        self.square.lerp_(gradient.square(), 1 - SECOND_MOMENTUM)
        mean = self.mean / (1 - MOMENTUM**self.updates)
        spread = (self.square / (1 - SECOND_MOMENTUM**self.updates)).sqrt_().add_(EPSILON)
        return weights - rates[:, None, None] * mean.div_(spread)

    def keep(self, layers: Tensor) -> None:
        self.mean, self.square = self.mean[layers], self.square[layers]
