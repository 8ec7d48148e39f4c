"""A whole run of the workflow on checkpoints from a hub, in both layouts."""

import re

import pandas as pd
import pytest
import torch
from hub_server import serving
from tiny_checkpoints import make, save
from tiny_workflow import snakemake, tiny

from ontogeny.runs.checkpoints.manifest import check_trajectory

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("hub")]

PYTHIA = {
    "kind": "hub",
    "repository": "EleutherAI/pythia-tiny",
    "revision": "step{step}",
    "seeds": [0],
    "steps": [0, {"from": 1, "to": 2, "times": 2}],
    "audit": "warn",  # random weights are no training
}
MULTIBERTS = {
    "kind": "hub",
    "repository": "google/multiberts-seed_{seed}-step_{step}k",
    "seeds": [0, 1],
    "steps": [0, 20],
    "step_unit": 1000,
}


def config(**changes):
    return tiny(
        chunk=2,
        runs={"pythia": {**PYTHIA, **changes}, "multiberts": MULTIBERTS},
        studies__pushdown__runs=["pythia"],
        studies__pushdown__corpora={"toyglish": ["upos"]},
    )


DAMAGED = {**PYTHIA, "repository": "EleutherAI/damaged", "steps": [64, 128, 256, 512]}
DAMAGED["audit"] = "stop"


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub with two decoders, one of them damaged, and an encoder of two seeds and two steps."""
    folder = tmp_path_factory.mktemp("published")
    with serving() as hub:
        for step in (0, 1, 2):
            path = save(make("gpt-neox", step), folder / f"p{step}", objective="causal")
            hub.publish(PYTHIA["repository"], path, f"step{step}")
        for step, seed in ((64, 0), (128, 1), (256, 2), (512, 0)):
            model = make("gpt-neox", seed)
            if step == 256:
                with torch.no_grad():
                    model.gpt_neox.embed_in.weight[3, 1] = torch.nan
            path = save(model, folder / f"d{step}", objective="causal")
            hub.publish("EleutherAI/damaged", path, f"step{step}")
        for seed in (0, 1):
            for step in (0, 20):
                path = folder / f"b{seed}-{step}"
                save(make("bert-for-pretraining", 2 * seed + step), path, pickled=seed == step == 0)
                hub.publish(f"google/multiberts-seed_{seed}-step_{step}k", path)
        yield hub


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder in which the workflows of all tests here run, one after the other."""
    return tmp_path_factory.mktemp("workflow")


@pytest.fixture
def online(hub, folder, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_HOME", str(folder / "huggingface"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return hub


def test_a_step_that_is_not_there_fails_alone_and_says_what_is(online, folder):
    online.delay = 0.1
    process = snakemake(
        folder,
        config(steps=[0, 1, 3]),
        *("trajectories", "--keep-going", "--resources", "downloads=1"),
    )
    assert process.returncode != 0
    assert "pythia-tiny: has no revision step3; it has step0, step1, step2." in process.stdout
    assert "Traceback" not in process.stdout
    assert online.most_at_once == 1
    runs = folder / "results" / "runs"
    assert not (runs / "pythia/seed-0/step-3").exists()
    assert not (runs / "pythia/seed-0/manifest.tsv").exists()
    for seed in (0, 1):
        entries = check_trajectory(runs / f"multiberts/seed-{seed}")
        assert [entry.step for entry in entries] == [0, 20000]
        assert [entry.source for entry in entries] == [
            f"google/multiberts-seed_{seed}-step_{step}k" for step in (0, 20)
        ]


def test_the_rest_is_fetched_and_nothing_twice(online, folder):
    before = len(online.fetched())
    process = snakemake(folder, config(), "trajectories")
    assert process.returncode == 0, process.stdout
    assert online.fetched()[before:].count("model.safetensors") == 1
    entries = check_trajectory(folder / "results/runs/pythia/seed-0")
    assert [entry.step for entry in entries] == [0, 1, 2]
    commits = online.branches[PYTHIA["repository"]]
    assert [entry.revision for entry in entries] == [commits[f"step{step}"] for step in (0, 1, 2)]
    assert not [path for path in folder.glob("results/runs/*/*/.unfinished/*") if path.exists()]


def test_what_is_there_is_measured_without_a_network(online, folder, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    before = len(online.requests)
    scores = "results/measurements/pushdown/toyglish/pythia/seed-0/chunk-0.scores.parquet"
    process = snakemake(folder, config(), scores)
    assert process.returncode == 0, process.stdout
    table = pd.read_parquet(folder / scores)
    assert set(table["step"]) == {0, 1}
    assert set(table["layer"]) == {0, 1, 2}
    assert len(online.requests) == before


def test_what_lacks_offline_is_named(online, folder, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    process = snakemake(folder, config(revision="step{step}-again"), "trajectories")
    assert process.returncode != 0
    said = r"pythia-tiny, revision step[012]-again: is not in the cache .*HF_HUB_OFFLINE forbids"
    assert re.search(said, process.stdout)


def test_a_step_served_twice_and_one_that_is_no_number_stop_the_studies(online, folder):
    scores = "results/measurements/pushdown/toyglish/damaged/seed-0/chunk-0.scores.parquet"
    settings = tiny(
        runs={"damaged": DAMAGED},
        studies__pushdown__runs=["damaged"],
        studies__pushdown__corpora={"toyglish": ["upos"]},
    )
    process = snakemake(folder, settings, scores)
    assert process.returncode != 0
    stop = "run damaged, seed 0: its audit stops the studies at steps 64, 256, 512."
    assert stop in process.stdout
    assert "steps 64, 512 hold the same weights" in process.stdout
    assert "gpt_neox.embed_in.weight" in process.stdout
    assert "Traceback" not in process.stdout
    assert not (folder / scores).exists()
