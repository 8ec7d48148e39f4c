"""When structure and capability set in, and when the loss drops, with intervals."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ontogeny.results.change_points import change_points
from ontogeny.results.milestones import bootstrap_interval, steepest_drop
from ontogeny.results.onsets import onset_of_rise, rise
from ontogeny.studies.sas.resampling import Resampled, resample
from ontogeny.studies.sas.tables import ONSETS
from ontogeny.studies.sas.trajectories import Trajectory

SHORTEST = 5  # steps of a curve that can have an onset

_ONSETS = {"structure": "uas", "capability": "accuracy"}
_DROP = ("loss_drop", "loss_drop_begins", "loss_drop_ends")


def onsets(trajectory: Trajectory, *, draws: int, seed: int) -> pd.DataFrame:
    """Return the onsets of one run on one corpus, rows of ONSETS, in order.

    Rows that bear a seed describe that seed, with intervals over sentences (of capability: minimal
    pairs). Rows without one describe the mean curve over seeds, with intervals over seeds and
    sentences; with one seed, over sentences alone, and then they repeat its rows. `resample` says
    how they are redrawn. A curve with fewer than five steps, or that has no onset
    (`ontogeny.results.onsets`; of the loss: nowhere falls), has no row of it; such draws are left
    out of the interval. A curve that doesn't end above where it began by more than its noise has no
    onset: how far it does, with the interval that tells, has a row in any case. The onset of
    capability belongs to the suite of minimal pairs, and stands here under the corpus of the
    sentences, beside the onset of structure that it is compared with.

    The drop of the loss is looked for after step 0. Log step has no place for it, and the one that
    `milestones.log_step` gives it, a gap before the first positive step, is an anchor for curves
    that begin flat, as UAS and accuracy do. The loss falls at once, to that of word frequencies: a
    schedule that leaps from step 0 to step 200 would have this fall within a gap, and no other as
    steep.
    """
    found = resample(trajectory, draws=draws, seed=seed)
    rows: list[tuple] = []
    if len(trajectory.steps) >= SHORTEST:
        for place, number in enumerate((None, *trajectory.seeds)):
            for metric, value, low, high in _milestones(found, None if number is None else place):
                rows.append((trajectory.run, trajectory.corpus, number, metric, value, low, high))
    columns = [column.name for column in ONSETS.columns]
    frame = pd.DataFrame(rows, columns=columns).astype(
        {"seed": "Int64"} | dict.fromkeys(("value", "low", "high"), "float64")
    )
    order = [*(key.name for key in ONSETS.keys), "metric"]
    return frame.sort_values(order, na_position="first", ignore_index=True)


def _milestones(found: Resampled, place: int | None) -> Iterator[tuple[str, float, float, float]]:
    """Give metric, value and interval of one seed, counted from 1, or of the mean over seeds."""

    def curves(name: str) -> np.ndarray:
        return found.mean(name) if place is None else found.curves[name][:, place - 1]

    for what, name in _ONSETS.items():
        if name not in found.curves:
            continue
        yield f"{what}_rise", *rise(curves(name))
        at = np.round(onset_of_rise(found.steps, curves(name)), 6)
        if np.isnan(at[0]):
            continue
        yield f"{what}_onset", at[0], *_interval(at)
        bend = change_points(found.steps, curves(name)[0])[0]
        yield f"{what}_change_point", round(float(bend), 6), np.nan, np.nan
    trained = found.steps > 0
    drop = steepest_drop(found.steps[trained], curves("loss")[:, trained])
    for metric, at in zip(_DROP, drop, strict=True):
        if np.isfinite(at[0]):
            yield metric, at[0], *_interval(at)


def _interval(at: np.ndarray) -> tuple[float, float]:
    low, high = bootstrap_interval(at)
    return float(low), float(high)
