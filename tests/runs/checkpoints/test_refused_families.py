"""A family that can't be measured is refused by name wherever a run comes in, before it is read."""

import json
import logging

import pytest
from model_zoo import REFUSED, save
from tiny_checkpoints import make
from tiny_checkpoints import save as save_tiny

from ontogeny.audit.tables import let_pass, read_findings, write_findings
from ontogeny.audit.trajectory import audit_trajectory
from ontogeny.errors import CheckpointError, TrajectoryError
from ontogeny.runs.checkpoints.loading import load_language_model, load_model
from ontogeny.runs.checkpoints.manifest import Entry, checkpoint_path, write_manifest
from ontogeny.runs.hub.locations import Location
from ontogeny.runs.local import link_trajectory

REASONS = {
    "t5": r"T5ForConditionalGeneration \(model_type t5\), is an encoder-decoder",
    "bart": r"BartForConditionalGeneration \(model_type bart\), is an encoder-decoder",
    "mbart": r"MBartForConditionalGeneration \(model_type mbart\), is an encoder-decoder",
    "xlnet": r"XLNetLMHeadModel \(model_type xlnet\), predicts words in an order drawn at random",
    "funnel": r"FunnelForMaskedLM \(model_type funnel\), shortens the text between its layers",
}


@pytest.fixture(scope="module", params=REFUSED)
def refused(request, tmp_path_factory):
    """The name of a family, and a folder with a checkpoint of it at step 3."""
    folder = tmp_path_factory.mktemp("refused")
    save(request.param, checkpoint_path(folder, 3))
    return request.param, folder


def test_every_family_that_is_refused_has_its_reason():
    assert set(REASONS) == set(REFUSED)


def test_it_is_not_linked(refused, tmp_path):
    name, folder = refused
    message = rf"^step 3: .*step-3: its model, {REASONS[name]}.* Leave the run out\.$"
    with pytest.raises(CheckpointError, match=message):
        link_trajectory(f"{folder}/step-{{step}}", tmp_path / "run", run="mine", seed=0, steps=[3])
    assert not (tmp_path / "run").exists()


def test_its_audit_names_run_and_seed(refused):
    name, folder = refused
    write_manifest([Entry(3, "", "", "", 0)], folder)
    message = rf"^run mine, seed 5: .*step-3: its model, {REASONS[name]}"
    with pytest.raises(CheckpointError, match=message):
        audit_trajectory(folder, run="mine", seed=5, steps=[3])


def test_it_is_not_loaded(refused):
    name, folder = refused
    for load in (load_model, load_language_model):
        with pytest.raises(CheckpointError, match=rf"step-3: its model, {REASONS[name]}"):
            load(checkpoint_path(folder, 3), device="cpu")


def test_its_weights_are_not_fetched_from_the_hub(hub, fetch, tmp_path):
    hub.publish("owner/t5", save("t5", tmp_path / "t5"))
    message = rf"^owner/t5, revision main: its model, {REASONS['t5']}"
    for _ in range(2):
        with pytest.raises(CheckpointError, match=message):
            fetch(Location("owner/t5", "main"), 3)
    assert "model.safetensors" not in hub.fetched()
    assert [path for path in (tmp_path / "unfinished").rglob("*") if path.is_file()] == []


def test_a_family_without_attention_stops_where_that_is_asked_for_alone(tmp_path, caplog):
    for step in (0, 7):
        save("mamba", checkpoint_path(tmp_path, step), trained=step > 0)
    write_manifest([Entry(step, "", "", "", 0) for step in (0, 7)], tmp_path)
    audit = audit_trajectory(tmp_path, run="mine", seed=1, steps=[0, 7])
    write_findings(audit.findings, tmp_path / "audit.tsv")
    findings = read_findings(tmp_path / "audit.tsv")
    (finding,) = [found for found in findings if found.check == "attention"]
    assert (finding.severity, finding.steps) == ("note", [0, 7])
    with caplog.at_level(logging.INFO, "ontogeny"):
        let_pass(findings, "stop", "audit.tsv")
    assert "MambaForCausalLM (model_type mamba), has no attention between words" in caplog.text
    message = r"run mine, seed 1, step 0: .*MambaForCausalLM.*Leave the run out of `studies\.sas\."
    for audited in ("stop", "warn"):
        with pytest.raises(TrajectoryError, match=message):
            let_pass(findings, audited, "audit.tsv", attention=["sas"])


def test_a_family_with_attention_passes_where_that_is_asked_for(tmp_path):
    save("bert", checkpoint_path(tmp_path, 0), trained=False)
    write_manifest([Entry(0, "", "", "", 0)], tmp_path)
    findings = audit_trajectory(tmp_path, run="mine", seed=0, steps=[0]).findings
    let_pass(findings, "stop", "audit.tsv", attention=["sas"])


def test_a_config_without_model_type_is_told_in_a_line(tmp_path):
    path = save_tiny(make("bert"), tmp_path / "bert")
    config = json.loads((path / "config.json").read_text())
    del config["model_type"]
    (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"`model_type` key in its config\.json") as error:
        load_model(path, device="cpu")
    assert len(str(error.value)) < 2 * len(str(path)) + 200
