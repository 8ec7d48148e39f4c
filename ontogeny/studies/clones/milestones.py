"""From when each order of interaction is learned, for the atlas."""

import pandas as pd

from ontogeny.planning.study import Settings
from ontogeny.results.timeline import milestones


def saturations(measured: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return from which step on the loss on each clone is within tolerance of its end.

    A clone holds interactions up to the order of the model that it was sampled from; the sentences
    themselves hold all. Of a model's clones the one of most sweeps counts. Sentences are redrawn
    for claims alone, so that a seed's step has no interval.
    """
    rows = measured[measured["part"].eq("text") & measured["metric"].eq("saturation_step")]
    sweeps = rows["sweeps"].fillna(0)
    clone = [rows[key].fillna("") for key in ("run", "corpus", "sampler")]
    rows = rows[sweeps.eq(sweeps.groupby(clone).transform("max"))]
    named = rows.assign(
        milestone=[
            _name(sampler, order)
            for sampler, order in zip(
                rows["sampler"].fillna("").astype(str),
                rows["order"].fillna(0).astype(int),
                strict=True,
            )
        ],
        step=rows["value"],
        kind="saturation",
        layer=None,  # a clone is of a whole model
    )
    return milestones(named)


def _name(sampler: str, order: int) -> str:
    """Name a milestone; the sentences have no sampler, and a sampler of any order has none."""
    if not sampler:
        return "loss saturates on the sentences"
    if not order:
        return f"loss saturates on the clone of {sampler}"
    return f"loss saturates on the clone of order {order} ({sampler})"
