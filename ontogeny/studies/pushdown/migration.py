"""Push-down as numbers: which layers suffice for a task, and how that moves as training goes on.

All measures start from the heatmap of a task, its primary metric by step and layer. They are
computed for the data and for every bootstrap draw alike, thresholds included, so an interval holds
the uncertainty of the whole chain. Only the baseline stays as it is in every draw: it is a property
of the corpus, and no answers of its own are kept.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ontogeny.results.milestones import bootstrap_interval, mean_over_seeds, ranks, spearman
from ontogeny.studies.pushdown.resampling import Resampled
from ontogeny.studies.pushdown.tables import MIGRATION, MIGRATION_SUBSETS


def shallowest_sufficient_layer(suffices: np.ndarray, layers: np.ndarray) -> np.ndarray:
    """Return the lowest sufficient layer; shape (..., layers) gives (...), infinite where none."""
    return np.where(suffices.any(axis=-1), layers[suffices.argmax(axis=-1)], np.inf)


def arrival_step(suffices: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the first step at which each layer suffices, in updates; infinite where it never does.

    `suffices` has shape (..., steps, layers), the result (..., layers).
    """
    return np.where(suffices.any(axis=-2), steps[suffices.argmax(axis=-2)], np.inf)


def migration_depth(suffices: np.ndarray, layers: np.ndarray) -> np.ndarray:
    """Return the mean over steps of the lowest sufficient layer; (..., steps, layers) gives (...).

    A step at which none suffices counts as one layer more than the last: information that isn't
    there yet is deeper than any layer. So a task that arrives late and stays deep has the most.
    """
    shallowest = shallowest_sufficient_layer(suffices, layers)
    return np.where(np.isinf(shallowest), layers[-1] + 1, shallowest).mean(axis=-1)


def expected_layer(values: np.ndarray, baseline: np.ndarray, layers: np.ndarray) -> np.ndarray:
    """Return the centre of gravity of the layer-wise gains; NaN where no layer gains.

    `values` has shape (..., seeds, steps, layers), `baseline` (seeds,); the result (..., seeds,
    steps), in layers. Tenney, Das and Pavlick (2019, section 3.2) score cumulative probes, each of
    which sees the layers up to l, and weight l by what the probe gains over the one before. Our
    probes see one layer each. The best of those up to l stands for the cumulative probe, which
    could choose that layer: so layer l gains what it adds to the best value so far, never less
    than 0. Unlike theirs, the sum includes the embeddings, whose gain is over the baseline:
    information that reaches the embeddings has been pushed down all the way, and must count.
    """
    floor = np.broadcast_to(baseline[:, None, None], (*values.shape[:-1], 1))
    reached = np.maximum.accumulate(np.concatenate([floor, values], axis=-1), axis=-1)
    gains = np.diff(reached, axis=-1)
    total = gains.sum(axis=-1)
    centre = (gains * layers).sum(axis=-1)
    return np.divide(centre, total, out=np.full_like(total, np.nan), where=total > 0)


