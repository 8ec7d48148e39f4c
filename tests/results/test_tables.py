import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogeny.errors import TableError
from ontogeny.results.tables import (
    RUN,
    SEED,
    STEP,
    Column,
    Metric,
    Table,
    check,
    read_in_pieces,
    read_measurements,
    read_table,
    write_table,
)
from ontogeny.studies.pushdown.tables import MIGRATION, PUSHDOWN

TABLE = Table(
    "example",
    keys=(RUN, SEED, Column("task", "string", "a task", nullable=True, values=("a", "b"))),
    metrics=(Metric("accuracy", "share right", "share", 0, 1), Metric("gain", "difference")),
    further=(Column("n", "int", "words"), Column("low", "float", "lower end", nullable=True)),
)
ROW = {
    "run": "r",
    "seed": 0,
    "task": "a",
    "metric": "accuracy",
    "value": 0.5,
    "n": 3,
    "low": 0.1,
}


def frame(*changes):
    return pd.DataFrame([{**ROW, **change} for change in changes or ({},)])


def test_columns_are_keys_then_metric_and_value_then_the_rest():
    assert [c.name for c in TABLE.columns] == ["run", "seed", "task", "metric", "value", "n", "low"]


def test_what_is_written_is_read_sorted_with_null_where_it_is_allowed(tmp_path):
    rows = [{"seed": 1}, {"task": None, "low": None}, {"metric": "gain", "value": -7.0}]
    write_table(frame(*rows), TABLE, tmp_path / "t.parquet")
    found = read_table(tmp_path / "t.parquet", TABLE)
    assert list(found.columns) == [c.name for c in TABLE.columns]
    assert found["seed"].tolist() == [0, 0, 1]
    assert found["task"].isna().tolist() == [True, False, False]  # null first
    assert found["value"].tolist() == [0.5, -7.0, 0.5]
    assert np.isnan(found["low"][0])


@settings(max_examples=30)
@given(st.permutations(range(6)), st.permutations(list(ROW)))
def test_the_order_of_rows_and_columns_makes_no_difference(tmp_path_factory, rows, columns):
    folder = tmp_path_factory.mktemp("t")
    some = [
        {"seed": seed, "task": task, "value": seed / 10}
        for seed in (0, 1)
        for task in ("a", "b", None)
    ]
    write_table(frame(*some), TABLE, folder / "a.parquet")
    write_table(frame(*(some[i] for i in rows))[columns], TABLE, folder / "b.parquet")
    assert (folder / "a.parquet").read_bytes() == (folder / "b.parquet").read_bytes()


def test_types_that_hold_the_same_numbers_give_the_same_bytes(tmp_path):
    plain = frame({}, {"seed": 1})
    write_table(plain, TABLE, tmp_path / "a.parquet")
    for types in ({"seed": "float64"}, {"seed": "int8", "n": "uint16"}, dict.fromkeys(ROW, object)):
        write_table(plain.astype(types), TABLE, tmp_path / "b.parquet")
        assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@settings(max_examples=20)
@given(
    st.lists(st.sampled_from(["r", "s", "t"]), min_size=1, unique=True),
    st.lists(st.sampled_from(["accuracy", "gain"]), min_size=1, unique=True),
)
def test_only_the_rows_asked_for_are_read(tmp_path_factory, runs, metrics):
    path = tmp_path_factory.mktemp("t") / "t.parquet"
    written = frame(
        *(
            {"run": run, "seed": seed, "metric": metric, "task": None if seed else "b"}
            for run in ("r", "s")
            for seed in (0, 1)
            for metric in ("accuracy", "gain")
        )
    )
    write_table(written, TABLE, path)
    whole = read_table(path, TABLE)
    wanted = whole[whole["run"].isin(runs) & whole["metric"].isin(metrics)]
    found = read_table(path, TABLE, only={"run": runs, "metric": metrics})
    pd.testing.assert_frame_equal(found, wanted.reset_index(drop=True), check_dtype=False)


@pytest.mark.parametrize("only", [None, {"run": ["r"]}])
def test_a_table_with_other_columns_is_refused_however_it_is_read(tmp_path, only):
    path = tmp_path / "t.parquet"
    frame().assign(more=1).to_parquet(path, index=False)
    with pytest.raises(TableError, match=rf"^{path}: table example: its columns are .*, more;"):
        read_table(path, TABLE, only)


def test_a_table_without_rows_can_be_written(tmp_path):
    write_table(frame().iloc[:0], TABLE, tmp_path / "t.parquet")
    assert len(read_table(tmp_path / "t.parquet", TABLE)) == 0


