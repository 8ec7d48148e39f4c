"""A disk that is really full, as the writers of the library meet it."""

import os
import subprocess
import sys
from pathlib import Path

WRITERS_ON_A_FULL_DISK = """
import sys
from pathlib import Path
import numpy as np, pandas as pd, torch
from ontogeny.measures.features import Features, write
from ontogeny.files import atomic_path
from ontogeny.planning.jobs import job
from ontogeny.runs.pretraining.sequences import Sequences, write_sequences
from ontogeny.runs.pretraining.tokenizers import train_tokenizer

folder = Path(sys.argv[1])
words = torch.ones(1, 50_000, 1)
tokenizer = train_tokenizer([[f"w{i}" for i in range(5000)]], kind="word", objective="causal")


def features(path):
    write(Features(words, words[0, :, 0] > 0, 0, 0, "mean"), path)


def sequences(path):
    write_sequences(Sequences(np.arange(50_000), np.arange(9)), path)


def table(path):
    with atomic_path(path) as scratch:
        pd.DataFrame({"value": np.random.default_rng(0).random(50_000)}).to_parquet(scratch)


def state(path):
    with atomic_path(path) as scratch:
        torch.save(words, scratch)


def tokens(path):
    with atomic_path(path) as scratch:
        tokenizer.save_pretrained(scratch)


for writer in (features, sequences, table, state, tokens):
    try:
        with job(sys.argv[2]):
            writer(folder / writer.__name__)
    except SystemExit as end:
        assert end.code == 1
    assert not list(folder.iterdir()), writer
"""


DOWNLOAD_TO_A_FULL_DISK = """
import hashlib, sys
from pathlib import Path
from hub_server import serving
from ontogeny.corpora.sources import SourceFile, fetch
from ontogeny.planning.jobs import job

folder = Path(sys.argv[1])
content = bytes(range(256)) * 1000
with serving() as server:
    server.branches["a"]["main"] = "c"
    server.commits["a", "c"] = {"file": content}
    url = f"{server.url}/a/resolve/main/file"
    pinned = SourceFile("a", "file", url, hashlib.sha256(content).hexdigest(), len(content), "CC0")
    try:
        with job(sys.argv[2]):
            fetch("a", [pinned], folder)
    except SystemExit as end:
        assert end.code == 1
held = (folder / "file.part").read_bytes()
assert held == content[: len(held)] != b""
"""


def in_a_mount_namespace(*command):
    """Run a command whose mounts nobody else sees and that are gone with it."""
    return subprocess.run(
        ["unshare", "--mount", *command], capture_output=True, text=True, check=False
    )


def can_mount(folder):
    try:
        mounted = in_a_mount_namespace("mount", "-t", "tmpfs", "none", str(folder))
    except FileNotFoundError:  # no unshare: not Linux
        return False
    return mounted.returncode == 0


# Only a privileged user may mount: elsewhere the cases in test_bad_input.py have to do.
if can_mount(Path(__file__).parent):

    def on_a_full_disk(code, tmp_path):
        """Run code with a folder on a disk of 64 kB; return that folder and what it says."""
        small = tmp_path / "small"
        small.mkdir()
        mount = f"mount -t tmpfs -o size=64k none {small}"
        done = in_a_mount_namespace(
            *("sh", "-c", f'{mount} && exec "$@"', "sh"),
            *(sys.executable, "-c", code, str(small), str(tmp_path / "log")),
        )
        assert done.returncode == 0, done.stderr
        assert list(small.iterdir()) == []
        return small, done.stderr.splitlines()

    def told(file):
        return (
            f"{file}: No space left on device. Free some space and run the workflow again; what "
            "was finished is kept."
        )

    def test_a_disk_that_is_really_full_is_said_in_a_line_with_the_file(tmp_path):
        small, said = on_a_full_disk(WRITERS_ON_A_FULL_DISK, tmp_path)
        writers = ("features", "sequences", "table", "state", "tokens")
        assert said == [told(small / writer) for writer in writers]

    def test_a_download_to_a_disk_that_is_really_full_keeps_what_came(tmp_path, monkeypatch):
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        small, said = on_a_full_disk(DOWNLOAD_TO_A_FULL_DISK, tmp_path)
        assert said == [told(small / "file.part")]
