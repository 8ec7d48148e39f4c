"""Verdicts, the table of claims, and its printed form."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.claims import (
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
from ontogeny.errors import TableError


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


@pytest.mark.parametrize(
    ("direction", "threshold", "low", "high", "verdict"),
    [
        ("above", 0, 0.1, 0.9, "replicated"),
        ("above", 0, 0.0, 0.9, "not replicated"),  # the threshold isn't on the claimed side
        ("above", 0, -0.1, 0.9, "not replicated"),
        ("above", 0.5, 0.1, 0.9, "not replicated"),
        ("above", 0, 0.1, np.inf, "replicated"),
        ("below", 0, -0.9, -0.1, "replicated"),
        ("below", 0, -0.9, 0.0, "not replicated"),
        ("below", 0, 0.1, 0.9, "not replicated"),
        ("below", 1, 0.1, 0.9, "replicated"),
        ("below", 0, -0.9, np.inf, "not replicated"),
        ("below", 0, np.nan, np.nan, "insufficient data"),
    ],
)
def test_verdict_is_replicated_when_the_whole_interval_is_on_the_claimed_side(
    direction, threshold, low, high, verdict
):
    value = np.mean([low, high]) if np.isfinite(high) else low
    estimate = Estimate(value, low, high, seeds=3, steps=9, tasks=2)
    assert judge(claim(direction=direction, threshold=threshold), estimate) == verdict


@pytest.mark.parametrize("need", ["seeds", "steps", "tasks"])
def test_no_verdict_on_fewer_seeds_steps_or_tasks_than_the_claim_needs(need):
    enough = Estimate(0.5, 0.4, 0.6, seeds=3, steps=3, tasks=3)
    asking = claim(**{need: 3})
    assert judge(asking, enough) == "replicated"
    assert judge(asking, replace(enough, **{need: 2})) == "insufficient data"


@given(
    st.lists(st.floats(-5, 5), min_size=3, max_size=3).map(sorted),
    st.floats(-5, 5),
    st.floats(0, 3),
)
def test_a_wider_interval_never_turns_a_claim_into_a_replicated_one(ends, threshold, wider):
    low, value, high = ends
    for direction in ("above", "below"):
        declared = claim(direction=direction, threshold=threshold)
        narrow = judge(declared, Estimate(value, low, high, seeds=2))
        wide = judge(declared, Estimate(value, low - wider, high + wider, seeds=2))
        assert (narrow, wide) != ("not replicated", "replicated")
    mirrored = judge(
        claim(direction="below", threshold=-threshold), Estimate(-value, -high, -low, 2)
    )
    assert mirrored == judge(claim(threshold=threshold), Estimate(value, low, high, 2))


def table():
    claims = [
        claim("2", estimate=lambda data: Estimate(data, data - 0.1, data + 0.1, seeds=2)),
        claim("10", "below", 0.25, lambda data: Estimate(np.nan, np.nan, np.nan, seeds=1)),
        claim("3", estimate=lambda data: Estimate(data, data, np.inf, 2) if data > 0 else None),
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
    ]


def test_written_claims_are_read_back_in_the_order_in_which_a_person_counts(tmp_path):
    write_claims(table(), tmp_path / "claims.tsv")
    found = read_claims(tmp_path / "claims.tsv")
    assert list(found["claim"].str.split(".").str[1]) == ["2", "2", "3", "10", "10"]
    expected = table().iloc[[0, 1, 4, 2, 3]].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-5)


def test_the_same_claims_in_any_order_give_the_same_bytes(tmp_path):
    write_claims(table(), tmp_path / "one.tsv")
    write_claims(read_claims(tmp_path / "one.tsv"), tmp_path / "again.tsv")
    for seed in range(5):
        write_claims(table().sample(frac=1, random_state=seed), tmp_path / "other.tsv")
        assert (tmp_path / "other.tsv").read_bytes() == (tmp_path / "one.tsv").read_bytes()
    assert (tmp_path / "again.tsv").read_bytes() == (tmp_path / "one.tsv").read_bytes()


def test_runs_and_corpora_keep_names_that_look_like_numbers_or_nothing(tmp_path):
    named = table().assign(run="007", corpus=["NA", "nan", "1e3", "", "null"])
    write_claims(named, tmp_path / "claims.tsv")
    found = read_claims(tmp_path / "claims.tsv")
    assert set(found["run"]) == {"007"}
    assert sorted(found["corpus"]) == ["", "1e3", "NA", "nan", "null"]


def test_no_claims_at_all_are_a_table_too(tmp_path):
    empty = evaluate([], {("run", "corpus"): 1.0}, "toy")
    write_claims(join([empty, empty]), tmp_path / "claims.tsv")
    assert len(read_claims(tmp_path / "claims.tsv")) == 0
    assert format_claims(empty).startswith("0 replicated")


def test_studies_are_joined_in_the_order_given_and_never_twice():
    other = table().assign(study="clones", claim="clones.1", run=list("abcde"))
    assert list(join([other, table()])["study"]) == ["clones"] * 5 + ["sparsity"] * 5
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
    assert text.splitlines()[-1] == "2 replicated, 1 not replicated, 2 insufficient data."


def test_every_verdict_can_be_reached():
    assert set(table()["verdict"]) == set(VERDICTS)
