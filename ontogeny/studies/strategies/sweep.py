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
from ontogeny.studies.strategies.conditions import Member, Settings, types_of_class
from ontogeny.studies.strategies.measure import measure, prepare
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
    vocabulary = Vocabulary(types_of_class(members[0].vocabulary), settings["held_out"])
    laws = laws_of(members, settings["switching"]).to(device)
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

    Initial weights, data and forgetting depend on a member's seed and condition alone. Held-out
    tokens have rows of their own in the embeddings, which are no part of the softmax.
    """
    architecture = Bert(
        vocabulary=vocabulary.tokens,
        positions=LENGTH,
        **{
            key: settings[key]
            for key in ("layers", "heads", "width", "feedforward", "initial_deviation")
        },
    )
    seeds = [member.seed for member in members]
    known = [vocabulary.first_held_out] * len(members)
    stack = BertStack.initialise(architecture, seeds, known, device)
    numbers = NumberStream(members, settings["batch_size"], device)
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
    """Return when a member forgets its content tokens' embeddings; the others' stay."""
    if member.forgetting == "none":
        return None
    until = settings["forget_until"] if member.forgetting == "temporary" else None
    tokens = torch.arange(FIRST_NOUN, vocabulary.first_held_out)
    return Forgetting(
        settings["forget_every"], WORD_EMBEDDINGS, settings["initial_deviation"], until, tokens
    )


def _report(frame: pd.DataFrame, step: int) -> None:
    accuracy = frame[frame["metric"] == "accuracy"].groupby("subset", sort=False)["value"].mean()
    logging.getLogger("ontogeny").info(
        "step %d: %s", step, ", ".join(f"{name} {value:.2f}" for name, value in accuracy.items())
    )
