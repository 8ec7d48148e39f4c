"""The claims about syntactic attention structure, as statistics of a run's curves.

Source of all: Chen, Shwartz-Ziv, Cho, Leavitt and Saphra (2024), "Sudden Drops in the Loss: Syntax
Acquisition, Phase Transitions, and Simplicity Bias in MLMs", ICLR. They state what they found in
words and figures: the statistics are ours, and so are the thresholds.

All claims need two seeds, since they are about what training does and not about one model; of one,
an interval says nothing about another. Two are few: where seeds are all that varies and nothing is
there to be found, both lie on the claimed side once in four times (`milestones.crossed_weights`).
A claim that holds if it is borne out by any of several runs asks for three. What hangs on an onset
needs five steps, the fewest that can have one, and what compares the steps that can be an onset
nine after step 0, so that there are five to compare.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np

from ontogeny.errors import TableError
from ontogeny.results.claims import Claim, Estimate
from ontogeny.studies.sas.evidence import Evidence
from ontogeny.studies.sas.interventions import Intervention, Kind
from ontogeny.studies.sas.outcome_statistics import (
    final_gain,
    relative_final_gain,
    share_of_rise,
)
from ontogeny.studies.sas.resampling import resample
from ontogeny.studies.sas.timing_statistics import (
    abruptness,
    capability_lag,
    fall_at_onset,
    rise_within_drop,
)
from ontogeny.studies.sas.trajectories import Trajectory

PUBLICATION = "Chen et al. 2024, Sudden Drops in the Loss (ICLR)"


def _claim(
    number: str,
    kind: Kind,
    statement: str,
    part: str,
    statistic: str,
    direction: Literal["above", "below"],
    threshold: float,
    estimate: Callable[..., Estimate | None],
    *,
    steps: int,
    seeds: int = 2,
    capability: bool = False,
) -> Claim:
    """Make a claim about runs of one kind of intervention, and about capability or not."""

    def estimated(data: Evidence) -> Estimate | None:
        if data.intervention.kind != kind:
            return None
        if capability and data.run.trajectory.suite is None:
            return None
        return estimate(data, threshold=threshold)

    return Claim(
        id=f"sas.{number}",
        study="sas",
        statement=statement,
        source=f"{PUBLICATION}, {part}",
        statistic=statistic,
        direction=direction,
        threshold=threshold,
        estimate=estimated,
        seeds=seeds,
        steps=steps,
    )


def _early_suppression(data: Evidence, threshold: float) -> Estimate:
    return final_gain(data, threshold, "loss", runs=max(1, data.staged))


def _complexity_drops(
    number: str,
    name: Literal["intrinsic_dimension", "fisher_trace"],
    rising: Literal["uas", "accuracy"],
) -> Claim:
    """Make the claim that a measure of complexity begins to drop where a curve begins to rise."""
    label, curve = {
        "intrinsic_dimension": ("intrinsic dimension", "intrinsic dimension"),
        "fisher_trace": ("trace of the Fisher information", "the log Fisher trace"),
    }[name]
    onset, what = {
        "uas": ("structure onset", "attention turns syntactic"),
        "accuracy": ("capability onset", "grammatical capability sets in"),
    }[rising]
    return _claim(
        number,
        "none",
        f"The model's complexity ({label}) begins to drop where {what} ({onset}).",
        "on the complexity of the model",
        f"share of the other steps at which {curve} turns down less (deceleration in log step, "
        f"over its standard error under even noise) than at the {onset}, 0 if it doesn't fall "
        "from there to the next step; step 0 left out; mean over seeds",
        "above",
        0.7,
        partial(fall_at_onset, name=name, rising=rising),
        steps=9,
        capability=rising == "accuracy",
    )


CLAIMS = (
    _claim(
        "1a",
        "none",
        "Attention turns syntactic in the brief window in which the loss drops steeply.",
        "abstract",
        "steps of the schedule by which the step where UAS rises most steeply in log step lies "
        "within the window in which the loss falls at least half as steeply as at its steepest: "
        "the distance to the nearer end, negative outside; mean curves over seeds, step 0 left "
        "out. By luck alone: the share of the steps that are as near to the steepest drop",
        "above",
        -0.5,
        rise_within_drop,
        steps=5,
    ),
    _claim(
        "1b",
        "none",
        "Attention turns syntactic abruptly.",
        "abstract",
        "slope of UAS in log step where that of the other seeds is steepest, over the slope from "
        "the first checkpoint to the last; means over seeds",
        "above",
        2,
        abruptness,
        steps=5,
    ),
    _claim(
        "2",
        "none",
        "Syntactic attention precedes grammatical capability.",
        "abstract",
        "gaps between checkpoints from the structure onset to the capability onset (greatest "
        "acceleration in log step of UAS and of the accuracy on minimal pairs); mean curves over "
        "seeds",
        "above",
        1,
        capability_lag,
        steps=5,
        capability=True,
    ),
    _claim(
        "3a",
        "suppressed",
        "With syntactic attention suppressed throughout, attention doesn't turn syntactic.",
        "on suppression throughout training",
        "rise of held-out UAS from the first checkpoint to the last, as a share of the baseline's "
        "rise; means over seeds",
        "below",
        0.25,
        share_of_rise,
        steps=2,
    ),
    _claim(
        "3b",
        "suppressed",
        "Without syntactic attention, grammatical capability ends lower.",
        "abstract",
        "accuracy on minimal pairs at the last checkpoint, less the baseline's; mean over seeds",
        "below",
        0,
        partial(final_gain, name="accuracy"),
        steps=1,
        capability=True,
    ),
    _claim(
        "4a",
        "promoted",
        "Promoted throughout, attention ends more syntactic than without.",
        "on promotion throughout training",
        "held-out UAS at the last checkpoint, less the baseline's; mean over seeds",
        "above",
        0,
        partial(final_gain, name="uas_held_out"),
        steps=1,
    ),
    _claim(
        "4b",
        "promoted",
        "More syntactic attention doesn't make a better language model.",
        "on promotion throughout training",
        "held-out loss at the last checkpoint, less the baseline's, as a share of the baseline's; "
        "means over seeds",
        "above",
        -0.01,
        partial(relative_final_gain, name="loss"),
        steps=1,
    ),
    _claim(
        "4c",
        "promoted",
        "More syntactic attention doesn't bring more grammatical capability.",
        "on promotion throughout training",
        "accuracy on minimal pairs at the last checkpoint, less the baseline's; mean over seeds",
        "below",
        0.01,
        partial(final_gain, name="accuracy"),
        steps=1,
        capability=True,
    ),
    _claim(
        "5",
        "suppressed early",
        "Brief suppression of syntactic attention early in training lowers the final loss.",
        "abstract",
        "held-out loss at the last checkpoint, less the baseline's, in nats; mean over seeds. "
        "Claimed for some length of the suppression, so the interval's level is not 95% but "
        "1 - 0.05 / (number of the baseline's runs that were suppressed early) (Bonferroni)",
        "below",
        0,
        _early_suppression,
        steps=1,
        seeds=3,
    ),
    _complexity_drops("6a", "intrinsic_dimension", "uas"),
    _complexity_drops("6b", "fisher_trace", "uas"),
    _complexity_drops("6c", "intrinsic_dimension", "accuracy"),
    _complexity_drops("6d", "fisher_trace", "accuracy"),
)


def evidence(
    trajectory: Trajectory,
    baseline: Trajectory | None,
    intervention: Intervention,
    staged: int = 0,
    *,
    draws: int,
    seed: int,
) -> dict[tuple[str, str], Evidence]:
    """Return what the claims are computed from, in the form that `ontogeny.results.claims` asks
    for.

    `baseline` is the run without intervention that `trajectory` is compared with, if it has one;
    `staged` says how many runs that are compared with it were suppressed early. Raises `TableError`
    if the two don't have the same seeds, steps, sentences and minimal pairs.
    """
    if baseline is not None:
        _check_alike(trajectory, baseline)
    run = resample(trajectory, draws=draws, seed=seed)
    other = None if baseline is None else resample(baseline, draws=draws, seed=seed)
    found = Evidence(run, other, intervention, staged)
    return {(trajectory.run, trajectory.corpus): found}


def _check_alike(run: Trajectory, baseline: Trajectory) -> None:
    """Raise `TableError` unless the two can be compared seed by seed and sentence by sentence."""
    for what, names in (
        ("corpus", ["corpus"]),
        ("seeds", ["seeds"]),
        ("steps", ["steps"]),
        ("sentences", ["sentences"]),
        ("minimal pairs", ["suite", "paradigms", "paradigm", "pair"]),
    ):
        if not all(np.array_equal(getattr(run, n), getattr(baseline, n)) for n in names):
            raise TableError(
                f"run {run.run} and its baseline {baseline.run} on {run.corpus} don't have the "
                f"same {what}; expected the same, to compare them one by one. Delete the "
                "measurements of both and run the workflow again."
            )
