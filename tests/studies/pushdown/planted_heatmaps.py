"""Tables of the study made from heatmaps that are known beforehand."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ontogeny.studies.pushdown.tables import BASELINE_METRIC, PRIMARY_METRIC

WORDS = 1000  # in a sentence, so that shares are right to three digits
GRID = ["run", "corpus", "seed", "step", "layer", "task", "subset"]


def planted(
    heatmaps: Mapping[tuple[str, str], np.ndarray],
    baseline: float = 0.3,
    steps: np.ndarray | None = None,
    sentences: int = 3,
    run: str = "run",
    corpus: str = "corpus",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return scores and answers whose shares of right answers are the given heatmaps.

    `heatmaps` maps (task, subset) to (seeds, steps, layers), or to (sentences, seeds, steps,
    layers) for sentences that differ; else all sentences are alike, and to draw others changes
    nothing.
    """
    parts = []
    for (task, subset), values in heatmaps.items():
        values = np.asarray(values, dtype=float)
        if values.ndim == 3:
            values = np.broadcast_to(values, (sentences, *values.shape))
        axes = np.indices(values.shape).reshape(4, -1)
        schedule = log_steps(values.shape[2]) if steps is None else np.asarray(steps)
        parts.append(
            pd.DataFrame(
                {
                    "run": run,
                    "corpus": corpus,
                    "seed": axes[1],
                    "step": schedule[axes[2]],
                    "layer": axes[3],
                    "task": task,
                    "subset": subset,
                    "sentence": axes[0],
                    "correct": np.round(values.ravel() * WORDS).astype(int),
                    "n": WORDS,
                }
            )
        )
    answers = pd.concat(parts, ignore_index=True)
    return scores_of(answers, baseline), answers


def scores_of(answers: pd.DataFrame, baseline: float = 0.3) -> pd.DataFrame:
    """Return the scores that belong to the answers, and a baseline at every place."""
    sums = answers.groupby(GRID, as_index=False)[["correct", "n"]].sum()
    metric = sums["task"].map(PRIMARY_METRIC)
    measured = sums.assign(metric=metric, value=sums["correct"] / sums["n"])
    baselines = sums.assign(metric=metric.map(BASELINE_METRIC), value=baseline)
    return pd.concat([measured, baselines], ignore_index=True).drop(columns="correct")


def log_steps(count: int) -> np.ndarray:
    """Return 0, 1, 2, 4, 8, ..., as many as asked for."""
    return np.concatenate([[0], 2 ** np.arange(count - 1)])


def arriving(arrivals: list[list[int]], steps: int, low: float = 0.4) -> np.ndarray:
    """Return a heatmap for each seed in which a layer rises from `low` to 0.9 as it arrives.

    `arrivals` gives, for each seed, the place in the schedule at which each layer arrives; a place
    past the end means never.
    """
    places = np.arange(steps)[None, :, None]
    return np.where(places >= np.asarray(arrivals)[:, None, :], 0.9, low)
