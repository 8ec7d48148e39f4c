"""A clone between two trainings: of the run that is sampled, and of one that reads what it said."""

import pandas as pd
import pytest
from tiny_workflow import changed, planned_jobs, snakemake, tiny

from ontogeny.corpora.corpus import read_split

pytestmark = pytest.mark.slow

RUN = {
    "kind": "pretrain", "corpus": "toyglish", "seeds": [0], "steps": [0, 16], "layers": 1,
    "heads": 2, "width": 16, "sequence_length": 32, "batch_size": 16,
}  # fmt: skip
CONFIG = tiny(
    corpora__two_body={
        "kind": "clone",
        "corpus": "toyglish",
        "sampler": "sampler",
        "sweeps": 2,
        "sentences": {"train": 200, "dev": 20, "test": 20},
    },
    runs__sampler=RUN | {"architecture": "factored", "seeds": [3, 0]},
    runs__student=RUN | {"architecture": "bert", "corpus": "two_body", "steps": [0, 2]},
)
TARGET = "results/runs/student/seed-0/manifest.tsv"


def test_a_run_on_a_clone_is_planned_from_the_training_of_its_sampler_on(tmp_path):
    process = snakemake(tmp_path, CONFIG, TARGET, "--dry-run")
    assert process.returncode == 0, process.stdout
    assert planned_jobs(process) == {
        "corpus", "pretrain_sampler", "audit", "audit_passed", "clone_corpus", "pretrain_student",
    }  # fmt: skip
    counts = dict(line.split() for line in process.stdout.splitlines() if len(line.split()) == 2)
    assert counts["corpus"] == counts["pretrain_sampler"] == "1"  # the first seed alone


def test_a_clone_is_made_once_and_read_like_any_corpus(tmp_path):
    process = snakemake(tmp_path, CONFIG, TARGET)
    assert process.returncode == 0, process.stdout
    corpora = tmp_path / "results/corpora"
    clone, original = (
        read_split(corpora / name / "train.parquet") for name in ("two_body", "toyglish")
    )
    assert len(clone) == 200
    assert set(clone["sentence_id"]) < set(original["sentence_id"])
    numbers = pd.read_csv(corpora / "two_body/statistics.tsv", sep="\t")
    overlap = numbers[numbers["metric"] == "overlap"].set_index("split")["value"]
    assert ((overlap > 0) & (overlap < 1)).all()
    assert not (corpora / "two_body/.unfinished").exists()
    again = snakemake(tmp_path, CONFIG, TARGET, "--dry-run")
    assert "Nothing to be done" in again.stdout
    # Another clone of the same sampler: no training but that on it.
    more = changed(CONFIG, **{"corpora__two_body__sweeps": 3})
    assert planned_jobs(snakemake(tmp_path, more, TARGET, "--dry-run")) == {
        "clone_corpus", "pretrain_student",
    }  # fmt: skip
