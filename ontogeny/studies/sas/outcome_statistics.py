"""The statistics behind the claims about what interventions bring, with their intervals.

What is done to attention along syntactic edges is done to attention between words at all, and that
alone changes what a model learns. So what suppression brings is compared with what it brings along
random edges, as many and as long, in the same updates and at the same strength.
"""

import numpy as np
from scipy import stats

from ontogeny.results.claims import Estimate
from ontogeny.results.milestones import spearman
from ontogeny.results.onsets import onset_of_rise
from ontogeny.studies.sas.evidence import Evidence, estimated, nothing, paired
from ontogeny.studies.sas.onsets import SHORTEST
from ontogeny.studies.sas.resampling import Resampled
from ontogeny.studies.sas.trajectories import BETWEEN_WORDS

LEAST_ATTENTION = 0.5  # of the baseline's, between words, for an intervention to be about syntax


def share_of_rise(data: Evidence, threshold: float) -> Estimate:
    """Estimate how much less held-out UAS rises than with random edges, first to last step.

    As a share of the baseline's rise, mean over seeds. Undefined where the baseline doesn't rise,
    and where attention between words goes altogether (`_attends`).
    """
    if data.baseline is None or data.control is None or not _attends(data):
        return nothing(data)
    rises = [_rise(run) for run in (data.run, data.control)]
    curve = data.baseline.mean("uas_held_out")
    expected = (curve[:, -1] - curve[:, 0])[:, None]
    share = np.full_like(rises[0], np.nan)
    np.divide(rises[0] - rises[1], expected, out=share, where=expected > 0)
    return paired(share, data, threshold, level=_level(data))


def gain_over_control(
    data: Evidence, threshold: float, name: str, *, attentive: bool = False
) -> Estimate:
    """Estimate by how much a curve's last value exceeds that with random edges, mean over seeds.

    With `attentive`, undefined where attention between words goes altogether (`_attends`).
    """
    if data.control is None or (attentive and not _attends(data)):
        return nothing(data)
    return paired(
        _last(data.run, name) - _last(data.control, name), data, threshold, level=_level(data)
    )


def final_gain(data: Evidence, threshold: float, name: str, *, relative: bool = False) -> Estimate:
    """Estimate by how much a curve's last value exceeds the baseline's, mean over seeds.

    `relative`: as a share of the baseline's.
    """
    if data.baseline is None:
        return nothing(data)
    own, expected = _last(data.run, name), _last(data.baseline, name)
    gain = own / expected - 1 if relative else own - expected
    return paired(gain, data, threshold, level=_level(data))


def onset_shift(data: Evidence, threshold: float, name: str) -> Estimate:
    """Estimate how many doublings of the step an onset comes after the baseline's.

    On the mean curves over seeds. Undefined where either has no onset.
    """
    if data.baseline is None or len(data.run.steps) < SHORTEST:
        return nothing(data)
    own, expected = (onset_of_rise(run.steps, run.mean(name)) for run in (data.run, data.baseline))
    return estimated(np.log2(own / expected), data, threshold, level=_level(data))


def correlation_over_seeds(data: Evidence, threshold: float, name: str) -> Estimate:
    """Estimate the size of the rank correlation over seeds of the last UAS with another last value.

    Its interval comes from that of the correlation, by Fisher's transformation with the variance
    that Fieller et al. (1957) give for ranks, 1.06 / (seeds - 3): it reaches down to 0 if that
    holds 0. NaN with fewer than four seeds.
    """
    uas, other = (_last(data.run, curve)[0] for curve in ("uas_held_out", name))
    seeds = len(uas)
    found = float(spearman(uas, other)) if seeds > 3 else np.nan
    if np.isnan(found):
        return nothing(data)
    reach = stats.norm.ppf(0.975) * np.sqrt(1.06 / (seeds - 3))
    place = np.arctanh(np.clip(found, -0.999999, 0.999999))
    ends = np.tanh([place - reach, place + reach])
    low = 0.0 if ends[0] <= 0 <= ends[1] else float(np.abs(ends).min())
    return Estimate(abs(found), low, float(np.abs(ends).max()), seeds, len(data.run.steps))


def lasts_past_onset(data: Evidence) -> bool:
    """Tell whether a suppression acts well past the baseline's structure onset, by half a doubling.

    An onset has its error: what ends about there is brief. False if the baseline has none.
    """
    if data.intervention.kind == "suppressed late":
        return True
    if data.baseline is None or data.intervention.until is None:
        return False
    if len(data.baseline.steps) < SHORTEST:
        return False
    at = onset_of_rise(data.baseline.steps, data.baseline.mean("uas"))[0]
    return bool(data.intervention.until > at * np.sqrt(2))


def _attends(data: Evidence) -> bool:
    """Tell whether words still attend to words at the end, with either kind of edges.

    Where that falls below half of the baseline's, there is no telling what was learned without
    syntactic attention from what was learned without attention. False if it wasn't measured.
    """
    runs = [run for run in (data.run, data.control, data.baseline) if run is not None]
    curves = [run.trajectory.of_model.get(BETWEEN_WORDS) for run in runs]
    if data.baseline is None or any(curve is None for curve in curves):
        return False
    *own, expected = (float(curve[:, -1].mean()) for curve in curves if curve is not None)
    return min(own) >= LEAST_ATTENTION * expected


def _level(data: Evidence) -> float:
    """Return the level of intervals: that of so many runs one bears a claim out (Bonferroni)."""
    return 1 - 0.05 / data.rivals


def _last(run: Resampled, name: str) -> np.ndarray:
    return run.curves[name][..., -1]


def _rise(run: Resampled) -> np.ndarray:
    curves = run.curves["uas_held_out"]
    return curves[..., -1] - curves[..., 0]
