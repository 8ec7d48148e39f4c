"""The statistics behind the claims about similarity, with their intervals over seeds.

Each is computed from curves (seeds, steps) for the seeds as they are and for every draw of them.
Curves begin where the publication's do (`curves.FIRST`). Tag sets whose tagger learned nothing
have no say.
"""

import numpy as np

from ontogeny.results.claims import Estimate
from ontogeny.results.milestones import log_step
from ontogeny.studies.similarity.curves import Curves, Values
from ontogeny.studies.similarity.tagsets import ANNOTATED, TOPIC

COARSE = "upos"
# A curve has settled where it stays within this share of its range around its last value.
SETTLED = 0.1


def most_similar(curves: Curves, tagset: str = COARSE) -> Estimate | None:
    """Estimate by how much a tag set is more similar than any other, at the end, next word."""
    return _against_others(curves, tagset, _last, np.max)


def least_similar(curves: Curves, tagset: str = TOPIC) -> Estimate | None:
    """Estimate by how much a tag set is more similar than the least similar other, at the end."""
    return _against_others(curves, tagset, _last, np.min)


def settles_first(curves: Curves, tagset: str = COARSE) -> Estimate | None:
    """Estimate how much later, in powers of two, a tag set settles than the first of the others."""
    return _against_others(curves, tagset, _settled, np.min)


def settles_last(curves: Curves, tagset: str = TOPIC) -> Estimate | None:
    """Estimate how much later, in powers of two, a tag set settles than the last of the others."""
    return _against_others(curves, tagset, _settled, np.max)


def falls_then_rises(curves: Curves) -> Estimate | None:
    """Estimate the lesser of fall and rise at the first layer, of the task where it is least.

    The trough is where the mean of the other seeds' curves is lowest, the first and the last step
    apart: a lowest point that is chosen for its own value is below the others by choice. So two
    seeds are needed, and three steps.
    """
    tagsets = curves.learned("next")
    if not tagsets or len(curves.seeds) < 2 or len(curves.steps) < 3:
        return curves.nothing()
    falls, rises = [], []
    for tagset in tagsets:
        curve = curves.tagger(tagset, "next", curves.layers[:1])
        assert curve is not None
        others = (curve.sum(0) - curve) / (len(curve) - 1)
        trough = others[:, 1:-1].argmin(1) + 1
        at = np.take_along_axis(curve, trough[:, None], axis=1)[:, 0]
        falls.append(curves.mean(curve[:, 0] - at))
        rises.append(curves.mean(curve[:, -1] - at))
    return curves.estimate(np.minimum(falls, rises).min(axis=0), len(tagsets))


def drift(curves: Curves, embeddings: bool) -> Estimate | None:
    """Estimate how much the similarity to taggers grows, of the embeddings or the other layers.

    Last value minus first, mean over tag sets, next word.
    """
    tagsets = curves.learned("next")
    if not tagsets:
        return curves.nothing()
    grown = []
    for tagset in tagsets:
        curve = curves.tagger(tagset, "next", [0] if embeddings else curves.layers)
        assert curve is not None
        grown.append(curve[:, -1] - curve[:, 0])
    return curves.estimate(curves.mean(np.mean(grown, axis=0)), len(tagsets))


def above_shuffled(curves: Curves, topic: bool) -> Estimate | None:
    """Estimate how far true tags are above shuffled ones at the end, next word, layers' mean.

    Of topic, or of the other tag set of which it is least.
    """
    tagsets = [name for name in curves.learned("next") if (name == TOPIC) == topic]
    if not tagsets:
        return _absent(curves, TOPIC) if topic else curves.nothing()
    above = []
    for tagset in tagsets:
        true, floor = (curves.tagger(tagset, "next", curves.layers, s) for s in (0, 1))
        assert true is not None
        assert floor is not None
        above.append(curves.mean(true[:, -1] - floor[:, -1]))
    return curves.estimate(np.min(above, axis=0), len(tagsets))


def seeds_approach(curves: Curves) -> Estimate | None:
    """Estimate how much the similarity to other seeds grows, mean over layers."""
    curve = _over_layers(curves, "seed_final")
    return (
        curves.nothing()
        if curve is None
        else curves.estimate(curves.mean(curve[:, -1] - curve[:, 0]))
    )


def seeds_stay_apart(curves: Curves) -> Estimate | None:
    """Estimate the similarity to other seeds at the end, mean over layers."""
    curve = _over_layers(curves, "seed_final")
    return curves.nothing() if curve is None else curves.estimate(curves.mean(curve[:, -1]))


def same_layer_of_other_seeds(curves: Curves) -> Estimate | None:
    """Estimate how much more alike a layer and its like in another seed are than two layers.

    At the end, for the two layers for which it is least.
    """
    pairs = _layer_pairs(curves)
    across = {layer: curves.curve("seed_final", layer) for layer in (0, *curves.layers)}
    found = {layer: curve for layer, curve in across.items() if curve is not None}
    if not pairs or not found:
        return curves.nothing()
    more = [
        curves.mean((found[low][:, -1] + found[high][:, -1]) / 2 - curve[:, -1])
        for (low, high), curve in pairs.items()
    ]
    return curves.estimate(np.min(more, axis=0))


