"""What a claim about syntactic attention is judged by, and how its statistic becomes an estimate.

A statistic is computed for the curves as measured and for every bootstrap draw of seeds, sentences
and minimal pairs, whatever it hangs on included (an onset, the window of a drop). Where a draw
leaves it undefined, the draw counts as the claim's `threshold`: evidence for neither side. A run is
compared with its baseline seed by seed and sentence by sentence: a draw takes the same of both.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from ontogeny.results.claims import Estimate
from ontogeny.results.milestones import bootstrap_interval, mean_over_seeds
from ontogeny.studies.sas.interventions import Intervention
from ontogeny.studies.sas.resampling import Resampled


@dataclass(frozen=True)
class Evidence:
    """One run on one corpus, what was done to its attention, and the runs it is compared with.

    `baseline` is that without intervention, `control` that with the same along random edges; each
    has the same seeds, steps, sentences, pairs and draws, or is None if there is no such run.
    `rivals` says how many runs with that baseline were treated in the same kind of way.
    """

    run: Resampled
    baseline: Resampled | None
    intervention: Intervention
    rivals: int = 1
    control: Resampled | None = None


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


def paired(
    differences: np.ndarray, data: Evidence, threshold: float, *, level: float = 0.95
) -> Estimate:
    """Make an estimate of the mean over seeds of a difference between two runs, seed by seed.

    `differences` has shape (1 + draws, seeds): as measured, then for each draw. Few seeds redrawn
    make too narrow an interval (`milestones.crossed_weights`), and no level makes it wider than
    from the lowest to the highest. So the interval holds that of Student's t for paired values too:
    it errs as often as it says if seeds differ normally. With one seed it has no interval.
    """
    draws = mean_over_seeds(differences, data.run.seed_weights)
    found = estimated(draws, data, threshold, level=level)
    own = differences[0]
    if len(own) < 2 or not np.isfinite(own).all():
        return replace(found, low=np.nan, high=np.nan)
    reach = stats.t.ppf((1 + level) / 2, len(own) - 1) * own.std(ddof=1) / np.sqrt(len(own))
    low, high = (round(float(own.mean() + side * reach), 12) for side in (-1, 1))
    return replace(found, low=min(found.low, low), high=max(found.high, high))


def nothing(data: Evidence, steps: int | None = None) -> Estimate:
    """Return the estimate of a statistic that can't be computed."""
    steps = len(data.run.steps) if steps is None else steps
    return Estimate(np.nan, np.nan, np.nan, len(data.run.trajectory.seeds), steps)
