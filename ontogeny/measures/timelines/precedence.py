"""Which milestones come before which: exact tests over seeds."""

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Precedence:
    """Who comes before whom; all arrays are (milestones, milestones), the first before the second.

    `before`: in how many seeds; `compared`: of how many, those in which both come, and at different
    steps. `p`: of an exact two-sided sign test; `adjusted`: the same, over all pairs (Benjamini and
    Hochberg 1995). NaN where nothing could be compared, and on the diagonal. `always`: in every
    seed.
    """

    before: np.ndarray
    compared: np.ndarray
    p: np.ndarray
    adjusted: np.ndarray
    always: np.ndarray


def precedence(times: np.ndarray) -> Precedence:
    """Test which milestones come before which; `times` (milestones, seeds), NaN if never.

    The unit is the seed: under the null hypothesis either of two milestones comes first with even
    odds in each. With n seeds no p is below 2 ** (1 - n): .0625 with five, so five decide nothing.
    """
    with np.errstate(invalid="ignore"):
        earlier = times[:, None] < times[None]
    before = earlier.sum(axis=2)
    compared = before + before.T
    most = np.maximum(before, before.T)
    p = np.minimum(2 * stats.binom.sf(most - 1, np.maximum(compared, 1), 0.5), 1.0)
    p = np.where(compared > 0, p, np.nan)
    upper = np.triu(compared > 0, 1)
    adjusted = np.full(p.shape, np.nan)
    if upper.any():
        adjusted[upper] = stats.false_discovery_control(p[upper])
        adjusted = np.where(upper.T, adjusted.T, adjusted)
    return Precedence(before, compared, p, adjusted, before == times.shape[1])
