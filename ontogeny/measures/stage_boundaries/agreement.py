"""Whether turning points and stage boundaries lie together more closely than chance has it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Agreement:
    """How far turning points lie from boundaries, in log step.

    - `distance`: the mean over turning points of that to the nearest boundary.
    - `by_chance`: its mean over permutations, and `excess`: by_chance - distance, above 0 if they
      agree better than that.
    - `p_value`: the share of permutations that agree as well or better, the observed one included.
    """

    distance: float
    by_chance: float
    excess: float
    p_value: float


def agreement(
    points: np.ndarray,
    boundaries: np.ndarray,
    times: np.ndarray,
    *,
    permutations: int,
    generator: np.random.Generator,
) -> Agreement | None:
    """Test whether `points` lie nearer to `boundaries` than as many checkpoints taken at random.

    All are times, log(1 + step); `times` (checkpoints,) are those of the run's checkpoints. The
    unit that is permuted is the checkpoint: under the null a turning point may be at any of them
    alike, each at another. Points are moved to their nearest checkpoint first, so that both are
    from the same places. None without points or boundaries.
    """
    if not len(points) or not len(boundaries):
        return None
    to_boundary = np.abs(np.asarray(times)[:, None] - np.asarray(boundaries)).min(axis=1)
    places = np.unique(np.abs(np.asarray(points)[:, None] - np.asarray(times)).argmin(axis=1))
    observed = to_boundary[places].mean()
    order = generator.permuted(np.tile(to_boundary, (permutations, 1)), axis=1)
    chance = order[:, : len(places)].mean(axis=1)
    as_close = (chance <= observed + 1e-12).sum()
    return Agreement(
        float(observed),
        float(chance.mean()),
        float(chance.mean() - observed),
        float((1 + as_close) / (1 + permutations)),
    )
