"""The heatmaps of a run as measured, and as they come out when seeds and sentences are redrawn."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ontogeny.errors import TableError
from ontogeny.results.milestones import crossed_weights, resampled_ratio
from ontogeny.studies.pushdown.answers import Answers
from ontogeny.studies.pushdown.tables import BASELINE_METRIC, PRIMARY_METRIC


@dataclass(frozen=True)
class Resampled:
    """The heatmaps of one run on one corpus: row 0 as measured, then a row for each bootstrap draw.

    `suffices` maps (task, subset) to booleans of shape (1 + draws, seeds, steps, layers), which
    layers suffice, as `sufficient`; `baselines` to (seeds,). `seed_weights` (1 + draws, seeds) says
    how often each seed was drawn, `sentence_weights` (1 + draws, sentences) each sentence.
    """

    answers: Answers
    suffices: dict[tuple[str, str], np.ndarray]
    baselines: dict[tuple[str, str], np.ndarray]
    seed_weights: np.ndarray
    sentence_weights: np.ndarray
    share: float

    @property
    def run(self) -> str:
        """The run."""
        return self.answers.run

    @property
    def corpus(self) -> str:
        """The corpus."""
        return self.answers.corpus

    @property
    def seeds(self) -> np.ndarray:
        """Seeds, in order."""
        return self.answers.seeds

    @property
    def steps(self) -> np.ndarray:
        """Steps, in order."""
        return self.answers.steps

    @property
    def layers(self) -> np.ndarray:
        """Layers, bottom first."""
        return self.answers.layers

    def values(self, task: str, subset: str) -> np.ndarray:
        """Return the shares of right answers, shape (1 + draws, seeds, steps, layers).

        They are computed anew each time: those of all tasks would take gigabytes.
        """
        key = task, subset
        return resampled_ratio(
            self.sentence_weights, self.answers.correct[key], self.answers.n[key]
        )


def sufficient(values: np.ndarray, baseline: np.ndarray, share: float = 0.95) -> np.ndarray:
    """Return which layers go `share` of the way from the baseline to the best value.

    `values` has shape (..., seeds, steps, layers), `baseline` (seeds,); the result is boolean, in
    the shape of `values`. The best value is each seed's own, over all steps and layers. Where it
    doesn't exceed the baseline there is nothing to go towards, and no layer suffices.
    """
    gains = values - baseline[:, None, None]
    best = gains.max(axis=(-2, -1), keepdims=True)
    return (gains >= share * best) & (best > 0)


def resample(
    scores: pd.DataFrame, answers: Answers, *, share: float = 0.95, draws: int = 1000, seed: int
) -> Resampled:
    """Return the heatmaps of one run on one corpus and their bootstrap draws, as `crossed_weights`.

    The same seeds and sentences are drawn for all tasks and subsets, so that these can be compared
    within a draw. `scores` are rows of PUSHDOWN, of this run and corpus among others. Raises
    `TableError` if answers are lacking at a seed, step or layer, or their shares of right answers
    aren't those of `scores`.
    """
    ours = scores[(scores["run"] == answers.run) & (scores["corpus"] == answers.corpus)]
    axes = answers.seeds, answers.steps, answers.layers
    grid = pd.MultiIndex.from_product(axes, names=["seed", "step", "layer"])
    seed_weights, sentence_weights = crossed_weights(
        len(answers.seeds), len(answers.sentences), draws, np.random.default_rng(seed)
    )
    suffices: dict[tuple[str, str], np.ndarray] = {}
    baselines: dict[tuple[str, str], np.ndarray] = {}
    maps = Resampled(answers, suffices, baselines, seed_weights, sentence_weights, share)
    for task, subset in answers.correct:
        place = f"answers of run {answers.run} on {answers.corpus}, task {task}, subset {subset}"
        there = answers.n[task, subset].any(axis=0)
        _check_whole(
            np.broadcast_to(there, [len(axis) for axis in axes]).ravel(),
            grid,
            f"{place}: no test words",
        )
        metric = PRIMARY_METRIC[task]
        measured = _scores(ours, task, subset, metric, grid)
        _check_whole(measured.notna(), grid, f"{place}: no score")
        values = maps.values(task, subset)
        agree = np.isclose(measured, values[0].ravel(), rtol=0, atol=1e-6)
        _check_whole(agree, grid, f"{place}: their share of right answers isn't the score")
        baseline = _scores(ours, task, subset, BASELINE_METRIC[metric], grid)
        by_seed = baseline.groupby(level=0).max()  # it may be given for one layer or for all
        _check_whole(by_seed.notna(), by_seed.index, f"{place}: no baseline")
        baselines[task, subset] = by_seed.to_numpy()
        suffices[task, subset] = sufficient(values, baselines[task, subset], share)
    return maps


def _scores(
    scores: pd.DataFrame, task: str, subset: str, metric: str, grid: pd.MultiIndex
) -> pd.Series:
    rows = (scores["task"] == task) & (scores["subset"] == subset) & (scores["metric"] == metric)
    return scores[rows].set_index(["seed", "step", "layer"])["value"].reindex(grid)


def _check_whole(fine: np.ndarray | pd.Series, grid: pd.Index, problem: str) -> None:
    wrong = grid[~np.asarray(fine)]
    if len(wrong):
        names = zip(("seed", "step", "layer"), np.atleast_1d(wrong[0]), strict=False)
        place = ", ".join(f"{name} {value}" for name, value in names)
        raise TableError(
            f"{problem} at {place} ({len(wrong)} of {len(grid)} places). Delete the measurements "
            "of this run and corpus and run the workflow again."
        )
