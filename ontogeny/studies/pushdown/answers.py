"""The probes' right answers of one run on one corpus, counted by sentence.

A run of paper size has tens of millions of rows of answers: 5 seeds, 29 steps, 13 layers, 20 tasks
and subsets and 450 sentences make 17 million. As counts in dense arrays they take a byte or two a
row, and the files are read in pieces, so that the rows are never in memory together.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ontogeny.corpora.tasks import TASKS
from ontogeny.errors import TableError
from ontogeny.results.tables import read_in_pieces
from ontogeny.studies.pushdown.tables import ANSWER_TYPES, MIGRATION_SUBSETS

_COLUMNS = ("run", "corpus", "seed", *ANSWER_TYPES)
_AXES = ("sentence", "seed", "step", "layer")
_COUNTS = ("correct", "n")


@dataclass(frozen=True)
class Answers:
    """How many answers were right, and how many there were, in each sentence at each place.

    `correct` and `n` map (task, subset) to unsigned integers of shape (sentences, seeds, steps,
    layers). `n` has shape (sentences, 1, 1, 1) where it is the same at every place, which it is if
    all models read the same words. `sentences` are rows of the test split, in order; those without
    an answer to any task are not among them. A sentence without an answer at some place has an `n`
    of 0 there.
    """

    run: str
    corpus: str
    sentences: np.ndarray
    seeds: np.ndarray
    steps: np.ndarray
    layers: np.ndarray
    correct: dict[tuple[str, str], np.ndarray]
    n: dict[tuple[str, str], np.ndarray]


def compact(answers: pd.DataFrame) -> pd.DataFrame:
    """Return answers in the types of ANSWER_TYPES, `run` and `corpus` as categories.

    They take a third of the memory that strings and 64-bit integers take. Frames of the same run
    and corpus keep these types when they are joined.
    """
    return answers.astype({**ANSWER_TYPES, "run": "category", "corpus": "category"})


def read_answers(paths: Iterable[str | os.PathLike[str]]) -> Answers:
    """Count the answers in the files of one run on one corpus.

    Raises `TableError` as `count_answers` does, and, naming the file, if one can't be read.
    """
    paths = list(paths)
    return _count(lambda: read_in_pieces(paths))


def count_answers(answers: pd.DataFrame) -> Answers:
    """Count the answers of one run on one corpus: rows with `run`, `corpus`, `seed`, ANSWER_TYPES.

    Raises `TableError` if columns are absent, there are no rows or rows of several runs or corpora,
    a sentence has two rows at one place, or more right answers than answers.
    """
    return _count(lambda: [("answers", answers)])


def _count(pieces: Callable[[], Iterable[tuple[str, pd.DataFrame]]]) -> Answers:
    """Count answers that come in pieces, each with its origin; `pieces` is called twice."""
    run, corpus, axes, most = _survey(pieces())
    shape = tuple(len(axis) for axis in axes.values())
    smallest = np.min_scalar_type(most)
    counts: dict[tuple[str, str], list[np.ndarray]] = {}
    rows = dict.fromkeys([(task, subset) for task in TASKS for subset in MIGRATION_SUBSETS], 0)
    for _, piece in pieces():
        piece = piece[piece["n"] > 0].astype(ANSWER_TYPES)
        for (task, subset), part in piece.groupby(["task", "subset"], observed=True):
            key = str(task), str(subset)
            codes = [np.searchsorted(axis, part[name]) for name, axis in axes.items()]
            cells = np.ravel_multi_index(codes, shape)
            arrays = counts.setdefault(key, [np.zeros(shape, smallest) for _ in _COUNTS])
            for array, name in zip(arrays, _COUNTS, strict=True):
                array.reshape(-1)[cells] = part[name]
            rows[key] += len(part)
    where = f"answers of run {run} on {corpus}"
    for (task, subset), (correct, n) in counts.items():
        place = f"{where}, task {task}, subset {subset}"
        if np.count_nonzero(n) < rows[task, subset]:
            raise TableError(f"{place}: a sentence has two rows at one seed, step and layer.")
        if (correct > n).any():
            raise TableError(f"{place}: a sentence has more right answers than answers.")
    present = [key for key in rows if key in counts]
    return Answers(
        run,
        corpus,
        sentences=axes["sentence"],
        seeds=axes["seed"],
        steps=axes["step"],
        layers=axes["layer"],
        correct={key: counts[key][0] for key in present},
        n={key: _once_if_constant(counts[key][1]) for key in present},
    )


def _survey(
    pieces: Iterable[tuple[str, pd.DataFrame]],
) -> tuple[str, str, dict[str, np.ndarray], int]:
    """Return the one run and corpus, what is found along each axis, and the highest count."""
    pairs: set[tuple[str, str]] = set()
    found: dict[str, set[int]] = {name: set() for name in _AXES}
    most = 0
    for origin, piece in pieces:
        absent = [name for name in _COLUMNS if name not in piece.columns]
        if absent:
            raise TableError(
                f"{origin}: they lack the columns {', '.join(absent)}; expected are rows of "
                f"{', '.join(_COLUMNS)}."
            )
        for name, values in found.items():
            values.update(piece[name].unique())
        both = piece[["run", "corpus"]].drop_duplicates()
        pairs.update(both.itertuples(index=False, name=None))
        most = max(most, *(int(piece[name].max()) for name in _COUNTS)) if len(piece) else most
    if len(pairs) != 1:
        those = "; ".join(f"run {run} on {corpus}" for run, corpus in sorted(pairs))
        raise TableError(
            f"answers: there are {'those of ' + those if pairs else 'none'}; expected are those of "
            "one run on one corpus."
        )
    (run, corpus) = pairs.pop()
    axes = {name: np.array(sorted(values), dtype=np.int64) for name, values in found.items()}
    return run, corpus, axes, most


def _once_if_constant(n: np.ndarray) -> np.ndarray:
    first = n[:, :1, :1, :1]
    return first.copy() if (n == first).all() else n
