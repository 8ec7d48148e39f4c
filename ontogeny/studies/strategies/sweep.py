"""One job of a sweep: members of one vocabulary, trained in lockstep and measured on the way."""

import json
import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch

from ontogeny.devices import default_device
from ontogeny.ensemble.bert.architecture import WORD_EMBEDDINGS, Bert
from ontogeny.ensemble.bert.objective import Batch
from ontogeny.ensemble.bert.stack import BertStack
from ontogeny.ensemble.forgetting import Forgetting
from ontogeny.ensemble.optimisers import AdamW
from ontogeny.ensemble.states import restore_state, save_state
from ontogeny.ensemble.training import LockstepTraining
from ontogeny.files import atomic_path
from ontogeny.studies.strategies.conditions import (
    FORGET_KEYS,
    Member,
    Settings,
    types_of_class,
)
from ontogeny.studies.strategies.measure import measure, prepare
from ontogeny.studies.strategies.protocol import held_out_tokens
from ontogeny.studies.strategies.streams import NumberStream, laws_of
from ontogeny.studies.strategies.task import (
    ANSWER,
    FIRST_NOUN,
    LENGTH,
    Laws,
    Vocabulary,
    training_sequences,
)

KINDS = ("measurements", "embeddings")


def sweep(
    members: Sequence[Member],
    settings: Settings,
    *,
    measurements: str | os.PathLike[str],
    embeddings: str | os.PathLike[str],
    working: str | os.PathLike[str],
    device: torch.device | str | None = None,
) -> None:
    """Train the members, and write what they showed at each step of `settings["steps"]`.

    The members have one vocabulary. `settings` are the study's, of which all but the grid and the
    seeds count here; `config/README.md` explains them. The files `measurements` and `embeddings`
    have the columns of the tables STRATEGIES and EMBEDDINGS. A member that diverges is reported in
    the log and left out of both; raises `TrainingError` if all do.

    The folder `working` holds what an interrupted job resumes from: the training's state, every
    `state_every` updates, and what was measured up to then. It goes away at the end. What it holds
    of other members or settings is removed. Where a job was interrupted doesn't show in its files.
    `device` None means a GPU where there is one.
    """
    device = torch.device(device or default_device())
    working = Path(working)
    _of_this_job(working, members, settings)
    size = members[0].vocabulary
    vocabulary = Vocabulary(types_of_class(size), held_out_tokens(settings, size))
    laws = laws_of(members, settings["switching"], settings["zipf"]).to(device)
    training = prepare_training(members, vocabulary, laws, settings, device)
    instruments = prepare(members, vocabulary, laws, settings, device)
    state = working / "state.safetensors"
    if state.exists():
        restore_state(training, state)
        _log().info("going on after %d updates", training.step)

    def look(training: LockstepTraining[BertStack]) -> None:
        if training.step in settings["steps"]:
            living = instruments.take(training.members)
            frames = measure(living, training.stack, training.step)
            for kind, frame in zip(KINDS, frames, strict=True):
                _write(frame, working / f"{kind}.step-{training.step}.parquet")
            _report(frames[0], training.step)
        if training.step % settings["state_every"] == 0 and training.step:
            save_state(training, state)

    last = settings["steps"][-1]
    saved = range(0, last, settings["state_every"])
    training.run(last, at={*settings["steps"], *saved}, callback=look)
    for place in training.diverged:
        _log().warning("left out, since it diverged: %s", members[place])
    living = [members[place] for place in training.members]
    for kind, path in zip(KINDS, (measurements, embeddings), strict=True):
        _write(_join(working, kind, settings["steps"], living), path)
    shutil.rmtree(working)


