"""Parquet files are read whole or in batches, and in one thread."""

import subprocess
import sys

import pandas as pd

from ontogeny.parquet import as_frame, read_batches, read_whole

FRAME = pd.DataFrame({"a": range(25), "b": pd.Categorical(list("xyxzy") * 5), "c": ["ä"] * 25})


def test_a_file_is_read_as_it_was_written(tmp_path):
    FRAME.to_parquet(tmp_path / "f.parquet")
    with open(tmp_path / "f.parquet", "rb") as handle:
        pd.testing.assert_frame_equal(as_frame(read_whole(handle, checksums=True)), FRAME)
        batches = [as_frame(batch) for batch in read_batches(handle, 10, ["a", "c"])]
    assert [len(batch) for batch in batches] == [10, 10, 5]
    joined = pd.concat(batches, ignore_index=True)
    pd.testing.assert_frame_equal(joined, FRAME[["a", "c"]])


COUNTING = """
import os, sys, pyarrow, pyarrow.parquet
from ontogeny.parquet import as_frame, read_batches, read_whole
pyarrow.set_cpu_count(8)
with open(sys.argv[1], "rb") as handle:
    frame = as_frame(read_whole(handle))
    batches = [as_frame(batch) for batch in read_batches(handle, 1000)]
    before = len(os.listdir("/proc/self/task"))
    pyarrow.parquet.read_table(handle).to_pandas()
print(before, len(os.listdir("/proc/self/task")))
"""


def test_reading_starts_none_of_arrows_threads(tmp_path):
    wide = pd.DataFrame({f"column {k}": range(5000) for k in range(20)})
    wide.to_parquet(tmp_path / "f.parquet", row_group_size=500)
    command = [sys.executable, "-c", COUNTING, str(tmp_path / "f.parquet")]
    counted = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    ours, with_threads = map(int, counted.split())
    assert ours + 2 <= with_threads
