"""Workflows and jobs that are killed, and jobs that refuse their input in the middle of a run."""

import os
import shutil
import signal
import time

import pandas as pd
import psutil
import pytest
from tiny_workflow import TINY, snakemake, start, tiny

from ontogeny.corpora.corpus import SPLITS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("interruptions")]

PATIENCE = 180  # seconds
RUN = {
    **TINY["runs"]["tiny"],
    "seeds": [0],
    "steps": {"spacing": "log", "last": 250, "count": 3},
    "state_every": 20,
}
# Two runs of one recipe: what is made of one is killed on the way, of the other it isn't.
CONFIG = tiny(
    chunk=3,
    runs={"undisturbed": RUN, "killed": RUN},
    studies__pushdown__runs=["undisturbed", "killed"],
)
MEASUREMENTS = "results/measurements/pushdown/toyglish/{run}/seed-0"
SCORES, ANSWERS = (f"{MEASUREMENTS}/chunk-0.{kind}.parquet" for kind in ("scores", "answers"))
FEATURES = "results/features/pushdown/toyglish/killed/seed-0/chunk-0"
TRAJECTORY = "results/runs/{run}/seed-0"
MANIFEST = f"{TRAJECTORY}/manifest.tsv"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder in which the workflows of all tests here run."""
    return tmp_path_factory.mktemp("interruptions")


def finish(folder, pattern, *runs):
    process = snakemake(folder, CONFIG, *(pattern.format(run=run) for run in runs))
    assert process.returncode == 0, process.stdout


def wait_until(condition, process, folder):
    """Wait until the condition holds and return what it gives; the workflow must not end before."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert process.poll() is None, (folder / "output.txt").read_text()
        assert time.monotonic() < deadline, (folder / "output.txt").read_text()
        time.sleep(0.01)
    return found


def kill_all(process):
    """Kill the workflow with all its jobs at once, as a machine that goes down does."""
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    assert len(family) > 1
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert not alive


def kill_job(process, script):
    """Kill the process that runs a script, and wait until the workflow has ended for it."""
    jobs = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if child.name().startswith("python") and child.cmdline()[-1].endswith(f".{script}.py")
    ]
    assert len(jobs) == 1
    jobs[0].kill()
    assert process.wait(PATIENCE) != 0


