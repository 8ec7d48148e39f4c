"""The claims about syntactic attention structure, as statistics of a run's curves.

Source of all: Chen, Shwartz-Ziv, Cho, Leavitt and Saphra (2024), "Sudden Drops in the Loss: Syntax
Acquisition, Phase Transitions, and Simplicity Bias in MLMs", ICLR. They state what they found in
words and figures: the statistics are ours, and so are the thresholds.

All claims need two seeds, since they are about what training does and not about one model; of one,
an interval says nothing about another. Two are few: where seeds are all that varies and nothing is
there to be found, both lie on the claimed side once in four times (`milestones.crossed_weights`).
What interventions bring is tested seed by seed (`evidence.paired`) and asks for three; small
differences in the final loss, for six.
"""

import numpy as np

from ontogeny.errors import TableError
from ontogeny.studies.sas.evidence import Evidence
from ontogeny.studies.sas.interventions import Intervention
from ontogeny.studies.sas.outcome_claims import OUTCOME_CLAIMS
from ontogeny.studies.sas.resampling import resample
from ontogeny.studies.sas.timing_claims import TIMING_CLAIMS
from ontogeny.studies.sas.trajectories import Trajectory

CLAIMS = (*TIMING_CLAIMS, *OUTCOME_CLAIMS)


def evidence(
    trajectory: Trajectory,
    baseline: Trajectory | None,
    intervention: Intervention,
    rivals: int = 1,
    control: Trajectory | None = None,
    *,
    draws: int,
    seed: int,
) -> dict[tuple[str, str], Evidence]:
    """Return what the claims are computed from, in the form that `ontogeny.results.claims` asks
    for.

    `baseline` is the run without intervention that `trajectory` is compared with, if it has one,
    and `control` that with the same intervention along random edges; `rivals` is as in `Evidence`.
    Raises `TableError` if they don't have the same seeds, steps, sentences and minimal pairs.
    """
    others = baseline, control
    for other in others:
        if other is not None:
            _check_alike(trajectory, other)
    run = resample(trajectory, draws=draws, seed=seed)
    beside = [
        None if other is None else resample(other, draws=draws, seed=seed) for other in others
    ]
    found = Evidence(run, beside[0], intervention, rivals, beside[1])
    return {(trajectory.run, trajectory.corpus): found}


def _check_alike(run: Trajectory, other: Trajectory) -> None:
    """Raise `TableError` unless the two can be compared seed by seed and sentence by sentence."""
    for what, names in (
        ("corpus", ["corpus"]),
        ("seeds", ["seeds"]),
        ("steps", ["steps"]),
        ("sentences", ["sentences"]),
        ("minimal pairs", ["suite", "paradigms", "paradigm", "pair"]),
    ):
        if not all(np.array_equal(getattr(run, n), getattr(other, n)) for n in names):
            raise TableError(
                f"run {run.run} and {other.run}, which it is compared with, on {run.corpus} don't "
                f"have the same {what}; expected the same, to compare them one by one. Delete the "
                "measurements of both and run the workflow again."
            )
