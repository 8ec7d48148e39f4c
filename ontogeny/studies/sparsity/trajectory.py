"""One run on one corpus as arrays, from which seeds and words are redrawn."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from ontogeny.errors import TableError
from ontogeny.studies.sparsity.tables import WORD_COLUMNS
from ontogeny.studies.sparsity.words import matched


class Key(NamedTuple):
    """One measured quantity; `layer` is None at the logits."""

    site: str
    layer: int | None
    quantity: str
    measure: str
    role: str


@dataclass(frozen=True)
class Trajectory:
    """What was measured of one run on one corpus.

    `words`, `frequency` and `word_class` (`open`, `closed`, None) are (words,). `values` has for
    each key (words, seeds, steps), NaN where a word has no mean. `matched` is the size of the
    samples of matched frequency.
    """

    run: str
    corpus: str
    seeds: np.ndarray
    steps: np.ndarray
    words: np.ndarray
    frequency: np.ndarray
    word_class: np.ndarray
    values: dict[Key, np.ndarray]
    matched: int

    @cached_property
    def members(self) -> dict[str, np.ndarray]:
        """Which words are of each class: bool (words,) by the names in `tables.CLASSES`."""
        opened, closed = matched(self.frequency, self.word_class, self.matched)
        places = np.arange(len(self.words))
        return {
            "all": np.ones(len(self.words), dtype=bool),
            "open": self.word_class == "open",
            "closed": self.word_class == "closed",
            "open_matched": np.isin(places, opened),
            "closed_matched": np.isin(places, closed),
        }

    @property
    def layers(self) -> str:
        """What the layers above the embeddings are: `recurrent` or `residual`."""
        return "recurrent" if any(key.site == "recurrent" for key in self.values) else "residual"

    @property
    def top(self) -> int:
        """The number of the highest layer."""
        return max(key.layer or 0 for key in self.values if key.site == self.layers)

    def key(self, layer: int | None, quantity: str, role: str, measure: str = "chi") -> Key:
        """Return the key of a layer, 0 being embeddings and None the logits."""
        site = "logits" if layer is None else self.layers if layer else "embedding"
        return Key(site, layer, quantity, measure, role)


def read_trajectory(paths: Iterable[str | os.PathLike[str]], matched: int) -> Trajectory:
    """Return the trajectory whose chunks of checkpoints are in these files.

    Words that aren't measured at every seed and step are left out. Raises `TableError` if a seed
    lacks steps that another has, and `CorpusError` if a sample of matched frequency can't be drawn.
    """
    frame = pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)
    steps, seeds = np.unique(frame["step"]), np.unique(frame["seed"])
    checkpoints = frame[["seed", "step"]].drop_duplicates()
    if len(checkpoints) != len(steps) * len(seeds):
        raise TableError("sparsity: not all seeds were measured at the same steps.")
    often = frame.groupby("word", sort=True).size()
    words = often.index[often == len(checkpoints)]
    frame = frame[frame["word"].isin(words)].sort_values(["word", "seed", "step"])
    shape = len(words), len(seeds), len(steps)
    first = frame.drop_duplicates("word")
    measured = [name for name in frame.columns if name not in WORD_COLUMNS]
    found = Trajectory(
        run=str(frame["run"].iloc[0]),
        corpus=str(frame["corpus"].iloc[0]),
        seeds=seeds,
        steps=steps,
        words=words.to_numpy(dtype=object),
        frequency=first["frequency"].to_numpy(dtype=np.int64),
        word_class=first["word_class"].astype(object).where(first["word_class"].notna(), None)
        .to_numpy(),
        values={
            _key(name): frame[name].to_numpy(dtype=np.float64).reshape(shape) for name in measured
        },
        matched=matched,
    )  # fmt: skip
    _ = found.members
    return found


def _key(column: str) -> Key:
    site, layer, quantity, measure, role = column.split(".")
    return Key(site, int(layer) if layer else None, quantity, measure, role)
