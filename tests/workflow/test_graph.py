"""The graph of jobs, and what is refused before it is built."""

import re
import subprocess
import sys

import pytest
import yaml
from tiny_workflow import ROOT, TINY, environment, job_counts, snakemake, tiny

from ontogeny.corpora.build import input_files

# The paper tier is planned in test_scale.py.
SHIPPED = sorted(
    file
    for file in (ROOT / "config").glob("*.yaml")
    if file.name not in ("schema.yaml", "paper.yaml")
)


@pytest.mark.slow
@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_the_graph_of_every_shipped_configuration_is_built(tmp_path, file):
    config = yaml.safe_load(file.read_text())
    for corpus in config.get("corpora", {}).values():
        for file_of_the_user in input_files(corpus):
            path = tmp_path / file_of_the_user
            path.parent.mkdir(exist_ok=True)
            path.touch()
    process = snakemake(tmp_path, config, "--dry-run", "--quiet")
    assert process.returncode == 0, process.stdout


def test_the_number_of_measuring_jobs_follows_from_chunks_and_seeds(tmp_path):
    process = snakemake(tmp_path, tiny(chunk=2), "--dry-run")
    counts = job_counts(process)
    assert counts["pretrain_tiny"] == 2  # one for each seed
    assert counts["features"] == counts["pushdown_probe"] == 4  # 2 seeds, 3 steps in chunks of 2
    assert counts["corpus"] == counts["sample"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"studies__pushdwn": {}}, "studies: unknown key 'pushdwn'; did you mean 'pushdown'?"),
        ({"studies__pushdown__steps": [3]}, "run 'tiny' has no checkpoint at step 3"),
        ({"runs__tiny__corpus": "toyglsh"}, "no corpus 'toyglsh'; did you mean 'toyglish'?"),
        (
            {"corpora__toyglish": {"kind": "text", "source": "wikitext-2"}},
            "task upos needs the annotation upos, which this corpus does not have",
        ),
    ],
)
def test_a_wrong_configuration_is_refused_before_any_job(tmp_path, changes, expected):
    process = snakemake(tmp_path, tiny(**changes))
    assert process.returncode != 0
    assert expected in process.stdout
    assert "Traceback" not in process.stdout
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_a_named_file_that_is_absent_is_named(tmp_path):
    files = {split: f"{split}.conllu" for split in ("train", "dev", "test")}
    process = snakemake(
        tmp_path,
        tiny(
            corpora__toyglish={
                "kind": "conllu",
                **files,
                "entities": "NER",
                "constituents": "trees",
            }
        ),
    )
    assert process.returncode != 0
    assert "train.conllu" in process.stdout
    assert not (tmp_path / "results" / "corpora").exists()


def without_a_file(folder, *arguments):
    """Plan the workflow in a folder, with no configuration but what the arguments name."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--workflow-profile", "none", "--directory", str(folder), "--dry-run", *arguments),
        ],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("file", [{"tier": "lab", "runs": TINY["runs"]}, {}])
def test_a_file_without_studies_is_refused_and_never_taken_for_none(tmp_path, file):
    process = snakemake(tmp_path, file, "--dry-run")
    assert process.returncode != 0
    told = f"{tmp_path}/config.yaml: the top level: the key 'studies' is missing."
    assert told in process.stdout


@pytest.mark.slow
def test_what_makes_a_configuration_on_the_command_line_adds_nothing_to_the_default(tmp_path):
    process = without_a_file(tmp_path, "--config", "tier=lab")
    assert process.returncode != 0
    assert "the configuration: the top level: the key 'studies' is missing." in process.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "tuned", [("--config", "chunk=1"), ("--profile", str(ROOT / "profiles/slurm"))]
)
def test_what_only_tunes_a_configuration_leaves_the_default_one(tmp_path, tuned):
    process = without_a_file(tmp_path, *tuned)
    assert process.returncode == 0, process.stdout
    # 2 seeds of 11 steps, each by itself.
    assert re.search(r"^pushdown_probe +22$", process.stdout, re.M), process.stdout
