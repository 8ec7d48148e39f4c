"""One job of a sweep: members of one vocabulary, trained in lockstep and measured on the way."""

import logging
import os
from collections.abc import Sequence

import pandas as pd
import torch

from ontogeny.devices import default_device
from ontogeny.ensemble.bert.architecture import WORD_EMBEDDINGS, Bert
from ontogeny.ensemble.bert.objective import Batch
from ontogeny.ensemble.bert.stack import BertStack
from ontogeny.ensemble.forgetting import Forgetting
from ontogeny.ensemble.optimisers import AdamW
from ontogeny.ensemble.sweeps import run_job
from ontogeny.ensemble.training import LockstepTraining
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
    have the columns of the tables STRATEGIES and EMBEDDINGS. What an interrupted job resumes from
    lies in the folder `working`, as `ontogeny.ensemble.sweeps.run_job` has it. `device` None means
    a GPU where there is one.
    """
    device = torch.device(device or default_device())
    size = members[0].vocabulary
    vocabulary = Vocabulary(types_of_class(size), held_out_tokens(settings, size))
    laws = laws_of(members, settings["switching"], settings["zipf"]).to(device)
    training = prepare_training(members, vocabulary, laws, settings, device)
    instruments = prepare(members, vocabulary, laws, settings, device)

    def measured(training: LockstepTraining[BertStack]) -> dict[str, pd.DataFrame]:
        living = instruments.take(training.members)
        frames = measure(living, training.stack, training.step)
        _report(frames[0], training.step)
        return dict(zip(KINDS, frames, strict=True))

    files = dict(zip(KINDS, (measurements, embeddings), strict=True))
    run_job(training, members, settings, measured, files, working)


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


def _report(frame: pd.DataFrame, step: int) -> None:
    accuracy = frame[frame["metric"] == "accuracy"].groupby("subset", sort=False)["value"].mean()
    logging.getLogger("ontogeny").info(
        "step %d: %s", step, ", ".join(f"{name} {value:.2f}" for name, value in accuracy.items())
    )
