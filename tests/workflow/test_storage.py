"""A workflow whose files lie with a storage provider, as on a cluster without a common disk."""

import os
import shutil

import pytest
from tiny_workflow import SMALL, SMALL_TARGETS, made_by_jobs, snakemake, tiny

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("disturbed")]

WORD = "{}\t{}\t_\tNOUN\t_\t_\t{}\tdep\t_\t_\n"
SENTENCE = WORD.format(1, "cats", 2) + WORD.format(2, "sleep", 0) + "\n"


# What the plugin `fs` asks of rsync, for machines without it: it calls
# `rsync --recursive --times --copy-links SOURCE TARGET`, a folder's name with a slash behind it.
STAND_IN = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
if [ -d "$1" ]; then mkdir -p "$2" && cp -RLp "$1/." "$2"; else cp -Lp "$1" "$2"; fi
"""


@pytest.fixture(scope="module", autouse=True)
def rsync(tmp_path_factory):
    """A program named rsync on the path, where there is none."""
    with pytest.MonkeyPatch.context() as patch:
        if shutil.which("rsync") is None:
            folder = tmp_path_factory.mktemp("path")
            (folder / "rsync").write_text(STAND_IN)
            (folder / "rsync").chmod(0o755)
            patch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{folder}")
        yield


def in_storage(folder, *arguments):
    """Return the arguments that keep all files of a workflow in a folder as if it were far away.

    Nothing is taken to be on a disk that jobs share, and the local copies go as the jobs end.
    """
    provider = ("--default-storage-provider", "fs", "--default-storage-prefix", str(folder))
    return ("--shared-fs-usage", "none", *provider, *arguments)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The folder of a workflow that ran with a storage provider, and the provider's folder."""
    folder, storage = tmp_path_factory.mktemp("stored"), tmp_path_factory.mktemp("far")
    process = snakemake(folder, SMALL, *in_storage(storage, *SMALL_TARGETS))
    assert process.returncode == 0, process.stdout
    return folder, storage


def test_every_file_is_that_of_a_plain_run(undisturbed, stored):
    _, storage = stored
    files = made_by_jobs(undisturbed)
    assert len(files) > 20
    for name, content in files.items():
        assert (storage / name).read_bytes() == content, name


def test_nothing_but_logs_is_made_beside_the_storage(stored):
    folder, _ = stored
    made = {path.relative_to(folder).parts[1] for path in folder.glob("results/*/**/*")}
    assert made <= {"logs", "benchmarks"}


def test_a_finished_workflow_has_nothing_to_do(stored):
    folder, storage = stored
    process = snakemake(folder, SMALL, *in_storage(storage, "--dry-run", *SMALL_TARGETS))
    assert "Nothing to be done" in process.stdout, process.stdout


@pytest.mark.parametrize("named", ["relative", "absolute"])
def test_files_of_the_users_own_come_from_the_storage(tmp_path, named):
    folder, storage = tmp_path / "here", tmp_path / "far"
    trees = storage / "mine" / "trees"
    trees.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        (storage / "mine" / f"{split}.conllu").write_text(SENTENCE)
    (trees / "all.ptb").write_text("(S (NP (N cats)) (V sleep))\n")
    folder.mkdir()
    above = "mine" if named == "relative" else f"{folder}/mine"
    if named == "absolute":  # absolute names too are looked up below the storage's prefix
        (storage / str(folder)[1:]).mkdir(parents=True)
        shutil.move(storage / "mine", storage / str(folder)[1:] / "mine")
    config = tiny(
        corpora__mine={
            "kind": "conllu",
            **{split: f"{above}/{split}.conllu" for split in ("train", "dev", "test")},
            "constituents": f"{above}/trees/all.ptb",
        }
    )
    target = "results/corpora/mine/statistics.tsv"
    process = snakemake(folder, config, *in_storage(storage, target))
    assert process.returncode == 0, process.stdout
    statistics = (storage / target).read_text().splitlines()
    assert "train\twords\t2" in statistics
    assert "train\tsentences_without_constituents\t0" in statistics
