"""The statistics behind the claims about push-down, with their intervals.

Each is computed for the heatmaps as measured and for every bootstrap draw of seeds and sentences.
Where a draw leaves a statistic undefined, the draw counts as the claim's threshold: evidence for
neither side.
"""

import numpy as np

from ontogeny.corpora.tasks import TASKS, WORD_LABEL_TASKS
from ontogeny.results.claims import Estimate
from ontogeny.results.milestones import bootstrap_interval, mean_over_seeds, spearman
from ontogeny.studies.pushdown.migration import (
    migration_depth,
    shallowest_sufficient_layer,
    trend,
    trend_over_seeds,
)
from ontogeny.studies.pushdown.resampling import Resampled, sufficient

# Published places in the order of migration, fastest first; tasks of one kind share a place.
PUBLISHED_ORDER = {
    "entity": 1,
    "phrase_start": 2,
    "phrase_end": 2,
    "upos": 3,
    "xpos": 3,
    "deprel": 4,
    "tree_depth": 5,
    "tree_distance": 5,
}


def layer_falls(maps: Resampled, task: str, subset: str = "all") -> Estimate | None:
    """Estimate the mean over seeds of the correlation of shallowest sufficient layer and log step.

    Its steps are those that have a sufficient layer, in the seed that has the fewest. A layer that
    stays where it is over three steps or more doesn't fall: that counts as 0.
    """
    if (task, subset) not in maps.suffices:
        return None
    shallowest = shallowest_sufficient_layer(maps.suffices[task, subset], maps.layers)
    steps = np.isfinite(shallowest).sum(axis=-1)
    trends = trend(shallowest, maps.steps)
    trends = np.where(np.isnan(trends) & (steps >= 3), 0.0, trends)
    trends = trend_over_seeds(trends, maps.seed_weights)
    return _estimate(trends, maps, tasks=1, threshold=0, steps=int(steps[0].min()))


def late_layers_first(maps: Resampled, subset: str = "all") -> Estimate:
    """Estimate where the sufficient layers lie at the first step at which any layer suffices.

    The statistic is their mean place, 0 for the first layer and 1 for the last, averaged over the
    tasks that gain, then over seeds.
    """
    tasks = _gaining(maps, subset)
    span = maps.layers[-1] - maps.layers[0]
    if not tasks or not span:
        return _nothing(maps)
    places = (maps.layers - maps.layers[0]) / span
    centres = []
    for task in tasks:
        suffices = maps.suffices[task, subset]
        first = suffices.any(axis=-1).argmax(axis=-1)
        layers = np.take_along_axis(suffices, first[..., None, None], axis=-2)[..., 0, :]
        count = layers.sum(axis=-1)
        centre = (layers * places).sum(axis=-1) / np.maximum(count, 1)
        centres.append(np.where(count > 0, centre, np.nan))
    draws = mean_over_seeds(np.mean(centres, axis=0), maps.seed_weights)
    return _estimate(draws, maps, len(tasks), threshold=0.5)


def published_order(maps: Resampled, subset: str = "all") -> Estimate:
    """Estimate the rank correlation of migration depth, mean over seeds, with the published order.

    Over the tasks that gain; ties share their mean place on both sides.
    """
    tasks = _gaining(maps, subset)
    if not tasks:
        return _nothing(maps)
    depths = np.stack([_depth(maps, task, subset) for task in tasks], axis=-1)
    depths = np.round(mean_over_seeds(depths, maps.seed_weights), 9)
    published = np.array([PUBLISHED_ORDER[task] for task in tasks], dtype=float)
    return _estimate(spearman(depths, published), maps, len(tasks), threshold=0)


def accuracy_across_boundary(maps: Resampled, subset: str = "all") -> Estimate:
    """Estimate how much more accurate probes are above the boundary than below it.

    The boundary is the shallowest sufficient layer at each step; where none suffices, all layers
    are below. For each seed the boundary is drawn from the other seeds, since a cell of a heatmap
    that is chosen for its own accuracy would be accurate by choice. The statistic is the difference
    of mean accuracy, as a share of the way from baseline to best (0 below the baseline), averaged
    over the tasks in which both regions have cells, then over seeds.
    """
    differences = []
    for task in _gaining(maps, subset) if len(maps.seeds) > 1 else []:
        values = _share_of_way(maps, task, subset)
        boundary = _boundary(maps, task, subset)
        others = (boundary.sum(axis=1, keepdims=True) - boundary) / (len(maps.seeds) - 1)
        above = maps.layers >= others[..., None]
        differences.append(_mean_where(values, above) - _mean_where(values, ~above))
    differences = [difference for difference in differences if np.isfinite(difference[0]).all()]
    if not differences:
        return _nothing(maps)
    # A draw in which a task has but one region shows no difference between two.
    means = np.mean([np.nan_to_num(difference) for difference in differences], axis=0)
    return _estimate(mean_over_seeds(means, maps.seed_weights), maps, len(differences), threshold=0)


