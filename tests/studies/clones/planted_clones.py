"""Evidence of clones with a planted truth."""

import numpy as np
import pandas as pd

from ontogeny.studies.clones.claims import Synthetic
from ontogeny.studies.clones.evidence import Evidence
from ontogeny.studies.clones.learned import Learned
from ontogeny.studies.clones.tables import ORIGINAL

STEPS = np.array([0, 100, 200, 400, 800, 1600, 3200])


def exponential(rate, low=2.0, high=7.0):
    """A loss that falls from high to low, by a rate a step."""
    return low + (high - low) * np.exp(-rate * STEPS)


def planted(low=0.01, high=0.002, original=0.001, objective="masked", seed=0):
    """Losses of 3 seeds on 50 sentences that fall at these rates, with noise."""
    generator = np.random.default_rng(seed)
    rates = {ORIGINAL: original, ("two", 20): low, ("four", 20): (low * high) ** 0.5,
             ("encoder", 20): high}  # fmt: skip
    sums = {}
    for text, rate in rates.items():
        counts = np.full((3, len(STEPS), 50), 4.0)
        own = rate * np.exp(
            0.05 * generator.normal(size=(3, 1, 1)) + 0.3 * generator.normal(size=(1, 1, 50))
        )
        curve = 2 + 5 * np.exp(-own * STEPS[:, None])
        noise = generator.normal(size=(3, 1, 50)) * 0.3 + generator.normal(size=(3, 1, 1)) * 0.02
        right = np.clip(np.round(4 - curve / 2 + 0 * noise), 0, 4)
        sums[text] = np.stack([(curve + noise) * counts, right, counts])
    depths = {"two": (2, 3), "four": (4, 9), "encoder": (4, None)}
    return Evidence("bert", "text", objective, STEPS, np.arange(3), sums, depths, 0.05, 100, seed)


def learned(excess=(0.0, 0.0, 0.0), times=(100.0, 300.0, 900.0), seed=0):
    """Three depths that end so far above their optima, whose layers move around these steps."""
    generator = np.random.default_rng(seed)
    base = 2 + 0.3 * generator.normal(size=400)
    optima = {order: base + 0.4 - 0.1 * order for order in (1, 2, 3, 4)}
    own = np.stack([optima[2], optima[3], optima[4]])
    losses = own[:, None] + np.array(excess)[:, None, None]
    losses = losses + 0.002 * generator.normal(size=(3, 3, 1))
    steps = np.array([0, 50, 100, 200, 400, 800, 1600])
    times = np.array(times) * np.exp(0.1 * generator.normal(size=(3, 1, 3)))
    moved = 1 / (1 + (times / np.maximum(steps[:, None], 1e-9)) ** 4)
    rows = []
    for depth in (1, 2, 3):
        for seed_number in range(3):
            for number, step in enumerate(steps):
                keys = {"seed": seed_number, "step": step, "layers": depth,
                        "order": (2, 3, 5)[depth - 1]}  # fmt: skip
                rows.append(keys | {"metric": "loss", "value": 3 - 0.1 * number})
                rows += [
                    keys | {"layer": layer + 1, "metric": "displacement",
                            "value": moved[seed_number, number, layer]}
                    for layer in range(depth)
                ]  # fmt: skip
    rows += [
        {"order": order, "metric": "optimum_loss", "value": values.mean()}
        for order, values in optima.items()
    ]
    return Learned(
        pd.DataFrame(rows).assign(part="hamiltonian"), (1, 2, 3), (2, 3, 5), (0, 1, 2),
        tuple(steps), losses, optima, base, moved,
    )  # fmt: skip


def synthetic(**planted_values):
    return Synthetic(learned(**planted_values), 100, 0)
