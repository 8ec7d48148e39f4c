"""Training of the synthetic LSTMs in lockstep, and what is measured on them as they train."""

import json
import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ontogeny.corpora.scaffolds import Generated, generate
from ontogeny.devices import default_device
from ontogeny.ensemble import (
    SGD,
    LockstepTraining,
    ModuleStack,
    random_stream,
    restore_state,
    save_state,
)
from ontogeny.ensemble.templates import Model
from ontogeny.files import atomic_path
from ontogeny.runs.architectures.lstm.models import LstmConfig, LstmForCausalLM
from ontogeny.studies.interdependence.conditions import RUN, Member, Settings
from ontogeny.studies.interdependence.rule_measures import instruments, measure
from ontogeny.studies.interdependence.tables import INTERDEPENDENCE


def sweep(
    members: Sequence[Member],
    settings: Settings,
    *,
    measurements: str | os.PathLike[str],
    working: str | os.PathLike[str],
    device: torch.device | str | None = None,
) -> None:
    """Train the members and measure them at each scheduled step; write rows of INTERDEPENDENCE.

    `settings` are those under `synthetic`, with `steps` written out. What is unfinished lies in the
    folder `working`, so that an interrupted sweep of the same members and settings goes on. Members
    that diverge are left out, and a warning names them.
    """
    device = torch.device(device or default_device())
    working = Path(working)
    _of_this_job(working, members, settings)
    corpora = [generate(m.corpus(settings), numbers(m, "corpus")) for m in members]
    training = prepare_training(members, corpora, settings, device)
    tests = instruments(members, corpora, settings)
    state = working / "state.safetensors"
    if state.exists():
        restore_state(training, state)
        _log().info("going on after %d updates", training.step)

    def look(training: LockstepTraining[ModuleStack]) -> None:
        if training.step in settings["steps"]:
            stack = training.stack
            frame = measure(stack.parameters, [tests[place] for place in training.members])
            frame = frame.assign(step=training.step)
            with atomic_path(working / f"step-{training.step}.parquet") as scratch:
                frame.to_parquet(scratch, index=False)
            _report(frame, training.step)
        if training.step % settings["state_every"] == 0 and training.step:
            save_state(training, state)

    last = settings["steps"][-1]
    saved = range(0, last, settings["state_every"])
    training.run(last, at={*settings["steps"], *saved}, callback=look)
    for place in training.diverged:
        _log().warning("left out, since it diverged: %s", members[place])
    frames = [pd.read_parquet(working / f"step-{step}.parquet") for step in settings["steps"]]
    joined = pd.concat(frames, ignore_index=True)
    living = {tuple(members[place].keys().values()) for place in training.members}
    keys = list(members[0].keys())
    kept = [row in living for row in joined[keys].itertuples(index=False, name=None)]
    with atomic_path(measurements) as scratch:
        columns = [column.name for column in INTERDEPENDENCE.columns]
        frame = joined[kept].assign(run=RUN).reindex(columns=columns)
        frame.to_parquet(scratch, index=False)
    shutil.rmtree(working)


def numbers(member: Member, purpose: str) -> np.random.Generator:
    """Return a member's random numbers for one purpose: by its seed, not by its condition.

    So conditions are compared on the same luck.
    """
    stream = random_stream(member.seed, f"interdependence {purpose}")
    return np.random.default_rng(stream.initial_seed())


def prepare_training(
    members: Sequence[Member],
    corpora: Sequence[Generated],
    settings: Settings,
    device: torch.device,
) -> LockstepTraining[ModuleStack]:
    """Return the members' training at its beginning.

    Members of one seed begin with the same weights. Each reads its corpus from the beginning to the
    end, `sequence_length` tokens of each stream in an update, and again. The state is carried from
    update to update, the gradient isn't; with a new reading the state begins at 0.
    """
    vocabulary = members[0].corpus(settings).vocabulary
    models = [initial_model(vocabulary, settings["width"], member.seed) for member in members]
    stack = ModuleStack.of(models, next_token_loss, device)
    text = torch.from_numpy(np.stack([corpus.tokens for corpus in corpora])).to(device)
    long = settings["sequence_length"]
    windows = (text.shape[-1] - 1) // long

    def source(
        step: int, living: Sequence[int], generators: Sequence[torch.Generator]
    ) -> tuple[Tensor, Tensor, float]:
        window = step % windows
        rows = text if len(living) == len(members) else text[list(living)]
        first = window * long
        inputs = rows[..., first : first + long]
        return inputs, rows[..., first + 1 : first + long + 1], float(window > 0)

    shape = (len(members), 1, settings["batch_size"], settings["width"])
    return LockstepTraining(
        stack,
        SGD(stack, max_gradient_norm=settings["max_gradient_norm"]),
        source,
        lambda step, member: settings["learning_rate"],
        [member.seed for member in members],
        carried={name: torch.zeros(shape, device=device) for name in ("hidden", "cell")},
    )


def initial_model(vocabulary: int, width: int, seed: int) -> nn.Module:
    """Return an LSTM of one layer as it is before training, by its seed; it drops nothing."""
    config = LstmConfig(vocab_size=vocabulary, hidden_size=width, num_hidden_layers=1, dropout=0.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_stream(seed, "interdependence initial weights").initial_seed())
        return LstmForCausalLM(config)


def next_token_loss(
    model: Model, batch: tuple[Tensor, Tensor, float], carried: dict[str, Tensor]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the mean cross-entropy of the next token, and the states to carry on.

    `batch` are inputs and next tokens, each (streams, tokens), and 0 at a new reading, else 1.
    """
    inputs, following, goes_on = batch
    before = (carried["hidden"] * goes_on, carried["cell"] * goes_on)
    found = model(inputs, state=before)
    loss = cross_entropy(found.logits.flatten(0, 1), following.flatten())
    return loss, dict(zip(("hidden", "cell"), found.state, strict=True))


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


def _report(frame: pd.DataFrame, step: int) -> None:
    whole = frame[(frame["metric"] == "omega_probability") & (frame["focus"] == "everything")]
    means = whole.groupby(["setting", "domain"], sort=False)["value"].mean().reset_index()
    rows = means.itertuples(index=False, name=None)
    said = ", ".join(f"{setting} {domain} {value:.3f}" for setting, domain, value in rows)
    _log().info("step %d: %s", step, said)


def _log() -> logging.Logger:
    return logging.getLogger("ontogeny")
