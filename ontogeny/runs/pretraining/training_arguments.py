"""A recipe in the words of transformers' Trainer, and of PyTorch's optimisers."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from ontogeny.runs.recipes import Recipe


def training_arguments(recipe: Recipe, seed: int, working: Path) -> TrainingArguments:
    """Return what Trainer needs to know of a recipe.

    Checkpoints, messages, the schedule of learning rates and checks for NaN are the trajectory's
    own, so Trainer's are off.
    """
    gpu = torch.cuda.is_available()
    bfloat16 = (
        recipe.precision == "auto"
        and gpu
        and torch.cuda.is_bf16_supported(including_emulation=False)
    )
    backend = None
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        backend = "nccl" if gpu else "gloo"
    arguments = TrainingArguments(
        output_dir=str(working),
        max_steps=recipe.steps[-1],
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_gradient_norm,
        **_optimizer(recipe),
        bf16=bfloat16,
        use_cpu=not gpu,
        ddp_backend=backend,
        ddp_find_unused_parameters=False,
        seed=seed,
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        logging_nan_inf_filter=False,
        report_to=[],
        disable_tqdm=True,
        ignore_data_skip=True,
        remove_unused_columns=False,
    )
    if arguments.world_size == 1:
        # A process drives one device; several devices are several processes (see `launch`).
        arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _optimizer(recipe: Recipe) -> dict[str, Any]:
    if recipe.optimizer == "sgd":
        return {"optim": "sgd", "optim_args": f"momentum={recipe.momentum}"}
    return {
        "optim": "adamw_torch_fused",
        "adam_beta1": recipe.beta1,
        "adam_beta2": recipe.beta2,
        "adam_epsilon": recipe.epsilon,
    }


def schedule_of_rates(recipe: Recipe, rescalings: Callable[[], int]) -> Callable[[int], float]:
    """Return the function from an update, counted from 0, to the factor of its learning rate.

    As transformers' own schedules, except that the first update's factor isn't 0: otherwise the
    checkpoint of step 1 would be the initialisation again. `rescalings` returns how often the rate
    was rescaled so far, where the recipe's decay is `plateau`.
    """
    last = recipe.steps[-1]
    warmup = math.ceil(recipe.warmup * last)

    def factor(update: int) -> float:
        if update < warmup:
            return (update + 1) / warmup
        if recipe.decay == "plateau":
            return (recipe.decay_factor or 1.0) ** rescalings()
        return (last - update) / max(last - warmup, 1) if recipe.decay == "linear" else 1.0

    return factor
