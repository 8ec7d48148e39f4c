"""Training of the synthetic LSTMs in lockstep, and what is measured on them as they train."""

import logging
import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ontogeny.corpora.scaffolds import Generated, generate
from ontogeny.devices import default_device
from ontogeny.ensemble import SGD, LockstepTraining, ModuleStack, random_stream
from ontogeny.ensemble.sweeps import run_job
from ontogeny.ensemble.templates import Model
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

    `settings` are those under `synthetic`, with `steps` written out. What an interrupted sweep
    resumes from lies in the folder `working`, as `ontogeny.ensemble.sweeps.run_job` has it.
    """
    device = torch.device(device or default_device())
    corpora = [generate(m.corpus(settings), numbers(m, "corpus")) for m in members]
    training = prepare_training(members, corpora, settings, device)
    tests = instruments(members, corpora, settings)
    columns = [column.name for column in INTERDEPENDENCE.columns]

    def measured(training: LockstepTraining[ModuleStack]) -> dict[str, pd.DataFrame]:
        living = [tests[place] for place in training.members]
        frame = measure(training.stack.parameters, living)
        _report(frame, training.step)
        return {"rows": frame.assign(run=RUN, step=training.step).reindex(columns=columns)}

    run_job(training, members, settings, measured, {"rows": measurements}, working)


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


def _report(frame: pd.DataFrame, step: int) -> None:
    whole = frame[(frame["metric"] == "omega_probability") & (frame["focus"] == "everything")]
    means = whole.groupby(["setting", "domain"], sort=False)["value"].mean().reset_index()
    rows = means.itertuples(index=False, name=None)
    said = ", ".join(f"{setting} {domain} {value:.3f}" for setting, domain, value in rows)
    logging.getLogger("ontogeny").info("step %d: %s", step, said)
