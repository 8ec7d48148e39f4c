"""Training transformers on linear regression in context, many seeds in lockstep."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ontogeny.ensemble import AdamW, LockstepTraining, ModuleStack
from ontogeny.errors import ConfigError
from ontogeny.runs.architectures.regression_transformer.models import (
    RegressionTransformer,
    RegressionTransformerConfig,
)
from ontogeny.runs.architectures.regression_transformer.tasks import Tasks


def initialised(config: RegressionTransformerConfig, seed: int) -> RegressionTransformer:
    """Return a transformer with random weights that depend on `config` and `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = RegressionTransformer(config)
    return model.eval()


def squared_errors(model: Any, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return each context's summed squared error, and how many values it predicts, (batch,)."""
    errors = (model(batch["x"], batch["y"]) - batch["y"]).square()
    return errors.sum(-1), torch.full_like(errors[..., 0], errors.shape[-1])


def mean_squared_error(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """Return the mean squared error over contexts and examples, a scalar."""
    sums, counts = squared_errors(model, batch)
    return sums.sum() / counts.sum()


def triangle(step: int, last: int, peak: float) -> float:
    """Return the learning rate of an update: from 0 straight up to `peak` half way, and back."""
    return peak * (1 - abs(2 * (step + 0.5) / last - 1))


def train_regression(
    config: RegressionTransformerConfig,
    tasks: Tasks,
    *,
    seeds: Sequence[int],
    steps: Sequence[int],
    batch_size: int = 256,
    learning_rate: float = 0.003,
    device: torch.device | str = "cpu",
) -> list[list[RegressionTransformer]]:
    """Train a model for each seed, and return it as it was after each of `steps` updates.

    By Adam, its rate a triangle up to `learning_rate` (Hoogland et al. 2024: 0.003, batches of 256,
    500,000 updates). Contexts are drawn anew for every update, on the device. A seed's model
    doesn't depend on the others. The result is by seed, then by step. Raises `ConfigError` if tasks
    don't fit the model, or steps don't rise, and `TrainingError` if training diverges.
    """
    if (tasks.dimensions, tasks.examples) != (config.dimensions, config.examples):
        raise ConfigError(
            f"regression: tasks have {tasks.dimensions} dimensions and {tasks.examples} examples, "
            f"the model {config.dimensions} and {config.examples}; expected the same."
        )
    if list(steps) != sorted(set(steps)) or steps[0] < 0 or steps[-1] < 1:
        raise ConfigError(f"regression: steps are {list(steps)}; expected rising ones, from 0 on.")
    stack = ModuleStack.of(
        [initialised(config, seed) for seed in seeds], mean_squared_error, device
    )

    def contexts(_: int, __: Any, generators: Sequence[torch.Generator]) -> dict[str, Tensor]:
        return tasks.draw(generators, batch_size)

    training = LockstepTraining(
        stack,
        AdamW(stack, weight_decay=0.0),
        contexts,
        lambda step, _: triangle(step, steps[-1], learning_rate),
        seeds,
    )
    found: dict[int, list[RegressionTransformer]] = {number: [] for number in range(len(seeds))}

    def keep(now: LockstepTraining[ModuleStack]) -> None:
        for place, member in enumerate(now.members):
            model: Any = now.stack.module(place)
            found[member].append(model)

    training.run(steps[-1], steps, keep)
    # Of a seed that diverged there is nothing to follow.
    return [found[member] for member in training.members]
