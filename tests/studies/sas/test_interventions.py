"""What a regularizer does to a run, and which run it is compared with."""

import pytest

from ontogeny.studies.sas.interventions import Intervention, baseline, intervention


def stage(strength, start=0, until=None):
    return {"kind": "syntactic_attention", "strength": strength, "from": start, "until": until}


@pytest.mark.parametrize(
    ("regularizer", "expected", "label"),
    [
        (None, Intervention("none"), "baseline"),
        ([], Intervention("none"), "baseline"),
        (stage(0.0), Intervention("none"), "baseline"),
        (stage(0.5), Intervention("suppressed"), "suppressed throughout"),
        (stage(0.5, until=100), Intervention("suppressed"), "suppressed throughout"),
        ([stage(0.5, until=2000)], Intervention("suppressed"), "suppressed throughout"),
        (stage(-0.5), Intervention("promoted"), "promoted throughout"),
        (stage(0.5, until=30), Intervention("suppressed early", 30), "suppressed until 30"),
        (stage(-0.5, until=30), Intervention("other"), "other stages"),
        (stage(0.5, start=10), Intervention("other"), "other stages"),
        ([stage(0.5, until=30), stage(-1, start=50)], Intervention("other"), "other stages"),
        ([stage(0.5, until=30), stage(0, start=50)], Intervention("suppressed early", 30), None),
    ],
)
def test_an_intervention_is_told_from_its_stages(regularizer, expected, label):
    found = intervention({"regularizer": regularizer}, last=100)
    assert found == expected
    assert label is None or str(found) == label


def test_a_run_without_the_key_has_no_intervention():
    assert intervention({}, last=5) == Intervention("none")


RUNS = {
    "other": {"kind": "pretrain", "width": 64, "seeds": [0], "regularizer": None},
    "plain": {"kind": "pretrain", "width": 32, "seeds": [0], "regularizer": None},
    "twin": {"kind": "pretrain", "width": 32, "seeds": [0], "regularizer": None},
    "down": {"kind": "pretrain", "width": 32, "seeds": [0], "regularizer": stage(1.0)},
    "up": {"kind": "pretrain", "width": 32, "seeds": [0], "regularizer": stage(-1.0)},
    "lonely": {"kind": "pretrain", "width": 32, "seeds": [0, 1], "regularizer": stage(1.0)},
}


def test_a_run_is_compared_with_the_one_that_differs_in_the_regularizer_alone():
    assert baseline(RUNS, "down") == baseline(RUNS, "up") == "plain"
    assert baseline(RUNS, "lonely") is None
    assert baseline(RUNS, "plain") is None
    assert baseline(RUNS, "other") is None


def test_what_changes_no_weights_makes_no_other_baseline():
    slower = {**RUNS["down"], "state_every": 7, "threads": 2, "audit": "warn"}
    assert baseline({**RUNS, "slower": slower}, "slower") == "plain"
