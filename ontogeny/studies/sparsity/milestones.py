"""When the gradient has become half as concentrated as it will be, for the atlas."""

import numpy as np
import pandas as pd

from ontogeny.planning.study import Settings
from ontogeny.results.half_way import FEWEST, half_way_interval
from ontogeny.results.milestones import bootstrap_weights
from ontogeny.results.timeline import milestones
from ontogeny.studies.sparsity.correlation import weighted_pearson

DRAWS = 400


def half_way_points(words: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return where the top gradient's concentration, and its tie to frequency, are half-way.

    The curves are the mean of the concentration over words, and its correlation with the words'
    frequencies; half-way is between their first and their last value, up or down. Intervals redraw
    words (`half_way_interval`, which also says what changes at all). Words that aren't measured at
    every step are left out.
    """
    rows = []
    for (run, corpus, seed), part in words.groupby(["run", "corpus", "seed"]):
        table = part.pivot_table(index="word", columns="step", values="value").dropna()
        if table.shape[1] < FEWEST or len(table) < FEWEST:
            continue
        values, steps = table.to_numpy(), table.columns.to_numpy()
        frequency = part.drop_duplicates("word").set_index("word")["frequency"][table.index]
        weights = bootstrap_weights(len(values), DRAWS, np.random.default_rng(int(str(seed))))
        curves = {
            "gradient concentrates": weights @ values / weights.sum(axis=1, keepdims=True),
            "concentration follows frequency": weighted_pearson(
                weights, frequency.to_numpy(dtype=np.float64), values
            ),
        }
        for name, curve in curves.items():
            rows.append((run, corpus, seed, name, *half_way_interval(steps, curve)))
    columns = ["run", "corpus", "seed", "milestone", "step", "low", "high"]
    frame = pd.DataFrame(rows, columns=columns).dropna(subset="step")
    return milestones(frame.assign(kind="half-way"))
