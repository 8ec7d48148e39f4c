"""Verdicts, the table of claims, and its printed form."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.errors import TableError
from ontogeny.results.claims import (
    CLAIM_COLUMNS,
    VERDICTS,
    Claim,
    Estimate,
    evaluate,
    format_claims,
    join,
    judge,
    read_claims,
    write_claims,
)

INFINITY = float("inf")


def claim(number="1", direction="above", threshold=0.0, estimate=lambda data: data, **needs):
    return Claim(
        id=f"sparsity.{number}",
        study="sparsity",
        statement='Models become "sparse", at last.',
        source="Nobody 2026, Figure 1",
        statistic="share of zeros",
        direction=direction,
        threshold=threshold,
        estimate=estimate,
        **needs,
    )


def verdict(direction, threshold, low, high):
    value = np.mean([low, high]) if np.isfinite([low, high]).all() else max(low, -9.0)
    declared = claim(direction=direction, threshold=threshold)
    return judge(declared, Estimate(value, low, high, seeds=3, steps=9, tasks=2))


@pytest.mark.parametrize(
    ("direction", "threshold", "low", "high", "expected"),
    [
        ("above", 0, 0.1, 0.9, "replicated"),
        ("above", 0, 0.0, 0.9, "undecided"),  # it touches
        ("above", 0, -0.1, 0.9, "undecided"),
        ("above", 0.9, 0.1, 0.9, "undecided"),
        ("above", 1, 0.1, 0.9, "not replicated"),
        ("above", 0, 0.1, INFINITY, "replicated"),
        ("above", 0, -0.1, INFINITY, "undecided"),
        ("above", 0, -INFINITY, -0.1, "not replicated"),
        ("below", 0, -0.9, -0.1, "replicated"),
        ("below", 0, -0.9, 0.0, "undecided"),
        ("below", 0, -0.9, 0.1, "undecided"),
        ("below", 0.1, 0.1, 0.9, "undecided"),
        ("below", 0, 0.1, 0.9, "not replicated"),
        ("below", 0, -INFINITY, -0.1, "replicated"),
        ("below", 0, -0.9, INFINITY, "undecided"),
        ("below", 0, 0.1, INFINITY, "not replicated"),
        ("below", 0, -INFINITY, INFINITY, "undecided"),
        ("below", 0, np.nan, np.nan, "insufficient data"),
        ("below", 0, -0.9, np.nan, "insufficient data"),
    ],
)
def test_the_verdict_is_where_the_interval_lies(direction, threshold, low, high, expected):
    assert verdict(direction, threshold, low, high) == expected


@pytest.mark.parametrize("direction", ["above", "below"])
@pytest.mark.parametrize("end", [-INFINITY, -1.0, 0.0, 0.5, 1.0, 1e6, INFINITY])
def test_an_interval_of_no_width_decides_nothing_wherever_it_lies(direction, end):
    for threshold in (-1, 0, 0.5, 1):
        assert verdict(direction, threshold, end, end) == "insufficient data"


@pytest.mark.parametrize(
    ("chance", "expected"),
    [(np.nan, "replicated"), (0.049, "replicated"), (0.05, "insufficient data")],
)
def test_what_luck_alone_bears_out_once_in_twenty_times_is_not_borne_out(chance, expected):
    found = Estimate(2.0, 1.0, 3.0, seeds=3, chance=chance)
    rows = evaluate([claim()], {("run", ""): found}, "toy")
    assert list(rows["verdict"]) == [expected]
    assert list(rows["chance"]) == pytest.approx([chance], nan_ok=True)
    printed = format_claims(rows)
    assert ("by luck alone: 5%" in printed) == (chance > 0)


def test_what_differs_by_rounding_errors_alone_has_no_width_and_touches():
    assert 0.1 + 0.2 > 0.3
    assert verdict("above", 0, 0.3, 0.1 + 0.2) == "insufficient data"
    assert verdict("above", 0, 3e9, 1e10 * (0.1 + 0.2)) == "insufficient data"
    assert verdict("above", 0.1, 0.9 - 0.8, 0.5) == verdict("above", 0.3, 0.1 + 0.2, 0.5)
    assert verdict("above", 0.3, 0.1 + 0.2, 0.5) == "undecided"
    assert verdict("below", 0, -0.5, 0.3 - (0.1 + 0.2)) == "undecided"
    assert verdict("above", 0, 1e-9, 2e-9) == "replicated"  # small, but not that small


ENDS = st.lists(
    st.one_of(st.floats(allow_nan=False), st.integers(-8, 8).map(lambda n: n / 4)),
    min_size=2,
    max_size=2,
).map(sorted)
THRESHOLDS = st.floats(-5, 5) | st.integers(-8, 8).map(lambda n: n / 4)


@given(st.lists(st.integers(-8, 8), min_size=2, max_size=2).map(sorted), st.integers(-9, 9))
def test_a_verdict_says_on_which_side_of_the_threshold_each_point_of_the_interval_lies(ends, at):
    low, high = ends
    sides = {np.sign(point - at) for point in range(low, high + 1)}  # the ends, and between them
    for direction, claimed in (("above", 1), ("below", -1)):
        expected = {
            "replicated": low < high and sides == {claimed},
            "not replicated": low < high and sides == {-claimed},
            "undecided": low < high and 0 in sides,
            "insufficient data": low == high,
        }
        assert [name for name, holds in expected.items() if holds] == [
            verdict(direction, at, low, high)
        ]


@given(ENDS, st.lists(THRESHOLDS, min_size=2, max_size=5).map(sorted))
def test_a_threshold_further_towards_the_claimed_side_never_makes_a_claim_hold(ends, thresholds):
    order = ("replicated", "undecided", "not replicated")
    for direction, asking_more in (("above", thresholds), ("below", thresholds[::-1])):
        found = [verdict(direction, threshold, *ends) for threshold in asking_more]
        if "insufficient data" in found:
            assert set(found) == {"insufficient data"}
        else:
            assert found == sorted(found, key=order.index)


@pytest.mark.parametrize("need", ["seeds", "steps", "tasks"])
def test_no_verdict_on_fewer_seeds_steps_or_tasks_than_the_claim_needs(need):
    enough = Estimate(0.5, 0.4, 0.6, seeds=3, steps=3, tasks=3)
    asking = claim(**{need: 3})
    assert judge(asking, enough) == "replicated"
    assert judge(asking, replace(enough, **{need: 2})) == "insufficient data"


@given(ENDS, THRESHOLDS, st.floats(0, 3), st.floats(0, 3))
def test_a_wider_interval_never_decides_more(ends, threshold, lower, higher):
    low, high = ends
    for direction in ("above", "below"):
        narrow = verdict(direction, threshold, low, high)
        wide = verdict(direction, threshold, low - lower, high + higher)
        if narrow != "insufficient data":
            assert wide in (narrow, "undecided")


@given(ENDS, THRESHOLDS)
def test_the_opposite_claim_has_the_opposite_verdict(ends, threshold):
    low, high = ends
    found = verdict("above", threshold, low, high)
    assert verdict("below", -threshold, -high, -low) == found
    opposite = {"replicated": "not replicated", "not replicated": "replicated"}
    assert verdict("below", threshold, low, high) == opposite.get(found, found)


@pytest.mark.parametrize(
    ("needs", "estimate", "said"),
    [
        ({}, Estimate(1, 0.5, 2, seeds=2), ""),
        ({}, Estimate(-1, -2, -0.5, seeds=2), ""),
        ({}, Estimate(1, -0.5, 2, seeds=2), "the interval holds the threshold, or touches it"),
        ({"seeds": 3}, Estimate(1, 0.5, 2, seeds=2), "it has 2 seeds of the 3 it needs"),
        (
            {"steps": 8, "tasks": 4},
            Estimate(np.nan, np.nan, np.nan, 2, steps=5, tasks=1),
            "it has 5 checkpoints of the 8 it needs, 1 things to compare of the 4 it needs",
        ),
        ({}, Estimate(np.nan, np.nan, np.nan, 2), "the statistic can't be computed"),
        ({}, Estimate(1, np.nan, np.nan, 2), "the statistic has no interval"),
        ({}, Estimate(1, 1, 1, 2), "all draws are alike"),
        ({}, Estimate(1, 0.5, 2, 2, chance=0.25), "luck alone would bear it out 25% of the time"),
        ({}, Estimate(1, 0.5, 2, 2, chance=0.01), ""),
    ],
)
def test_a_claim_that_the_tier_can_not_decide_says_why(needs, estimate, said):
    row = evaluate([claim(estimate=lambda data: data, **needs)], {("b", ""): estimate}, "toy")
    reason, verdict = row.loc[0, "reason"], row.loc[0, "verdict"]
    assert bool(reason) == (verdict in ("undecided", "insufficient data"))
    assert reason.startswith("the toy tier can't decide it: " if said else "")
    assert said in reason
    assert said in format_claims(row, width=400)


def table():
    claims = [
        claim("2", estimate=lambda data: Estimate(data, data - 0.1, data + 0.1, seeds=2)),
        claim("10", "below", 0.25, lambda data: Estimate(np.nan, np.nan, np.nan, seeds=1)),
        claim("3", estimate=lambda data: Estimate(data, data, np.inf, 2) if data > 0 else None),
        claim("4", "below", 0.3, lambda data: Estimate(data, -0.6, 0.4, 2) if data > 0 else None),
    ]
    return evaluate(claims, {("b", "ewt"): 1 / 3, ("a", ""): -0.5}, "toy")


def test_every_claim_has_a_row_for_each_run_and_corpus_that_it_is_about():
    found = table()
    assert list(found.columns) == [column.name for column in CLAIM_COLUMNS]
    rows = list(found[["claim", "run", "threshold", "verdict"]].itertuples(index=False, name=None))
    assert rows == [
        ("sparsity.2", "a", "> 0", "not replicated"),
        ("sparsity.2", "b", "> 0", "replicated"),
        ("sparsity.10", "a", "< 0.25", "insufficient data"),
        ("sparsity.10", "b", "< 0.25", "insufficient data"),
        ("sparsity.3", "b", "> 0", "replicated"),
        ("sparsity.4", "b", "< 0.3", "undecided"),
    ]


def test_written_claims_are_read_back_in_the_order_in_which_a_person_counts(tmp_path):
    write_claims(table(), tmp_path / "claims.tsv")
    found = read_claims(tmp_path / "claims.tsv")
    assert list(found["claim"].str.split(".").str[1]) == ["2", "2", "3", "4", "10", "10"]
    expected = table().iloc[[0, 1, 4, 5, 2, 3]].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-5)


def test_the_same_claims_in_any_order_give_the_same_bytes(tmp_path):
    write_claims(table(), tmp_path / "one.tsv")
    write_claims(read_claims(tmp_path / "one.tsv"), tmp_path / "again.tsv")
    for seed in range(5):
        write_claims(table().sample(frac=1, random_state=seed), tmp_path / "other.tsv")
        assert (tmp_path / "other.tsv").read_bytes() == (tmp_path / "one.tsv").read_bytes()
    assert (tmp_path / "again.tsv").read_bytes() == (tmp_path / "one.tsv").read_bytes()


def test_runs_and_corpora_keep_names_that_look_like_numbers_or_nothing(tmp_path):
    named = table().assign(run="007", corpus=["NA", "nan", "1e3", "", "null", "inf"])
    write_claims(named, tmp_path / "claims.tsv")
    found = read_claims(tmp_path / "claims.tsv")
    assert set(found["run"]) == {"007"}
    assert sorted(found["corpus"]) == ["", "1e3", "NA", "inf", "nan", "null"]


def test_no_claims_at_all_are_a_table_too(tmp_path):
    empty = evaluate([], {("run", "corpus"): 1.0}, "toy")
    write_claims(join([empty, empty]), tmp_path / "claims.tsv")
    assert len(read_claims(tmp_path / "claims.tsv")) == 0
    counts = "0 replicated, 0 not replicated, 0 undecided, 0 insufficient data."
    assert format_claims(empty).strip() == counts


def test_studies_are_joined_in_the_order_given_and_never_twice():
    other = table().assign(study="clones", claim="clones.1", run=list("abcdef"))
    assert list(join([other, table()])["study"]) == ["clones"] * 6 + ["sparsity"] * 6
    with pytest.raises(TableError, match=r"two rows for the same claim.*sparsity\.2"):
        join([table(), table()])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verdict": "proven"}, "verdict 'proven'; expected one of replicated"),
        ({"statement": "one\ttwo"}, "statement 'one\\\\ttwo' holds a tab"),
        ({"source": "one\ntwo"}, "holds a tab or a line break"),
        ({"extra": 1}, "its columns are .*extra"),
    ],
)
def test_a_frame_that_is_no_table_of_claims_is_not_written(tmp_path, change, message):
    with pytest.raises(TableError, match=message):
        write_claims(table().assign(**change), tmp_path / "claims.tsv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a readable table"),
        (b"\xff\xfe\x00", "claims.tsv: "),
        (b"claim\tvalue\n1\t2\n", "its columns are claim, value"),
    ],
)
def test_a_file_that_is_no_table_of_claims_is_refused_by_name(tmp_path, content, message):
    (tmp_path / "claims.tsv").write_bytes(content)
    with pytest.raises(TableError, match=message):
        read_claims(tmp_path / "claims.tsv")
    with pytest.raises(TableError, match=r"absent\.tsv"):
        read_claims(tmp_path / "absent.tsv")


def test_a_word_where_a_number_belongs_is_refused(tmp_path):
    write_claims(table(), tmp_path / "claims.tsv")
    text = (tmp_path / "claims.tsv").read_text(encoding="utf-8")
    (tmp_path / "claims.tsv").write_text(text.replace("-0.5\t", "half\t"), encoding="utf-8")
    with pytest.raises(TableError, match="a number was expected"):
        read_claims(tmp_path / "claims.tsv")


@pytest.mark.parametrize("width", [60, 100])
def test_printed_claims_are_wrapped_and_show_value_interval_and_verdict(width):
    long = table().assign(statement="As training goes on, " + "models grow " * 20 + "sparse.")
    text = format_claims(long, width=width)
    statements = [line for line in text.splitlines() if line.startswith("    ")]
    assert max(map(len, statements)) <= width
    line = next(
        line for line in text.splitlines() if line.startswith("sparsity.2") and "0.333" in line
    )
    assert "0.333 [0.233, 0.433]" in line
    assert line.endswith("replicated")
    assert "Claims: b on ewt (toy tier)" in text
    assert "Claims: a (toy tier)" in text
    counts = "2 replicated, 1 not replicated, 1 undecided, 2 insufficient data."
    assert text.splitlines()[-1] == counts


def test_every_verdict_can_be_reached():
    assert set(table()["verdict"]) == set(VERDICTS)
