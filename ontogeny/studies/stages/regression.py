"""Transformers that learn regression in context: trained here, and what they come to do."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ontogeny.ensemble import random_stream
from ontogeny.measures.in_context.regression import (
    effective_rank,
    error_over_prior,
    prediction_norm,
    regression_in_context_score,
    share_near_zero,
)
from ontogeny.measures.in_context.regression_training import (
    squared_errors,
    train_regression,
)
from ontogeny.measures.learning_coefficient.examples import Examples
from ontogeny.runs.architectures.regression_transformer.models import (
    RegressionTransformer,
    RegressionTransformerConfig,
)
from ontogeny.runs.architectures.regression_transformer.tasks import Tasks
from ontogeny.studies.stages.calibration import Checkpoint, calibrated
from ontogeny.studies.stages.forms import Shown, form_rows
from ontogeny.studies.stages.geometry import Sampling, chains, dynamics_rows
from ontogeny.studies.stages.layout import swept_steps
from ontogeny.studies.stages.refined import refined_rows


def trained(settings: Mapping[str, Any]) -> list[list[RegressionTransformer]]:
    """Train the models that the settings name, and return them by seed and step."""
    config = RegressionTransformerConfig(
        dimensions=settings["dimensions"],
        examples=settings["examples"],
        hidden_size=settings["width"],
        intermediate_size=settings["feedforward"],
        num_hidden_layers=settings["layers"],
        num_attention_heads=settings["heads"],
    )
    return train_regression(
        config,
        tasks_of(settings),
        seeds=settings["seeds"],
        steps=settings["steps"],
        batch_size=settings["batch_size"],
        learning_rate=settings["learning_rate"],
    )


def tasks_of(settings: Mapping[str, Any], gain: float = 1.0) -> Tasks:
    """Return the tasks that the settings name, with inputs of that variance."""
    names = ("dimensions", "examples", "noise_variance")
    return Tasks(**{name: settings[name] for name in names}, gain=gain)


def contexts(settings: Mapping[str, Any], seed: int, gain: float = 1.0) -> dict[str, Tensor]:
    """Return contexts that no model was trained on: `x` (contexts, K, D), `y` (contexts, K)."""
    stream = random_stream(seed, f"held-out contexts of gain {gain:g}")
    drawn = tasks_of(settings, gain).draw([stream], settings["contexts"])
    return {name: values[0] for name, values in drawn.items()}


@torch.no_grad()
def behaviour(
    model: RegressionTransformer, near: Mapping[str, Tensor], far: Mapping[str, Tensor]
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return what a checkpoint does, rows of layer, head, metric and value, and its predictions.

    `near` are contexts as in training, `far` ones of wider inputs.
    """
    predictions = model(near["x"], near["y"])
    norms = [module for module in model.modules() if isinstance(module, nn.LayerNorm)]
    rows: list[tuple[int | None, int | None, str, float]] = [
        (None, None, "loss", (predictions - near["y"]).square().mean().item()),
        (None, None, "prediction_norm", prediction_norm(predictions).item()),
        (None, None, "icl_score", regression_in_context_score(predictions, near["y"]).item()),
        (None, None, "ood_error", error_over_prior(model(far["x"], far["y"]), far["y"]).item()),
        (None, None, "embedding_rank", effective_rank(model.embedding.weight).item()),
        (None, None, "unembedding_norm", model.unembedding.weight.norm().item()),
        (None, None, "position_rank", effective_rank(model.position.weight).item()),
    ]
    rows += [
        (number + 1, None, "norm_collapse", share_near_zero(norm.weight).item())
        for number, norm in enumerate(norms)
    ]
    frame = pd.DataFrame(rows, columns=["layer", "head", "metric", "value"])
    return frame, predictions.flatten().numpy()


def described(near: Mapping[str, Tensor]) -> Shown:
    """Return what the predictions are about: the squared error for each example of a context."""
    y = near["y"].numpy()

    def losses(outputs: np.ndarray) -> np.ndarray:
        found: np.ndarray = ((outputs.reshape(y.shape) - y) ** 2).mean(axis=0)
        return found

    places = range(1, y.shape[1] + 1)
    return Shown(
        losses, [f"y{place}" for place in places], [f"{place - 1} examples" for place in places]
    )


def measure(
    settings: Mapping[str, Any],
    sampling: Sampling,
    sweep: Mapping[str, Any],
    refined: Mapping[str, Any],
    bandwidth: float,
) -> dict[str, pd.DataFrame]:
    """Train all seeds; return the rows of measures, chains, traces, forms, and of the sweep."""
    steps, seeds = settings["steps"], settings["seeds"]
    near = contexts(settings, sampling.seed)
    far = contexts(settings, sampling.seed, settings["gain"])
    examples = Examples(near)
    models = dict(zip(seeds, trained(settings), strict=True))
    sampling, swept = calibrated(
        [
            Checkpoint(seed, step, own[steps.index(step)])
            for seed, own in models.items()
            for step in swept_steps(steps, sweep["checkpoints"])
        ],
        squared_errors,
        examples,
        sampling,
        sweep,
    )
    parts: dict[str, list[pd.DataFrame]] = {}
    for seed, own in models.items():
        rows, outputs = zip(*(behaviour(model, near, far) for model in own), strict=True)
        found = chains(steps, own, squared_errors, examples, sampling)
        chosen = {step: own[steps.index(step)] for step in refined["steps"]}
        every = np.stack(outputs)
        measures = [frame.assign(step=step) for step, frame in zip(steps, rows, strict=True)]
        measures += [
            found["measures"],
            refined_rows(chosen, squared_errors, examples, sampling, refined["parts"]),
            dynamics_rows(steps, every, bandwidth),
        ]
        found |= {
            "measures": pd.concat(measures, ignore_index=True),
            "forms": form_rows(steps, every, described(near), bandwidth, sampling.seed),
        }
        for kind, frame in found.items():
            parts.setdefault(kind, []).append(frame.assign(seed=seed))
    joined = {kind: pd.concat(frames, ignore_index=True) for kind, frames in parts.items()}
    return {**joined, "calibration": swept}
