"""Rows of synthetic LSTMs of which all is planted."""

import itertools

import numpy as np
import pandas as pd

from ontogeny.studies.interdependence.conditions import RUN
from ontogeny.studies.interdependence.tables import INTERDEPENDENCE

STEPS, LENGTHS, SEEDS = (0, 50, 100), (2, 4), (0, 1, 2)
SPEED = {"unfamiliar": 0.4, "familiar": 0.8, "repeated": 0.5, "elsewhere": 0.5}


def as_published(setting, domain, step, focus, prefix, k):
    """Omega's probability as the thesis has it."""
    learned = SPEED[setting] + 0.15 * (step == STEPS[-1]) if step else 0.05
    if focus == "scaffold":
        return 0.01
    if setting == "familiar" and focus == "everything" and domain == "out":
        return 0.1
    if setting == "familiar" and focus == "prefix":
        return learned * (0.7 + 0.3 * prefix / k)
    return learned if focus != "everything" or domain == "in" else 0.95 * learned


def rules(
    probability=as_published,
    interdependence=lambda setting, step: step / 200 * (1 + (setting == "familiar")),
    gradient=lambda setting, distance: np.exp(-distance * (1 + 0.5 * (setting == "familiar"))),
    settings=tuple(SPEED),
    seeds=SEEDS,
    noise=0.01,
):
    generator = np.random.default_rng(0)
    rows = []

    def add(value, **keys):
        value = max(value + noise * value * generator.standard_normal(), 0)
        rows.append(keys | {"value": min(value, 1) if "omega" in keys["metric"] else value})

    for setting, k, seed, step, domain in itertools.product(
        settings, LENGTHS, seeds, STEPS, ("in", "out")
    ):
        for count in (60, 120) if setting == "unfamiliar" else (120,):
            keys = {"setting": setting, "scaffold_length": k, "rule_count": count, "seed": seed}
            keys |= {"step": step, "domain": domain, "run": RUN, "layer": 1}
            foci = [
                ("everything", None),
                ("scaffold", None),
                *(("prefix", i) for i in range(k + 1)),
            ]
            for focus, prefix in foci:
                value = probability(setting, domain, step, focus, prefix, k) * count / 120
                more = {"metric": "omega_probability", "focus": focus, "prefix": prefix}
                add(value, **keys, **more)
            depends = interdependence(setting, step)
            add(depends, **keys, metric="interdependence", sequential_distance=k)
            for distance in range(k + 1):
                more = {"metric": "gradient_norm", "sequential_distance": distance}
                add(gradient(setting, distance), **keys, **more)
    return pd.DataFrame(rows).reindex(columns=[c.name for c in INTERDEPENDENCE.columns])