def trend(series: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the Spearman correlation of a series with log step; (..., steps) gives (...).

    Step 0 stands at log(step + 1), like the others; the correlation, being one of ranks, doesn't
    depend on it. Steps at which the series is undefined (NaN or infinite: no layer suffices, or
    none gains) are left out: counting them as deep would make a push-down of any task that is
    learned at all, if all layers learn it at once. NaN where fewer than three steps remain, or the
    series is constant.
    """
    return spearman(np.where(np.isfinite(series), series, np.nan), np.log1p(steps))


def trend_over_seeds(trends: np.ndarray, seed_weights: np.ndarray) -> np.ndarray:
    """Return the mean trend over seeds, (draws, seeds) to (draws,); NaN where all are undefined.

    Beside seeds that have a trend, one that has none (it stays where it is) counts as 0.
    """
    undefined = np.isnan(trends).all(axis=1)
    mean = mean_over_seeds(np.nan_to_num(trends), seed_weights)
    return np.where(undefined, np.nan, mean)


def migration(maps: Resampled) -> pd.DataFrame:
    """Return the push-down numbers of every task and subset of a run on a corpus, as MIGRATION.

    Rows that bear a seed describe that seed, with intervals over sentences. Rows without one are
    means over seeds (of arrival_step, the mean of log(step + 1), turned back into a step), with
    intervals over seeds and sentences; with one seed, over sentences alone, and then they repeat
    its rows. There is no such row unless every seed has a value (for trends, see
    `trend_over_seeds`). Draws without a sufficient layer stay in the interval as later than the
    last layer or step; an end that falls there is null. A draw without a trend counts as 0; one in
    which no layer gains has no expected layer and is left out.
    """
    frame = pd.DataFrame(_rows(maps), columns=_ROW).assign(run=maps.run, corpus=maps.corpus)
    columns = [column.name for column in MIGRATION.columns]
    integers = dict.fromkeys(("seed", "step", "layer"), "Int64")
    order = [key.name for key in MIGRATION.keys] + ["metric"]
    frame = frame[columns].astype(integers)
    return frame.sort_values(order, na_position="first", ignore_index=True)


_ROW = ["seed", "step", "layer", "task", "subset", "metric", "value", "low", "high"]


def _rows(maps: Resampled) -> Iterator[tuple]:
    depths = {}
    for (task, subset), suffices in maps.suffices.items():
        shallowest = shallowest_sufficient_layer(suffices, maps.layers)
        values, baselines = maps.values(task, subset), maps.baselines[task, subset]
        expected = expected_layer(values, baselines, maps.layers)
        arrival = arrival_step(suffices, maps.steps)
        depths[task, subset] = migration_depth(suffices, maps.layers)
        measures = {
            "shallowest_sufficient_layer": _with_mean(shallowest, maps),
            "expected_layer": _with_mean(expected, maps),
            "arrival_step": _with_mean(arrival, maps, logarithmic=True),
            "migration_depth": _with_mean(depths[task, subset], maps),
            "shallowest_sufficient_layer_correlation": _with_trend(shallowest, maps),
            "expected_layer_correlation": _with_trend(expected, maps),
        }
        for metric, draws in measures.items():
            yield from _metric_rows(metric, task, subset, draws, maps)
    for subset in MIGRATION_SUBSETS:
        tasks = [task for task, s in depths if s == subset]
        if tasks:
            stacked = np.stack([_with_mean(depths[task, subset], maps) for task in tasks], axis=-1)
            # Rounded, lest equal means that were added up in another order miss their tie.
            places = ranks(np.round(stacked, 9))
            for at, task in enumerate(tasks):
                yield from _metric_rows("migration_rank", task, subset, places[..., at], maps)


def _with_mean(values: np.ndarray, maps: Resampled, logarithmic: bool = False) -> np.ndarray:
    """Put the mean over seeds before the seeds: (draws, seeds, ...) to (draws, 1 + seeds, ...)."""
    mean = mean_over_seeds(np.log1p(values) if logarithmic else values, maps.seed_weights)
    mean = np.round(np.expm1(mean), 6) if logarithmic else mean
    return np.concatenate([mean[:, None], values], axis=1)


def _with_trend(series: np.ndarray, maps: Resampled) -> np.ndarray:
    trends = trend(series, maps.steps)
    both = np.column_stack([trend_over_seeds(trends, maps.seed_weights), trends])
    both[1:] = np.nan_to_num(both[1:])
    return both


def _metric_rows(
    metric: str, task: str, subset: str, draws: np.ndarray, maps: Resampled
) -> Iterator[tuple]:
    """Give the rows of one metric; `draws` is (1 + draws, 1 + seeds), or has steps or layers."""
    places: list[tuple] = [(None, None)]
    if metric == "arrival_step":
        places = [(None, layer) for layer in maps.layers]
    elif draws.ndim == 3:
        places = [(step, None) for step in maps.steps]
    draws = draws.reshape(*draws.shape[:2], len(places))
    low, high = (np.where(np.isfinite(end), end, np.nan) for end in bootstrap_interval(draws))
    for i, seed in enumerate((None, *maps.seeds)):
        for j, (step, layer) in enumerate(places):
            value = draws[0, i, j]
            if np.isfinite(value):
                yield (seed, step, layer, task, subset, metric, value, low[i, j], high[i, j])
