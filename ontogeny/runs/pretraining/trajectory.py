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

from ontogeny.errors import CheckpointError, CorpusError
from ontogeny.files import atomic_path, link_or_copy, sha256
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.checkpoints.loading import check_weights, load_tokenizer, quiet_transformers
from ontogeny.runs.checkpoints.manifest import checkpoint_path, describe, write_manifest
from ontogeny.runs.pretraining.batches import (
    DEV,
    EDGES,
    HIDE,
    Batch,
    BatchOrder,
    Masking,
    causal_batch,
    gather,
    generator,
    masked_batch,
    with_syntax,
)
from ontogeny.runs.pretraining.parsed_text import NO_HEAD, encode_parsed
from ontogeny.runs.pretraining.sequences import (
    Sequences,
    encode,
    open_sequences,
    read_parses,
    read_words,
    write_sequences,
)
from ontogeny.runs.pretraining.tokenizers import train_tokenizer
from ontogeny.runs.pretraining.trainer import PROGRESS, TrajectoryTrainer, as_tensors
from ontogeny.runs.recipes import Recipe
from ontogeny.runs.regularizers import stage_at
from ontogeny.runs.tables import write_losses

SETTINGS = "settings.json"
Paths = Sequence[str | os.PathLike[str]]
STATE = re.compile(r"state-([0-9]+)")

logger = logging.getLogger("ontogeny")


def prepare(
    recipe: Recipe,
    *,
    run: str,
    seed: int,
    train: Paths,
    dev: Paths,
    working: str | os.PathLike[str],
) -> None:
    """Make the working folder ready: tokenizer and tokens, unless they are there already.

    What an earlier attempt left there is kept if recipe, seed and text are the same, else removed.
    Raises `CorpusError` if a split can't be read or has no words, or if there is a regularizer and
    the training text has no parse, and `ConfigError` as `train_tokenizer` does.
    """
    working = Path(working)
    settings = {
        "run": run,
        "seed": seed,
        "recipe": recipe.fingerprint,
        "train": [sha256(path) for path in train],
        "dev": [sha256(path) for path in dev],
    }
    if working.is_dir() and _settings(working) != settings:
        logger.info("run %s, seed %d: settings or text changed; starting anew", run, seed)
        shutil.rmtree(working)
    if working.is_dir():
        return
    # All at once: a working folder that exists is ready.
    with atomic_path(working) as scratch, quiet_transformers():
        scratch.mkdir()
        tokenizer = train_tokenizer(
            read_words(train),
            kind=recipe.tokenizer,
            objective=recipe.objective,
            vocabulary_size=recipe.vocabulary_size,
            lowercase=recipe.lowercase,
            longest=recipe.sequence_length,
        )
        tokenizer.save_pretrained(scratch / "tokenizer")
        for name, paths in (("train", train), ("dev", dev)):
            if paths:
                if name == "train" and recipe.regularizer:
                    sequences = _encode_parsed(tokenizer, paths, recipe, run, seed)
                else:
                    sequences = encode(
                        tokenizer,
                        read_words(paths),
                        sequences=recipe.sequences,
                        longest=recipe.sequence_length,
                    )
                write_sequences(sequences, scratch / name)
        (scratch / SETTINGS).write_text(json.dumps(settings, indent=1))


def _encode_parsed(tokenizer: Any, paths: Paths, recipe: Recipe, run: str, seed: int) -> Sequences:
    control = any(stage.edges == "random" for stage in recipe.regularizer)
    text = encode_parsed(
        tokenizer,
        read_parses(paths),
        sequences=recipe.sequences,
        longest=recipe.sequence_length,
        generator=generator(seed, EDGES) if control else None,
    )
    if text.head is None or (text.head == NO_HEAD).all():
        raise CorpusError(
            f"runs.{run}.regularizer: no word of {', '.join(map(str, paths))} has a syntactic head "
            "in the same sequence of tokens; expected a corpus with parses. Leave the regularizer "
            "out, or train on such a corpus."
        )
    return text


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
            layers=recipe.layers,
            heads=recipe.heads,
            width=recipe.width,
            feedforward=recipe.feedforward,
            positions=recipe.sequence_length,
            dropout=recipe.dropout,
            initial_deviation=recipe.initial_deviation,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
        make_batch = batch_maker(tokenizer, recipe)
        text = open_sequences(working / "train")
        order = BatchOrder(text.lengths, recipe.batch_size, seed)

        def batch_of(update: int) -> Batch:
            chosen = order.batch(update)
            tokens, attended = gather(text, chosen, tokenizer.pad_token_id)
            batch = make_batch(tokens, attended, generator(seed, HIDE, update))
            stage = stage_at(recipe.regularizer, update)
            return batch if stage is None else with_syntax(batch, text, chosen, stage.edges)

        trainer = TrajectoryTrainer(
            initialise(config, seed),
            tokenizer,
            recipe,
            run=run,
            seed=seed,
            working=working,
            batch_of=batch_of,
            dev_loss=lambda model: None,
        )
        if (working / "dev").is_dir():
            batches = dev_batches(
                open_sequences(working / "dev"), make_batch, recipe, seed, tokenizer.pad_token_id
            )
            trainer.dev_loss = lambda model: mean_loss(trainer, batches)
        if resumed is None:
            trainer.train()
        else:
            logger.info("run %s, seed %d: resuming from step %d", run, seed, resumed)
            trainer.resume(resumed)


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
    masking = Masking(recipe.mask_share, tokenizer.mask_token_id, ordinary)
    return lambda tokens, attended, random: masked_batch(tokens, attended, masking, random)


def dev_batches(
    text: Sequences,
    make_batch: Callable[[np.ndarray, np.ndarray, np.random.Generator], Batch],
    recipe: Recipe,
    seed: int,
    pad: int,
) -> list[Batch]:
    """Return the dev text in batches of similar length, with fixed words hidden."""
    by_length = np.argsort(text.lengths, kind="stable")
    batches = []
    for number, start in enumerate(range(0, len(by_length), recipe.batch_size)):
        tokens, attended = gather(text, by_length[start : start + recipe.batch_size], pad)
        batches.append(make_batch(tokens, attended, generator(seed, DEV, number)))
    return batches


@torch.no_grad()
def mean_loss(trainer: TrajectoryTrainer, batches: Sequence[Batch]) -> float:
    """Return the mean cross entropy over all predictions in the batches, in nats.

    Processes that train together share the batches out among themselves.
    """
    arguments, model = trainer.args, trainer.network
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


def _settings(working: Path) -> Any:
    try:
        return json.loads((working / SETTINGS).read_text())
    except (OSError, ValueError):
        return None
