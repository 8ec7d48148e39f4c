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
STRETCHES = 999  # of training, that a collapse is held against
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


def passage(times: np.ndarray, curve: np.ndarray, share: float, *, rising: bool) -> float:
    """Return when a curve (steps,) has first made that share of its way from start to extreme.

    The extreme is the highest value if it is `rising`, else the lowest. Between two steps it is
    interpolated. NaN for a curve that makes no way.
    """
    way = (curve - curve[0]) * (1 if rising else -1)
    most = way.max()
    if not most > 1e-9 * max(1.0, float(np.abs(curve).max())):
        return float("nan")
    place = int((way >= share * most).argmax())
    rest = (share * most - way[place - 1]) / (way[place] - way[place - 1])
    return float(times[place - 1] + rest * (times[place] - times[place - 1]))


def halfway(times: np.ndarray, curve: np.ndarray, *, rising: bool) -> float:
    """Return when a curve has first made half of its way: `passage` says the rest."""
    return passage(times, curve, 0.5, rising=rising)


def vanishes(times: np.ndarray, norm: np.ndarray) -> float:
    """Return when a norm (steps,) has made half of its way down from its highest value.

    Its way goes to the lowest that comes after. NaN for a norm that keeps more than half of its
    height: it hasn't vanished.
    """
    top = int(norm.argmax())
    if norm[top:].min() > norm[top] / 2:
        return float("nan")
    return halfway(times[top:], norm[top:], rising=False)


def fall_in_collapse(
    times: np.ndarray, llc: np.ndarray, collapse: np.ndarray
) -> tuple[float, float]:
    """Return the coefficient's fall while norms collapse, over its range, and how lucky that is.

    All are (steps,). They collapse from when a tenth of their way is made to when nine tenths are.
    The luck is the share of as long stretches, beginning anywhere in training, over which the
    coefficient falls by as much. NaN if nothing collapses.
    """
    begin, end = (passage(times, collapse, share, rising=True) for share in (0.1, 0.9))
    extent = np.ptp(llc)
    if np.isnan(begin) or extent == 0:
        return float("nan"), float("nan")
    begins = np.append(begin, np.linspace(times[0], times[-1] - (end - begin), STRETCHES))
    falls = np.interp(begins, times, llc) - np.interp(begins + (end - begin), times, llc)
    return float(falls[0] / extent), float(np.mean(falls >= falls[0] - 1e-9 * extent))


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


def _norms_half_collapsed(data: Evidence) -> np.ndarray | None:
    """Return when each norm has half collapsed, (norms, 1 + draws); None where there is none."""
    if "norm_collapse" not in data.by_layer:
        return None
    norms = data.by_layer["norm_collapse"][:, data.drawn_seeds].mean(axis=2)
    return np.array([[halfway(data.times, curve, rising=True) for curve in norm] for norm in norms])


def _collapse_order(data: Evidence) -> Estimate | None:
    places = _norms_half_collapsed(data)
    return None if places is None else _estimate(data, places[:-1].mean(axis=0) - places[-1])


def _unembedding_first(data: Evidence) -> Estimate | None:
    places = _norms_half_collapsed(data)
    if places is None or "unembedding_norm" not in data.curves:
        return None
    gone = [vanishes(data.times, norm) for norm in data.curve_draws("unembedding_norm")]
    return _estimate(data, places[:-1].mean(axis=0) - np.array(gone))


def _falls_in_collapse(data: Evidence) -> Estimate | None:
    if "norm_collapse" not in data.curves:
        return None
    curves = zip(data.llc_draws, data.curve_draws("norm_collapse"), strict=True)
    falls, luck = np.array([fall_in_collapse(data.times, *pair) for pair in curves]).T
    # The coefficient rises or falls over most stretches, so that its sign alone says little.
    return replace(_estimate(data, falls), chance=float(luck[0]))


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
        "3.unembedding",
        "The unembedding vanishes before the earlier norms collapse",
        "log step at which earlier norms have gone half of their way, less that at which the "
        "unembedding's norm has lost half of what it loses from its height on",
        0.0,
        _unembedding_first,
    ),
    _claim(
        "3.falling",
        "Norms collapse while the learning coefficient falls",
        "fall of the coefficient from a tenth to nine tenths of the norms' collapse, as a share of "
        "its range over training; luck: as long stretches of training with as large a fall",
        0.0,
        _falls_in_collapse,
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