def adjacent_layers(curves: Curves) -> Estimate | None:
    """Estimate how much more alike adjacent layers are than distant ones, at the end."""
    pairs = _layer_pairs(curves)
    adjacent = [curve for (low, high), curve in pairs.items() if high - low == 1]
    distant = [curve for (low, high), curve in pairs.items() if high - low > 1]
    if not distant:
        return curves.nothing()
    more = np.mean(adjacent, axis=0) - np.mean(distant, axis=0)
    return curves.estimate(curves.mean(more[:, -1]))


def finer_is_more_similar(curves: Curves, coarse: str, fine: str) -> Estimate | None:
    """Estimate how much more similar the finer of two tag sets is, input tags, at the end."""
    pair = [curves.tagger(tagset, "input", curves.layers) for tagset in (coarse, fine)]
    if pair[0] is None or pair[1] is None:
        return None
    if not {coarse, fine} <= set(curves.learned("input")):
        return curves.nothing()
    return curves.estimate(curves.mean(pair[1][:, -1] - pair[0][:, -1]), tasks=2)


def diagnostics_stay_flat(curves: Curves, tagging: str) -> Estimate | None:
    """Estimate how much more the accuracy of diagnostic classifiers moves than similarity does.

    Highest minus lowest over their mean, of a layer's curve; mean over layers and tag sets.
    """
    tagsets = [name for name in curves.learned(tagging) if name in ANNOTATED]
    differences = []
    for tagset in tagsets:
        for layer in curves.layers:
            keys = {"tagset": tagset, "tagging": tagging}
            accuracy = curves.curve("diagnostic", layer, metric="accuracy", **keys)
            similarity = curves.tagger(tagset, tagging, [layer])
            if accuracy is None or similarity is None:
                return None
            differences.append(_relative_range(accuracy) - _relative_range(similarity))
    if not differences:
        return curves.nothing()
    return curves.estimate(curves.mean(np.mean(differences, axis=0)), len(tagsets))


def within_domain(curves: Curves) -> Estimate | None:
    """Estimate how much more similar taggers are on words of their own corpus, at the end.

    Mean over tag sets, layers and other corpora, next word.
    """
    tagsets = curves.learned("next")
    if not curves.other_corpora:
        return None
    if not tagsets:
        return curves.nothing()
    more = []
    for tagset in tagsets:
        for corpus in curves.other_corpora:
            within = curves.tagger(tagset, "next", curves.layers)
            outside = curves.tagger(tagset, "next", curves.layers, corpus=corpus)
            if within is None or outside is None:
                return curves.nothing()
            more.append(within[:, -1] - outside[:, -1])
    return curves.estimate(curves.mean(np.mean(more, axis=0)), len(tagsets))


def _against_others(curves: Curves, tagset: str, number, best) -> Estimate | None:
    """Estimate a curve's number minus the `best` of the other tag sets' (next word, layers' mean).

    `number` makes (seeds,) of a curve and its steps.
    """
    tagsets = curves.learned("next")
    others = [other for other in tagsets if other != tagset]
    if tagset not in tagsets or len(others) < 2:
        return _absent(curves, tagset)
    found = {}
    for name in tagsets:
        curve = curves.tagger(name, "next", curves.layers)
        assert curve is not None
        found[name] = curves.mean(number(curve, curves.steps))
    against = best([found[other] for other in others], axis=0)
    return curves.estimate(found[tagset] - against, len(tagsets))


def _absent(curves: Curves, tagset: str) -> Estimate | None:
    """Return what to say of a tag set that no tagger learned: nothing, or None if none had to."""
    asked = set(curves.taggers.loc[curves.taggers["domain"] == curves.corpus, "tagset"])
    return curves.nothing() if tagset in asked else None


def _last(curve: Values, steps: np.ndarray) -> Values:
    return curve[:, -1]


def _settled(curve: Values, steps: np.ndarray) -> Values:
    """Return the binary logarithm of the step from which each seed's curve has settled; (seeds,).

    Between the last checkpoint at which it hasn't and the next the curve is taken to be straight in
    log step. It is the first step for a curve that is settled all along.
    """
    places = log_step(steps) / np.log(2)
    away = np.abs(curve - curve[:, -1:]) / np.ptp(curve, axis=1)[:, None]
    settled = np.full(len(curve), places[0])
    for seed, distance in enumerate(away):
        unsettled = np.flatnonzero(distance > SETTLED)
        if len(unsettled):
            last = unsettled[-1]
            way = (distance[last] - SETTLED) / (distance[last] - distance[last + 1])
            settled[seed] = places[last] + way * (places[last + 1] - places[last])
    return settled


def _relative_range(curve: Values) -> Values:
    return np.ptp(curve, axis=1) / curve.mean(1)


def _over_layers(curves: Curves, other: str) -> Values | None:
    found = [curves.curve(other, layer) for layer in (0, *curves.layers)]
    there = [curve for curve in found if curve is not None]
    return np.mean(there, axis=0) if there else None


def _layer_pairs(curves: Curves) -> dict[tuple[int, int], Values]:
    layers = (0, *curves.layers)
    pairs = {
        (low, high): curves.curve("layer", low, other_layer=high)
        for low in layers
        for high in layers
        if low < high
    }
    return {pair: curve for pair, curve in pairs.items() if curve is not None}
