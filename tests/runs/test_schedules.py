import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.errors import ConfigError
from ontogeny.runs.schedules import check_steps, listed_steps, steps, updates_of_a_pass


@st.composite
def spaced_schedules(draw):
    last = draw(st.integers(1, 200_000))
    count = draw(st.integers(2, min(last + 1, 60)))
    schedule = {"spacing": draw(st.sampled_from(["log", "linear"])), "last": last, "count": count}
    if count > 2 and draw(st.booleans()):
        schedule["first"] = draw(st.integers(1, last - count + 2))
    return schedule


@given(spaced_schedules())
def test_a_spaced_schedule_has_zero_first_last_and_exactly_count_increasing_steps(schedule):
    result = steps(schedule)
    assert len(result) == schedule["count"]
    assert result[0] == 0
    assert result[-1] == schedule["last"]
    assert list(result) == sorted(set(result))
    if "first" in schedule:
        assert result[1] == schedule["first"]


@given(st.integers(1, 40), st.integers(1, 1000))
def test_linear_steps_are_multiples_of_the_spacing_where_it_is_whole(intervals, spacing):
    schedule = {"spacing": "linear", "last": intervals * spacing, "count": intervals + 1}
    assert steps(schedule) == tuple(range(0, intervals * spacing + 1, spacing))


@given(st.integers(2, 16))
def test_log_steps_are_powers_of_two_where_the_ratio_is_two(doublings):
    schedule = {"spacing": "log", "last": 2**doublings, "count": doublings + 2}
    assert steps(schedule) == (0, *(2**power for power in range(doublings + 1)))


def test_log_steps_follow_the_geometric_series_once_it_leaves_neighbouring_integers():
    result = steps({"spacing": "log", "last": 3000, "count": 12})
    for place in range(5, 11):
        assert abs(result[place + 1] - 3000 ** (place / 10)) <= 0.5
    assert math.isclose(result[-1] / result[-2], 3000**0.1, rel_tol=0.01)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20, unique=True))
def test_a_list_is_kept_and_zero_is_added_only_where_the_initialisation_belongs(listed):
    listed = sorted(listed)
    assert steps(listed, initial=False) == tuple(listed)
    assert steps(listed) == tuple(sorted({0, *listed}))


