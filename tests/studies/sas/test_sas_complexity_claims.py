"""The claims that complexity bends at the onsets: where it does, where it doesn't, and on noise."""

from dataclasses import replace

import numpy as np
import pytest
from planted_sas_claims import ABRUPT, CENTRE, LATE, STEPS, as_published, judged
from planted_trajectories import NONE, planted, planted_onset, sigmoid

from ontogeny.results.milestones import log_step
from ontogeny.studies.sas.claim_statistics import bend_at_onset
from ontogeny.studies.sas.claims import evidence


@pytest.mark.parametrize(
    ("onset", "replicated"),
    [(planted_onset(CENTRE), ["6a", "6b"]), (planted_onset(LATE, ABRUPT), ["6c", "6d"])],
    ids=["structure", "capability"],
)
def test_a_break_at_one_onset_bears_out_the_claims_about_that_onset_alone(onset, replicated):
    generator = np.random.default_rng(0)
    run = as_published(generator, break_at=onset, seeds=6)
    verdicts = judged(run).loc[["6a", "6b", "6c", "6d"], "verdict"]
    assert list(verdicts.index[verdicts == "replicated"]) == replicated
    assert set(verdicts) == {"replicated", "not replicated"}


def test_each_claim_says_which_onset_it_is_about():
    claims = judged(as_published())
    for onset, names in (("structure onset", ["6a", "6b"]), ("capability onset", ["6c", "6d"])):
        for column in ("statement", "statistic"):
            found = claims.index[claims[column].str.contains(onset)]
            assert [name for name in found if name.startswith("6")] == names


@pytest.mark.parametrize("rising", ["uas", "accuracy"])
@pytest.mark.parametrize("schedule", ["log", "linear"])
def test_noise_bends_as_much_at_an_onset_as_elsewhere_on_any_schedule(schedule, rising):
    steps = STEPS if schedule == "log" else np.r_[0:220:20, 300:2001:100] * 1000
    centre = CENTRE if schedule == "log" else 3_000_000  # at the end, where a fit leans to one side
    generator = np.random.default_rng(7)
    values = []
    curves = {"uas": 0.3, "accuracy": 0.5, rising: 0.2 + 0.5 * sigmoid(steps, centre, 0.4)}
    plain = planted(steps, curves["uas"], 5.0, curves["accuracy"], seeds=2, sentences=2)
    for _ in range(150):
        noise = {"intrinsic_dimension": 10 + generator.normal(size=(2, len(steps)))}
        ((_, found),) = evidence(
            replace(plain, complexity=noise), None, NONE, draws=1, seed=0
        ).items()
        values.append(bend_at_onset(found, 0.7, "intrinsic_dimension", rising).value)
    # The mean of two numbers from 0 to 1 has a variance of 1/24.
    assert abs(np.mean(values) - 0.5) < 3 / np.sqrt(24 * len(values))


def test_fisher_traces_bend_by_their_logarithm():
    place = log_step(STEPS) - np.log(planted_onset(CENTRE))
    curve = np.exp(10 - 0.5 * log_step(STEPS) - np.maximum(place, 0))
    rise = 0.2 + 0.5 * sigmoid(STEPS, CENTRE)
    run = planted(STEPS, rise, 5.0, rise, intrinsic_dimension=curve, fisher_trace=curve)
    found = judged(run)["value"]
    assert found["6b"] > 0.9 > 0.7 > found["6a"]
    assert found["6d"] > 0.9 > 0.7 > found["6c"]


def test_complexity_that_bends_nowhere_or_everywhere_alike_is_no_break():
    rise = 0.2 + 0.5 * sigmoid(STEPS, CENTRE)
    for curve in (np.full(len(STEPS), 7.0), 9 - 0.3 * log_step(STEPS)):
        found = judged(planted(STEPS, rise, 5.0, rise, intrinsic_dimension=curve))
        for name in ("6a", "6c"):
            assert found.loc[name, ["value", "low", "high"]].tolist() == [0.5] * 3
            assert found.loc[name, "verdict"] == "insufficient data"
