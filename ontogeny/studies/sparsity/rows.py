"""The tables of a trajectory."""

import warnings

import numpy as np
import pandas as pd

from ontogeny.studies.sparsity.correlation import correlations
from ontogeny.studies.sparsity.trajectory import Trajectory


def correlation_rows(trajectory: Trajectory) -> pd.DataFrame:
    """Return the rows of the table `sparsity`: of each quantity, class of words, seed and step."""
    parts = []
    for key, values in trajectory.values.items():
        for word_class, chosen in trajectory.members.items():
            own = values[chosen]
            metrics = correlations(trajectory.frequency[chosen], own)
            with warnings.catch_warnings():  # of a quantity that no word of the class has
                warnings.simplefilter("ignore", RuntimeWarning)
                metrics["mean"] = np.nanmean(own, axis=0)
            count = (~np.isnan(own)).sum(axis=0)
            for metric, numbers in metrics.items():
                parts.append(
                    _cells(trajectory, numbers, count).assign(
                        **key._asdict(), word_class=word_class, metric=metric
                    )
                )
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[frame["value"].notna()].assign(run=trajectory.run, corpus=trajectory.corpus)
    return frame.assign(layer=frame["layer"].astype("Int64"))


def word_rows(trajectory: Trajectory) -> pd.DataFrame:
    """Return the rows of the table `sparsity_words`: of each word, seed and step."""
    values = trajectory.values[trajectory.key(trajectory.top, "gradient", "target")]
    words, seeds, steps = np.indices(values.shape).reshape(3, -1)
    frame = pd.DataFrame(
        {
            "run": trajectory.run,
            "corpus": trajectory.corpus,
            "seed": trajectory.seeds[seeds],
            "step": trajectory.steps[steps],
            "word": trajectory.words[words],
            "metric": "chi",
            "value": values.ravel(),
            "frequency": trajectory.frequency[words],
            "word_class": trajectory.word_class[words],
        }
    )
    return frame[frame["value"].notna()]


def _cells(trajectory: Trajectory, values: np.ndarray, count: np.ndarray) -> pd.DataFrame:
    seeds, steps = np.indices(values.shape).reshape(2, -1)
    return pd.DataFrame(
        {
            "seed": trajectory.seeds[seeds],
            "step": trajectory.steps[steps],
            "value": values.ravel(),
            "n": count.ravel(),
        }
    )
