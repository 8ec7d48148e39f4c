"""The workflow on a real Slurm: the toy study, and what happens to jobs there."""

import os
import signal

import numpy as np
import pytest
import yaml
from one_node_slurm import jobs, node_name, node_state, slurm, wait_until
from study_on_slurm import (
    PATIENCE,
    ROOT,
    RUN,
    STUDY,
    contents,
    end,
    jobs_of,
    on_slurm,
    on_this_machine,
    small,
    start,
)

from ontogeny.measures.features import open_features
from ontogeny.planning import resources
from ontogeny.planning.configuration import validate
from ontogeny.results.claims import VERDICTS, read_claims
from ontogeny.studies import STUDIES
from ontogeny.studies.pushdown.resources import probes_memory

pytestmark = pytest.mark.usefixtures("cluster")

RECIPES = small({"undisturbed": RUN | {"seeds": [0, 1]}, "cancelled": RUN, "waiting": RUN})
RECIPES["runs"]["array"] = RECIPES["runs"]["undisturbed"]
TABLES = ["tables/loss.parquet", "tables/pushdown.parquet", "tables/pushdown_migration.parquet"]


def trajectory(folder, run, seed=0):
    return folder / f"results/runs/{run}/seed-{seed}"


def manifests(run, *seeds):
    return [f"results/runs/{run}/seed-{seed}/manifest.tsv" for seed in seeds]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with trajectories that were trained without a cluster; others share their recipe."""
    folder = tmp_path_factory.mktemp("recipes")
    on_this_machine(folder, RECIPES, *manifests("undisturbed", 0, 1))
    return folder


def test_the_toy_study_runs_through_the_profile(tmp_path):
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    study = config["studies"]["pushdown"]
    config["studies"] = {"pushdown": study}
    config["runs"] = {run: config["runs"][run] for run in study["runs"]}
    # Its models and all its kinds of jobs, with less for each job to do.
    for run in config["runs"].values():
        run["steps"] = {"spacing": "log", "first": 20, "last": 200, "count": 4}
    study["words"] = STUDY["words"]
    before = jobs()
    on_slurm(tmp_path, config)
    ran = [job for job in jobs() if job not in before]
    assert {job.state for job in ran} == {"COMPLETED"}
    claims = read_claims(tmp_path / "results/claims.tsv")
    assert len(claims) > 0
    assert set(claims["verdict"]) <= set(VERDICTS)
    assert len(list((tmp_path / "results/figures").rglob("*.svg"))) >= 7
    plan = on_slurm(tmp_path, config, "--dry-run", "--workflow-profile", "none")
    assert "Nothing to be done" in plan

    checked = validate(config, "config.yaml", set(), STUDIES)
    asked = {job.comment: job.megabytes for job in ran}
    training = resources.pretraining_memory(checked, "toy-bert")
    for seed in (0, 1):
        assert asked[f"rule_pretrain_toy-bert_wildcards_{seed}"] == training
    probing = probes_memory(checked, "toy-bert")
    assert asked["rule_pushdown_probe_wildcards_toyglish_toy-bert_0_0"] == probing
    # Of each group of short jobs one Slurm job does all: names of the group and its first rule.
    for group in ("corpora_corpus", "loss_loss", "tables_table", "figures_"):
        assert len([comment for comment in asked if comment.startswith(f"rule_{group}")]) == 1
    # Slurm's own logs stay where a job failed, and none did.
    assert not list((tmp_path / "results/logs/slurm").rglob("*.log"))
    assert (tmp_path / "results/logs/pushdown/probe.toyglish.toy-bert.seed-0.chunk-0.log").is_file()


def test_a_cancelled_job_is_run_again_and_its_result_is_right(folder):
    process = start(folder, RECIPES, *manifests("cancelled", 0))
    comment = "rule_pretrain_cancelled_wildcards_0"

    def late_state():
        found = trajectory(folder, "cancelled").glob(".unfinished/state-*")
        return any(1 < int(state.name.split("-")[1]) < 400 for state in found)

    wait_until(late_state, PATIENCE)
    (job,) = jobs_of(comment, "running")
    slurm("scancel", job.id)
    end(process, folder)
    cancelled, again = jobs_of(comment)
    assert (cancelled.state, again.state) == ("CANCELLED", "COMPLETED")
    assert again.megabytes == 2 * cancelled.megabytes
    log = (folder / "results/logs/runs/pretrain.cancelled.seed-0.log").read_text()
    assert "seed 0: resuming from step " in log
    made = contents(trajectory(folder, "cancelled"))
    assert made == contents(trajectory(folder, "undisturbed"))


def test_a_drained_node_takes_no_job_and_goes_on_when_it_is_resumed(folder):
    comment = "rule_pretrain_waiting_wildcards_0"
    node = f"nodename={node_name()}"
    slurm("scontrol", "update", node, "state=drain", "reason=test")
    try:
        process = start(folder, RECIPES, *manifests("waiting", 0))
        wait_until(lambda: jobs_of(comment, "pending"), PATIENCE)
        assert node_state() == "drained"
        assert process.poll() is None
    finally:
        slurm("scontrol", "update", node, "state=resume")
    end(process, folder)
    assert [job.state for job in jobs_of(comment)] == ["COMPLETED"]
    made = contents(trajectory(folder, "waiting"))
    assert made == contents(trajectory(folder, "undisturbed"))


def test_an_array_of_seeds_trains_as_single_jobs_do(folder):
    seeds = manifests("array", 0, 1)
    on_slurm(folder, RECIPES, "--slurm-array-jobs", "pretrain_array", *seeds)
    tasks = [job for seed in (0, 1) for job in jobs_of(f"rule_pretrain_array_wildcards_{seed}")]
    assert len({job.id.split("_")[0] for job in tasks}) == 1
    assert {job.id.split("_")[1] for job in tasks} == {"1", "2"}
    for seed in (0, 1):
        made = contents(trajectory(folder, "array", seed))
        assert made == contents(trajectory(folder, "undisturbed", seed))


def write_wide_checkpoint(folder, feedforward):
    """Write a BERT of one layer, narrow but for its feedforward activations."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"[UNK]": 0, "[PAD]": 1, "the": 2}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]", model_max_length=64
    )
    config = BertConfig(
        vocab_size=3,
        hidden_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=feedforward,
        max_position_embeddings=64,
        pad_token_id=1,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def test_a_job_over_its_memory_comes_back_with_more(tmp_path):
    # Activations of 0.6 GB, twice, where the configuration says that the model is next to nothing.
    write_wide_checkpoint(tmp_path / "wide/step-0", feedforward=300_000)
    wide = {"kind": "local", "path": str(tmp_path / "wide/step-{step}"), "seeds": [0]}
    config = small({"wide": wide | {"steps": [0], "parameters": 1000}}, ["upos"]) | {"gpus": 1}
    features = "results/features/pushdown/toyglish/wide/seed-0/chunk-0"
    on_slurm(tmp_path, config, features)
    first, second = jobs_of("rule_features_wildcards_pushdown_toyglish_wide_0_0")
    assert first.state in {"OUT_OF_MEMORY", "FAILED", "CANCELLED"}
    assert second.state == "COMPLETED"
    assert second.megabytes == 2 * first.megabytes
    assert first.gpus == second.gpus == 1
    assert {job.gpus for job in jobs() if "_features_" not in job.comment} == {0}
    taken = open_features(tmp_path / features / "step-0.dev.safetensors")
    assert taken.vectors.shape[0] == 2
    assert np.isfinite(taken.vectors.numpy()).all()


def test_a_killed_snakemake_finishes_without_redoing_what_was_finished(tmp_path):
    config = small({"small": RUN | {"seeds": [0, 1]}})
    targets = [f"results/{name}" for name in [*TABLES, "claims.tsv"]]
    undisturbed, folder = tmp_path / "undisturbed", tmp_path / "killed"
    undisturbed.mkdir()
    folder.mkdir()
    on_this_machine(undisturbed, config, *targets)

    process = start(folder, config, *targets)
    prefix = "rule_features_wildcards_pushdown_toyglish_small"
    seed = wait_until(
        lambda: [seed for seed in (0, 1) if jobs_of(f"{prefix}_{seed}_0", "running")], PATIENCE
    )[0]
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    trained = trajectory(folder, "small", seed) / "manifest.tsv"
    before = trained.stat().st_mtime_ns
    # As README.md says: what is still in Slurm's queue is cancelled, the lock is taken off.
    slurm("scancel", "--user=root")
    wait_until(lambda: not jobs_of(f"{prefix}_{seed}_0", "running,completing"), PATIENCE)
    on_slurm(folder, config, "--unlock")
    on_slurm(folder, config, *targets)

    assert trained.stat().st_mtime_ns == before
    assert len(jobs_of(f"rule_pretrain_small_wildcards_{seed}")) == 1
    for name in [*TABLES, "claims.tsv"]:
        made, expected = (place / "results" / name for place in (folder, undisturbed))
        assert made.read_bytes() == expected.read_bytes(), name
