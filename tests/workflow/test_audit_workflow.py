"""A trajectory with duplicates in it stops before any study reads it, unless it is let pass."""

import shutil

import pandas as pd
import pytest
import torch
from model_zoo import save
from tiny_workflow import snakemake, tiny

from ontogeny.audit.tables import WEIGHTS, read_findings
from ontogeny.results.tables import read_table
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.pretraining.tokenizers import train_tokenizer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("audit")]

SCORES = "results/measurements/pushdown/toyglish/{run}/seed-0/chunk-0.scores.parquet"
FIGURE = "results/figures/runs/audit.{run}.svg"
AUDITED = "auditing {run}, seed 0"
FOLDER = "results/runs/{run}/seed-0"


def config(folder, audit):
    """Two runs of the same checkpoints, one of which serves step 40 at step 1 as well."""
    local = {"kind": "local", "seeds": [0], "steps": [0, 1, 40]}
    return tiny(
        chunk=3,
        runs={
            "good": local | {"path": f"{folder}/good/step-{{step}}"},
            "bad": local | {"path": f"{folder}/bad/step-{{step}}", "audit": audit},
        },
        studies__pushdown={
            "runs": ["good", "bad"],
            "corpora": {"toyglish": ["upos"]},
            "words": {"train": 500, "dev": 200, "test": 200},
        },
    )


def save_checkpoints(folder):
    """Save a BERT at its initialisation, after one update, and after 40."""
    tokenizer = train_tokenizer([["a", "b"]], kind="word", objective="masked")
    sizes = {"layers": 1, "heads": 2, "width": 32, "positions": 64}
    model = initialise(configure("bert", len(tokenizer), **sizes), 0)
    generator = torch.Generator().manual_seed(0)
    for step, length in ((0, 0.0), (1, 1e-4), (40, 4e-3)):
        with torch.no_grad():
            for weights in model.parameters():
                weights += length * torch.randn(weights.shape, generator=generator)
        model.save_pretrained(folder / f"step-{step}")
        tokenizer.save_pretrained(folder / f"step-{step}")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A folder in which a workflow stopped at an audit, and what it said."""
    folder = tmp_path_factory.mktemp("audit")
    save_checkpoints(folder / "good")
    shutil.copytree(folder / "good", folder / "bad")
    weights = "model.safetensors"
    shutil.copy(folder / "bad/step-40" / weights, folder / "bad/step-1" / weights)
    targets = [pattern.format(run=run) for pattern in (SCORES, FIGURE) for run in ("good", "bad")]
    process = snakemake(folder, config(folder, "stop"), "--keep-going", *targets)
    assert process.returncode != 0
    return folder, process.stdout


def test_the_message_names_run_seed_steps_and_remedies(stopped):
    _, output = stopped
    assert "TrajectoryError: run bad, seed 0: its audit stops the studies at steps 1, 40." in output
    assert "steps 1, 40 hold the same weights, those of the last checkpoint (SHA-256 " in output
    assert "runs.bad.audit: warn" in output
    assert "Traceback" not in output


def test_no_study_reads_the_trajectory_and_the_others_go_on(stopped):
    folder, _ = stopped
    assert (folder / SCORES.format(run="good")).exists()
    assert not (folder / SCORES.format(run="bad")).exists()
    assert not (folder / "results/logs/features/pushdown.toyglish.bad.seed-0.chunk-0.log").exists()
    assert not (folder / FOLDER.format(run="bad") / "audit.passed").exists()


def test_the_findings_can_be_read_all_the_same(stopped):
    folder, _ = stopped
    (finding,) = read_findings(folder / FOLDER.format(run="bad") / "audit.tsv")
    assert (finding.check, finding.severity, finding.steps) == ("duplicate", "stop", [1, 40])
    assert read_findings(folder / FOLDER.format(run="good") / "audit.tsv") == []
    assert read_findings(folder / "results/audit.tsv") == [finding]
    assert (folder / FIGURE.format(run="bad")).stat().st_size > 1000
    table = read_table(folder / "results/tables/weights.parquet", WEIGHTS)
    duplicates = table[(table["run"] == "bad") & (table["metric"] == "duplicates")]
    assert duplicates.set_index("step")["value"].to_dict() == {0: 0, 1: 1, 40: 1}


def test_with_warn_the_studies_go_on_and_nothing_else_is_made_again(stopped):
    folder, _ = stopped
    good = folder / SCORES.format(run="good")
    before = good.stat().st_mtime_ns
    targets = [SCORES.format(run=run) for run in ("good", "bad")]
    process = snakemake(folder, config(folder, "warn"), *targets)
    assert process.returncode == 0, process.stdout
    assert good.stat().st_mtime_ns == before
    assert set(pd.read_parquet(folder / SCORES.format(run="bad"))["step"]) == {0, 1, 40}
    log = (folder / "results/logs/runs/audit_passed.bad.seed-0.log").read_text()
    assert "steps 1, 40 hold the same weights" in log
    for run in ("good", "bad"):
        assert AUDITED.format(run=run) in stopped[1]
        assert AUDITED.format(run=run) not in process.stdout


def test_a_model_without_attention_stops_before_a_study_of_it_and_not_before_another(tmp_path):
    save("mamba", tmp_path / "mamba/step-0", trained=False)
    run = {"kind": "local", "path": f"{tmp_path}/mamba/step-{{step}}", "seeds": [0], "steps": [0]}
    words = {"train": 500, "dev": 200, "test": 200}
    pushdown = {"runs": ["mamba"], "corpora": {"toyglish": ["upos"]}, "words": words}
    sas = {"runs": ["mamba"], "corpora": ["toyglish"]}
    runs = {"runs": {"mamba": run}}
    structure = "results/measurements/sas/toyglish/mamba/seed-0/chunk-0.structure.parquet"
    process = snakemake(tmp_path, tiny() | runs | {"studies": {"sas": sas}}, structure)
    assert process.returncode != 0
    assert "run mamba, seed 0, step 0: the model, MambaForCausalLM" in process.stdout
    assert "Leave the run out of `studies.sas.runs`." in process.stdout
    assert not (tmp_path / FOLDER.format(run="mamba") / "audit.passed").exists()
    scores = SCORES.format(run="mamba")
    process = snakemake(tmp_path, tiny() | runs | {"studies": {"pushdown": pushdown}}, scores)
    assert process.returncode == 0, process.stdout
    assert AUDITED.format(run="mamba") not in process.stdout  # what was audited stays so
