"""One run on one corpus as arrays, from which seeds, sentences and minimal pairs are redrawn.

A suite of 67,000 minimal pairs at 150 checkpoints has ten million rows. As dense arrays they take
two bytes each, and the files are read in pieces, so that the rows are never in memory together.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ontogeny.errors import TableError
from ontogeny.results.tables import read_in_pieces
from ontogeny.studies.sas.tables import PAIR_COLUMNS, SENTENCE_COLUMNS

Paths = Iterable[str | os.PathLike[str]]

# What is summed over a sentence, and how many of what the sum is over.
TOTALS = {"uas": "edges", "uas_held_out": "edges", "offset_uas": "edges", "loss": "predictions"}

COMPLEXITY = ("intrinsic_dimension", "fisher_trace", "weight_norm")
BETWEEN_WORDS = "attention_between_words"
OF_MODEL = (*COMPLEXITY, BETWEEN_WORDS)


@dataclass(frozen=True)
class Trajectory:
    """What was measured of one run on one corpus and, if there is one, one suite of minimal pairs.

    `sums` maps the keys of `TOTALS` to sums over the words of each sentence (hits, or nats), and
    `totals` maps `edges` and `predictions` to how many they are over; shape (sentences, seeds,
    steps), float64, or for totals (sentences, 1, 1) where they are the same everywhere. `sentences`
    are rows of the test split, in order; those in which nothing is scored anywhere are left out.

    `correct` (pairs, seeds, steps), float16, is 1 where the good sentence of a pair is found
    likelier, 0.5 for a tie. A pair is number `pair` of paradigm `paradigms[paradigm]`; pairs are
    sorted by paradigm. Without a suite, `suite` is None and there are no pairs.

    `of_model` maps those of `OF_MODEL` that were measured to curves (seeds, steps); intrinsic
    dimension is the mean over the layers above the embeddings, those that have one at every seed
    and step (a layer whose vectors are all alike has none).
    """

    run: str
    corpus: str
    suite: str | None
    seeds: np.ndarray
    steps: np.ndarray
    sentences: np.ndarray
    sums: dict[str, np.ndarray]
    totals: dict[str, np.ndarray]
    paradigms: tuple[str, ...]
    paradigm: np.ndarray
    pair: np.ndarray
    correct: np.ndarray
    of_model: dict[str, np.ndarray]


@dataclass(frozen=True)
class _Cells:
    """A value for each unit (sentence or pair), seed and step; `values` (units, seeds, steps)."""

    run: str
    corpus: str
    units: pd.DataFrame
    seeds: np.ndarray
    steps: np.ndarray
    values: dict[str, np.ndarray]


def read_trajectory(structure: Paths, sentences: Paths, pairs: Paths = ()) -> Trajectory:
    """Read the measurements of one run on one corpus, and on one suite of minimal pairs if any.

    `structure` are files of rows of SAS (other metrics than `OF_MODEL` are passed over),
    `sentences` of SENTENCE_COLUMNS, `pairs` of PAIR_COLUMNS. Rows may come in any order. Raises
    `TableError`, saying where, if a file can't be read or lacks columns, the files are of several
    runs, corpora or suites, a sentence, pair or metric is lacking at a seed and step at which
    others are there, or is there twice, or a pair's `correct` is not 0, 0.5 or 1.
    """
    sentences, pairs = list(sentences), list(pairs)
    values = (*TOTALS, "edges", "predictions")
    read = _read_cells(sentences, "sentence", SENTENCE_COLUMNS, ("sentence",), values)
    totals = {name: read.values[name] for name in ("edges", "predictions")}
    counted = np.logical_or.reduce([total.any(axis=(1, 2)) for total in totals.values()])
    sums = {}
    for name, total in TOTALS.items():
        # A sentence of which no word is scored has no sum; whatever stands there adds nothing.
        sums[name] = np.where(totals[total] > 0, read.values[name], 0)[counted]
    suite, paradigms = None, pd.Index([], dtype=object)
    paradigm, pair = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    correct = np.zeros((0, len(read.seeds), len(read.steps)), dtype=np.float16)
    if pairs:
        answers = _read_cells(
            pairs, "pair", PAIR_COLUMNS, ("paradigm", "pair"), ("correct",), np.float16
        )
        _check_same_run(read, answers)
        suite, correct = answers.corpus, answers.values["correct"]
        if not np.isin(correct, (0, 0.5, 1)).all():
            wrong = correct[~np.isin(correct, (0, 0.5, 1))][0]
            raise TableError(
                f"pairs of run {read.run} on {suite}: correct is {wrong}; expected 0, 0.5 or 1."
            )
        paradigms = pd.Index(answers.units["paradigm"].unique())
        paradigm = paradigms.get_indexer(pd.Index(answers.units["paradigm"]))
        pair = answers.units["pair"].to_numpy()
    return Trajectory(
        run=read.run,
        corpus=read.corpus,
        suite=suite,
        seeds=read.seeds,
        steps=read.steps,
        sentences=read.units["sentence"].to_numpy()[counted],
        sums=sums,
        totals={name: _once_if_constant(total[counted]) for name, total in totals.items()},
        paradigms=tuple(map(str, paradigms)),
        paradigm=paradigm,
        pair=pair,
        correct=correct,
        of_model=_read_of_model(structure, read),
    )


def _read_cells(
    paths: Sequence[str | os.PathLike[str]],
    what: str,
    columns: Sequence[str],
    unit: tuple[str, ...],
    values: Sequence[str],
    kind: type[np.floating] = np.float64,
) -> _Cells:
    """Lay out what files say of each unit, which the last of the columns `unit` numbers.

    The files are read twice: to see which units, seeds and steps there are, and to lay them out.
    """
    owners: set[tuple[str, str]] = set()
    found: dict[str, set[int]] = {"seed": set(), "step": set()}
    parts = []
    for path, piece in read_in_pieces(paths):
        absent = [name for name in columns if name not in piece.columns]
        if absent:
            raise TableError(
                f"{path}: it lacks the columns {', '.join(absent)}; expected are rows of "
                f"{', '.join(columns)}."
            )
        both = piece[["run", "corpus"]].drop_duplicates()
        owners.update(both.itertuples(index=False, name=None))
        for name, present in found.items():
            present.update(piece[name].unique())
        parts.append(piece[list(unit)].drop_duplicates())
    if len(owners) != 1:
        those = "; ".join(f"run {run} on {corpus}" for run, corpus in sorted(owners))
        raise TableError(
            f"{what}s: there are {'those of ' + those if owners else 'none'}; expected are those "
            "of one run on one corpus."
        )
    ((run, corpus),) = owners
    units = pd.concat(parts).drop_duplicates().sort_values(list(unit), ignore_index=True)
    seeds, steps = (np.array(sorted(found[name]), dtype=np.int64) for name in ("seed", "step"))
    shape = len(units), len(seeds), len(steps)
    arrays = {name: np.zeros(shape, dtype=kind) for name in values}
    there = np.zeros(shape, dtype=bool)
    names, rows = (pd.Index(units[unit[0]].unique()) if len(unit) > 1 else None), 0
    numbers = _numbered(units, unit, names)
    for _, piece in read_in_pieces(paths):
        places = (
            np.searchsorted(numbers, _numbered(piece, unit, names)),
            np.searchsorted(seeds, piece["seed"]),
            np.searchsorted(steps, piece["step"]),
        )
        for name, array in arrays.items():
            array[places] = piece[name].to_numpy(dtype=np.float64)
        there[places] = True
        rows += len(piece)
    where = f"{what}s of run {run} on {corpus}"
    if rows > np.count_nonzero(there):
        raise TableError(f"{where}: a {what} has two rows at one seed and step.")
    if not there.all():
        place, seed, step = np.argwhere(~there)[0]
        name = ", ".join(f"{key} {units[key][place]}" for key in unit)
        raise TableError(
            f"{where}: {name} is absent at seed {seeds[seed]}, step {steps[step]} "
            f"({np.count_nonzero(~there)} of {there.size} places). Delete the measurements of this "
            "run and corpus and run the workflow again."
        )
    return _Cells(run, corpus, units, seeds, steps, arrays)


def _numbered(frame: pd.DataFrame, unit: Sequence[str], names: pd.Index | None) -> np.ndarray:
    """Return a number for each row's unit, in the order of the units: name first, then number."""
    numbers = frame[unit[-1]].to_numpy(dtype=np.int64)
    if names is None:
        return numbers
    return (names.get_indexer(pd.Index(frame[unit[0]])).astype(np.int64) << 40) + numbers


