"""Jobs that die at their worst moments, disks that fail, and two workflows in one folder."""

import errno
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tiny_workflow import (
    ROOT,
    TINY,
    command,
    environment,
    made_by_jobs,
    make_mortal,
    snakemake,
    start,
    tiny,
)

from ontogeny.runs.checkpoints.manifest import check_trajectory

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("disturbed")]

PATIENCE = 180  # seconds
TRAIN = "results/corpora/toyglish/train.parquet"
SAMPLE = "results/samples/pushdown/toyglish/train.parquet"
KEPT = "what was finished is kept"


MOMENTS = ("before", "after")
TIMESTAMP = ".snakemake_timestamp"


@pytest.fixture
def mortal(tmp_path, monkeypatch):
    """Make all jobs of the test mortal."""
    for name in ("path", "deaths"):
        (tmp_path / name).mkdir()
    make_mortal(monkeypatch, tmp_path / "path", tmp_path / "deaths")


def test_jobs_of_every_rule_were_killed_before_and_after_their_first_file(killed):
    _, deaths = killed
    died = {moment: {file.stem for file in deaths.glob(f"*.{moment}")} for moment in MOMENTS}
    assert died["before"] == died["after"]
    scripts = {key.split(".")[0] for key in died["before"]}
    assert scripts >= {
        "corpus",
        "minimal_pairs",
        "sample",
        "pretrain",
        "local",
        "features",
        "probe",
    }
    assert scripts >= {"table", "resampling", "claims", "figures", "loss"}


def test_a_workflow_whose_jobs_were_killed_ends_with_the_same_bytes(killed, stored):
    folder, _ = killed
    files = made_by_jobs(stored[1])
    assert len(files) > 20
    for name, content in files.items():
        assert (folder / name).read_bytes() == content, name
    left = [path for path in (folder / "results").rglob(".*") if path.name != TIMESTAMP]
    assert not left  # nothing of the dead is lying about


def can_mount(folder):
    """Tell whether a test may mount, in a namespace of its own."""
    done = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


# Runs the workflow three times with `results` on a disk of its own: first for its first target,
# then, with the disk spoilt, for the second, and again once it is mended.
ON_A_DISK = """
set -eu
mkdir results
mount -t tmpfs -o size=16m none results
"$@" "$FIRST" > first.txt 2>&1
mkdir before during after
cp -a results before
{spoil}
set +e
"$@" "$SECOND" > spoilt.txt 2>&1
echo $? > status.txt
set -e
cp -a results during
{mend}
"$@" "$SECOND" > mended.txt 2>&1
cp -a results after
"""
FULL = (  # the filler lies where it is not compared
    "dd if=/dev/zero of=results/logs/filler bs=4k 2> /dev/null || true",
    "rm results/logs/filler",
)
READ_ONLY = ("mount -o remount,ro results", "mount -o remount,rw results")


def on_a_disk(folder, spoil, mend):
    """Return what the workflow said on the spoilt disk, and what it held before, during, after."""
    script = ON_A_DISK.format(spoil=spoil, mend=mend)
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *command(folder, TINY)],
        cwd=folder,
        env=environment() | {"FIRST": TRAIN, "SECOND": SAMPLE},
        capture_output=True,
        text=True,
        check=False,
    )
    told = {name: folder / f"{name}.txt" for name in ("first", "spoilt", "mended", "status")}
    told = {name: file.read_text() if file.exists() else "" for name, file in told.items()}
    assert done.returncode == 0, (done.stderr, told)
    assert told["status"] != "0\n", told["spoilt"]
    return told["spoilt"], *(made_by_jobs(folder / name) for name in ("before", "during", "after"))


