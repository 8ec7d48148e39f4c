"""The claims about stages, as statistics of a run's curves.

Source of all: Hoogland et al. (2024), "The Developmental Landscape of In-Context Learning", as told
in "Stagewise Development in Neural Networks". Statistics and thresholds are ours. Intervals redraw
seeds and, where the learning coefficient has a part, chains within seeds; orders redraw seeds.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.stats import combine_pvalues

from ontogeny.measures.stage_boundaries import stages
from ontogeny.results.claims import Claim, Estimate
from ontogeny.results.milestones import bootstrap_interval
from ontogeny.studies.stages.evidence import Evidence

PUBLICATION = "Hoogland et al. 2024, Stagewise Development in Neural Networks"
UNEXPLAINED, FALL = 0.05, 0.05
LANGUAGE = ("bigram_kl", "ngram_score", "previous_token_score", "prefix_score")


def _estimate(data: Evidence, statistic: np.ndarray) -> Estimate:
    low, high = bootstrap_interval(statistic)
    after = int((data.steps > 0).sum())
    return Estimate(float(statistic[0]), float(low), float(high), len(data.seeds), after)


def unexplained(loss: np.ndarray, llc: np.ndarray) -> float:
    """Return the share of the coefficient's variance that no monotone function of loss explains.

    Both are (steps,). The better of a rising and a falling least-squares fit is taken.
    """
    total = llc.var()
    if total == 0:
        return float("nan")
    ordered = llc[np.argsort(loss, kind="stable")]
    left = [
        np.mean((ordered - isotonic_regression(ordered, increasing=way).x) ** 2)
        for way in (True, False)
    ]
    return float(min(left) / total)


def halfway(times: np.ndarray, curve: np.ndarray, *, rising: bool) -> float:
    """Return when a curve (steps,) has first made half of its way from its start to its extreme.

    The extreme is the highest value if it is `rising`, else the lowest. Between two steps it is
    interpolated. NaN for a curve that makes no way.
    """
    way = (curve - curve[0]) * (1 if rising else -1)
    most = way.max()
    if not most > 1e-9 * max(1.0, float(np.abs(curve).max())):
        return float("nan")
    place = int((way >= most / 2).argmax())
    share = (most / 2 - way[place - 1]) / (way[place] - way[place - 1])
    return float(times[place - 1] + share * (times[place] - times[place - 1]))


RISING = {
    "bigram_kl": False,
    "ngram_score": True,
    "previous_token_score": True,
    "prefix_score": True,
    "icl_score": False,
    "prediction_norm": False,
    "norm_collapse": True,
}


def _halfway(data: Evidence, metric: str) -> np.ndarray:
    return np.array(
        [halfway(data.times, curve, rising=RISING[metric]) for curve in data.curve_draws(metric)]
    )


def _least_gap(places: Sequence[np.ndarray]) -> np.ndarray:
    """Return how far the closest two neighbours in an order are apart, below 0 if out of order."""
    return np.diff(np.stack(places), axis=0).min(axis=0)


def _no_function_of_loss(data: Evidence) -> Estimate:
    rows = []
    for loss, llc in zip(data.curve_draws("loss"), data.llc_draws, strict=True):
        # What chains scatter by is nothing that the loss could explain.
        noise = data.llc_draws[1:].var(axis=0).mean() / max(llc.var(), 1e-30)
        rows.append(unexplained(loss, llc) - noise)
    return _estimate(data, np.array(rows))


def _language_order(data: Evidence) -> Estimate | None:
    if not set(LANGUAGE) <= data.curves.keys():
        return None
    bigram, ngram, previous, prefix = (_halfway(data, metric) for metric in LANGUAGE)
    last = np.fmin(prefix, _halfway(data, "icl_score"))
    return _estimate(data, _least_gap([bigram, ngram, previous, last]))


def _regression_order(data: Evidence) -> Estimate | None:
    if "prediction_norm" not in data.curves:
        return None
    metrics = ("prediction_norm", "icl_score", "norm_collapse")
    return _estimate(data, _least_gap([_halfway(data, metric) for metric in metrics]))


def _collapse_order(data: Evidence) -> Estimate | None:
    if "norm_collapse" not in data.by_layer:
        return None
    norms = data.by_layer["norm_collapse"][:, data.drawn_seeds].mean(axis=2)
    places = np.array(
        [[halfway(data.times, curve, rising=True) for curve in norm] for norm in norms]
    )
    return _estimate(data, places[:-1].mean(axis=0) - places[-1])


def _agrees(data: Evidence) -> Estimate:
    found = data.agreements()
    each = np.array([np.nan if a is None else a.excess for a in found])
    estimate = _estimate(data, each[data.drawn_seeds].mean(axis=1))
    # Few checkpoints leave luck a good deal: Fisher's method over the seeds' permutation tests.
    luck = [a.p_value for a in found if a is not None]
    return replace(estimate, chance=float(combine_pvalues(luck).pvalue)) if luck else estimate


def _falls(data: Evidence) -> Estimate:
    return _estimate(data, np.array([_largest_fall(data, curve) for curve in data.llc_draws]))


def _largest_fall(data: Evidence, curve: np.ndarray) -> float:
    extent = np.ptp(curve)
    changes = [stage.change for stage in stages(data.times, curve, data.bandwidth)]
    return -min(changes) / extent if extent > 0 else float("nan")


def _claim(
    number: str,
    statement: str,
    statistic: str,
    threshold: float,
    estimate: Callable[[Evidence], Estimate | None],
) -> Claim:
    return Claim(
        id=f"stages.{number}",
        study="stages",
        statement=statement,
        source=PUBLICATION,
        statistic=statistic,
        direction="above",
        threshold=threshold,
        estimate=estimate,
        seeds=2,
        steps=8,
    )


CLAIMS = (
    _claim(
        "1",
        "The local learning coefficient is no function of the loss: the loss hides stages",
        "share of the coefficient's variance over steps that no monotone function of the loss "
        "explains, less the share that chains and seeds scatter by",
        UNEXPLAINED,
        _no_function_of_loss,
    ),
    _claim(
        "2",
        "A language model learns bigrams, then n-grams, then previous-token heads, then the heads "
        "that match prefixes and the in-context drop",
        "least gap, in log step, between the times at which successive scores have gone half of "
        "their way",
        0.0,
        _language_order,
    ),
    _claim(
        "3.order",
        "Regression in context: first the task prior, then regression, then norms collapse",
        "least gap, in log step, between the times at which the predictions' norm, the in-context "
        "score and the share of collapsed norm weights have gone half of their way",
        0.0,
        _regression_order,
    ),
    _claim(
        "3.collapse",
        "The norm before the unembedding collapses before the earlier ones",
        "log step at which earlier norms have gone half of their way, less that of the last norm",
        0.0,
        _collapse_order,
    ),
    _claim(
        "4",
        "Boundaries from the learning coefficient agree with the cusps of essential dynamics",
        "distance in log step from cusps to boundaries if cusps were checkpoints taken at random, "
        "less their own, mean over seeds",
        0.0,
        _agrees,
    ),
    _claim(
        "5",
        "There is a stage in which the learning coefficient falls",
        "largest fall of the coefficient over a stage, as a share of its range over training; "
        "below 0 if it rises in every stage",
        FALL,
        _falls,
    ),
)
