"""What differs between two results: said wholly, and nothing else."""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.errors import OntogenyError
from ontogeny.results.claims import Claim, Estimate, evaluate, write_claims
from ontogeny.results.compare import (
    compare,
    compare_tables,
    compare_verdicts,
    largest,
    main,
    report,
)

ROWS = pd.DataFrame(
    {
        "run": ["a", "a", "a", "b"],
        "layer": [0, 1, None, 0],
        "metric": ["uas", "uas", "loss", "loss"],
        "value": [0.5, 0.25, 2.0, 4.0],
        "low": [0.4, None, 1.0, 3.0],
        "kind": ["x", "x", "y", "y"],
    }
)


def claims(value, name="s.1"):
    declared = Claim(name, "s", "It rises.", "Someone", "slope", "above", 0.0, lambda e: e)
    estimate = Estimate(value, value - 0.1, value + 0.1, 2)
    return evaluate([declared], {("run", "corpus"): estimate}, "toy")


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "first" / "results"
    (folder / "tables").mkdir(parents=True)
    (folder / "figures" / "s").mkdir(parents=True)
    ROWS.to_parquet(folder / "tables" / "s.parquet", index=False)
    (folder / "figures" / "s" / "a.svg").write_text("<svg/>")
    write_claims(claims(1.0), folder / "claims.tsv")
    shutil.copytree(folder, tmp_path / "second" / "results")
    return folder, tmp_path / "second" / "results"


def test_results_do_not_differ_from_their_copy(results, capsys):
    assert not compare(*results)
    assert main(list(map(str, results))) == 0
    assert capsys.readouterr().out.startswith("Nothing differs")


def test_the_order_of_rows_makes_no_difference():
    assert not compare_tables("s", ROWS, ROWS.sample(frac=1, random_state=1))


def test_each_metric_says_by_how_much_it_differs_at_most():
    other = ROWS.assign(value=[0.5, 0.3, 2.5, 3.0], low=[0.4, None, 1.0, 3.0])
    found = compare_tables("s", ROWS, other)
    assert found.metrics.to_dict("list") == {
        "metric": ["loss", "uas"],
        "column": ["value", "value"],
        "rows": [2, 1],
        "absolute": [1.0, pytest.approx(0.05)],
        "relative": [0.25, pytest.approx(0.05 / 0.3)],
    }


def test_a_number_that_only_one_has_differs_without_bound():
    found = compare_tables("s", ROWS, ROWS.assign(low=[0.4, 0.1, 1.0, 3.0]))
    assert found.metrics[["metric", "column", "absolute"]].to_numpy().tolist() == [
        ["uas", "low", np.inf]
    ]


def test_rows_that_only_one_has_are_counted():
    found = compare_tables("s", ROWS, ROWS.iloc[1:].assign(run=["a", "a", "c"]))
    assert (found.only_first, found.only_second) == (2, 1)
    assert not len(found.metrics)


def test_texts_and_columns_that_differ_are_counted():
    other = ROWS.assign(kind=["x", "y", "y", "y"]).rename(columns={"low": "least"})
    assert compare_tables("s", ROWS, other).others == {"low": 4, "least": 4, "kind": 1}


def test_a_table_with_a_key_more_is_compared_by_the_keys_that_both_have():
    found = compare_tables("s", ROWS, ROWS.assign(seed=0)[["run", "seed", *ROWS.columns[1:]]])
    assert (found.only_first, found.only_second, found.others) == (0, 0, {"seed": 4})


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1).map(
        lambda pairs: [(a, b) for a, b in pairs if a != b] or [(1.0, 2.0)]
    )
)
def test_the_largest_differences_are_those_of_a_loop(pairs):
    absolute, relative = largest(*(pd.Series(side) for side in zip(*pairs, strict=True)))
    assert absolute == max(abs(a - b) for a, b in pairs)
    assert relative == pytest.approx(max(abs(a - b) / max(abs(a), abs(b)) for a, b in pairs))


def test_verdicts_that_changed_came_or_went_are_named():
    first = pd.concat([claims(1.0), claims(1.0, "s.2"), claims(1.0, "s.3")])
    second = pd.concat([claims(-1.0), claims(2.0, "s.2"), claims(0.0, "s.4")])
    changed = compare_verdicts(first, second)
    assert changed[["claim", "first", "second"]].to_numpy().tolist() == [
        ["s.1", "replicated", "not replicated"],
        ["s.3", "replicated", ""],
        ["s.4", "", "undecided"],
    ]
    assert not len(compare_verdicts(None, None))


def test_all_that_differs_is_said(results, capsys):
    first, second = results
    ROWS.assign(value=ROWS["value"] * 1.5).iloc[:3].to_parquet(second / "tables" / "s.parquet")
    ROWS.to_parquet(second / "tables" / "t.parquet")
    (second / "figures" / "s" / "a.svg").write_text("<svg></svg>")
    write_claims(claims(-1.0), second / "claims.tsv")
    found = compare(first, second)
    text = report(found, first, second)
    assert found.figures == ["figures/s/a.svg"]
    assert "tables/t.parquet" in text
    assert f"1 rows only in {first}" in text
    assert "uas: 2 rows differ, by 0.25 at most (33.33% of the larger number)" in text
    assert "s.1 on run and corpus: replicated -> not replicated" in text
    assert main([str(first), str(second)]) == 1
    assert capsys.readouterr().out == text


def test_a_folder_that_holds_no_results_is_refused_by_name(results, tmp_path, capsys):
    with pytest.raises(OntogenyError, match="holds no folder tables"):
        compare(results[0], tmp_path)
    assert main([str(results[0]), str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_a_damaged_table_is_named(results, capsys):
    (results[1] / "tables" / "s.parquet").write_bytes(b"PAR1")
    assert main(list(map(str, results))) == 2
    assert "s.parquet: not a readable table" in capsys.readouterr().err


def test_it_is_a_command(results):
    command = [sys.executable, "-m", "ontogeny.results.compare", *map(str, results)]
    assert subprocess.run(command, check=False).returncode == 0
