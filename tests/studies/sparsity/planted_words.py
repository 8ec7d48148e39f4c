"""Trajectories of the study of sparsity whose correlations are known."""

import numpy as np

from ontogeny.studies.sparsity.trajectory import Key, Trajectory

STEPS = np.array([0, 1, 10, 100, 200, 500, 1000])
WORDS = 200


def frequencies(words=WORDS):
    """Evenly spread: of frequencies as text has them, one word decides a correlation."""
    return np.arange(words, 0, -1) * 10


def with_correlation(frequency, rho, generator):
    """Values whose Pearson correlation with the frequencies is exactly this one, above 0."""
    x = frequency - frequency.mean()
    x = x / np.sqrt((x**2).mean())
    noise = generator.normal(size=len(x))
    noise -= noise.mean() + x * (x * noise).mean()
    noise /= np.sqrt((noise**2).mean())
    return 0.5 + 0.01 * (rho * x + np.sqrt(1 - rho**2) * noise)


def trajectory(curves, seeds=3, layers=("recurrent", 2), seed=0, matched=20):
    """A trajectory that has, for each key, the correlations of a curve over steps.

    `curves` maps keys to curves (steps,); other keys have a correlation of 0.
    """
    generator = np.random.default_rng(seed)
    frequency = frequencies()
    site, top = layers
    keys = [
        Key(site if layer else "embedding", layer, quantity, measure, role)
        for layer in range(top + 1)
        for quantity in ("activation", "gradient")
        for measure in ("chi", "hoyer", "gini", "l1")
        for role in ("input", "target")
    ]
    keys += [Key("logits", None, "gradient", "chi", role) for role in ("input", "target")]
    values = {}
    for key in keys:
        curve = curves.get(key, np.zeros(len(STEPS)))
        cells = [
            [with_correlation(frequency, rho, generator) for rho in curve] for _ in range(seeds)
        ]
        values[key] = np.moveaxis(np.array(cells), -1, 0)
    word_class = np.array(["open", "closed", "open", None] * (WORDS // 4), dtype=object)
    words = np.array([f"w{place:03d}" for place in range(WORDS)], dtype=object)
    return Trajectory(
        "lstm", "toy", np.arange(seeds), STEPS, words, frequency, word_class, values, matched
    )