def contents(folder):
    """Return the bytes of all files of a folder that the workflow's jobs wrote."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != ".snakemake_timestamp"
    }


def test_a_workflow_killed_in_a_training_resumes_it_and_ends_with_the_same_bytes(folder):
    trajectory = folder / TRAJECTORY.format(run="killed")
    process = start(folder, CONFIG, MANIFEST.format(run="killed"))

    def late_state():
        states = (int(s.name.split("-")[1]) for s in trajectory.glob(".unfinished/state-*"))
        return any(1 < step < 250 for step in states)

    wait_until(late_state, process, folder)
    kill_all(process)
    assert not list(trajectory.glob("step-*"))
    assert not (trajectory / "manifest.tsv").exists()
    assert not (trajectory / "loss.tsv").exists()
    # Snakemake can't tell a killed workflow from one that still runs, and has to be told.
    assert snakemake(folder, CONFIG, "--unlock").returncode == 0
    finish(folder, MANIFEST, "killed", "undisturbed")
    log = (folder / "results/logs/runs/pretrain.killed.seed-0.log").read_text()
    assert "run killed, seed 0: resuming from step " in log
    assert "step 1 of 250" not in log
    assert contents(trajectory) == contents(folder / TRAJECTORY.format(run="undisturbed"))


def test_a_killed_measurement_leaves_nothing_and_is_made_again_to_the_same_numbers(folder):
    scores, answers = folder / SCORES.format(run="killed"), folder / ANSWERS.format(run="killed")
    target = SCORES.format(run="killed")

    process = start(folder, CONFIG, target)
    features = folder / FEATURES
    # What is half-written lies beside its place, under another name.
    wait_until(lambda: list(features.parent.glob(".chunk-0.*/chunk-0/*")), process, folder)
    kill_job(process, "features")
    assert not features.exists()

    process = start(folder, CONFIG, target)
    log = folder / "results/logs/pushdown/probe.toyglish.killed.seed-0.chunk-0.log"
    wait_until(lambda: log.exists() and "step 0" in log.read_text(), process, folder)
    assert features.exists()
    kill_job(process, "probe")
    assert not scores.exists()
    assert not answers.exists()

    finish(folder, SCORES, "killed", "undisturbed")
    assert not features.exists()
    assert not list(features.parent.glob(".chunk-0.*"))
    for pattern in (SCORES, ANSWERS):
        killed, undisturbed = (
            pd.read_parquet(folder / pattern.format(run=run)).drop(columns="run")
            for run in ("killed", "undisturbed")
        )
        assert len(killed) > 100
        pd.testing.assert_frame_equal(killed, undisturbed)


WORD = "{}\t{}\t_\tNOUN\t_\t_\t{}\tdep\t_\t_\n"
GOOD = WORD.format(1, "cats", 2) + WORD.format(2, "sleep", 0) + "\n"
CYCLE = GOOD + WORD.format(1, "a", 2) + WORD.format(2, "b", 1) + WORD.format(3, "c", 0) + "\n"


@pytest.fixture(scope="module")
def refused(folder):
    """What a workflow says whose jobs meet three kinds of bad input; what was there before."""
    finish(folder, MANIFEST, "undisturbed")
    before = contents(folder / "results/runs/undisturbed") | contents(folder / "results/corpora")
    for name in SPLITS:
        (folder / f"{name}.conllu").write_text(GOOD)
    (folder / "cycle.conllu").write_text(CYCLE)
    shutil.copytree(folder / TRAJECTORY.format(run="undisturbed"), folder / "mine")
    weights = folder / "mine/step-1/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    treebank = {"kind": "conllu", **{split: f"{split}.conllu" for split in SPLITS}}
    config = tiny(
        corpora__cyclic={**treebank, "test": "cycle.conllu"},
        corpora__untagged=treebank,
        runs__undisturbed=RUN,
        runs__mine={"kind": "local", "path": "mine/step-{step}", "seeds": [0], "steps": [0, 1]},
        studies__pushdown__runs=["mine"],
        studies__pushdown__corpora={"untagged": ["upos", "xpos"]},
    )
    process = snakemake(
        folder,
        config,
        "--keep-going",
        "results/corpora/cyclic/train.parquet",
        "results/runs/mine/seed-0/manifest.tsv",
        "results/samples/pushdown/untagged/train.parquet",
    )
    assert process.returncode != 0
    assert "Traceback" not in process.stdout
    return process.stdout, before


def files_below(folder):
    return [path for path in folder.rglob("*") if not path.is_dir()]


def test_a_cycle_in_a_corpus_is_told_by_file_and_line(folder, refused):
    output, _ = refused
    assert "CorpusError: cycle.conllu, line 5: following the heads from word 2" in output
    assert not files_below(folder / "results/corpora/cyclic")


def test_a_truncated_checkpoint_is_told_by_step_and_file(folder, refused):
    output, _ = refused
    file = folder / "mine/step-1/model.safetensors"
    assert f"CheckpointError: step 1: {file}: " in output
    assert "it is truncated" in output
    assert not files_below(folder / "results/runs/mine")


def test_a_task_that_the_files_cannot_serve_is_refused_by_name(folder, refused):
    output, _ = refused
    assert (
        "CorpusError: results/corpora/untagged/train.parquet: task xpos needs the column xpos, "
        "which this corpus does not have (it has upos, head, deprel)." in output
    )
    assert not files_below(folder / "results/samples/pushdown/untagged")


def test_what_was_finished_stays_when_other_jobs_fail(folder, refused):
    _, before = refused
    after = contents(folder / "results/runs/undisturbed") | contents(folder / "results/corpora")
    assert before.items() <= after.items()
    assert (folder / "results/corpora/untagged/train.parquet").is_file()
