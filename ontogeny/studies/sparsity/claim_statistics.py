"""The statistics behind the claims about sparsity, for a trajectory as it is and for each draw.

Each is (1 + draws,): row 0 is of the words and seeds as they are.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ontogeny.results.claims import Estimate
from ontogeny.results.milestones import (
    bootstrap_interval,
    bootstrap_weights,
    mean_over_seeds,
    resampled_ratio,
    spearman,
)
from ontogeny.studies.sparsity.correlation import weighted_pearson
from ontogeny.studies.sparsity.trajectory import Key, Trajectory


@dataclass(frozen=True)
class Evidence:
    """A trajectory, and how often words and seeds were drawn: row 0 once each, then the draws."""

    trajectory: Trajectory
    word_weights: np.ndarray
    seed_weights: np.ndarray

    @staticmethod
    def of(trajectory: Trajectory, *, draws: int, seed: int) -> "Evidence":
        """Draw words and seeds."""
        for_words, for_seeds = np.random.default_rng(seed).spawn(2)
        return Evidence(
            trajectory,
            bootstrap_weights(len(trajectory.words), draws, for_words),
            bootstrap_weights(len(trajectory.seeds), draws, for_seeds),
        )

    @cached_property
    def _kept(self) -> dict[tuple[Key, str], np.ndarray]:
        return {}

    def rho(self, key: Key, word_class: str = "all") -> np.ndarray:
        """Return the correlation with frequency, mean over seeds, (1 + draws, steps)."""
        if (key, word_class) not in self._kept:
            chosen = self.trajectory.members[word_class]
            found = weighted_pearson(
                self.word_weights[:, chosen],
                self.trajectory.frequency[chosen].astype(np.float64),
                self.trajectory.values[key][chosen],
            )
            self._kept[key, word_class] = mean_over_seeds(found, self.seed_weights)
        return self._kept[key, word_class]

    def mean(self, key: Key, word_class: str = "all") -> np.ndarray:
        """Return the mean over words and seeds, (1 + draws, steps)."""
        chosen = self.trajectory.members[word_class]
        values = self.trajectory.values[key][chosen]
        there = ~np.isnan(values)
        found = resampled_ratio(self.word_weights[:, chosen], np.where(there, values, 0.0), there)
        return mean_over_seeds(found, self.seed_weights)

    def estimate(self, statistic: np.ndarray) -> Estimate:
        """Return what a statistic, (1 + draws,), comes to."""
        low, high = bootstrap_interval(statistic)
        after = int((self.trajectory.steps > 0).sum())
        return Estimate(
            float(statistic[0]), float(low), float(high), len(self.trajectory.seeds), after
        )

    @property
    def trained(self) -> np.ndarray:
        """Places of the steps after the initialisation."""
        return np.flatnonzero(self.trajectory.steps > 0)

    @property
    def early(self) -> int:
        """Place of the first checkpoint after a tenth of the updates."""
        return int(np.searchsorted(self.trajectory.steps, self.trajectory.steps[-1] / 10))

    @property
    def gradient(self) -> Key:
        """The top layer's gradient where a word is predicted."""
        return self.trajectory.key(self.trajectory.top, "gradient", "target")


def trend(data: Evidence, curves: np.ndarray) -> np.ndarray:
    """Return the rank correlation of curves with steps after the initialisation, (1 + draws,)."""
    return spearman(curves[:, data.trained], data.trajectory.steps[data.trained].astype(float))


def final(data: Evidence) -> np.ndarray:
    """Return the last correlation of the top gradient's concentration with target frequency."""
    return data.rho(data.gradient)[:, -1]


def concentrates(data: Evidence) -> np.ndarray:
    """Return the trend of the concentration of the top layer's gradient."""
    return trend(data, data.mean(data.gradient))


def tightens(data: Evidence) -> np.ndarray:
    """Return the trend of its correlation with target frequency."""
    return trend(data, data.rho(data.gradient))


def of_activation(data: Evidence) -> np.ndarray:
    """Return the size of that correlation for the top layer's activations, at the end."""
    key = data.trajectory.key(data.trajectory.top, "activation", "target")
    return np.abs(data.rho(key)[:, -1])


def beyond_logits(data: Evidence) -> np.ndarray:
    """Return by how much that of the top gradient exceeds that of the logits' gradient."""
    return final(data) - np.abs(data.rho(data.trajectory.key(None, "gradient", "target"))[:, -1])


def beyond_lower_layers(data: Evidence) -> np.ndarray:
    """Return by how much it exceeds the largest of the gradients at lower layers."""
    lower = [
        np.abs(data.rho(data.trajectory.key(layer, "gradient", "target"))[:, -1])
        for layer in range(data.trajectory.top)
    ]
    return final(data) - np.max(lower, axis=0)


def lowest_of_norm(data: Evidence) -> np.ndarray:
    """Return the lowest correlation of the top gradient's l1 norm over steps."""
    key = data.trajectory.key(data.trajectory.top, "gradient", "target", "l1")
    return data.rho(key)[:, data.trained].min(axis=1)


def closed_ahead(data: Evidence, sample: str) -> np.ndarray:
    """Return how far closed classes are ahead of open ones at the early checkpoint."""
    closed, opened = (data.rho(data.gradient, name + sample) for name in ("closed", "open"))
    return (closed - opened)[:, data.early]


def open_goes_on(data: Evidence, sample: str) -> np.ndarray:
    """Return how much more open classes grow than closed ones from there on."""
    grown = [
        data.rho(data.gradient, name + sample)[:, -1]
        - data.rho(data.gradient, name + sample)[:, data.early]
        for name in ("open", "closed")
    ]
    return grown[0] - grown[1]


def closed_more_concentrated(data: Evidence) -> np.ndarray:
    """Return how much more concentrated closed classes are at matched frequency."""
    means = [data.mean(data.gradient, name)[:, -1] for name in ("closed_matched", "open_matched")]
    return means[0] - means[1]


def recurrent_ahead(data: Evidence, last: bool) -> np.ndarray | None:
    """Return how far the first recurrent layer is ahead of the embedding, or at last behind."""
    if data.trajectory.layers != "recurrent":
        return None
    first, embedding = (
        data.rho(data.trajectory.key(layer, "activation", "input")) for layer in (1, 0)
    )
    return (embedding - first)[:, -1] if last else (first - embedding)[:, data.early]


def gradients_of_inputs(data: Evidence) -> np.ndarray:
    """Return the largest correlation of any gradient with input frequency over steps."""
    # Where a masked model predicts nothing, its top layer has no gradient.
    keys = [
        data.trajectory.key(layer, "gradient", "input") for layer in range(data.trajectory.top + 1)
    ]
    curves = [
        np.abs(data.rho(key)[:, data.trained]) for key in keys if key in data.trajectory.values
    ]
    return np.max(curves, axis=(0, 2))
