"""The heatmaps of a run as measured, and as they come out when seeds and sentences are redrawn."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ontogeny.corpora.tasks import TASKS
from ontogeny.errors import TableError
from ontogeny.milestones import crossed_weights, resampled_ratio
from ontogeny.pushdown.tables import ANSWER_COLUMNS, BASELINE_METRIC, PRIMARY_METRIC

MIGRATION_SUBSETS = ("all", "seen", "unseen")


@dataclass(frozen=True)
class Resampled:
    """The heatmaps of one run on one corpus: row 0 as measured, then a row for each bootstrap draw.

    `values` maps (task, subset) to (1 + draws, seeds, steps, layers), a share of right answers, and
    `baselines` to (seeds,). `seed_weights` (1 + draws, seeds) says how often each seed was drawn.
    """

    seeds: np.ndarray
    steps: np.ndarray
    layers: np.ndarray
    values: dict[tuple[str, str], np.ndarray]
    baselines: dict[tuple[str, str], np.ndarray]
    seed_weights: np.ndarray
    share: float

    def sufficient(self, task: str, subset: str) -> np.ndarray:
        """Return which layers suffice, shape (1 + draws, seeds, steps, layers), as `sufficient`."""
        return sufficient(self.values[task, subset], self.baselines[task, subset], self.share)


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
    scores: pd.DataFrame, answers: pd.DataFrame, share: float, draws: int, seed: int
) -> dict[tuple[str, str], Resampled]:
    """Return the heatmaps of each (run, corpus) and their bootstrap draws, as `crossed_weights`.

    The same seeds and sentences are drawn for all tasks and subsets, so that these can be compared
    within a draw, and for a run and corpus they don't depend on what else is in the tables. Raises
    `TableError` if columns are absent, answers are repeated or lacking at a seed, step or layer,
    or their shares of right answers aren't those of `scores`.
    """
    expected = ["run", "corpus", "seed", *ANSWER_COLUMNS]
    absent = [name for name in expected if name not in answers.columns]
    if absent or not len(answers):
        found = f"they lack the columns {', '.join(absent)}" if absent else "there are none"
        raise TableError(f"answers: {found}; expected are rows of {', '.join(expected)}.")
    resampled = {}
    pairs = answers[["run", "corpus"]].drop_duplicates().sort_values(["run", "corpus"])
    for run, corpus in pairs.itertuples(index=False, name=None):
        ours, theirs = (
            frame[(frame["run"] == run) & (frame["corpus"] == corpus)]
            for frame in (scores, answers)
        )
        where = f"answers of run {run} on {corpus}"
        generator = np.random.default_rng(seed)
        resampled[run, corpus] = _resampled(ours, theirs, share, draws, generator, where)
    return resampled


def _resampled(
    scores: pd.DataFrame,
    answers: pd.DataFrame,
    share: float,
    draws: int,
    generator: np.random.Generator,
    where: str,
) -> Resampled:
    axes = {name: np.unique(answers[name]) for name in ("sentence", "seed", "step", "layer")}
    shape = tuple(len(axis) for axis in axes.values())
    grid = pd.MultiIndex.from_product([axes[name] for name in ("seed", "step", "layer")])
    seed_weights, sentence_weights = crossed_weights(shape[1], shape[0], draws, generator)
    parts = dict(list(answers.groupby(["task", "subset"], observed=True)))
    values, baselines = {}, {}
    for key in [(task, subset) for task in TASKS for subset in MIGRATION_SUBSETS]:
        if key not in parts or not parts[key]["n"].any():
            continue
        place = f"{where}, task {key[0]}, subset {key[1]}"
        codes = [np.searchsorted(axis, parts[key][name]) for name, axis in axes.items()]
        cells = np.ravel_multi_index(codes, shape)
        if np.bincount(cells).max() > 1:
            raise TableError(f"{place}: a sentence has two rows at one seed, step and layer.")
        correct, n = (
            np.bincount(cells, parts[key][name], minlength=np.prod(shape)).reshape(shape)
            for name in ("correct", "n")
        )
        _check_whole(n.sum(axis=0).ravel() > 0, grid, f"{place}: no test words")
        values[key] = resampled_ratio(sentence_weights, correct, n)
        measured = _scores(scores, key, PRIMARY_METRIC[key[0]], grid)
        _check_whole(measured.notna(), grid, f"{place}: no score")
        agree = np.isclose(measured, values[key][0].ravel(), rtol=0, atol=1e-6)
        _check_whole(agree, grid, f"{place}: their share of right answers isn't the score")
        baseline = _scores(scores, key, BASELINE_METRIC[PRIMARY_METRIC[key[0]]], grid)
        by_seed = baseline.groupby(level=0).max()  # it may be given for one layer or for all
        _check_whole(by_seed.notna(), by_seed.index, f"{place}: no baseline")
        baselines[key] = by_seed.to_numpy()
    return Resampled(
        axes["seed"], axes["step"], axes["layer"], values, baselines, seed_weights, share
    )


def _scores(
    scores: pd.DataFrame, key: tuple[str, str], metric: str, grid: pd.MultiIndex
) -> pd.Series:
    rows = scores["metric"] == metric
    for name, value in zip(("task", "subset"), key, strict=True):
        rows &= scores[name] == value
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
