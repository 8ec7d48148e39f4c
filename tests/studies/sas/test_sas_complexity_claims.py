"""The claims that complexity drops at the onsets: where it does, where it doesn't, and on noise."""

from dataclasses import replace

import numpy as np
import pytest
from planted_sas_claims import ABRUPT, CENTRE, LATE, STEPS, as_published, judged
from planted_trajectories import NONE, planted, planted_onset, sigmoid

from ontogeny.results.milestones import log_step
from ontogeny.studies.sas.claims import evidence
from ontogeny.studies.sas.timing_statistics import fall_at_onset


@pytest.mark.parametrize(
    ("onset", "replicated"),
    [(planted_onset(CENTRE), ["6a", "6b"]), (planted_onset(LATE, ABRUPT), ["6c", "6d"])],
    ids=["structure", "capability"],
)
def test_a_break_at_one_onset_bears_out_the_claims_about_that_onset_alone(onset, replicated):
    generator = np.random.default_rng(0)
    run = as_published(generator, break_at=onset, seeds=6)
    found = judged(run).loc[["6a", "6b", "6c", "6d"]]
    assert (found.loc[replicated, "low"] > 0.9).all()
    assert (found["high"].drop(replicated) < 0.7).all()


def test_each_claim_says_which_onset_it_is_about():
    claims = judged(as_published())
    for onset, names in (("structure onset", ["6a", "6b"]), ("capability onset", ["6c", "6d"])):
        for column in ("statement", "statistic"):
            found = claims.index[claims[column].str.contains(onset)]
            assert [name for name in found if name.startswith("6")] == names


@pytest.mark.slow
@pytest.mark.parametrize("rising", ["uas", "accuracy"])
@pytest.mark.parametrize("schedule", ["log", "linear"])
def test_noise_drops_no_more_at_an_onset_than_elsewhere_on_any_schedule(schedule, rising):
    steps = STEPS if schedule == "log" else np.r_[0:220:20, 300:2001:100] * 1000
    # At the end of the linear one, where a fit leans to one side.
    centre, width = (CENTRE, 0.4) if schedule == "log" else (1_900_000, 0.05)
    generator = np.random.default_rng(7)
    values = []
    curves = {"uas": 0.3, "accuracy": 0.5, rising: 0.2 + 0.5 * sigmoid(steps, centre, width)}
    plain = planted(steps, curves["uas"], 5.0, curves["accuracy"], seeds=2, sentences=2)
    for _ in range(150):
        noise = {"intrinsic_dimension": 10 + generator.normal(size=(2, len(steps)))}
        ((_, found),) = evidence(
            replace(plain, of_model=noise), None, NONE, draws=1, seed=0
        ).items()
        values.append(fall_at_onset(found, 0.7, "intrinsic_dimension", rising).value)
    # The mean of two numbers from 0 to 1 has a variance of 1/24, and is above 0.7 in 18%.
    assert np.mean(values) < 0.5 + 3 / np.sqrt(24 * len(values))
    assert np.mean(np.array(values) > 0.7) < 0.18 + 3 * np.sqrt(0.18 * 0.82 / len(values))


def test_fisher_traces_turn_by_their_logarithm():
    curve = np.exp(9 - 0.5 * log_step(STEPS))  # whose logarithm turns nowhere
    rise = 0.2 + 0.5 * sigmoid(STEPS, CENTRE)
    run = planted(STEPS, rise, 5.0, rise, intrinsic_dimension=curve, fisher_trace=curve)
    found = judged(run)["value"]
    assert found["6b"] == found["6d"] == 0.5
    assert found["6a"] < 0.5
    assert found["6c"] < 0.5


def test_a_bend_that_is_no_drop_is_none():
    place = log_step(STEPS) - np.log(planted_onset(CENTRE))
    rise = 0.2 + 0.5 * sigmoid(STEPS, CENTRE)
    # It begins to rise there, or stops rising.
    for curve in (10 + np.maximum(place, 0), 10 + np.minimum(place, 0)):
        found = judged(planted(STEPS, rise, 5.0, intrinsic_dimension=curve))["value"]
        assert found["6a"] <= 0.5
    # It falls from its peak there.
    found = judged(planted(STEPS, rise, 5.0, intrinsic_dimension=10 - np.abs(place)))["value"]
    assert found["6a"] > 0.9


def test_complexity_that_bends_nowhere_or_everywhere_alike_is_no_break():
    rise = 0.2 + 0.5 * sigmoid(STEPS, CENTRE)
    for curve, expected in ((np.full(len(STEPS), 7.0), 0), (9 - 0.3 * log_step(STEPS), 0.5)):
        found = judged(planted(STEPS, rise, 5.0, rise, intrinsic_dimension=curve))
        for name in ("6a", "6c"):
            assert found.loc[name, ["value", "low", "high"]].tolist() == [expected] * 3
            assert found.loc[name, "verdict"] == "insufficient data"
