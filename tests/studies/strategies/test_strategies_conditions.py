"""The grid of a sweep is a product less exclusions, and what can't be is refused by name."""

import itertools

import pytest

from ontogeny.errors import ConfigError
from ontogeny.studies.strategies.conditions import (
    contradictions,
    jobs,
    members,
    tail_types,
    types_of_class,
)

SETTINGS = {
    "grid": {
        "alpha": [0, 1.5],
        "vocabulary": [1000, 100],
        "ambiguity": [0, 0.1],
        "forgetting": ["none", "active", "temporary"],
    },
    "exclude": [],
    "seeds": [0, 3],
    "steps": [0, 100],
    "runs_per_job": 5,
    "width": 64,
    "heads": 1,
    "held_out": 10,
    "forget_every": 10,
    "temporary_every": 10,
    "forget_until": 50,
}


def changed(**changes):
    grid = {**SETTINGS["grid"], **{k: v for k, v in changes.items() if k in SETTINGS["grid"]}}
    rest = {k: v for k, v in changes.items() if k not in SETTINGS["grid"]}
    return {**SETTINGS, "grid": grid, **rest}


def problems(**changes):
    return "\n".join(contradictions(changed(**changes)))


def test_without_exclusions_every_combination_is_a_member_once():
    found = members(SETTINGS)
    assert len(found) == len(set(found)) == 2 * 2 * 2 * 3 * 2
    grid = SETTINGS["grid"]
    expected = itertools.product(grid["alpha"], grid["vocabulary"], grid["ambiguity"], [0, 3])
    assert {(m.alpha, m.vocabulary, m.ambiguity, m.seed) for m in found} == set(expected)


def test_an_exclusion_leaves_out_what_agrees_with_all_of_its_keys():
    found = members(
        changed(exclude=[{"forgetting": ["active", "temporary"], "ambiguity": 0.1}, {"alpha": 0}])
    )
    kept = [
        m
        for m in members(SETTINGS)
        if not (m.forgetting != "none" and m.ambiguity == 0.1) and m.alpha != 0
    ]
    assert found == kept
    assert len(found) == 2 * (3 + 1) * 2


def test_jobs_hold_every_member_once_and_one_vocabulary_each():
    parts = jobs(SETTINGS)
    assert list(itertools.chain(*parts)) == members(SETTINGS)
    assert max(map(len, parts)) == 5
    assert all(len({member.vocabulary for member in part}) == 1 for part in parts)
    assert [part[0].vocabulary for part in parts] == [100] * 5 + [1000] * 5


def test_uniform_and_zipf_are_told_by_their_exponent():
    found = {member.alpha: member.keys()["distribution"] for member in members(SETTINGS)}
    assert found == {0: "uniform", 1.5: "zipf"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"vocabulary": [101]}, "grid.vocabulary: is 101, an odd number; half of the tokens"),
        ({"vocabulary": [18]}, "which leaves 0 types in the tail (the rarest tenth) of a class"),
        ({"vocabulary": [38]}, "which leaves 1 types in the tail"),
        ({"alpha": [-1]}, "grid.alpha: is -1; expected 0 (uniform) or a positive exponent"),
        ({"alpha": [float("nan")]}, "grid.alpha: is nan; expected"),
        ({"ambiguity": [1.5]}, "grid.ambiguity: is 1.5; expected a share from 0 to 1"),
        ({"ambiguity": [-0.5]}, "grid.ambiguity: is -0.5; expected a share from 0 to 1"),
        (
            {"exclude": [{"alpha": [0, 1.5]}]},
            "exclude: leaves no condition of the grid; take out an exclusion",
        ),
        ({"exclude": [{"alpha": 2}]}, "exclude.0.alpha: 2 is not in the grid, which has 0, 1.5."),
        ({"exclude": [{}]}, "exclude.0: is empty; expected keys of the grid"),
        ({"heads": 3}, "width: is 64; expected a multiple of heads (3)"),
        ({"forget_every": 100}, "forget_every: is 100, so nothing would be forgotten in 100"),
        ({"forget_until": 5}, "forget_until: is 5, before the first forgetting at 10"),
    ],
)
def test_what_cannot_be_is_told_by_its_key(changes, expected):
    assert expected in problems(**changes)


def test_a_sound_grid_has_no_contradictions():
    assert problems() == ""
    assert problems(forgetting=["none"], forget_every=1000) == ""


def test_a_class_is_half_of_the_vocabulary_and_its_tail_a_tenth_rounded_down():
    assert types_of_class(100) == 50
    assert tail_types(50) == 5
    assert tail_types(59) == 5
    with pytest.raises(ConfigError, match="expected at least 40 tokens"):
        types_of_class(20)
