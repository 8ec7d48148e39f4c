"""The curves of one run on one corpus, as claims read them: by seed and step."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ontogeny.results.claims import Estimate
from ontogeny.results.milestones import bootstrap_interval, bootstrap_weights, mean_over_seeds
from ontogeny.studies.similarity.tables import PRIMARY

# The publication's first point is the end of the first of 50 passes over the text.
FIRST = 1 / 50
# Columns that every curve has a value of: they find its rows among few.
PART = ("corpus", "other", "layer", "metric")

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Curves:
    """What was measured of one run, on the words of `corpus` and of others.

    `rows` are those of the study's table, `parts` the same by the values of `PART`, and `taggers`
    the rows of the table of taggers. `seed_weights` (1 + draws, seeds) say how often each seed was
    drawn; row 0 is all seeds once. `measure` is the metric whose curves these are.
    """

    rows: pd.DataFrame
    parts: Mapping[tuple[Any, ...], pd.DataFrame]
    taggers: pd.DataFrame
    corpus: str
    seed_weights: NDArray[np.int64]
    measure: str = PRIMARY

    @property
    def seeds(self) -> list[int]:
        """The run's seeds, in order."""
        return sorted(self.rows["seed"].unique())

    @property
    def steps(self) -> NDArray[np.int64]:
        """The steps that the publication would have seen: from its first point on."""
        steps = np.unique(self.rows["step"])
        return steps[steps >= FIRST * steps[-1]]

    @property
    def layers(self) -> list[int]:
        """The layers above the embeddings."""
        return sorted(set(self.rows["layer"].unique()) - {0})

    @property
    def other_corpora(self) -> list[str]:
        """The corpora on whose words the run was measured besides."""
        return sorted(set(self.rows["corpus"].unique()) - {self.corpus})

    def curve(
        self, other: str, layer: int, metric: str | None = None, **keys: Any
    ) -> Values | None:
        """Return a curve, (seeds, steps); None if it wasn't measured.

        `metric` is `measure` unless given. `keys` are further columns of the table and what must
        stand there; the corpus is the one whose curves these are unless they name another.
        """
        wanted = {"corpus": self.corpus, "other": other, "layer": layer, **keys}
        wanted["metric"] = metric or self.measure
        rows = self.parts.get(tuple(wanted.pop(column) for column in PART))
        if rows is None:
            return None
        for column, value in wanted.items():
            rows = rows[rows[column] == value]
        if rows.empty:
            return None
        table = rows.pivot_table(index="seed", columns="step", values="value")
        return table.reindex(index=self.seeds, columns=self.steps).to_numpy()

    def tagger(
        self,
        tagset: str,
        tagging: str,
        layers: Iterable[int],
        shuffled: int = 0,
        corpus: str | None = None,
    ) -> Values | None:
        """Return the similarity to a tagger, mean over layers: (seeds, steps); None without it.

        The tagger is one of the corpus's own. `corpus`: on whose words; by default on its own.
        """
        keys: dict[str, Any] = {
            "domain": self.corpus,
            "corpus": corpus or self.corpus,
            "tagset": tagset,
            "tagging": tagging,
            "shuffled": shuffled,
        }
        found = [self.curve("tagger", layer, **keys) for layer in layers]
        there = [curve for curve in found if curve is not None]
        return np.mean(there, axis=0) if there else None

    def learned(self, tagging: str) -> list[str]:
        """Return the tag sets whose taggers learned something, in the order of the table.

        They are right more often than who always gives the most frequent tag, by two standard
        errors. A tagger that learned nothing has nothing that could be resembled.
        """
        own = self.taggers["domain"].eq(self.corpus) & self.taggers["tagging"].eq(tagging)
        rows = self.taggers[own & self.taggers["shuffled"].eq(0)]
        table = rows.pivot_table(index="tagset", columns="metric", values="value", sort=False)
        accuracy = table["accuracy"]
        error = np.sqrt(accuracy * (1 - accuracy) / table["test_words"])
        return list(table.index[accuracy - table["majority_accuracy"] > 2 * error])

    def mean(self, values: Values) -> Values:
        """Return the mean over seeds in each draw: (1 + draws, ...), of `values` (seeds, ...)."""
        drawn = np.broadcast_to(values, (len(self.seed_weights), *values.shape))
        return mean_over_seeds(drawn, self.seed_weights)

    def estimate(self, draws: Values, tasks: int = 0) -> Estimate:
        """Make an estimate of a statistic, (1 + draws,)."""
        draws = np.round(draws, 12)  # what would be 0 but for the order of additions is 0
        low, high = bootstrap_interval(draws) if np.isfinite(draws[0]) else (np.nan, np.nan)
        return Estimate(
            float(draws[0]), float(low), float(high), len(self.seeds), len(self.steps), tasks
        )

    def nothing(self) -> Estimate:
        """Make an estimate of what can't be computed."""
        return Estimate(np.nan, np.nan, np.nan, len(self.seeds), len(self.steps))


def read_curves(
    measured: pd.DataFrame, taggers: pd.DataFrame, corpus: str, *, draws: int, seed: int
) -> Curves:
    """Return the curves of one run, of which `measured` holds the rows on all corpora.

    Seeds are redrawn `draws` times; words are not, since a canonical correlation of words that
    come twice is that of fewer words, and larger.
    """
    weights = bootstrap_weights(
        measured["seed"].nunique(), draws, np.random.default_rng([seed, *corpus.encode()])
    )
    parts = dict(iter(measured.groupby(list(PART))))
    return Curves(measured, parts, taggers, corpus, weights)
