"""The curves of a run as measured, and as they come out when seeds and sentences are redrawn."""

from dataclasses import dataclass

import numpy as np

from ontogeny.results.milestones import bootstrap_weights, mean_over_seeds, resampled_ratio
from ontogeny.studies.sas.trajectories import TOTALS, Trajectory


@dataclass(frozen=True)
class Resampled:
    """The curves of one run on one corpus: row 0 as measured, then a row for each bootstrap draw.

    `curves` maps `uas`, `uas_held_out`, `offset_uas`, `loss` (nats) and, if there are minimal
    pairs, `accuracy` to arrays (1 + draws, seeds, steps). `seed_weights` (1 + draws, seeds) says
    how often each seed was drawn.
    """

    trajectory: Trajectory
    curves: dict[str, np.ndarray]
    seed_weights: np.ndarray

    @property
    def steps(self) -> np.ndarray:
        """Steps, in order."""
        return self.trajectory.steps

    def mean(self, name: str) -> np.ndarray:
        """Return the mean over seeds of a curve, each as often as drawn, (1 + draws, steps)."""
        return mean_over_seeds(self.curves[name], self.seed_weights)


def resample(trajectory: Trajectory, *, draws: int, seed: int) -> Resampled:
    """Return the curves of a run and their bootstrap draws.

    Seeds are crossed with sentences and with minimal pairs, as `milestones.crossed_weights` says
    why: a draw takes the same seeds for all curves, and the same sentences or pairs for all seeds
    and steps. Pairs are drawn within their paradigm, of which there are as many in each draw: the
    paradigms are chosen by those who made the suite, not drawn; each counts the same, however many
    pairs it has. Seeds, sentences and pairs are drawn independently, each from a stream of its own,
    so that two runs with as many of them have the same draws, and can be compared draw by draw.

    The heads whose attention parses best were chosen on all sentences, and are not chosen anew in a
    draw: the intervals are those of the heads that were chosen.
    """
    for_seeds, for_sentences, for_pairs = np.random.default_rng(seed).spawn(3)
    seed_weights = bootstrap_weights(len(trajectory.seeds), draws, for_seeds)
    weights = bootstrap_weights(len(trajectory.sentences), draws, for_sentences)
    curves = {
        name: resampled_ratio(weights, trajectory.sums[name], trajectory.totals[total])
        for name, total in TOTALS.items()
    }
    if trajectory.suite is not None:
        curves["accuracy"] = _accuracy(trajectory, draws, for_pairs)
    return Resampled(trajectory, curves, seed_weights)


def _accuracy(trajectory: Trajectory, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Return the mean over paradigms of the share of right pairs, (1 + draws, seeds, steps).

    Paradigm by paradigm: weights of 67,000 pairs at once would take half a gigabyte.
    """
    ends = np.flatnonzero(np.diff(trajectory.paradigm)) + 1
    total = np.zeros((1 + draws, *trajectory.correct.shape[1:]))
    for correct in np.split(trajectory.correct, ends):
        weights = bootstrap_weights(len(correct), draws, generator)
        total += resampled_ratio(weights, correct, np.ones((len(correct), 1, 1)))
    return total / len(trajectory.paradigms)
