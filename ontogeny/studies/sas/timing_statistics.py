"""The statistics behind the claims about when attention turns syntactic, with their intervals.

Noise must not bear out a claim. So no statistic is measured at a place that was chosen on the same
seed's values of the same curve: the steepest of many noisy slopes is steep by choice.
"""

import numpy as np

from ontogeny.results.claims import Estimate
from ontogeny.results.milestones import (
    local_derivatives,
    log_step,
    mean_over_seeds,
    steepest_drop,
)
from ontogeny.results.onsets import onset_of_rise
from ontogeny.studies.sas.evidence import Evidence, estimated, nothing
from ontogeny.studies.sas.onsets import SHORTEST


def rise_within_drop(data: Evidence, threshold: float) -> Estimate:
    """Estimate how far within the window of the steepest loss drop UAS rises most steeply.

    In steps of the schedule, on the mean curves over seeds: the smaller of the distances from the
    window's first step and to its last, 0 on its edge, negative outside. Like is compared with
    like, slope with slope. The onset would not do: of two curves that turn at the same time, one
    accelerates most before the other is half as steep as it gets, by a step or so. Undefined where
    UAS doesn't end higher than it began, and where the window holds every step at which a curve can
    be steepest: then nothing could lie outside. Both are looked for after step 0, as `onsets` says.

    Its chance is the share of the steps at which a curve can be steepest that are as near to the
    steepest drop as the rise is: so often does a rise come as near that has nothing to do with the
    loss. Of a coarse schedule each step alone is more than once in twenty times.
    """
    if len(data.run.steps) < SHORTEST:
        return nothing(data)
    trained = data.run.steps > 0
    steps = data.run.steps[trained]
    uas, loss = (data.run.mean(name) for name in ("uas", "loss"))
    at, _, _ = steepest_drop(steps, -uas[:, trained])
    drop, first, last = steepest_drop(steps, loss[:, trained])
    known = np.isfinite(at) & np.isfinite(first) & (uas[:, -1] > uas[:, 0])
    place, begin, end = (
        np.searchsorted(steps, np.where(known, step, steps[0])) for step in (at, first, last)
    )
    fails = (begin > 1) | (end < len(steps) - 2)
    margin = np.minimum(place - begin, end - place)
    chance = np.nan
    if known[0]:
        distance = np.abs(np.arange(1, len(steps) - 1) - np.searchsorted(steps, drop[0]))
        chance = (distance <= distance[place[0] - 1]).mean()
    return estimated(np.where(known & fails, margin, np.nan), data, threshold, chance=chance)


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
        return nothing(data)
    slopes = local_derivatives(steps, uas, neighbours=1)[0]
    others = (slopes.sum(axis=1, keepdims=True) - slopes) / (seeds - 1)
    at = np.where(np.isnan(others), -np.inf, others).argmax(axis=-1)
    steepest = np.take_along_axis(slopes, at[..., None], axis=-1)[..., 0]
    places = log_step(steps)
    whole = (uas[..., -1] - uas[..., 0]) / (places[-1] - places[0])
    top, bottom = (mean_over_seeds(slope, data.run.seed_weights) for slope in (steepest, whole))
    rises = bottom > 0
    ratio = np.divide(top, bottom, out=np.zeros_like(top), where=rises)
    return estimated(ratio, data, threshold)


def capability_lag(data: Evidence, threshold: float) -> Estimate:
    """Estimate by how many gaps of the schedule the capability onset follows the structure onset.

    On the mean curves over seeds, places between two steps by their logarithm. What is less than a
    gap apart may have happened at once, for all that the checkpoints tell. Undefined where UAS or
    accuracy has no onset (`onsets`).
    """
    steps = data.run.steps
    if len(steps) < SHORTEST:
        return nothing(data)
    structure, capability = (
        place_in_schedule(steps, onset_of_rise(steps, data.run.mean(name)))
        for name in ("uas", "accuracy")
    )
    return estimated(capability - structure, data, threshold)