@pytest.mark.parametrize(
    ("schedule", "key"),
    [
        ([], "steps:"),
        ("log", "steps:"),
        (7, "steps:"),
        ([0, 10, 10], "steps:"),
        ([10, 5], "steps:"),
        ([0, 1.5], r"steps\[1\]"),
        ([0, True], r"steps\[1\]"),
        ([-1], r"steps\[0\]"),
        ({"spacing": "log", "last": 10}, r"steps\.count"),
        ({"spacing": "cubic", "last": 10, "count": 3}, r"steps\.spacing"),
        ({"spacing": "log", "last": 0, "count": 3}, r"steps\.last"),
        ({"spacing": "log", "last": 10, "count": 1}, r"steps\.count"),
        ({"spacing": "log", "last": 10, "count": 12}, r"steps\.count"),
        ({"spacing": "linear", "last": 10, "count": 12}, r"steps\.count"),
        ({"spacing": "log", "last": 10, "count": 4, "first": 9}, r"steps\.count"),
        ({"spacing": "log", "last": 10, "count": 4, "first": 11}, r"steps\.first"),
        ({"spacing": "log", "last": 10, "count": 4, "firts": 1}, r"steps\.firts"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_by_its_key(schedule, key):
    with pytest.raises(ConfigError, match=key):
        steps(schedule)


def test_a_step_that_a_run_lacks_is_refused_with_those_it_has():
    check_steps([10, 20], [0, 10, 20], "mine")
    with pytest.raises(ConfigError, match=r"runs\.mine\.steps.* no step 15; it has 0, 10, 20"):
        check_steps([10, 15], [20, 0, 10], "mine")


@given(st.integers(0, 50), st.integers(1, 50), st.integers(0, 40))
def test_a_progression_by_a_difference_is_a_range(first, difference, count):
    last = first + difference * count
    entry = {"from": first, "to": last, "by": difference}
    assert listed_steps([entry]) == tuple(range(first, last + 1, difference))


@given(st.integers(1, 9), st.integers(2, 5), st.integers(0, 8))
def test_a_progression_by_a_ratio_is_its_powers(first, ratio, count):
    entry = {"from": first, "to": first * ratio**count, "times": ratio}
    assert listed_steps([entry]) == tuple(first * ratio**power for power in range(count + 1))


def test_the_published_lists_are_written_out():
    multiberts = [0, {"from": 20, "to": 200, "by": 20}, {"from": 300, "to": 2000, "by": 100}]
    assert listed_steps(multiberts) == (
        *(0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 300, 400, 500, 600, 700, 800, 900),
        *(1000, 1100, 1200, 1300, 1400, 1500, 1600, 1700, 1800, 1900, 2000),
    )
    pythia = [0, {"from": 1, "to": 512, "times": 2}, {"from": 1000, "to": 143000, "by": 1000}]
    assert listed_steps(pythia)[:12] == (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
    assert listed_steps(pythia)[-1] == 143000
    assert len(listed_steps(pythia)) == 154


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"from": 20, "to": 190, "by": 20}], r"steps\.0\.to: is 190, .*: 180 comes before .* 200"),
        (
            [5, {"from": 1, "to": 10, "times": 3}],
            r"steps\.1\.to: is 10, .*: 9 comes before it and 27",
        ),
        ([{"from": 9, "to": 1, "by": 1}], r"steps\.0: .*from to be at most to"),
        ([{"from": 0, "to": 8, "times": 2}], r"steps\.0: .*at least 1 where it is multiplied"),
        ([{"from": 1, "to": 8}], r"steps\.0: .*expected from, to, and either by or times"),
        ([{"from": 1, "to": 8, "by": 1, "times": 2}], r"steps\.0: .*either by or times"),
        ([1, {"from": 0, "to": 3, "by": 1}], r"steps: step 1 comes twice"),
        ([{"from": 0, "to": 10**12, "by": 1}], r"steps\.0: comes to more than 100000 steps"),
    ],
)
def test_a_progression_that_does_not_arrive_or_repeats_is_refused(entries, message):
    with pytest.raises(ConfigError, match=message):
        listed_steps(entries)


@given(st.integers(2, 500), st.integers(1, 60), st.integers(1, 9), st.data())
def test_steps_by_epoch_are_the_ends_of_passes_and_some_within_the_first(
    updates, epochs, every, data
):
    within = data.draw(st.integers(0, min(updates - 1, 8)))
    schedule = {"spacing": "epochs", "updates": updates, "epochs": epochs, "every": every}
    result = steps({**schedule, "within_first": within})
    ends = [updates * epoch for epoch in range(1, epochs + 1) if epoch % every == 0]
    later = sorted({*ends, updates * epochs, *([updates] if within else [])})
    assert [step for step in result if step >= updates] == later
    assert len([step for step in result if 0 < step < updates]) == within
    assert updates_of_a_pass(schedule) == updates


def test_epochs_that_cannot_be_are_refused_by_their_key():
    schedule = {"spacing": "epochs", "updates": 5, "epochs": 2}
    for change, key in (
        ({"within_first": 5}, r"within_first: is 5; expected less than updates \(5\)"),
        ({"updates": 0}, "updates: is 0"),
        ({"last": 10}, "last: unknown key"),
    ):
        with pytest.raises(ConfigError, match=rf"steps\.{key}"):
            steps({**schedule, **change})
    with pytest.raises(ConfigError, match=r"steps\.epochs: missing"):
        steps({"spacing": "epochs", "updates": 5})
