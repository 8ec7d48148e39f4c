"""The claims about sparsity, as statistics of a run's words.

Source of all: Saphra (2021), "Training dynamics of neural language models", chapter 6 (Saphra and
Lopez 2019, "Sparsity emerges naturally in neural language models"). Found in words and figures: the
statistics are ours, and so are the thresholds but that of claim 3. "Strong" is Cohen's large
correlation (1988), 0.5; "not correlated" is less than his medium one, 0.3.

All need two seeds. Intervals redraw seeds and, independently, words, the same for all seeds. What
compares early with late takes for early the first checkpoint after a tenth of the updates.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

import numpy as np

from ontogeny.results.claims import Claim, Estimate
from ontogeny.results.milestones import (
    bootstrap_interval,
    bootstrap_weights,
    mean_over_seeds,
    resampled_ratio,
    spearman,
)
from ontogeny.studies.sparsity.correlation import weighted_pearson
from ontogeny.studies.sparsity.trajectory import Key, Trajectory

PUBLICATION = "Saphra 2021, Training dynamics of neural language models"
STRONG, NONE = 0.5, 0.3


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


def _trend(data: Evidence, curves: np.ndarray) -> np.ndarray:
    """Return the rank correlation of curves with steps after the initialisation, (1 + draws,)."""
    return spearman(curves[:, data.trained], data.trajectory.steps[data.trained].astype(float))


def _final(data: Evidence) -> np.ndarray:
    return data.rho(data.gradient)[:, -1]


def _concentrates(data: Evidence) -> np.ndarray:
    return _trend(data, data.mean(data.gradient))


def _tightens(data: Evidence) -> np.ndarray:
    return _trend(data, data.rho(data.gradient))


def _of_activation(data: Evidence) -> np.ndarray:
    key = data.trajectory.key(data.trajectory.top, "activation", "target")
    return np.abs(data.rho(key)[:, -1])


def _beyond_logits(data: Evidence) -> np.ndarray:
    return _final(data) - np.abs(data.rho(data.trajectory.key(None, "gradient", "target"))[:, -1])


def _beyond_lower_layers(data: Evidence) -> np.ndarray:
    lower = [
        np.abs(data.rho(data.trajectory.key(layer, "gradient", "target"))[:, -1])
        for layer in range(data.trajectory.top)
    ]
    return _final(data) - np.max(lower, axis=0)


def _lowest_of_norm(data: Evidence) -> np.ndarray:
    key = data.trajectory.key(data.trajectory.top, "gradient", "target", "l1")
    return data.rho(key)[:, data.trained].min(axis=1)


def _closed_ahead(data: Evidence, sample: str) -> np.ndarray:
    closed, opened = (data.rho(data.gradient, name + sample) for name in ("closed", "open"))
    return (closed - opened)[:, data.early]


def _open_goes_on(data: Evidence, sample: str) -> np.ndarray:
    grown = [
        data.rho(data.gradient, name + sample)[:, -1]
        - data.rho(data.gradient, name + sample)[:, data.early]
        for name in ("open", "closed")
    ]
    return grown[0] - grown[1]


def _closed_more_concentrated(data: Evidence) -> np.ndarray:
    means = [data.mean(data.gradient, name)[:, -1] for name in ("closed_matched", "open_matched")]
    return means[0] - means[1]


def _recurrent_ahead(data: Evidence, last: bool) -> np.ndarray | None:
    if data.trajectory.layers != "recurrent":
        return None
    first, embedding = (
        data.rho(data.trajectory.key(layer, "activation", "input")) for layer in (1, 0)
    )
    return (embedding - first)[:, -1] if last else (first - embedding)[:, data.early]


def _gradients_of_inputs(data: Evidence) -> np.ndarray:
    # Where a masked model predicts nothing, its top layer has no gradient.
    keys = [
        data.trajectory.key(layer, "gradient", "input") for layer in range(data.trajectory.top + 1)
    ]
    curves = [
        np.abs(data.rho(key)[:, data.trained]) for key in keys if key in data.trajectory.values
    ]
    return np.max(curves, axis=(0, 2))


def _claim(
    number: str,
    statement: str,
    part: str,
    statistic: str,
    direction: Literal["above", "below"],
    threshold: float,
    compute: Callable[[Evidence], np.ndarray | None],
    *,
    steps: int = 1,
) -> Claim:
    def estimated(data: Evidence) -> Estimate | None:
        found = compute(data)
        return None if found is None else data.estimate(found)

    return Claim(
        id=f"sparsity.{number}",
        study="sparsity",
        statement=statement,
        source=f"{PUBLICATION}, chapter 6, {part}",
        statistic=statistic,
        direction=direction,
        threshold=threshold,
        estimate=estimated,
        seeds=2,
        steps=steps,
    )


RHO = "correlation over words of the mean concentration of the top layer's gradient with target "
RHO += "frequency"

CLAIMS = (
    _claim(
        "1a",
        "The gradient at the top layer is the more concentrated, the more frequent the target.",
        "figure 2",
        f"{RHO}, at the last checkpoint",
        "above",
        0,
        _final,
    ),
    _claim(
        "1b",
        "The gradient at the top layer becomes more concentrated with training.",
        "figure 2",
        "rank correlation with step, step 0 left out, of the mean over words of the concentration "
        "of the top layer's gradient",
        "above",
        0,
        _concentrates,
        steps=5,
    ),
    _claim(
        "2a",
        "Concentration of the top layer's gradient correlates strongly with target frequency.",
        "figure 3a",
        f"{RHO}, at the last checkpoint",
        "above",
        STRONG,
        _final,
    ),
    _claim(
        "2b",
        "That correlation increases with training.",
        "figure 3a",
        f"rank correlation with step, step 0 left out, of the {RHO}",
        "above",
        0,
        _tightens,
        steps=5,
    ),
    _claim(
        "2c",
        "Concentration of the top layer's activations isn't correlated with target frequency.",
        "figure 3a",
        "absolute correlation, for activations, at the last checkpoint",
        "below",
        NONE,
        _of_activation,
    ),
    _claim(
        "2d",
        "The logits' gradient hasn't that correlation: it isn't an effect of sparse logits.",
        "section 4",
        f"{RHO}, less the absolute correlation for the logits' gradient, at the last checkpoint",
        "above",
        0,
        _beyond_logits,
    ),
    _claim(
        "2e",
        "Nor have the gradients at lower layers.",
        "figure 3a",
        f"{RHO}, less the largest absolute correlation for gradients at lower layers, at the last "
        "checkpoint",
        "above",
        0,
        _beyond_lower_layers,
    ),
    _claim(
        "3",
        "The l1 norm of the top layer's gradient is at most slightly anti-correlated with target "
        "frequency: frequent words don't merely have small gradients.",
        "section 4",
        "lowest over steps, step 0 left out, of the correlation over words of the mean l1 norm of "
        "the top layer's gradient with target frequency",
        "above",
        -0.1,
        _lowest_of_norm,
    ),
    *(
        claim
        for letters, sample, where in (
            ("ab", "", ""),
            ("cd", "_matched", ", in samples of matched frequency"),
        )
        for claim in (
            _claim(
                f"4{letters[0]}",
                f"Frequent words of closed classes are the first to have concentrated gradients"
                f"{where}.",
                "figure 4",
                f"{RHO}: closed classes less open ones{where}, at the first checkpoint after a "
                "tenth of the updates",
                "above",
                0,
                partial(_closed_ahead, sample=sample),
                steps=5,
            ),
            _claim(
                f"4{letters[1]}",
                f"Closed classes then stabilise, and open ones go on{where}.",
                "figure 4",
                f"growth of the {RHO} from there to the last checkpoint: open classes less closed "
                f"ones{where}",
                "above",
                0,
                partial(_open_goes_on, sample=sample),
                steps=5,
            ),
        )
    ),
    _claim(
        "4e",
        "Gradients of function words are more concentrated than those of content words, even at "
        "the same frequency.",
        "abstract and figure 5",
        "mean over words of the concentration of the top layer's gradient, closed less open "
        "classes, in samples of matched frequency, at the last checkpoint",
        "above",
        0,
        _closed_more_concentrated,
    ),
    _claim(
        "5a",
        "The first recurrent layer is the first to tie the concentration of its activations to "
        "input frequency.",
        "figure 3b",
        "correlation over words of the mean concentration of activations with input frequency: "
        "first recurrent layer less embedding, at the first checkpoint after a tenth of the "
        "updates",
        "above",
        0,
        partial(_recurrent_ahead, last=False),
        steps=5,
    ),
    _claim(
        "5b",
        "The embedding overtakes the first recurrent layer.",
        "figure 3b",
        "the same correlation: embedding less first recurrent layer, at the last checkpoint",
        "above",
        0,
        partial(_recurrent_ahead, last=True),
        steps=5,
    ),
    _claim(
        "6",
        "Concentration of gradients is never correlated with input frequency.",
        "figure 3b",
        "largest over steps, step 0 left out, and layers of the absolute correlation over words of "
        "the mean concentration of gradients with input frequency",
        "below",
        NONE,
        _gradients_of_inputs,
    ),
)
