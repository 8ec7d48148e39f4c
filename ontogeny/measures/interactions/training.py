"""Training models of factored attention on sequences of symbols, many seeds in lockstep."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ontogeny.ensemble import SGD, LockstepTraining, ModuleStack
from ontogeny.runs.architectures import configure, initialise

ROWS_AT_ONCE = 4096  # sequences with one place masked, read together
STEADY = 0.5  # share of the updates before the learning rate begins to fall


def masked_batch(tokens: Tensor, places: Tensor, mask: int) -> dict[str, Tensor]:
    """Hide one place of each sequence: `tokens` (..., length), `places` (...).

    Returns `tokens`, with the mask there, `places`, and `targets` (...), what stood there.
    """
    hidden = places[..., None]
    targets = tokens.gather(-1, hidden)[..., 0]
    return {"tokens": tokens.scatter(-1, hidden, mask), "places": places, "targets": targets}


def conditional_losses(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """Return the loss at one masked place of each sequence, in nats, (batch,).

    `batch` is as `masked_batch` makes it. The mask, which is the last token of the vocabulary and
    never stands anywhere, isn't among what may be predicted.
    """
    logits = model(batch["tokens"], places=batch["places"]).logits[:, 0, :-1]
    return torch.nn.functional.cross_entropy(logits, batch["targets"], reduction="none")


def mean_conditional_loss(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """Return the mean of `conditional_losses`, a scalar."""
    return conditional_losses(model, batch).mean()


def falling(step: int, last: int, initial: float) -> float:
    """Return the learning rate of an update: `initial` at first, then straight down to 0."""
    return initial * min(1.0, (1 - step / last) / (1 - STEADY))


def train_factored(
    sequences: np.ndarray,
    symbols: int,
    *,
    sizes: dict[str, Any],
    seeds: Sequence[int],
    steps: Sequence[int],
    batch_size: int,
    learning_rate: float,
    callback: Callable[[int, ModuleStack, tuple[int, ...]], None],
) -> None:
    """Train a model of these sizes for each seed by SGD, and call back after each of `steps`.

    `sequences` (count, length) hold symbols from 0. An update sees `batch_size` of them, drawn with
    replacement, with one place masked in each, drawn uniformly; both, and the initial weights,
    depend on the seed alone. The callback gets the step, the stack, and which of the seeds its
    members are of: a member that diverges is dropped. Raises `TrainingError` if all do.
    """
    data = torch.from_numpy(sequences).long()
    config = configure("factored", symbols + 1, positions=data.shape[1], **sizes)
    models = [initialise(config, seed) for seed in seeds]
    stack = ModuleStack.of(models, mean_conditional_loss)

    def source(_: int, __: Any, generators: Sequence[torch.Generator]) -> dict[str, Tensor]:
        drawn = [torch.randint(len(data), (batch_size,), generator=stream) for stream in generators]
        places = [
            torch.randint(data.shape[1], (batch_size,), generator=stream) for stream in generators
        ]
        return masked_batch(data[torch.stack(drawn)], torch.stack(places), symbols)

    training = LockstepTraining(
        stack,
        SGD(stack),
        source,
        lambda step, _: falling(step, steps[-1], learning_rate),
        seeds,
    )
    training.run(steps[-1], steps, lambda now: callback(now.step, now.stack, now.members))