def prepare_training(
    members: Sequence[Member],
    vocabulary: Vocabulary,
    laws: Laws,
    settings: Settings,
    device: torch.device,
) -> LockstepTraining[BertStack]:
    """Return the members' training at its beginning.

    Initial weights, data, dropout and forgetting depend on a member's seed and condition alone.
    Held-out tokens have rows of their own in the embeddings. With `held_out_negatives` these are
    part of the softmax, so that they are trained, as what is never right; else they stay 0.
    """
    architecture = Bert(
        vocabulary=vocabulary.tokens,
        positions=LENGTH,
        **{
            key: settings[key]
            for key in (
                *("layers", "heads", "width", "feedforward"),
                *("initial_deviation", "dropout"),
            )
        },
    )
    seeds = [member.seed for member in members]
    negatives = settings["held_out_negatives"]
    known = vocabulary.tokens if negatives else vocabulary.first_held_out
    stack = BertStack.initialise(architecture, seeds, [known] * len(members), device)
    numbers = NumberStream(members, laws.numbers, settings["batch_size"], device)
    answer = torch.tensor(ANSWER, device=device)

    def source(step: int, living: Sequence[int], generators: Sequence[torch.Generator]) -> Batch:
        own, uniforms = laws, numbers.at(step)
        if len(living) < len(members):
            own, uniforms = laws.take(living), uniforms[list(living)]
        drawn = training_sequences(vocabulary, own, uniforms)
        return Batch(drawn.inputs, answer, drawn.answers)

    optimiser = AdamW(stack, epsilon=settings["epsilon"], weight_decay=settings["weight_decay"])
    return LockstepTraining(
        stack,
        optimiser,
        source,
        lambda step, member: learning_rate(step, settings),
        seeds,
        [_forgetting(member, settings, vocabulary) for member in members],
    )


def learning_rate(step: int, settings: Settings) -> float:
    """Return the learning rate of the update after `step` others.

    It rises linearly over the share `warmup` of all updates, then stays, or with `decay: linear`
    falls to 0 at the end.
    """
    last, peak = settings["steps"][-1], settings["learning_rate"]
    warmup = settings["warmup"] * last
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    if settings["decay"] == "linear":
        return peak * (last - step) / (last - warmup)
    return peak


def _forgetting(member: Member, settings: Settings, vocabulary: Vocabulary) -> Forgetting | None:
    """Return when a member forgets embeddings, and of which tokens: all it has, or the content."""
    if member.forgetting == "none":
        return None
    until = settings["forget_until"] if member.forgetting == "temporary" else None
    every, deviation = settings[FORGET_KEYS[member.forgetting]], settings["forget_deviation"]
    tokens = None
    if settings["forget_tokens"] == "content":
        tokens = torch.arange(FIRST_NOUN, vocabulary.first_held_out)
    return Forgetting(every, WORD_EMBEDDINGS, deviation, until, tokens)


def _of_this_job(working: Path, members: Sequence[Member], settings: Settings) -> None:
    """Empty the working folder if it is of another job, and say whose it is now."""
    what = {"members": [asdict(member) for member in members], "settings": dict(settings)}
    description = json.dumps(what, sort_keys=True, indent=1)
    label = working / "job.json"
    if label.exists() and label.read_text(encoding="utf-8") == description:
        return
    shutil.rmtree(working, ignore_errors=True)
    with atomic_path(label) as scratch:
        scratch.write_text(description, encoding="utf-8")


def _join(working: Path, kind: str, steps: Sequence[int], living: Sequence[Member]) -> pd.DataFrame:
    """Return what was measured of the members that live, at all steps."""
    parts = [pd.read_parquet(working / f"{kind}.step-{step}.parquet") for step in steps]
    joined = pd.concat(parts, ignore_index=True)
    keys = list(living[0].keys())
    kept = {tuple(member.keys().values()) for member in living}
    chosen = [row in kept for row in joined[keys].itertuples(index=False, name=None)]
    return joined[chosen].reset_index(drop=True)


def _write(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    with atomic_path(path) as scratch:
        frame.to_parquet(scratch, index=False)


def _report(frame: pd.DataFrame, step: int) -> None:
    accuracy = frame[frame["metric"] == "accuracy"].groupby("subset", sort=False)["value"].mean()
    _log().info(
        "step %d: %s", step, ", ".join(f"{name} {value:.2f}" for name, value in accuracy.items())
    )


def _log() -> logging.Logger:
    return logging.getLogger("ontogeny")
