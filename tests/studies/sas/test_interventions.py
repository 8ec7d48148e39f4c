"""What a regularizer does to a run, and which run it is compared with."""

import pytest

from ontogeny.studies.sas.interventions import Intervention, baseline, control, intervention

DOWN = Intervention("suppressed", strength=0.5)
BRIEF = Intervention("suppressed early", 30, strength=0.5)


def stage(strength, start=0, until=None, **how):
    given = {"kind": "syntactic_attention", "strength": strength, "from": start, "until": until}
    return given | {"edges": "gold", "reduce": "sum"} | how


@pytest.mark.parametrize(
    ("regularizer", "expected", "label"),
    [
        (None, Intervention("none"), "baseline"),
        ([], Intervention("none"), "baseline"),
        (stage(0.0), Intervention("none"), "baseline"),
        (stage(0.5), DOWN, "suppressed throughout, 0.5"),
        (stage(0.5, until=100), DOWN, "suppressed throughout, 0.5"),
        ([stage(0.5, until=2000)], DOWN, "suppressed throughout, 0.5"),
        (stage(-0.5), Intervention("promoted", strength=-0.5), "promoted throughout, 0.5"),
        (stage(0.5, until=30), BRIEF, "suppressed until 30, 0.5"),
        (
            stage(0.5, start=10),
            Intervention("suppressed late", since=10, strength=0.5),
            "suppressed from 10, 0.5",
        ),
        (
            stage(2.0, reduce="max"),
            Intervention("suppressed", strength=2.0, reduce="max"),
            "suppressed throughout, 2 of the greatest",
        ),
        (
            stage(0.5, until=30, edges="random"),
            Intervention("control", 30, strength=0.5, like="suppressed early"),
            "suppressed until 30, 0.5, random edges",
        ),
        (
            stage(-0.5, edges="random"),
            Intervention("control", strength=-0.5, like="promoted"),
            "promoted throughout, 0.5, random edges",
        ),
        (stage(-0.5, until=30), Intervention("other"), "other stages"),
        (stage(0.5, start=10, until=30), Intervention("other"), "other stages"),
        ([stage(0.5, until=30), stage(-1, start=50)], Intervention("other"), "other stages"),
        ([stage(0.5, until=30), stage(0, start=50)], BRIEF, None),
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


def test_the_control_of_a_run_differs_from_it_in_its_edges_alone():
    runs = {
        **RUNS,
        "stronger": {**RUNS["down"], "regularizer": stage(2.0, edges="random")},
        "until": {**RUNS["down"], "regularizer": stage(1.0, until=5, edges="random")},
        "wider": {**RUNS["down"], "width": 48, "regularizer": stage(1.0, edges="random")},
        "greatest": {**RUNS["down"], "regularizer": stage(1.0, edges="random", reduce="max")},
        "random": {**RUNS["down"], "threads": 2, "regularizer": [stage(1.0, edges="random")]},
    }
    assert control(runs, "down") == "random"
    assert control(runs, "up") is None
    assert control(runs, "plain") is None
    assert control(runs, "random") is None