if can_mount(Path(__file__).parent):

    def test_a_full_disk_is_told_and_the_same_command_ends_once_there_is_room(tmp_path):
        told, before, during, after = on_a_disk(tmp_path, *FULL)
        assert "No space left on device. Free some space and run the workflow again" in told
        assert KEPT in told
        assert during == before  # nothing was lost, and nothing half-done is there
        assert before.items() < after.items()
        assert SAMPLE in after

    def test_a_read_only_folder_is_told_before_any_job_and_nothing_is_lost(tmp_path):
        told, before, during, after = on_a_disk(tmp_path, *READ_ONLY)
        assert f"{tmp_path}/results: can't be written, since its disk is mounted read-only" in told
        assert "Make it writable, or run in another folder" in told
        assert "Traceback" not in told
        assert during == before
        assert before.items() < after.items()

else:  # without the privilege to mount, the fault is put where files are moved into place

    @pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EROFS])
    def test_a_disk_that_fails_is_told_and_the_same_command_ends_once_it_is_mended(
        tmp_path, mortal, monkeypatch, fault
    ):
        folder = tmp_path / "run"
        folder.mkdir()
        monkeypatch.delenv("DEATHS")
        assert snakemake(folder, TINY, TRAIN).returncode == 0
        before = made_by_jobs(folder)
        monkeypatch.setenv("DEATHS", str(tmp_path / "deaths"))
        monkeypatch.setenv("FAULT", str(fault))
        process = snakemake(folder, TINY, SAMPLE)
        assert process.returncode != 0
        assert os.strerror(fault) in process.stdout
        assert KEPT in process.stdout
        assert made_by_jobs(folder) == before
        monkeypatch.delenv("DEATHS")
        assert snakemake(folder, TINY, SAMPLE).returncode == 0


def test_a_second_workflow_in_a_folder_is_refused_and_the_first_goes_on(tmp_path):
    first = start(tmp_path, TINY, TRAIN)
    deadline = time.monotonic() + PATIENCE
    while not list(tmp_path.glob(".snakemake/locks/*")):
        assert first.poll() is None, (tmp_path / "output.txt").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    first.send_signal(signal.SIGSTOP)  # so that it can't end before the second one starts
    try:
        second = snakemake(tmp_path, TINY, TRAIN)
    finally:
        first.send_signal(signal.SIGCONT)
    assert second.returncode != 0
    assert "Directory cannot be locked" in second.stdout
    assert "--unlock" in second.stdout  # what to do where the other one was killed
    assert first.wait(PATIENCE) == 0, (tmp_path / "output.txt").read_text()
    assert (tmp_path / TRAIN).is_file()


def test_two_workflows_that_share_a_folder_on_purpose_make_their_own_targets(tmp_path):
    corpus = snakemake(tmp_path, TINY, TRAIN)
    assert corpus.returncode == 0, corpus.stdout
    manifests = [f"results/runs/tiny/seed-{seed}/manifest.tsv" for seed in (0, 1)]
    both = [
        subprocess.Popen(
            command(tmp_path, TINY, "--nolock", "--cores", "1", manifest),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for manifest in manifests
    ]
    for process, manifest in zip(both, manifests, strict=True):
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, output
        check_trajectory((tmp_path / manifest).parent)


@pytest.mark.parametrize("there", [True, False])
def test_a_mirror_that_is_absent_is_told_once_and_the_rest_is_planned(tmp_path, there):
    config = tiny(mirror="nowhere", corpora__wiki={"kind": "text", "source": "wikitext-2"})
    if there:
        (tmp_path / "nowhere").mkdir()
    process = snakemake(tmp_path, config, "--dry-run", "results/corpora/wiki/train.parquet")
    assert process.returncode == 0, process.stdout
    told = f"mirror: there is no folder 'nowhere' in {tmp_path}, so files of config/sources.tsv"
    assert process.stdout.count(told) == (0 if there else 1)


def test_a_configuration_that_is_no_yaml_is_told_without_a_traceback(tmp_path):
    arguments = command(tmp_path, TINY, "--dry-run")
    (tmp_path / "config.yaml").write_text("tier: toy\nruns: {a: [}\n")
    process = subprocess.run(
        arguments, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert process.returncode != 0
    told = process.stdout + process.stderr
    assert "Config file is not valid JSON or YAML" in told
    assert "Traceback" not in told
