"""The statistics behind the claims about strategies, with their intervals over seeds.

Each statistic is a number for every condition and seed; it is averaged over the conditions that the
claim is about, then over seeds. The bootstrap draws seeds, with all their conditions: conditions
share their seeds' initial weights and luck.
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass, replace

import numpy as np
import pandas as pd

from ontogeny.results.claims import Estimate
from ontogeny.results.milestones import bootstrap_interval, bootstrap_weights, mean_over_seeds
from ontogeny.studies.strategies.tables import CONDITION

CHANCE = 0.5  # of telling noun from adjective
LEARNT = (
    0.75  # accuracy from which on a set counts as learnt: half the way from chance to certainty
)


@dataclass(frozen=True)
class Condition:
    """A cell of the grid."""

    distribution: str
    alpha: float
    vocabulary: int
    ambiguity: float
    forgetting: str


@dataclass(frozen=True)
class Curves:
    """The study's measurements as arrays; NaN where a member was not measured, or has diverged.

    `answers` are (conditions, seeds, steps) for each (metric, subset), `probes` the same with
    layers as a last dimension. `seed_weights` (1 + draws, seeds) are the bootstrap's.
    """

    conditions: tuple[Condition, ...]
    seeds: np.ndarray
    steps: np.ndarray
    answers: dict[tuple[str, str], np.ndarray]
    probes: dict[tuple[str, str], np.ndarray]
    seed_weights: np.ndarray

    def where(self, chosen: Callable[[Condition], bool]) -> np.ndarray:
        """Return the numbers of the chosen conditions."""
        return np.array([i for i, c in enumerate(self.conditions) if chosen(c)], dtype=int)

    def accuracy(self, subset: str) -> np.ndarray:
        """Return the accuracy on a set, (conditions, seeds, steps)."""
        return self.answers["accuracy", subset]

    def choice(self, subset: str) -> np.ndarray:
        """Return the accuracy of the forced choice on a set, (conditions, seeds, steps)."""
        return self.answers["forced_choice", subset]


def curves(table: pd.DataFrame, draws: int, seed: int) -> Curves:
    """Arrange the table STRATEGIES as arrays, and draw the bootstrap's weights."""
    names = list(CONDITION)
    rows = table[names].drop_duplicates().sort_values(names).itertuples(index=False)
    conditions = tuple(Condition(*row) for row in rows)
    seeds, steps = np.unique(table["seed"]), np.unique(table["step"])
    answers: dict[tuple[str, str], np.ndarray] = {}
    probes: dict[tuple[str, str], np.ndarray] = {}
    index = pd.MultiIndex.from_tuples([astuple(condition) for condition in conditions])
    for (metric, subset), part in table.groupby(["metric", "subset"]):
        of_layers = part["layer"].notna().all()
        axes = [seeds, steps, np.unique(part["layer"])] if of_layers else [seeds, steps]
        keys = ["seed", "step", "layer"] if of_layers else ["seed", "step"]
        places = [index.get_indexer(pd.MultiIndex.from_frame(part[names]))]
        places += [np.searchsorted(axis, part[key]) for axis, key in zip(axes, keys, strict=True)]
        values = np.full((len(conditions), *map(len, axes)), np.nan)
        values[tuple(places)] = part["value"]
        (probes if of_layers else answers)[str(metric), str(subset)] = values
    weights = bootstrap_weights(len(seeds), draws, np.random.default_rng(seed))
    return Curves(conditions, seeds, steps, answers, probes, weights)


def peak(found: Curves, subset: str) -> np.ndarray:
    """Return the highest accuracy over all steps, (conditions, seeds)."""
    return found.accuracy(subset).max(-1)


def final(found: Curves, subset: str) -> np.ndarray:
    """Return the accuracy at the last step, (conditions, seeds)."""
    return found.accuracy(subset)[..., -1]


def decay(found: Curves, subset: str) -> np.ndarray:
    """Return by how much the accuracy ends below its highest value, (conditions, seeds)."""
    return peak(found, subset) - final(found, subset)


def decay_of_both(found: Curves, subset: str) -> np.ndarray:
    """Return the lesser of two decays, of accuracy and of the forced choice, (conditions, seeds).

    A model may stop to emit tokens that it hasn't seen for long, and still know their roles: then
    accuracy falls and the forced choice doesn't. An algorithm that is gone lets both fall.
    """
    choice = found.choice(subset)
    return np.minimum(decay(found, subset), choice.max(-1) - choice[..., -1])


def beyond_uniform(found: Curves, values: np.ndarray, ambiguity: float) -> np.ndarray:
    """Return what each condition under Zipf's law has beyond the uniform one; (conditions, seeds).

    `values` is (conditions, seeds). The two agree in vocabulary and seed, have this ambiguity, and
    forget nothing; other conditions have NaN.
    """
    places = {condition: place for place, condition in enumerate(found.conditions)}
    result = np.full_like(values, np.nan)
    for condition, place in places.items():
        uniform = replace(condition, distribution="uniform", alpha=0.0)
        alike = condition.ambiguity == ambiguity and condition.forgetting == "none"
        if alike and condition.alpha > 0 and uniform in places:
            result[place] = values[place] - values[places[uniform]]
    return result


