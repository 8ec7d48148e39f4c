"""Evidence of stages that is made up: curves whose boundaries and order are known."""

import numpy as np
import pandas as pd

from ontogeny.measures.essential_dynamics import log_steps
from ontogeny.studies.stages.evidence import Evidence

STEPS = np.unique(np.geomspace(1, 5000, 60).round().astype(int))
TIMES = log_steps(STEPS)


def smoothstep(times, start, end):
    share = np.clip((times - start) / (end - start), 0, 1)
    return share**2 * (3 - 2 * share)


def rise(at, width=1.5):
    """A curve from 0 to 1 that is half way at a time."""
    return smoothstep(TIMES, at - width / 2, at + width / 2)


def planted(order=(2.0, 3.5, 5.0, 6.5), fall=3.0, noise=0.02, seeds=3, chains=4, draws=40):
    """A language model whose scores go half of their way at the times `order`."""
    generator = np.random.default_rng(0)
    bigram, ngram, previous, prefix = order
    shape = (seeds, len(STEPS))

    def noisy(curve):
        return curve + noise / 4 * generator.normal(size=shape)

    llc = 10 * rise(2.0, 3.0) - fall * rise(5.5, 2.0) + 6 * rise(8.0, 1.5)
    angle = 1.2 * TIMES
    curves = {
        "loss": noisy(4 - 3 * (TIMES - TIMES[0]) / np.ptp(TIMES)),
        "bigram_kl": noisy(2 - 1.5 * rise(bigram)),
        "ngram_score": noisy(1 + 2 * rise(ngram)),
        "previous_token_score": noisy(0.1 + 0.8 * rise(previous)),
        "prefix_score": noisy(0.1 + 0.8 * rise(prefix)),
        "icl_score": noisy(-rise(prefix + 0.3)),
        "pc1": noisy(TIMES * np.cos(angle)),
        "pc2": noisy(TIMES * np.sin(angle)),
        "pc3": noisy(np.cos(2 * angle)),
    }
    each = llc + noise * generator.normal(size=(seeds, chains, len(STEPS)))
    return Evidence(
        "lm", "text", STEPS, np.arange(seeds), curves, {}, each, bandwidth=0.4, draws=draws, seed=0
    )


def of_regression(collapse=(7.0, 7.0, 6.0), vanishes=6.0, falls=6.5, noise=0.0):
    """Regression whose norms are half collapsed at these times.

    The unembedding has grown by 3 and is half gone when it `vanishes`; the coefficient `falls`.
    """
    base = planted()
    generator = np.random.default_rng(1)
    shape = (3, len(STEPS))
    by_layer = np.stack([np.broadcast_to(rise(at), shape) for at in collapse])
    curves = {
        "loss": base.curves["loss"],
        "prediction_norm": np.broadcast_to(1 - 0.9 * rise(1.5) + 1.5 * rise(4.5), shape),
        "icl_score": np.broadcast_to(-rise(4.0), shape),
        "norm_collapse": by_layer.mean(axis=0),
        "unembedding_norm": 0.2
        + rise(3.0)
        - 0.9 * rise(vanishes)
        + noise * generator.normal(size=shape),
        **{f"pc{n}": base.curves[f"pc{n}"] for n in (1, 2, 3)},
    }
    llc = 10 * rise(3.0, 2.0) - 8 * rise(falls, 1.5)
    chains = llc + 0.02 * generator.normal(size=base.chains.shape)
    by_layer = {"norm_collapse": by_layer + noise * generator.normal(size=by_layer.shape)}
    fields = vars(base) | {"curves": curves, "by_layer": by_layer, "chains": chains}
    fields = {name: fields[name] for name in Evidence.__dataclass_fields__}
    return Evidence(**fields)


def tables(evidence):
    """The rows of the table of measures that evidence would be read from."""
    rows = [
        ("lm", "text", int(seed), int(step), None, None, metric, float(values[s, t]))
        for metric, values in evidence.curves.items()
        for s, seed in enumerate(evidence.seeds)
        for t, step in enumerate(evidence.steps)
    ]
    rows += [
        ("lm", "text", int(seed), int(step), None, None, "llc", float(evidence.llc[s, t]))
        for s, seed in enumerate(evidence.seeds)
        for t, step in enumerate(evidence.steps)
    ]
    names = ["run", "corpus", "seed", "step", "layer", "head", "metric", "value"]
    frame = pd.DataFrame(rows, columns=names)
    for place, metric in enumerate(("previous_token_score", "prefix_score")):
        own = frame["metric"] == metric
        frame.loc[own, ["layer", "head"]] = [place + 1, 1]
    return frame.astype({"layer": "Int64", "head": "Int64"})
