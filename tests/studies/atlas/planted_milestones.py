"""Milestones of a run whose order, coincidences and agreement are known."""

import numpy as np
import pandas as pd

from ontogeny.results.timeline import milestones
from ontogeny.studies.atlas.timeline import timeline

EARLY = ("dawn", "morning", "noon", "evening")


def planted(seeds=8, run="planted", generator=None, spread=0.1):
    """Return rows of a timeline in which four milestones of one study come in order, in each seed.

    A second study has `twin`, which moves from seed to seed as `mover` does, and `stranger`, which
    moves as much, by itself; both come after the evening. A task arrives at two layers.
    """
    generator = generator or np.random.default_rng(0)
    day, other = [], []
    for seed in range(seeds):
        for place, name in enumerate(EARLY):
            step = 10 ** (1 + 0.5 * place) * np.exp(generator.normal(0, spread))
            day.append((run, "toyglish", seed, name, None, step, step * 0.9, step * 1.1, "onset"))
        mover, stranger = 1e4 * np.exp(generator.uniform(-2, 2, 2))
        for name, step in (("mover", mover), ("twin", mover * 1.02), ("stranger", stranger)):
            other.append((run, "toyglish", seed, name, None, step, None, None, "half-way"))
        for layer, step in ((1, 1e6), (2, 2e5)):
            step *= np.exp(generator.normal(0, spread))
            other.append(
                (run, "toyglish", seed, "task arrives", layer, step, step, None, "arrival")
            )
    columns = ["run", "corpus", "seed", "milestone", "layer", "step", "low", "high", "kind"]
    return timeline([("day", milestones(day, columns)), ("night", milestones(other, columns))])


def weights(seeds=2, steps=(0, 1, 2, 4, 8, 16, 32, 64, 128, 256), run="planted"):
    """Return rows of the table of weights in which a norm jumps after the first half."""
    generator = np.random.default_rng(1)
    rows = []
    for seed in range(seeds):
        for place, step in enumerate(steps):
            level = 1.0 if place < len(steps) // 2 else 9.0
            for metric in ("norm", "deviation"):
                rows.append((run, seed, step, metric, level + generator.normal(0, 0.1), "0a"))
            rows.append((run, seed, step, "parameters", 100.0, "0a"))
    return pd.DataFrame(rows, columns=["run", "seed", "step", "metric", "value", "sha256"])
