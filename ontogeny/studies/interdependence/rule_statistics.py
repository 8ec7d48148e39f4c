"""The statistics behind the claims about scaffolds, with their intervals over seeds.

A seed stands for an initialisation, a corpus and test texts of its own in each condition: so to
redraw seeds redraws examples, too.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ontogeny.results.claims import Estimate
from ontogeny.results.milestones import bootstrap_interval, bootstrap_weights, mean_over_seeds


@dataclass(frozen=True)
class Curves:
    """The synthetic LSTMs' rows, and what arrays are made of them.

    `lengths`, `seeds` and `steps` are the axes; `seed_weights` (1 + draws, seeds) the bootstrap's;
    `rule_count` is n of all settings, `rule_counts` are those that are measured.
    """

    rows: pd.DataFrame
    lengths: np.ndarray
    seeds: np.ndarray
    steps: np.ndarray
    rule_count: int
    rule_counts: np.ndarray
    seed_weights: np.ndarray

    def has(self, *settings: str) -> bool:
        """Tell whether all these settings were trained."""
        return set(settings) <= set(self.rows["setting"])

    def of(self, metric: str, **keys: Any) -> np.ndarray:
        """Return what was measured, (lengths, seeds, steps), NaN where it wasn't.

        `keys` are values of key columns; by default `rule_count` is that of all settings.
        `scaffold_read=True` asks for a prefix that is the whole scaffold, `at="alpha"` or
        `at="end"` for a state at alpha or at the scaffold's end.
        """
        keys = {"rule_count": self.rule_count} | keys
        rows = self.rows[self.rows["metric"] == metric]
        if keys.pop("scaffold_read", False):
            rows = rows[(rows["focus"] == "prefix") & (rows["prefix"] == rows["scaffold_length"])]
        if place := keys.pop("at", None):
            distance = rows["scaffold_length"] if place == "alpha" else 0
            rows = rows[rows["sequential_distance"] == distance]
        for key, value in keys.items():
            rows = rows[rows[key] == value]
        values = np.full((len(self.lengths), len(self.seeds), len(self.steps)), np.nan)
        axes = ((self.lengths, "scaffold_length"), (self.seeds, "seed"), (self.steps, "step"))
        values[tuple(np.searchsorted(axis, rows[key]) for axis, key in axes)] = rows["value"]
        return values

    def estimate(self, values: np.ndarray) -> Estimate:
        """Return the mean of a statistic (lengths, seeds), with its interval over seeds."""
        by_seed = values.mean(0)
        present = ~np.isnan(by_seed)
        if not present.any():
            return Estimate(np.nan, np.nan, np.nan, 0, len(self.steps))
        weights = np.where(present, self.seed_weights, 0)
        weights = weights[weights.sum(1) > 0]
        known = np.where(present, by_seed, 0)
        drawn = np.round(mean_over_seeds(np.broadcast_to(known, weights.shape), weights), 12)
        low, high = bootstrap_interval(drawn)
        return Estimate(
            float(drawn[0]), float(low), float(high), int(present.sum()), len(self.steps)
        )


def curves(table: pd.DataFrame, *, rule_count: int, draws: int, seed: int) -> Curves:
    """Arrange the rows of synthetic LSTMs, and draw the bootstrap's weights."""
    lengths, seeds, steps = (
        np.unique(table[key]).astype(int) for key in ("scaffold_length", "seed", "step")
    )
    counts = np.unique(table["rule_count"]).astype(int)
    weights = bootstrap_weights(len(seeds), draws, np.random.default_rng(seed))
    return Curves(table, lengths, seeds, steps, rule_count, counts, weights)


def probability(found: Curves, setting: str, domain: str) -> np.ndarray:
    """Return omega's probability, (lengths, seeds, steps)."""
    return found.of("omega_probability", setting=setting, domain=domain, focus="everything")


def from_alpha(found: Curves, setting: str, domain: str, count: int | None = None) -> np.ndarray:
    """Return omega's probability from alpha's contribution alone, (lengths, seeds, steps)."""
    keys: dict[str, Any] = {"setting": setting, "domain": domain}
    if count is not None:
        keys["rule_count"] = count
    return found.of("omega_probability", focus="prefix", prefix=0, **keys)


def prefix_gain(found: Curves, setting: str) -> np.ndarray:
    """Return by how much omega's probability grows from alpha alone to alpha and scaffold.

    At the last step, with scaffolds of the domain; (lengths, seeds).
    """
    whole = found.of("omega_probability", setting=setting, domain="in", scaffold_read=True)
    return (whole - from_alpha(found, setting, "in"))[..., -1]


def domain_gap(found: Curves, setting: str) -> np.ndarray:
    """Return omega's last probability out of the domain less that in it, (lengths, seeds)."""
    return (probability(found, setting, "out") - probability(found, setting, "in"))[..., -1]


def rule_interdependence(found: Curves, setting: str) -> np.ndarray:
    """Return DI of alpha and scaffold in the domain, (lengths, seeds, steps)."""
    return found.of("interdependence", setting=setting, domain="in")


def log_gradient(found: Curves, setting: str, *, relative: bool) -> np.ndarray:
    """Return the mean over steps of the log gradient that reaches alpha, (lengths, seeds).

    In the domain; with `relative`, less the log gradient at the scaffold's end.
    """
    values = np.log(found.of("gradient_norm", setting=setting, domain="in", at="alpha"))
    if relative:
        values = values - np.log(found.of("gradient_norm", setting=setting, domain="in", at="end"))
    return values.mean(-1)
