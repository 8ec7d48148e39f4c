"""The statistics behind the claims about syntactic attention structure, with their intervals.

Each is computed for the curves as measured and for every bootstrap draw of seeds, sentences and
minimal pairs, whatever it hangs on included (an onset, the window of a drop). Where a draw leaves a
statistic undefined, the draw counts as the claim's `threshold`: evidence for neither side. A run is
compared with its baseline seed by seed and sentence by sentence: a draw takes the same of both.

Noise must not bear out a claim. So no statistic is measured at a place that was chosen on the same
seed's values of the same curve: the steepest of many noisy slopes is steep by choice.
"""

from dataclasses import dataclass

import numpy as np

from ontogeny.results.claims import Estimate
from ontogeny.results.milestones import (
    bootstrap_interval,
    local_derivatives,
    log_step,
    mean_over_seeds,
    onset,
    steepest_drop,
)
from ontogeny.studies.sas.interventions import Intervention
from ontogeny.studies.sas.onsets import SHORTEST
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


def rise_within_drop(data: Evidence, threshold: float) -> Estimate:
    """Estimate how far within the window of the steepest loss drop UAS rises most steeply.

    In steps of the schedule, on the mean curves over seeds: the smaller of the distances from the
    window's first step and to its last, 0 on its edge, negative outside. Like is compared with
    like, slope with slope. The onset would not do: of two curves that turn at the same time, one
    accelerates most before the other is half as steep as it gets, by a step or so. Undefined where
    UAS doesn't end higher than it began, and where the window holds every step at which a curve can
    be steepest: then nothing could lie outside. Both are looked for after step 0, as `onsets` says.
    """
    if len(data.run.steps) < SHORTEST:
        return _nothing(data)
    trained = data.run.steps > 0
    steps = data.run.steps[trained]
    uas, loss = (data.run.mean(name) for name in ("uas", "loss"))
    at, _, _ = steepest_drop(steps, -uas[:, trained])
    _, first, last = steepest_drop(steps, loss[:, trained])
    known = np.isfinite(at) & np.isfinite(first) & (uas[:, -1] > uas[:, 0])
    place, begin, end = (
        np.searchsorted(steps, np.where(known, step, steps[0])) for step in (at, first, last)
    )
    fails = (begin > 1) | (end < len(steps) - 2)
    margin = np.minimum(place - begin, end - place)
    return _estimate(np.where(known & fails, margin, np.nan), data, threshold)


def abruptness(data: Evidence, threshold: float) -> Estimate:
    """Estimate how many times steeper than on the whole UAS rises where it rises most steeply.

    That is its slope in log step (`local_derivatives`) over that of the straight line from the
    first checkpoint to the last, each the mean over seeds. For each seed the place is that where
    the mean curve of the others is steepest. 1 for a rise that is even in log step, with any noise;
    0 where UAS doesn't end higher than it began. If seeds rise abruptly at different times, it
    falls short of what each has.
    """
    steps, uas = data.run.steps, data.run.curves["uas"]
    seeds = uas.shape[1]
    if len(steps) < SHORTEST or seeds < 2:
        return _nothing(data)
    slopes = local_derivatives(steps, uas, neighbours=1)[0]
    others = (slopes.sum(axis=1, keepdims=True) - slopes) / (seeds - 1)
    at = np.where(np.isnan(others), -np.inf, others).argmax(axis=-1)
    steepest = np.take_along_axis(slopes, at[..., None], axis=-1)[..., 0]
    places = log_step(steps)
    whole = (uas[..., -1] - uas[..., 0]) / (places[-1] - places[0])
    top, bottom = (mean_over_seeds(slope, data.run.seed_weights) for slope in (steepest, whole))
    rises = bottom > 0
    ratio = np.divide(top, bottom, out=np.zeros_like(top), where=rises)
    return _estimate(ratio, data, threshold)


def capability_lag(data: Evidence, threshold: float) -> Estimate:
    """Estimate how many doublings of the step the capability onset comes after the structure onset.

    On the mean curves over seeds. Undefined where UAS or accuracy doesn't end higher than it began.
    """
    steps = data.run.steps
    if len(steps) < SHORTEST:
        return _nothing(data)
    structure, capability = (
        _onset_of_rise(steps, data.run.mean(name)) for name in ("uas", "accuracy")
    )
    return _estimate(np.log2(capability / structure), data, threshold)


def share_of_rise(data: Evidence, threshold: float) -> Estimate:
    """Estimate which share of the baseline's rise in held-out UAS a run has, first to last step.

    Of means over seeds. Undefined where the baseline doesn't rise: then a run that doesn't rise
    either says nothing about what was done to it.
    """
    if data.baseline is None:
        return _nothing(data)
    rise, expected = (
        curve[:, -1] - curve[:, 0]
        for curve in (run.mean("uas_held_out") for run in (data.run, data.baseline))
    )
    share = np.full_like(rise, np.nan)
    return _estimate(np.divide(rise, expected, out=share, where=expected > 0), data, threshold)