def place_in_schedule(steps: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return how many gaps after the first checkpoint steps lie, by their logarithm; NaN is NaN.

    Between step 0, which has none, and the next, by the step itself.
    """
    known = np.where(np.isnan(at), steps[-1], at)
    places = np.interp(np.log(np.maximum(known, 1e-9)), log_step(steps), np.arange(len(steps)))
    if steps[0] == 0:
        places = np.where(known < steps[1], known / steps[1], places)
    return np.where(np.isnan(at), np.nan, places)


def fall_at_onset(data: Evidence, threshold: float, name: str, rising: str) -> Estimate | None:
    """Estimate at which share of the other steps complexity turns down less than at an onset.

    That is the structure onset if `rising` is `uas`, the capability onset if it is `accuracy`; the
    checkpoint nearest to it counts.

    How much a curve turns down is its deceleration in log step (`local_derivatives`), in units of
    the standard error that it has if all checkpoints are equally noisy: else the steps at which a
    schedule is sparse, where all estimates are rough, would seem to turn most. Only steps at which
    a curve can be told to turn are compared; equal turns count half. The share is 0 if the curve,
    by the same fit, doesn't fall from the onset to the next step: a rise that ends is no drop. The
    statistic is the mean over seeds, each with its own curve and its own onset; Fisher traces go by
    their logarithm.

    The place comes from another curve, `rising`. So a complexity that has nothing to do with it
    gives, whatever the noise, all shares alike, unless it doesn't fall, and so 0.5 at most on
    average: a seed is above 0.7 at most three times in ten, two seeds once in eleven, three once in
    37. The share of the whole fall that happens in
    the loss drop would be a number of any size for a curve that doesn't fall, and the turn relative
    to the largest elsewhere is near 1 for smooth curves that turn alike everywhere.

    Every draw takes complexity as it was measured: the interval holds the luck of seeds and where
    the onset is, not on which sentences complexity was measured.

    Step 0 is left out: what the first updates do to complexity would be a turn of any size, as they
    lie one gap after an initialisation that has no place in log step (`onsets`). Undefined for
    seeds whose `rising` has no onset, or one nearer to an end than the third checkpoint after
    step 0 and the last but two. None if complexity was not measured.
    """
    trajectory = data.run.trajectory
    if name not in trajectory.of_model:
        return None
    trained = data.run.steps > 0
    steps, values = data.run.steps[trained], trajectory.of_model[name][:, trained]
    if len(steps) < SHORTEST + 1:
        return nothing(data, len(steps))
    if name == "fisher_trace":
        values = np.log(np.where(values > 0, values, np.nan))
    turns, falls = _turns_down(steps, values)
    smaller = (turns[:, None, :] < turns[:, :, None]).sum(axis=-1)
    equal = (turns[:, None, :] == turns[:, :, None]).sum(axis=-1) - 1
    shares = (smaller + equal / 2) / (turns.shape[-1] - 1)
    shares = np.where(falls, shares, 0)
    shares[np.isnan(turns).any(axis=-1)] = np.nan
    rows = np.moveaxis(data.run.curves[rising], 1, 0)
    at = np.stack([onset_of_rise(data.run.steps, curves) for curves in rows], axis=1)
    distance = np.abs(np.log(np.maximum(at, 1e-9))[..., None] - np.log(steps))
    place = np.where(np.isnan(at), 0, np.nan_to_num(distance).argmin(axis=-1))
    known = (place >= 2) & (place < len(steps) - 2)
    inner = np.clip(place - 2, 0, turns.shape[-1] - 1)
    found = np.where(known, shares[np.arange(len(shares)), inner], np.nan)
    draws = mean_over_seeds(found, data.run.seed_weights)
    return estimated(draws, data, threshold, steps=len(steps))


def _turns_down(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how much curves turn down at each step, and whether they fall by the next.

    `values` has shape (seeds, steps), the results (seeds, steps - 4): without two at either end.
    """
    inner = slice(2, -2)
    _, unit = local_derivatives(steps, np.eye(len(steps)))
    rough = np.linalg.norm(unit[:, inner], axis=0)
    slope, acceleration = (found[:, inner] for found in local_derivatives(steps, values))
    # What would be 0 but for rounding errors is 0.
    size = 1e-9 * np.abs(values).max(axis=-1, keepdims=True)
    gap = np.diff(log_step(steps))[2:-1]
    falls = slope + acceleration * gap / 2 < -size
    turns = np.where(np.abs(acceleration) > size, -acceleration, 0) / rough
    return np.where(np.isnan(acceleration), np.nan, turns), falls
