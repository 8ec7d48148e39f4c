"""A table joined part by part is the table of all rows together."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontogeny.errors import TableError
from ontogeny.results.joined_tables import join_measurements
from ontogeny.results.tables import (
    RUN,
    SEED,
    STEP,
    Column,
    Metric,
    Table,
    read_measurements,
    read_table,
    write_table,
)

TABLE = Table(
    "example",
    keys=(RUN, SEED, STEP, Column("relation", "string", "a relation", nullable=True)),
    metrics=(Metric("uas", "share right", "share", 0, 1), Metric("loss", "in nats")),
    further=(Column("n", "int", "words", nullable=True),),
)


def rows(runs, steps, metrics=("uas", "loss")):
    """Return rows at all of these runs and steps, of two seeds, in no order."""
    places = pd.MultiIndex.from_product(
        [runs, [0, 11], steps, ["nsubj", "obj", None], metrics],
        names=["run", "seed", "step", "relation", "metric"],
    )
    frame = places.to_frame(index=False)
    generator = np.random.default_rng(len(frame))
    frame["value"] = generator.random(len(frame)).round(3)
    frame["n"] = np.where(frame["metric"] == "uas", 7, np.nan)
    return frame.sample(frac=1, random_state=1)


def write_files(folder, parts):
    paths = [folder / f"part-{place}.parquet" for place in range(len(parts))]
    for part, path in zip(parts, paths, strict=True):
        part.to_parquet(path, index=False)
    return paths


def split(frame, by):
    """Divide rows among files as jobs do, or across the order that they are written in."""
    return {
        "chunk": lambda: [part for _, part in frame.groupby(["run", "seed", frame["step"] // 20])],
        "kind": lambda: [
            part for _, part in frame.groupby(["run", "seed", frame["step"] // 20, "metric"])
        ],
        "metric": lambda: [part for _, part in frame.groupby("metric")],
        "relation": lambda: [part for _, part in frame.groupby("relation", dropna=False)],
        "row": lambda: [frame.iloc[place::3] for place in range(3)],
    }[by]()


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(["chunk", "kind", "metric", "relation", "row"]),
    st.randoms(use_true_random=False),
)
@pytest.mark.slow
def test_the_bytes_are_those_of_all_rows_written_together(tmp_path_factory, by, random):
    folder = tmp_path_factory.mktemp("t")
    paths = write_files(folder, split(rows(["b", "a", "aa"], range(0, 60, 10)), by))
    write_table(read_measurements(paths), TABLE, folder / "together.parquet")
    random.shuffle(paths)
    join_measurements(paths, TABLE, folder / "joined.parquet")
    assert (folder / "joined.parquet").read_bytes() == (folder / "together.parquet").read_bytes()


@pytest.mark.parametrize("row_group", [1, 7, 72, 10**6])
def test_rows_are_compressed_together_by_so_many_and_none_is_lost(tmp_path, row_group):
    frame = rows(["b", "a"], [0, 10, 20])
    paths = write_files(tmp_path, split(frame, "chunk"))
    join_measurements(paths, TABLE, tmp_path / "joined.parquet", row_group=row_group)
    write_table(frame, TABLE, tmp_path / "together.parquet")
    joined, together = (
        read_table(tmp_path / f"{n}.parquet", TABLE) for n in ("joined", "together")
    )
    pd.testing.assert_frame_equal(joined, together)
    groups = pq.ParquetFile(tmp_path / "joined.parquet").metadata.num_row_groups
    assert groups == -(-len(frame) // row_group)


def test_only_files_that_overlap_are_in_memory_together(tmp_path, monkeypatch):
    paths = write_files(tmp_path, split(rows(["b", "a"], range(0, 60, 10)), "kind"))
    together = []

    def noted(some):
        together.append(len(some))
        return read_measurements(some)

    monkeypatch.setattr("ontogeny.results.joined_tables.read_measurements", noted)
    join_measurements(paths, TABLE, tmp_path / "joined.parquet")
    # Two runs, two seeds, three chunks, each with a file for either metric.
    assert together == [2] * 12


def test_a_row_that_stands_in_two_files_is_refused_and_nothing_written(tmp_path):
    frame = rows(["a"], [0, 10])
    paths = write_files(tmp_path, [frame, frame.iloc[[3]]])
    with pytest.raises(TableError, match="example: two rows with the same keys"):
        join_measurements(paths, TABLE, tmp_path / "joined.parquet")
    assert sorted(tmp_path.iterdir()) == paths


def test_a_value_outside_its_interval_is_refused_wherever_it_stands(tmp_path):
    later = rows(["b"], [0])
    later.loc[later["metric"] == "uas", "value"] = 1.5
    paths = write_files(tmp_path, [rows(["a"], [0]), later])
    with pytest.raises(TableError, match=r"uas is 1\.5; declared to lie between 0 and 1"):
        join_measurements(paths, TABLE, tmp_path / "joined.parquet", row_group=1)
    assert sorted(tmp_path.iterdir()) == paths


@pytest.mark.parametrize("damage", ["truncated", "without keys"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, damage):
    paths = write_files(tmp_path, [rows(["a"], [0]), rows(["b"], [0])])
    if damage == "truncated":
        paths[1].write_bytes(paths[1].read_bytes()[:-20])
    else:
        rows(["b"], [0]).drop(columns="seed").to_parquet(paths[1], index=False)
    with pytest.raises(TableError, match=rf"^{paths[1]}: not a readable file of measurements"):
        join_measurements(paths, TABLE, tmp_path / "joined.parquet")
    assert sorted(tmp_path.iterdir()) == paths
