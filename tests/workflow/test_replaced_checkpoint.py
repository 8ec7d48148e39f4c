"""A local checkpoint that is replaced in place is found out, and what the message says helps."""

import re
import shutil
from pathlib import Path

import pytest
import torch
from tiny_workflow import ROOT, made_by_jobs, snakemake, tiny

from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.checkpoints.manifest import read_manifest, weights_sha256
from ontogeny.runs.pretraining.tokenizers import train_tokenizer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("replaced")]

FOLDER = "results/runs/mine/seed-0"
PASSED = f"{FOLDER}/audit.passed"
SCORES = "results/measurements/pushdown/{corpus}/mine/seed-0/chunk-0.scores.parquet"
FIRST = SCORES.format(corpus="first")
GRAMMAR = {"kind": "grammar", "sentences": {"train": 300, "dev": 60, "test": 60}}


def config(checkpoints):
    """A run of three checkpoints that lie in a folder, measured on two corpora, a job for each."""
    local = {"kind": "local", "seeds": [0], "steps": [0, 1, 40], "path": f"{checkpoints}/{{step}}"}
    return tiny(
        chunk=3,
        corpora={"first": GRAMMAR, "second": GRAMMAR | {"seed": 1}},
        runs={"mine": local},
        studies__pushdown={
            "runs": ["mine"],
            "corpora": {"first": ["upos"], "second": ["upos"]},
            "words": {"train": 500, "dev": 200, "test": 200},
        },
    )


def save_checkpoints(folder, seed=0):
    """Save a BERT at its initialisation, after one update, and after 40."""
    tokenizer = train_tokenizer([["a", "b"]], kind="word", objective="masked")
    sizes = {"layers": 1, "heads": 2, "width": 32, "positions": 64}
    model = initialise(configure("bert", len(tokenizer), **sizes), seed)
    generator = torch.Generator().manual_seed(seed)
    for step, length in ((0, 0.0), (1, 1e-4), (40, 4e-3)):
        with torch.no_grad():
            for weights in model.parameters():
                weights += length * torch.randn(weights.shape, generator=generator)
        model.save_pretrained(folder / str(step))
        tokenizer.save_pretrained(folder / str(step))


def measured(folder):
    """Return the bytes of the measurements on the first corpus, and of what the audit found."""
    made = made_by_jobs(folder)
    first = str(Path(FIRST).parent)
    return {name: made[name] for name in made if first in name or "weights.tsv" in name}


def measure(folder, checkpoints, *corpora, arguments=()):
    """Measure the run on corpora; return the finished process."""
    targets = [SCORES.format(corpus=corpus) for corpus in corpora]
    return snakemake(folder, config(checkpoints), *arguments, "--", *targets)


@pytest.fixture(scope="module")
def replaced(tmp_path_factory):
    """Checkpoints of which one was replaced when one corpus had been measured; what was said."""
    mine, folder = tmp_path_factory.mktemp("mine"), tmp_path_factory.mktemp("replaced")
    save_checkpoints(mine)
    process = measure(folder, mine, "first")
    assert process.returncode == 0, process.stdout
    other = tmp_path_factory.mktemp("other")
    save_checkpoints(other, seed=1)
    shutil.copy(other / "40" / "model.safetensors", mine / "40" / "model.safetensors")
    process = measure(folder, mine, "first", "second")
    assert process.returncode != 0
    return mine, folder, process.stdout


def test_the_measuring_job_refuses_it_and_says_what_to_do(replaced):
    mine, _, output = replaced
    assert f"CheckpointError: step 40: {FOLDER}/step-40: the weights have SHA-256 " in output
    assert f"If {mine}/40 is as it should be, delete {FOLDER}/manifest.tsv and run" in output
    assert "Traceback" not in output


def delete_the_named_file(folder, output):
    (manifest,) = set(re.findall(r", delete (\S+) and run the workflow again", output))
    (folder / manifest).unlink()


def hashes(folder):
    return {Path(entry.source).name: entry.sha256 for entry in read_manifest(folder / FOLDER)}


def test_what_the_message_says_measures_the_run_anew_also_where_it_was_measured(replaced, tmp_path):
    mine, folder, output = replaced
    before = measured(folder)
    delete_the_named_file(folder, output)
    process = measure(folder, mine, "first", "second")
    assert process.returncode == 0, process.stdout
    assert hashes(folder) == {name: weights_sha256(mine / name) for name in ("0", "1", "40")}
    process = measure(tmp_path, mine, "first")
    assert process.returncode == 0, process.stdout
    assert measured(folder) == measured(tmp_path)
    assert measured(folder)[FIRST] != before[FIRST]


def test_what_the_manual_says_does_so_where_all_was_measured_and_no_job_finds_it_out(replaced):
    mine, folder, output = replaced
    if not (folder / SCORES.format(corpus="second")).exists():  # the test before wasn't run
        delete_the_named_file(folder, output)
    assert measure(folder, mine, "first", "second").returncode == 0
    before = measured(folder)
    for name, new in (("40", "away"), ("1", "40"), ("away", "1")):
        shutil.move(mine / name, mine / new)
    process = measure(folder, mine, "first", "second")
    assert process.returncode == 0
    assert "Nothing to be done" in process.stdout
    manual = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    (option,) = re.findall(r"`snakemake (--forcerun local_mine) ", manual)
    process = measure(folder, mine, "first", arguments=option.split())
    assert process.returncode == 0, process.stdout
    assert hashes(folder) == {name: weights_sha256(mine / name) for name in ("0", "1", "40")}
    assert measured(folder)[FIRST] != before[FIRST]
