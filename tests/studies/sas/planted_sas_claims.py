"""Runs that end or turn as planted, and what the claims about syntactic attention say of them."""

from dataclasses import replace

import numpy as np
from planted_trajectories import NONE, log_spaced, planted, planted_onset, sigmoid

from ontogeny.results.claims import evaluate
from ontogeny.results.milestones import log_step
from ontogeny.studies.sas.claims import CLAIMS, evidence

STEPS = log_spaced(40)  # so many that to coincide in time is no luck
CENTRE, LATE = 300, 13_000  # of the rise of structure and of capability
ABRUPT = 0.4  # width of the rise of capability


def judged(run, intervention=NONE, baseline=None, rivals=1, draws=60, seed=0, control=None):
    """Evaluate all claims; a row for each that there is, by its number.

    Random edges change nothing, unless a control is given.
    """
    control = baseline if control is None else control
    found = evidence(run, baseline, intervention, rivals, control, draws=draws, seed=seed)
    rows = evaluate(CLAIMS, found, "toy")
    return rows.set_index(rows["claim"].str.removeprefix("sas."))


def as_published(generator=None, steps=STEPS, drop=CENTRE, capability=LATE, break_at=None, **more):
    """Structure with the loss drop, then capability; complexity falls from both onsets, each anew.

    Or from `break_at` alone. With a generator, every other seed is 1.6 times later with all of it.
    """
    seeds = more.get("seeds", 3)
    pace, noise = np.ones((seeds, 1)), np.zeros((2, seeds, len(steps)))
    if generator is not None:
        pace[1::2] = 1.6
        noise = generator.normal(0, 0.05, noise.shape)
    at = break_at or [planted_onset(CENTRE), planted_onset(capability, ABRUPT)]
    onsets = np.log(pace * np.reshape(at, (-1, 1, 1)))
    fall = np.maximum(log_step(steps) - onsets, 0).sum(axis=0)
    details = {
        "intrinsic_dimension": 20 - fall + noise[0],
        "fisher_trace": np.exp(2 - fall + noise[1]),
        "sentences": 300,
        "paradigms": (200,) * 6,
    }
    return planted(
        steps,
        0.25 + 0.5 * sigmoid(steps, pace * CENTRE),
        9 - 5 * sigmoid(steps, pace * drop),
        0.5 + 0.4 * sigmoid(steps, pace * capability, ABRUPT),
        generator=generator,
        **(details | more),
    )


def ending(generator, uas, loss, accuracy, seeds=3, sentences=100, spread=0.005, pace=1, **details):
    """A run that ends there, each seed with its own luck; without a generator with none.

    It rises at `pace` times the step at which others do.
    """
    luck = np.zeros((3, seeds, 1))
    if generator is not None:
        luck = generator.normal(0, spread, luck.shape)
    rise = sigmoid(STEPS, pace * CENTRE) / sigmoid(STEPS, pace * CENTRE)[-1]
    return planted(
        STEPS,
        0.25 + rise * (uas - 0.25 + luck[0]),
        9 - rise * (9 - loss - 5 * luck[1]),
        0.5 + rise * (accuracy - 0.5 + luck[2]),
        seeds=seeds,
        sentences=sentences,
        generator=generator,
        **details,
    )


def together(run, other):
    """A run with the seeds of both, which were planted without a generator, in the same sizes."""
    return replace(
        run,
        seeds=np.arange(len(run.seeds) + len(other.seeds)),
        sums={name: np.concatenate([run.sums[name], other.sums[name]], 1) for name in run.sums},
        correct=np.concatenate([run.correct, other.correct], 1),
        of_model={
            name: np.concatenate([run.of_model[name], other.of_model[name]])
            for name in run.of_model
        },
    )