def tail_lag(found: Curves) -> np.ndarray:
    """Return how many doublings of the step `tail` is learnt after `validation`.

    That is log2 of the ratio of the first steps at which accuracies are at least `LEARNT`, 1 added
    to each. A tail that isn't learnt counts as learnt at the last step, the least that it can be.
    (conditions, seeds); NaN where `validation` isn't learnt either.
    """
    steps = np.log2(found.steps + 1.0)
    learnt = {name: found.accuracy(name) >= LEARNT for name in ("tail", "validation")}
    first = {
        name: np.where(at.any(-1), steps[at.argmax(-1)], steps[-1]) for name, at in learnt.items()
    }
    return np.where(learnt["validation"].any(-1), first["tail"] - first["validation"], np.nan)


def coexistence(found: Curves) -> np.ndarray:
    """Return how much higher `tail_switch` is than `switch`, (conditions, seeds).

    The mean over the steps at which accuracy on `validation` is at least `LEARNT`; NaN without any.
    """
    learnt = found.accuracy("validation") >= LEARNT
    gap = np.where(learnt, found.accuracy("tail_switch") - found.accuracy("switch"), 0).sum(-1)
    return gap / np.where(learnt.any(-1), learnt.sum(-1), np.nan)


def change_since_peak(found: Curves, subset: str, peaking: str) -> np.ndarray:
    """Return how a set's accuracy changes from the step at which another one peaks to the last.

    (conditions, seeds); NaN where the other one never rises above chance, so has no peak.
    """
    at = np.nan_to_num(found.accuracy(peaking), nan=-1).argmax(-1)
    then = np.take_along_axis(found.accuracy(subset), at[..., None], -1)[..., 0]
    return np.where(peak(found, peaking) > CHANCE, final(found, subset) - then, np.nan)


def embedding_lag(found: Curves, never: float, share: float) -> np.ndarray:
    """Return how many doublings of the step the embedding layer lags behind the first layer.

    A layer has arrived at the first step at which its probe, on `validation` sequences with new
    types, has gone this `share` of the way from chance to the best value over layers and steps. The
    lag is log2 of the arrival step of the embedding layer over that of the earliest layer, with 1
    added to each step. An embedding layer that doesn't arrive counts as arriving at step `never`:
    the last step is the least that it can be, infinity the most. (conditions, seeds); NaN where a
    member was not measured, or no layer is ever better than chance.
    """
    values = found.probes["probe_accuracy_new_types", "validation"]
    best = values.max((-2, -1), keepdims=True)
    arrived = (values >= CHANCE + share * (best - CHANCE)) & (best > CHANCE)
    steps = np.log2(found.steps + 1.0)
    arrival = np.where(arrived.any(-2), steps[arrived.argmax(-2)], np.nan)
    embedding = np.where(np.isnan(arrival[..., 0]), np.log2(never + 1.0), arrival[..., 0])
    return embedding - np.fmin.reduce(arrival, -1)


def final_embedding_probe(found: Curves) -> np.ndarray:
    """Return the embedding layer's last probe accuracy on new types, (conditions, seeds)."""
    return found.probes["probe_accuracy_new_types", "validation"][:, :, -1, 0]


def gain_by_forgetting(found: Curves, forgetting: str, subset: str) -> np.ndarray:
    """Return the last accuracy with forgetting less that without, (conditions, seeds).

    Only the conditions with this forgetting whose counterpart without is there have a number.
    """
    last, result = final(found, subset), np.full((len(found.conditions), len(found.seeds)), np.nan)
    places = {condition: place for place, condition in enumerate(found.conditions)}
    for condition, place in places.items():
        plain = replace(condition, forgetting="none")
        if condition.forgetting == forgetting and plain in places:
            result[place] = last[place] - last[places[plain]]
    return result


def estimate(
    found: Curves, values: np.ndarray, chosen: Callable[[Condition], bool]
) -> Estimate | None:
    """Return the mean over the chosen conditions, then over seeds, with its bootstrap interval.

    `values` is (conditions, seeds). None where no condition is chosen; a seed counts if it has a
    number in any of them, and NaN stands where none has.
    """
    places = found.where(chosen)
    if not len(places):
        return None
    part = values[places]
    counted = (~np.isnan(part)).sum(0)
    means = np.nansum(part, 0) / np.where(counted, counted, np.nan)
    present = counted > 0
    if not present.any():
        return Estimate(np.nan, np.nan, np.nan, 0, len(found.steps), len(places))
    weights = np.where(present, found.seed_weights, 0)
    weights = weights[weights.sum(1) > 0]
    draws = mean_over_seeds(np.broadcast_to(np.where(present, means, 0), weights.shape), weights)
    low, high = bootstrap_interval(np.round(draws, 12))
    value = float(np.round(draws[0], 12))
    return Estimate(
        value, float(low), float(high), int(present.sum()), len(found.steps), len(places)
    )
