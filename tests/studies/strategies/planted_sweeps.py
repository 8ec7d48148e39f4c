"""Tables of a sweep whose course is known: as published, or its opposite."""

import zlib

import numpy as np
import pandas as pd

from ontogeny.results.tables import check
from ontogeny.studies.strategies.conditions import PROBED, SUBSETS, members
from ontogeny.studies.strategies.tables import EMBEDDINGS, STRATEGIES

STEPS = (0, 10, 20, 40, 80, 160, 320)
GRID = {
    "alpha": [0, 1.2, 1.5],
    "vocabulary": [100],
    "ambiguity": [0, 0.1],
    "forgetting": ["none", "active", "temporary"],
}


def as_published(member, subset, step):
    """Accuracy as the publication has it."""
    late = step >= 160
    if step < 20:
        return 0.0
    if subset in ("unseen", "fresh"):
        if member.alpha == 0:
            return 0.1
        keeps = member.forgetting != "none"
        return 0.9 if keeps or not late else 0.2
    if subset in ("switch", "tail_switch"):
        if member.ambiguity > 0 and late:
            return 0.95
        if late or member.alpha == 0:
            return 0.02
        return 0.9 if subset == "tail_switch" else 0.7
    if subset == "tail" and step < 40 * 2 ** (member.seed % 2):
        return 0.3
    return 0.97


def pushed_down(member, layer, step):
    """Probe accuracy: under Zipf's law late layers first, else all at once."""
    arrives = 20 if member.alpha == 0 else 160 / 2**layer
    return 0.95 if step >= arrives else 0.5


def with_luck(values):
    """The same, but for up to 0.02 that each member, set or layer, and step has by luck."""

    def lucky(member, place, step):
        generator = np.random.default_rng(zlib.crc32(repr((member, place, step)).encode()))
        return values(member, place, step) + 0.02 * generator.random()

    return lucky


def unpunctual(probes):
    """The same, but in every other seed the embedding layer has the values of the step before."""
    before = dict(zip(STEPS[1:], STEPS[:-1], strict=True))

    def late(member, layer, step):
        hangs_back = layer == 0 and member.seed % 2
        return probes(member, layer, before.get(step, step) if hangs_back else step)

    return late


def planted(
    answers=as_published,
    probes=pushed_down,
    seeds=(0, 1),
    steps=STEPS,
    layers=4,
    grid=None,
    choices=None,
):
    """The two tables of a sweep; `answers`, `probes` and `choices` give the values.

    Without `choices` those of the forced choice are the answers'.
    """
    settings = {"grid": GRID | (grid or {}), "exclude": [], "seeds": list(seeds)}
    everyone = members(settings)
    rows, places = [], []
    for member in everyone:
        for step in steps:
            keys = {**member.keys(), "step": step}
            for subset in SUBSETS:
                accuracy = answers(member, subset, step)
                own = {**keys, "layer": None, "subset": subset}
                rows.append({**own, "metric": "accuracy", "value": float(accuracy)})
                rows.append({**own, "metric": "loss", "value": 3.0 * (1 - accuracy)})
                choice = (choices or answers)(member, subset, step)
                rows.append({**own, "metric": "forced_choice", "value": float(choice)})
            for layer in range(layers):
                for subset in PROBED:
                    own = {**keys, "layer": float(layer), "subset": subset}
                    value = float(probes(member, layer, step))
                    rows.append({**own, "metric": "probe_accuracy", "value": value})
                    rows.append({**own, "metric": "probe_accuracy_new_types", "value": value})
            places += _places(member, keys)
    tables = pd.DataFrame(rows), pd.DataFrame(places)
    check(tables[0], STRATEGIES)
    check(tables[1], EMBEDDINGS)
    return tables


def _places(member, keys):
    generator = np.random.default_rng([member.seed, keys["step"]])
    rows = []
    for place, word_class in enumerate(("noun", "adjective")):
        for rank in (1, 3, 7, 20):
            own = {
                **keys,
                "token": 2 + 50 * place + rank,
                "word_class": word_class,
                "rank": rank,
                "switch": 0.5 * (member.ambiguity > 0 and rank == 3),
            }
            for axis in (1, 2):
                value = float(generator.normal() + 2 * place)
                rows.append({**own, "metric": f"component_{axis}", "value": value})
    return rows
