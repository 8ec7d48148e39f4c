"""Coefficients of single layers and heads: chains that move their weights alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from ontogeny.ensemble import ModuleStack
from ontogeny.measures.learning_coefficient import Examples, estimate
from ontogeny.measures.learning_coefficient.restrictions import parts_of
from ontogeny.measures.learning_coefficient.sampling import ExampleLosses
from ontogeny.studies.stages.geometry import Sampling, around

# What is said of their chains, by the names of the estimates.
REFINED = {
    "coefficient": "llc_refined",
    "standard_error": "llc_refined_se",
    "r_hat": "llc_refined_rhat",
    "diverged": "llc_refined_diverged",
}


def refined_rows(
    checkpoints: Mapping[int, torch.nn.Module],
    losses: ExampleLosses,
    examples: Examples,
    sampling: Sampling,
    kinds: Sequence[str],
) -> pd.DataFrame:
    """Return the coefficients of all parts of the given kinds (`restrictions.parts_of`), as rows.

    `checkpoints` are modules by step; the rows have step, layer, head, metric and value. The chains
    have the settings of those that move all weights, and at most so many go in lockstep. Raises
    `ConfigError` if the model has no such parts by its parameters' names.
    """
    rows: list[tuple[int, int, int | None, str, float]] = []
    if kinds and checkpoints:
        modules: list[Any] = list(checkpoints.values())
        shapes = ModuleStack.of(modules[:1], losses).shapes
        heads = modules[0].config.num_attention_heads if "heads" in kinds else 0
        settings = sampling.settings(len(examples))
        parts = parts_of(shapes, kinds, heads)
        for start in range(0, len(parts), sampling.checkpoints_at_once):
            some = parts[start : start + sampling.checkpoints_at_once]
            free = [part.weights for part in some]
            found = around(modules, losses, examples, sampling, [settings], free=free)
            for step, traces in zip(checkpoints, found, strict=True):
                own = estimate(traces, np.array(settings[2:]))
                rows += [
                    (step, part.layer, part.head, metric, float(getattr(own, name)[place, 0]))
                    for place, part in enumerate(some)
                    for name, metric in REFINED.items()
                ]
    frame = pd.DataFrame(rows, columns=["step", "layer", "head", "metric", "value"])
    return frame[np.isfinite(frame["value"].astype(float))]
