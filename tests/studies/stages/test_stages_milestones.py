"""Ends of stages as the atlas reads them."""

import numpy as np
import pandas as pd
import pytest

from ontogeny.measures.essential_dynamics import log_steps
from ontogeny.measures.stage_boundaries import find_boundaries
from ontogeny.studies.stages.milestones import boundaries

STEPS = np.unique(np.geomspace(1, 10_000, 40).astype(int))


def curve(bend):
    """A coefficient that rises, rests around a step, and rises again."""
    times = log_steps(STEPS) - np.log1p(bend)
    return times**3 + 0.01 * times


def measured(bends):
    rows = [
        ("a", "text", seed, step, "llc", value)
        for seed, bend in enumerate(bends)
        for step, value in zip(STEPS, curve(bend), strict=True)
    ]
    return pd.DataFrame(rows, columns=["run", "corpus", "seed", "step", "metric", "value"])


def found(end, low, high):
    rows = [
        ("a", "text", stage, metric, value)
        for stage, values in (
            (1, {"end": end, "end_low": low, "end_high": high}),
            (2, {"end": 1e4}),
        )
        for metric, value in values.items()
    ]
    return pd.DataFrame(rows, columns=["run", "corpus", "stage", "metric", "value"])


def test_each_seed_has_its_own_boundary_within_the_common_interval():
    told = boundaries(found(100.0, 50.0, 200.0), measured([80, 120, 900]), {"bandwidth": 0.4})
    assert told["seed"].isna().tolist() == [True, False, False]  # the third seed's is elsewhere
    common, *own = told["step"]
    assert common == 100
    for step, bend in zip(own, (80, 120), strict=True):
        (expected,) = find_boundaries(log_steps(STEPS), curve(bend), 0.4)
        assert step == pytest.approx(np.expm1(expected))
        assert step == pytest.approx(bend, rel=0.15)
    assert told["low"].isna().tolist() == [False, True, True]
    assert set(told["kind"]) == {"boundary"}
    assert set(told["milestone"]) == {"stage 1 ends"}


def test_the_last_stage_ends_with_training_and_that_is_no_milestone():
    rows = found(100.0, 50.0, 200.0)
    last = rows[rows["stage"].eq(2)].assign(stage=1)
    assert boundaries(last, measured([80]), {"bandwidth": 0.4}).empty
