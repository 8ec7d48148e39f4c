"""What a claim about syntactic attention is judged by, and how its statistic becomes an estimate.

A statistic is computed for the curves as measured and for every bootstrap draw of seeds, sentences
and minimal pairs, whatever it hangs on included (an onset, the window of a drop). Where a draw
leaves it undefined, the draw counts as the claim's `threshold`: evidence for neither side. A run is
compared with its baseline seed by seed and sentence by sentence: a draw takes the same of both.
"""

from dataclasses import dataclass

import numpy as np

from ontogeny.results.claims import Estimate
from ontogeny.results.milestones import bootstrap_interval
from ontogeny.studies.sas.interventions import Intervention
from ontogeny.studies.sas.resampling import Resampled


@dataclass(frozen=True)
class Evidence:
    """One run on one corpus, what was done to its attention, and the run that it is compared with.

    `baseline` is None if there is no such run; it has the same seeds, steps, sentences, pairs and
    draws. `staged` says how many runs with that baseline were suppressed early.
    """

    run: Resampled
    baseline: Resampled | None
    intervention: Intervention
    staged: int = 0


def estimated(
    draws: np.ndarray,
    data: Evidence,
    threshold: float,
    *,
    level: float = 0.95,
    steps: int | None = None,
    chance: float = np.nan,
) -> Estimate:
    """Make an estimate of a statistic, shape (1 + draws,); its NaN draws count as `threshold`.

    It rests on so many steps, or on all. `chance` is as in `Estimate`.
    """
    draws = np.round(draws, 12)  # what would be 0 but for the order of additions is 0
    draws[1:][np.isnan(draws[1:])] = threshold
    low, high = bootstrap_interval(draws, level) if np.isfinite(draws[0]) else (np.nan, np.nan)
    seeds = len(data.run.trajectory.seeds)
    steps = len(data.run.steps) if steps is None else steps
    return Estimate(float(draws[0]), float(low), float(high), seeds, steps, chance=float(chance))


def nothing(data: Evidence, steps: int | None = None) -> Estimate:
    """Return the estimate of a statistic that can't be computed."""
    steps = len(data.run.steps) if steps is None else steps
    return Estimate(np.nan, np.nan, np.nan, len(data.run.trajectory.seeds), steps)