def final_gain(data: Evidence, threshold: float, name: str, runs: int = 1) -> Estimate:
    """Estimate by how much a curve's last value exceeds the baseline's, mean over seeds.

    The level of the interval is 1 - 0.05 / `runs`.
    """
    if data.baseline is None:
        return _nothing(data)
    gain = data.run.mean(name)[:, -1] - data.baseline.mean(name)[:, -1]
    return _estimate(gain, data, threshold, level=1 - 0.05 / runs)


def relative_final_gain(data: Evidence, threshold: float, name: str) -> Estimate:
    """Estimate `final_gain` as a share of the baseline's last value."""
    if data.baseline is None:
        return _nothing(data)
    last, expected = (run.mean(name)[:, -1] for run in (data.run, data.baseline))
    return _estimate(last / expected - 1, data, threshold)


def bend_at_onset(data: Evidence, threshold: float, name: str, rising: str) -> Estimate | None:
    """Estimate at which share of the other steps complexity bends less than at an onset.

    That is the structure onset if `rising` is `uas`, the capability onset if it is `accuracy`.

    A bend is the acceleration in log step (`local_derivatives`) in either direction, in units of
    the standard error that it has if all checkpoints are equally noisy: else the steps at which a
    schedule is sparse, where all estimates are rough, would seem to bend most. Only steps that can
    be an onset are compared; equal bends count half. The statistic is the mean over seeds, each
    with its own curve and its own onset; Fisher traces go by their logarithm.

    The place comes from another curve, `rising`. So a complexity that has nothing to do with it
    gives, whatever the noise, all shares alike, and 0.5 on average: a seed is above 0.7 three times
    in ten, two seeds once in eleven, three once in 37. The share of the whole fall that happens in
    the loss drop would be a number of any size for a curve that doesn't fall, and the bend relative
    to the largest elsewhere is near 1 for smooth curves that bend alike everywhere.

    Every draw takes complexity as it was measured: the interval holds the luck of seeds and where
    the onset is, not on which sentences complexity was measured.

    Step 0 is left out: what the first updates do to complexity would be a bend of any size, as they
    lie one gap after an initialisation that has no place in log step (`onsets`). Undefined for
    seeds whose `rising` doesn't end higher than it began, or turns before the first step that can
    be told to bend, the third after step 0. None if complexity was not measured.
    """
    trajectory = data.run.trajectory
    if name not in trajectory.complexity:
        return None
    trained = data.run.steps > 0
    steps, values = data.run.steps[trained], trajectory.complexity[name][:, trained]
    if len(steps) < SHORTEST + 1:
        return _nothing(data, len(steps))
    if name == "fisher_trace":
        values = np.log(np.where(values > 0, values, np.nan))
    inner = slice(2, -2)
    _, unit = local_derivatives(steps, np.eye(len(steps)))
    rough = np.linalg.norm(unit[:, inner], axis=0)
    bends = np.abs(local_derivatives(steps, values)[1][:, inner])
    # What would be 0 but for rounding errors is 0, as in `milestones.onset`.
    largest = np.abs(values).max(axis=-1, keepdims=True)
    bends = np.where(bends > 1e-9 * largest, bends, 0) / rough
    smaller = (bends[:, None, :] < bends[:, :, None]).sum(axis=-1)
    equal = (bends[:, None, :] == bends[:, :, None]).sum(axis=-1) - 1
    shares = (smaller + equal / 2) / (bends.shape[-1] - 1)
    shares[np.isnan(bends).any(axis=-1)] = np.nan
    at = _onset_of_rise(data.run.steps, data.run.curves[rising])
    known = at >= steps[2]  # False for NaN; no onset is later than the last but two
    place = np.searchsorted(steps[inner], np.where(known, at, steps[2]))
    found = np.where(known, shares[np.arange(len(shares)), place], np.nan)
    draws = mean_over_seeds(found, data.run.seed_weights)
    return _estimate(draws, data, threshold, steps=len(steps))


def _onset_of_rise(steps: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Return the onset of each curve, (..., steps) to (...); NaN if it ends no higher than begun.

    A curve that doesn't rise has a place of greatest acceleration too, which is noise.
    """
    return np.where(curves[..., -1] > curves[..., 0], onset(steps, curves), np.nan)


def _estimate(
    draws: np.ndarray,
    data: Evidence,
    threshold: float,
    level: float = 0.95,
    steps: int | None = None,
) -> Estimate:
    """Make an estimate of a statistic, shape (1 + draws,); its NaN draws count as `threshold`.

    It rests on so many steps, or on all.
    """
    draws = np.round(draws, 12)  # what would be 0 but for the order of additions is 0
    draws[1:][np.isnan(draws[1:])] = threshold
    low, high = bootstrap_interval(draws, level) if np.isfinite(draws[0]) else (np.nan, np.nan)
    seeds = len(data.run.trajectory.seeds)
    steps = len(data.run.steps) if steps is None else steps
    return Estimate(float(draws[0]), float(low), float(high), seeds, steps)


def _nothing(data: Evidence, steps: int | None = None) -> Estimate:
    steps = len(data.run.steps) if steps is None else steps
    return Estimate(np.nan, np.nan, np.nan, len(data.run.trajectory.seeds), steps)