def test_folders_named_like_columns_change_nothing(tmp_path):
    path = tmp_path / "seed=7" / "t.parquet"
    write_table(frame(), TABLE, path)
    assert read_table(path, TABLE)["seed"].tolist() == [0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run": None}, "column run has a null"),
        ({"seed": None}, "column seed has a null"),
        ({"value": np.nan}, "column value has a null or NaN"),
        ({"value": np.inf}, "column value holds inf; expected a finite number"),
        ({"low": -np.inf}, "column low holds -inf; expected a finite number"),
        ({"value": "0.5"}, "column value holds '0.5'; expected a finite number"),
        ({"value": True}, "column value holds True; expected a finite number"),
        ({"seed": "3"}, "column seed holds '3'; expected an integer"),
        ({"seed": 0.5}, r"column seed holds 0\.5; expected an integer"),
        ({"seed": True}, "column seed holds True; expected an integer"),
        ({"seed": 2**63}, "column seed holds 9223372036854775808; expected an integer"),
        ({"seed": 1e300}, "column seed holds .*1e.300; expected an integer"),
        ({"run": 3}, "column run holds 3; expected a string"),
        ({"task": "c"}, "column task holds 'c'; expected one of a, b"),
        ({"metric": "loss"}, "column metric holds 'loss'; expected one of accuracy, gain"),
        ({"value": 1.0001}, r"accuracy is 1\.0001; declared to lie between 0 and 1"),
        ({"value": -1e-9}, "accuracy is -1e-09; declared to lie between 0 and 1"),
    ],
)
def test_a_cell_that_breaks_the_declaration_is_refused_and_nothing_written(
    tmp_path, change, message
):
    wrong = frame({"seed": 5}, change)
    with pytest.raises(TableError, match=f"table example: .*{message}"):
        write_table(wrong, TABLE, tmp_path / "t.parquet")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_ends_of_a_metrics_interval_belong_to_it(value):
    check(frame({"value": value}), TABLE)


def test_the_interval_of_one_metric_does_not_bind_another():
    check(frame({"metric": "gain", "value": 5.0}), TABLE)


def test_missing_extra_and_repeated_columns_are_refused():
    for wrong in (
        frame().drop(columns="n"),
        frame().assign(extra=1),
        pd.concat([frame(), frame()[["n"]]], axis=1),
    ):
        with pytest.raises(TableError, match=r"table example: its columns are .*declared are run"):
            check(wrong, TABLE)


@pytest.mark.parametrize("task", ["a", None])
def test_two_rows_of_the_same_keys_and_metric_are_refused(task):
    with pytest.raises(TableError, match=r"two rows with the same keys .*'seed': 0"):
        check(frame({"task": task}, {"task": task, "value": 0.7}), TABLE)
    check(frame({"task": task}, {"task": task, "metric": "gain"}), TABLE)


def test_a_table_damaged_within_is_refused_however_it_is_read(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(frame(*({"seed": seed} for seed in range(1000))), TABLE, path)
    content = bytearray(path.read_bytes())
    content[40] ^= 255
    path.write_bytes(content)
    for only in (None, {"run": ["r"]}):
        with pytest.raises(TableError, match=rf"^{path}: not a readable table"):
            read_table(path, TABLE, only)


def test_files_that_are_no_table_are_refused_by_name(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    for name in ("a.parquet", "none.parquet", "."):
        with pytest.raises(TableError, match="not a readable table"):
            read_table(tmp_path / name, TABLE)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "b.parquet")
    with pytest.raises(TableError, match="its columns are a; declared are"):
        read_table(tmp_path / "b.parquet", TABLE)


@pytest.mark.parametrize("table", [PUSHDOWN, MIGRATION])
def test_the_tables_of_the_studies_are_declared_completely(table):
    columns = [column.name for column in table.columns]
    assert len(set(columns)) == len(columns)
    assert len({metric.name for metric in table.metrics}) == len(table.metrics)
    assert all(thing.meaning for thing in (*table.columns, *table.metrics))
    assert table.keys[0] is RUN
    assert {SEED.name, STEP.name} <= set(columns)


def test_measurements_of_several_jobs_are_one_frame_in_the_order_of_the_files(tmp_path):
    parts = [pd.DataFrame({"task": ["b", "a"], "n": [1, 2]}), pd.DataFrame({"task": ["c"], "n": 3})]
    paths = [tmp_path / "seed=0.parquet", tmp_path / "seed=1.parquet"]
    for part, path in zip(parts, paths, strict=True):
        part.to_parquet(path, index=False)
    joined = read_measurements(paths)
    assert joined.to_dict("list") == {"task": ["b", "a", "c"], "n": [1, 2, 3]}
    assert list(joined.index) == [0, 1, 2]


def test_pieces_of_measurements_are_small_and_make_up_the_whole(tmp_path):
    paths = [tmp_path / name for name in ("seed=0.parquet", "b.parquet", "c.parquet")]
    for path, rows in zip(paths, (7, 0, 4), strict=True):
        frame = pd.DataFrame({"task": pd.Categorical(["a"] * rows), "n": np.arange(rows)})
        frame.to_parquet(path, index=False)
    pieces = list(read_in_pieces(paths, rows=3))
    assert [(path, len(piece)) for path, piece in pieces] == [
        *((str(paths[0]), rows) for rows in (3, 3, 1)),
        (str(paths[1]), 0),
        *((str(paths[2]), rows) for rows in (3, 1)),
    ]
    joined = pd.concat([piece for _, piece in pieces], ignore_index=True)
    pd.testing.assert_frame_equal(joined, read_measurements(paths), check_categorical=False)


@pytest.mark.parametrize("damage", ["truncated", "empty", "absent"])
def test_measurements_that_cannot_be_read_are_named(tmp_path, damage):
    path = tmp_path / "chunk-3.scores.parquet"
    pd.DataFrame({"n": [1, 2]}).to_parquet(path)
    content = path.read_bytes()
    path.unlink()
    if damage != "absent":
        path.write_bytes(content[:-20] if damage == "truncated" else b"")
    for read in (read_measurements, lambda paths: list(read_in_pieces(paths))):
        with pytest.raises(TableError, match=rf"^{path}: not a readable file .* Delete it and run"):
            read([path])