def _read_of_model(paths: Paths, read: _Cells) -> dict[str, np.ndarray]:
    """Return the curves of `OF_MODEL` at the seeds and steps of the sentences."""
    columns = ["run", "corpus", "seed", "step", "layer", "metric", "value"]
    parts = []
    for path, piece in read_in_pieces(paths):
        absent = [name for name in columns if name not in piece.columns]
        if absent:
            raise TableError(f"{path}: it lacks the columns {', '.join(absent)} of the table sas.")
        piece = piece.loc[piece["metric"].isin(OF_MODEL), columns]
        # Embeddings are left out: they are of words, and not yet of words in a sentence.
        parts.append(piece[(piece["metric"] != "intrinsic_dimension") | (piece["layer"] > 0)])
    rows = pd.concat(parts, ignore_index=True)
    others = rows[(rows["run"] != read.run) | (rows["corpus"] != read.corpus)]
    if len(others):
        run, corpus = others.iloc[0][["run", "corpus"]]
        raise TableError(
            f"structure: there are rows of run {run} on {corpus} beside sentences of run "
            f"{read.run} on {read.corpus}; expected are those of one run on one corpus."
        )
    curves = {}
    for metric in OF_MODEL:
        part = rows[rows["metric"] == metric]
        if not len(part):
            continue
        layers = np.unique(part["layer"].fillna(0))
        grid = pd.MultiIndex.from_product([layers, read.seeds, read.steps])
        keys = pd.MultiIndex.from_frame(part[["layer", "seed", "step"]].fillna(0))
        where = f"structure of run {read.run} on {read.corpus}, {metric}"
        if keys.has_duplicates:
            raise TableError(f"{where}: a layer has two rows at one seed and step.")
        if not keys.isin(grid).all():
            _, seed, step = keys[~keys.isin(grid)][0]
            raise TableError(f"{where}: seed {seed}, step {step} has no row in the sentences.")
        there = grid.isin(keys).reshape(len(layers), -1)
        if metric != "intrinsic_dimension" and not there.all():
            _, seed, step = grid[~there.ravel()][0]
            raise TableError(
                f"{where}: is absent at seed {seed}, step {step}. Delete the measurements of this "
                "run and corpus and run the workflow again."
            )
        values = pd.Series(part["value"].to_numpy(dtype=np.float64), index=keys)
        by_layer = values.reindex(grid).to_numpy().reshape(len(layers), len(read.seeds), -1)
        everywhere = there.all(axis=1)
        if everywhere.any():
            curves[metric] = by_layer[everywhere].mean(axis=0)
    return curves


def _check_same_run(sentences: _Cells, pairs: _Cells) -> None:
    mine, theirs = (
        (cells.run, list(map(int, cells.seeds)), list(map(int, cells.steps)))
        for cells in (sentences, pairs)
    )
    for name, one, other in zip(("run", "seeds", "steps"), mine, theirs, strict=True):
        if one != other:
            raise TableError(
                f"pairs of run {pairs.run} on {pairs.corpus}: their {name} is {other}, that of the "
                f"sentences {one}; expected the same. Delete the measurements of this run and run "
                "the workflow again."
            )


def _once_if_constant(totals: np.ndarray) -> np.ndarray:
    first = totals[:, :1, :1]
    return first.copy() if (totals == first).all() else totals