def spread_across_boundary(maps: Resampled, subset: str = "all") -> Estimate:
    """Estimate how much more the seeds differ below the boundary than above it.

    The boundary is that of the mean heatmap over seeds. A mean says nothing about the spread of
    what went into it (with normal deviations the two are independent), whereas cells that were
    chosen because every seed suffices there would agree by choice. The statistic is the root mean
    square standard deviation over seeds of a cell, in shares of the mean heatmap's way from
    baseline to best (0 below the baseline), below minus above, averaged over the tasks in which
    both regions have cells.
    Draws in which all seeds are the same one know no spread and are left out. With two seeds that
    leaves an interval over sentences alone, and a verdict by the toss of a coin if the seeds are as
    far apart everywhere: the claim asks for three.
    """
    differences = []
    weights = maps.seed_weights
    distinct = (weights > 0).sum(axis=1) > 1
    for task in _gaining(maps, subset) if len(maps.seeds) > 1 else []:
        gains = _gains(maps, task, subset)
        mean = mean_over_seeds(gains, weights)[:, None]
        squares = (weights[..., None, None] * (gains - mean) ** 2).sum(axis=1)
        variance = squares / (len(maps.seeds) - 1)
        suffices = sufficient(mean, np.zeros(1), maps.share)
        boundary = shallowest_sufficient_layer(suffices, maps.layers)[:, 0]
        above = maps.layers >= boundary[..., None]
        spread = [np.sqrt(_mean_where(variance, region)) for region in (~above, above)]
        best = mean.max(axis=(1, 2, 3))
        differences.append((spread[0] - spread[1]) / np.where(best > 0, best, np.nan))
    differences = [difference for difference in differences if np.isfinite(difference[0])]
    if not differences:
        return _nothing(maps)
    means = np.mean([np.nan_to_num(difference) for difference in differences], axis=0)
    return _estimate(np.where(distinct, means, np.nan), maps, len(differences), None)


def unseen_later(maps: Resampled) -> Estimate:
    """Estimate how much deeper, over the schedule, unseen word types lie than seen ones.

    The statistic is the difference of migration depth, unseen minus seen, averaged over the
    word-label tasks that gain on both, then over seeds. Each subset goes towards its own best.
    """
    gaining = [_gaining(maps, subset) for subset in ("seen", "unseen")]
    tasks = [task for task in WORD_LABEL_TASKS if all(task in subset for subset in gaining)]
    if not tasks:
        return _nothing(maps)
    later = [_depth(maps, task, "unseen") - _depth(maps, task, "seen") for task in tasks]
    draws = mean_over_seeds(np.mean(later, axis=0), maps.seed_weights)
    return _estimate(draws, maps, len(tasks), threshold=0)


def _estimate(
    draws: np.ndarray,
    maps: Resampled,
    tasks: int,
    threshold: float | None,
    steps: int | None = None,
) -> Estimate:
    """Make an estimate of a statistic, shape (1 + draws,); its NaN draws count as `threshold`."""
    draws = np.round(draws, 12)  # what would be 0 but for the order of additions is 0
    if threshold is not None:
        draws[1:][np.isnan(draws[1:])] = threshold
    low, high = bootstrap_interval(draws) if np.isfinite(draws[0]) else (np.nan, np.nan)
    steps = len(maps.steps) if steps is None else steps
    return Estimate(float(draws[0]), float(low), float(high), len(maps.seeds), steps, tasks)


def _nothing(maps: Resampled) -> Estimate:
    return Estimate(np.nan, np.nan, np.nan, len(maps.seeds), len(maps.steps))


def _gaining(maps: Resampled, subset: str) -> list[str]:
    """Return the tasks at which some layer beats the baseline, in every seed, as measured.

    Where none does, there is no information whose place or time could be told.
    """
    return [
        task
        for task in TASKS
        if (task, subset) in maps.suffices
        and maps.suffices[task, subset][0].any(axis=(-2, -1)).all()
    ]


def _depth(maps: Resampled, task: str, subset: str) -> np.ndarray:
    """Return the migration depth, shape (1 + draws, seeds)."""
    return migration_depth(maps.suffices[task, subset], maps.layers)


def _boundary(maps: Resampled, task: str, subset: str) -> np.ndarray:
    """Return the boundary layer, shape (1 + draws, seeds, steps); past the last where none."""
    boundary = shallowest_sufficient_layer(maps.suffices[task, subset], maps.layers)
    return np.where(np.isinf(boundary), maps.layers[-1] + 1, boundary)


def _gains(maps: Resampled, task: str, subset: str) -> np.ndarray:
    """Return by how much each cell exceeds the baseline.

    A cell below it has come no part of the way. How far below would otherwise outweigh all else in
    a task whose best is hardly above.
    """
    return np.maximum(maps.values(task, subset) - maps.baselines[task, subset][:, None, None], 0)


def _share_of_way(maps: Resampled, task: str, subset: str) -> np.ndarray:
    """Return the heatmap as shares of the way from baseline (0) to each seed's best (1)."""
    gains = _gains(maps, task, subset)
    best = gains.max(axis=(-2, -1), keepdims=True)
    return gains / np.where(best > 0, best, np.nan)


def _mean_where(values: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return the mean over the chosen (steps, layers); NaN where there are none."""
    count = cells.sum(axis=(-2, -1))
    total = np.where(cells, values, 0).sum(axis=(-2, -1))
    return total / np.where(count > 0, count, np.nan)
