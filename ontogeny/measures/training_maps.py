"""A training map: hidden states of training, from statistics of the weights of all seeds.

Hu, Chen, Saphra and Cho (2023, "Latent state models of training dynamics") fit a hidden Markov
model to metrics of the weights over many seeds, and so do van der Wal et al. (2025, "PolyPythias").
The states are the model's, the library's (hmmlearn) is the fit.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from hmmlearn.hmm import GaussianHMM

# Its fits tell of every step back by a rounding error; of several beginnings the best counts.
logging.getLogger("hmmlearn").setLevel(logging.ERROR)


@dataclass(frozen=True)
class TrainingMap:
    """Hidden states of training.

    `criteria` has the Bayesian information criterion of each number of states that was tried, and
    the map is that of the number with the least. `states` are (steps,) for each sequence, counted
    from 1 in the order in which they are first met on average; `probabilities` how sure the model
    is of each. `means` (states, statistics) are in standard deviations from the mean of all.
    `transitions` (states, states) are probabilities.
    """

    criteria: dict[int, float]
    states: list[np.ndarray]
    probabilities: list[np.ndarray]
    means: np.ndarray
    transitions: np.ndarray

    @property
    def number(self) -> int:
        """How many states the map has."""
        return len(self.means)


def training_map(
    sequences: Sequence[np.ndarray], numbers: Iterable[int], *, restarts: int, seed: int
) -> TrainingMap:
    """Fit hidden Markov models with several numbers of states, and return the best by BIC.

    Each of `sequences` is (steps, statistics), a seed's; statistics are standardised over all of
    them. Emissions are normal with diagonal covariance. Of `restarts` fits by expectation
    maximisation from other beginnings, drawn from `seed`, the likeliest counts. No model is tried
    that has as many free parameters as there are numbers. Raises `ValueError` if nothing can be
    fitted: no sequence, no statistic that varies, or too few numbers for a single state.
    """
    data = np.concatenate([np.asarray(one, dtype=np.float64) for one in sequences])
    spread = data.std(axis=0)
    numbers = [number for number in numbers if _parameters(number, data.shape[1]) < data.size]
    if not numbers or not (spread > 0).any():
        raise ValueError(
            "a training map needs statistics of the weights that vary, and more numbers than "
            f"parameters; there are {data.size} numbers"
        )
    data = (data - data.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    lengths = [len(one) for one in sequences]
    fits = {number: _fit(data, lengths, number, restarts, seed) for number in numbers}
    criteria = {number: float(fit.bic(data, lengths)) for number, fit in fits.items()}
    best = fits[min(criteria, key=lambda number: (criteria[number], number))]
    path, posterior = best.predict(data, lengths), best.predict_proba(data, lengths)
    return _in_order(best, path, posterior, lengths, criteria)


def _parameters(states: int, statistics: int) -> int:
    """Return how many free parameters a model has: beginnings, transitions, means, variances."""
    return states**2 - 1 + 2 * states * statistics


def _fit(
    data: np.ndarray, lengths: list[int], number: int, restarts: int, seed: int
) -> GaussianHMM:
    fits = []
    for restart in range(restarts):
        model = GaussianHMM(
            number,
            covariance_type="diag",
            n_iter=200,
            tol=1e-4,
            random_state=int(np.random.SeedSequence([seed, number, restart]).generate_state(1)[0]),
        )
        fits.append(model.fit(data, lengths))
    likelihoods = [fit.score(data, lengths) for fit in fits]
    return fits[int(np.argmax(np.round(likelihoods, 6)))]


def _in_order(
    model: GaussianHMM,
    path: np.ndarray,
    posterior: np.ndarray,
    lengths: list[int],
    criteria: dict[int, float],
) -> TrainingMap:
    """Count states from 1 in the order in which sequences first come to them."""
    places = np.concatenate([np.arange(length) for length in lengths])
    whose = np.repeat(np.arange(len(lengths)), lengths)
    first = [
        np.mean(
            [places[(path == state) & (whose == one)].min() for one in set(whose[path == state])]
        )
        if (path == state).any()
        else np.inf
        for state in range(model.n_components)
    ]
    order = np.argsort(first, kind="stable")
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(1, len(order) + 1)
    ends = np.cumsum(lengths)[:-1]
    sure = np.take_along_axis(posterior, path[:, None], axis=1)[:, 0]
    return TrainingMap(
        criteria,
        np.split(number[path], ends),
        np.split(sure, ends),
        model.means_[order],
        model.transmat_[np.ix_(order, order)],
    )
