"""Pretraining: from a corpus's text to a trajectory."""

import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed

from ontogeny.errors import CheckpointError, ConfigError
from ontogeny.files import atomic_path, link_or_copy
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.checkpoints.loading import check_weights, load_tokenizer, quiet_transformers
from ontogeny.runs.checkpoints.manifest import checkpoint_path, describe, write_manifest
from ontogeny.runs.pretraining.batches import (
    DEV,
    HIDE,
    Batch,
    BatchOrder,
    Masking,
    as_tensors,
    causal_batch,
    gather,
    generator,
    masked_batch,
    with_syntax,
)
from ontogeny.runs.pretraining.sequences import Sequences, open_sequences
from ontogeny.runs.pretraining.streams import Streams
from ontogeny.runs.pretraining.trainer import PROGRESS, TrajectoryTrainer
from ontogeny.runs.recipes import Recipe
from ontogeny.runs.regularizers import stage_at
from ontogeny.runs.tables import write_losses

STATE = re.compile(r"state-([0-9]+)")

logger = logging.getLogger("ontogeny")


def train_trajectory(
    recipe: Recipe, *, run: str, seed: int, working: str | os.PathLike[str], threads: int = 1
) -> None:
    """Train in a prepared working folder, from its newest state on, up to the last step.

    Each of the processes that share a training calls this; one process drives one device. Raises
    `TrainingError` when a loss or a weight is no longer a number.
    """
    working = Path(working)
    torch.set_num_threads(threads)
    resumed = last_state(working, recipe)
    if resumed == recipe.steps[-1]:
        return
    with quiet_transformers():
        # Loaded as any checkpoint's tokenizer is, so that what is saved again is the same.
        tokenizer = load_tokenizer(working / "tokenizer")
        config = configure(
            recipe.architecture,
            len(tokenizer),
            positions=recipe.sequence_length,
            **recipe.sizes,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
        text = open_sequences(working / "train")
        updates_of_a_pass = None
        if recipe.sequences == "stream":
            streams = Streams(text.tokens, recipe.batch_size, recipe.sequence_length)
            updates_of_a_pass = streams.updates
            _check_passes(recipe, run, updates_of_a_pass)
            batch_of: Callable[[int], Batch] = streams.batch
        else:
            batch_of = shuffled_batches(text, tokenizer, recipe, seed)
        trainer = TrajectoryTrainer(
            initialise(config, seed if recipe.initial_seed is None else recipe.initial_seed),
            tokenizer,
            recipe,
            run=run,
            seed=seed,
            working=working,
            batch_of=batch_of,
            dev_loss=lambda model: None,
            updates_of_a_pass=updates_of_a_pass,
        )
        if (working / "dev").is_dir():
            batches = dev_batches(open_sequences(working / "dev"), tokenizer, recipe, seed)
            trainer.dev_loss = lambda model: mean_loss(trainer, batches)
        elif recipe.decay == "plateau":
            raise ConfigError(
                f"runs.{run}.decay: is plateau, but there is no dev text whose loss could fail to "
                "improve; expected a corpus with a dev split, or another decay."
            )
        if resumed is None:
            trainer.train()
        else:
            logger.info("run %s, seed %d: resuming from step %d", run, seed, resumed)
            trainer.resume(resumed)


def _check_passes(recipe: Recipe, run: str, updates: int) -> None:
    """Raise `ConfigError` if steps are spaced by passes of another length than the text gives."""
    if recipe.updates_of_a_pass not in (None, updates):
        raise ConfigError(
            f"runs.{run}.steps.updates: is {recipe.updates_of_a_pass}, but a pass over the text "
            f"takes {updates} updates of {recipe.batch_size} streams of {recipe.sequence_length} "
            f"tokens; write updates: {updates}."
        )


def shuffled_batches(
    text: Sequences, tokenizer: Any, recipe: Recipe, seed: int
) -> Callable[[int], Batch]:
    """Return the function that gives the batch of an update, of sequences in random order."""
    order, make_batch = (
        BatchOrder(text.lengths, recipe.batch_size, seed),
        batch_maker(tokenizer, recipe),
    )

    def batch_of(update: int) -> Batch:
        chosen = order.batch(update)
        tokens, attended = gather(text, chosen, tokenizer.pad_token_id)
        batch = make_batch(tokens, attended, generator(seed, HIDE, update))
        stage = stage_at(recipe.regularizer, update)
        return batch if stage is None else with_syntax(batch, text, chosen, stage.edges)

    return batch_of


def batch_maker(
    tokenizer: Any, recipe: Recipe
) -> Callable[[np.ndarray, np.ndarray, np.random.Generator], Batch]:
    """Return the function that makes a batch of tokens one in which something is to be predicted.

    It takes tokens and whether they are attended, both `(sequences, longest)`, and a generator.
    """
    if recipe.objective == "causal":
        return lambda tokens, attended, random: causal_batch(tokens, attended)
    ordinary = np.ones(len(tokenizer), dtype=bool)
    ordinary[tokenizer.all_special_ids] = False
    masking = Masking(recipe.mask_share or 0.0, tokenizer.mask_token_id, ordinary)
    return lambda tokens, attended, random: masked_batch(tokens, attended, masking, random)


def dev_batches(text: Sequences, tokenizer: Any, recipe: Recipe, seed: int) -> list[Batch]:
    """Return the dev text in batches of similar length, with fixed words hidden, or as streams."""
    if recipe.sequences == "stream":
        return Streams(text.tokens, recipe.batch_size, recipe.sequence_length).batches()
    make_batch, pad = batch_maker(tokenizer, recipe), tokenizer.pad_token_id
    by_length = np.argsort(text.lengths, kind="stable")
    batches = []
    for number, start in enumerate(range(0, len(by_length), recipe.batch_size)):
        tokens, attended = gather(text, by_length[start : start + recipe.batch_size], pad)
        batches.append(make_batch(tokens, attended, generator(seed, DEV, number)))
    return batches


@torch.no_grad()
def mean_loss(trainer: TrajectoryTrainer, batches: Sequence[Batch]) -> float:
    """Return the mean cross entropy over all predictions in the batches, in nats.

    Processes that train together share the batches out among themselves. Of streams they are those
    of one pass, in order.
    """
    arguments, model = trainer.args, trainer.network
    in_training, trainer.carried = trainer.carried, None
    model.eval()
    total = torch.zeros(2, dtype=torch.float64, device=arguments.device)
    for batch in batches[arguments.process_index :: arguments.world_size]:
        inputs = {name: x.to(arguments.device) for name, x in as_tensors(batch).items()}
        with trainer.accelerator.autocast():
            total[0] += trainer.token_losses(model, inputs).double()
        total[1] += len(batch.targets)
    if arguments.world_size > 1:
        torch.distributed.all_reduce(total)
    model.train()
    trainer.carried = in_training
    return float(total[0] / total[1])


def last_state(working: Path, recipe: Recipe) -> int | None:
    """Return the step of the newest state to resume from, or None.

    A state counts only if all checkpoints scheduled up to it are there and whole.
    """
    for step in sorted((int(m[1]) for m in map(_state, working.iterdir()) if m), reverse=True):
        try:
            for due in (due for due in recipe.steps if due <= step):
                check_weights(checkpoint_path(working, due))
        except CheckpointError:
            continue
        if (working / f"state-{step}" / PROGRESS).is_file():
            return step
    return None


def finish(
    recipe: Recipe, *, working: str | os.PathLike[str], folder: str | os.PathLike[str]
) -> None:
    """Put a finished training's checkpoints, manifest and losses into `folder`; remove `working`.

    Files are linked, not moved, and `working` goes last: killed on the way, it can be done again.
    """
    working, folder = Path(working), Path(folder)
    progress = json.loads((working / f"state-{recipe.steps[-1]}" / PROGRESS).read_text())
    for leftover in folder.glob(".step-*"):  # of a copy that was killed
        shutil.rmtree(leftover)
    entries = []
    for step in recipe.steps:
        source = checkpoint_path(working, step)
        with atomic_path(checkpoint_path(folder, step)) as scratch:
            shutil.copytree(source, scratch, copy_function=link_or_copy)
        entries.append(describe(source, step, "pretrain", recipe.fingerprint))
    write_losses(progress["losses"], folder)
    write_manifest(entries, folder)
    shutil.rmtree(working)


def _state(path: Path) -> re.Match[str] | None:
    return STATE.fullmatch(path.name)
