"""The statistics behind the claims about what interventions bring, with their intervals."""

import numpy as np

from ontogeny.results.claims import Estimate
from ontogeny.studies.sas.evidence import Evidence, estimated, nothing


def share_of_rise(data: Evidence, threshold: float) -> Estimate:
    """Estimate which share of the baseline's rise in held-out UAS a run has, first to last step.

    Of means over seeds. Undefined where the baseline doesn't rise: then a run that doesn't rise
    either says nothing about what was done to it.
    """
    if data.baseline is None:
        return nothing(data)
    rise, expected = (
        curve[:, -1] - curve[:, 0]
        for curve in (run.mean("uas_held_out") for run in (data.run, data.baseline))
    )
    share = np.full_like(rise, np.nan)
    return estimated(np.divide(rise, expected, out=share, where=expected > 0), data, threshold)


def final_gain(data: Evidence, threshold: float, name: str, runs: int = 1) -> Estimate:
    """Estimate by how much a curve's last value exceeds the baseline's, mean over seeds.

    The level of the interval is 1 - 0.05 / `runs`.
    """
    if data.baseline is None:
        return nothing(data)
    gain = data.run.mean(name)[:, -1] - data.baseline.mean(name)[:, -1]
    return estimated(gain, data, threshold, level=1 - 0.05 / runs)


def relative_final_gain(data: Evidence, threshold: float, name: str) -> Estimate:
    """Estimate `final_gain` as a share of the baseline's last value."""
    if data.baseline is None:
        return nothing(data)
    last, expected = (run.mean(name)[:, -1] for run in (data.run, data.baseline))
    return estimated(last / expected - 1, data, threshold)
