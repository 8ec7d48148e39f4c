"""A job of a sweep: the same bytes each time, whatever interrupts it, whoever diverges."""

import json
import logging
import math
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch

from ontogeny.ensemble.bert.architecture import DECODER_BIAS, WORD_EMBEDDINGS
from ontogeny.ensemble.bert.stack import BertStack
from ontogeny.errors import TrainingError
from ontogeny.results.tables import check, read_measurements
from ontogeny.studies.strategies import sweep as module
from ontogeny.studies.strategies.conditions import PROBED, SUBSETS, Member
from ontogeny.studies.strategies.streams import laws_of
from ontogeny.studies.strategies.sweep import KINDS, learning_rate, prepare_training, sweep
from ontogeny.studies.strategies.tables import EMBEDDINGS, STRATEGIES, absent
from ontogeny.studies.strategies.task import FIRST_NOUN, Vocabulary

SETTINGS = {
    **{"layers": 1, "heads": 1, "width": 8, "feedforward": 8, "initial_deviation": 0.1},
    **{"batch_size": 8, "learning_rate": 0.01, "warmup": 0.25, "decay": "linear"},
    **{"weight_decay": 0.01, "epsilon": 1e-8, "held_out": 6, "switching": "types", "l2": 0.01},
    **{"forget_every": 3, "temporary_every": 3, "forget_until": 4, "forget_tokens": "content"},
    **{"forget_deviation": 0.1, "steps": [0, 2, 4, 8], "state_every": 3, "zipf": "exact"},
    **{"dropout": 0.0, "held_out_negatives": False, "probe_bias": True},
    "evaluation": {"sequences": 10, "probe_train": 20, "probe_test": 10, "types_shown": 5},
}
RELEASED = {
    **SETTINGS,
    **{"dropout": 0.1, "held_out": 0.1, "held_out_negatives": True, "zipf": "shifted"},
    **{"switching": "redrawn", "forget_tokens": "all", "forget_deviation": 1.0},
    **{"forget_every": 4, "temporary_every": 1, "forget_until": 3, "probe_bias": False},
}
MEMBERS = [
    Member(0.0, 60, 0.0, "none", 0),
    Member(1.5, 60, 0.1, "active", 0),
    Member(1.5, 60, 0.0, "temporary", 3),
]


def run(folder, members=MEMBERS, settings=SETTINGS):
    """Run a job in a folder; return the bytes of its two files."""
    files = {kind: folder / f"{kind}.parquet" for kind in KINDS}
    sweep(members, settings, **files, working=folder / "working", device="cpu")
    assert not (folder / "working").exists()
    return [files[kind].read_bytes() for kind in KINDS]


def frames(folder):
    return [read_measurements([folder / f"{kind}.parquet"]) for kind in KINDS]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    return folder, run(folder)


def test_every_member_is_measured_at_every_step_on_every_set(finished):
    measured, places = frames(finished[0])
    check(measured, STRATEGIES)
    check(places, EMBEDDINGS)
    of_one_step = 3 * len(SUBSETS) + 2 * 2 * len(PROBED)  # answers; two layers of probes
    assert len(measured) == len(MEMBERS) * len(SETTINGS["steps"]) * of_one_step
    assert len(places) == len(MEMBERS) * len(SETTINGS["steps"]) * 2 * 5 * 2
    assert absent(measured, MEMBERS) == []


def test_the_same_settings_give_the_same_bytes(finished, tmp_path):
    assert run(tmp_path) == finished[1]


def test_a_member_measures_the_same_in_other_company(finished, tmp_path):
    run(tmp_path, [MEMBERS[2], MEMBERS[0]])
    for own, all_of_them in zip(frames(tmp_path), frames(finished[0]), strict=True):
        keys = [column for column in own if column != "value"]
        joined = own.merge(all_of_them, on=keys, suffixes=("", "_in_company"))
        assert len(joined) == len(own)
        assert (joined["value"] - joined["value_in_company"]).abs().max() < 1e-5


@pytest.mark.parametrize("step", [0, 2, 4, 8])
def test_a_job_that_is_stopped_leaves_no_results_and_goes_on_where_it_was(
    finished, tmp_path, monkeypatch, step
):
    def stopped(instruments, stack, now):
        if now == step:
            raise KeyboardInterrupt
        return measure(instruments, stack, now)

    measure = module.measure
    monkeypatch.setattr(module, "measure", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["working"]
    seen = []
    monkeypatch.setattr(module, "measure", lambda *args: seen.append(args[2]) or measure(*args))
    assert run(tmp_path) == finished[1]
    # States are kept after 3 and 6 updates: what came before isn't measured again.
    assert seen == [at for at in SETTINGS["steps"] if at >= {0: 0, 2: 0, 4: 3, 8: 6}[step]]


@pytest.mark.slow
def test_a_killed_job_leaves_no_results_and_goes_on_where_it_was(tmp_path):
    settings = {**SETTINGS, "steps": [0, 600], "state_every": 50}
    program = (
        "import json, sys\n"
        "from ontogeny.studies.strategies.conditions import Member\n"
        "from ontogeny.studies.strategies.sweep import sweep\n"
        "members, settings, folder = json.loads(sys.argv[1])\n"
        "sweep([Member(**m) for m in members], settings, device='cpu',\n"
        "      measurements=folder + '/measurements.parquet',\n"
        "      embeddings=folder + '/embeddings.parquet', working=folder + '/working')\n"
    )
    one = [MEMBERS[1]]
    arguments = json.dumps([[vars(member) for member in one], settings, str(tmp_path)])
    process = subprocess.Popen([sys.executable, "-c", program, arguments])
    state = tmp_path / "working" / "state.safetensors"
    while not state.exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not list(tmp_path.glob("*.parquet"))
    interrupted = run(tmp_path, one, settings)
    (tmp_path / "whole").mkdir()
    assert run(tmp_path / "whole", one, settings) == interrupted


def test_what_another_job_left_is_not_gone_on_with(finished, tmp_path, monkeypatch):
    def stopped(instruments, stack, now):
        if now == 8:
            raise KeyboardInterrupt
        return measure(instruments, stack, now)

    measure = module.measure
    monkeypatch.setattr(module, "measure", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, settings={**SETTINGS, "learning_rate": 0.02})
    monkeypatch.setattr(module, "measure", measure)
    assert run(tmp_path) == finished[1]


def spoilt(places):
    """Stacks whose members at these places have a weight that is no number."""
    initialise = BertStack.initialise

    def initialised(*arguments):
        stack = initialise(*arguments)
        for place in places:
            stack.parameters[WORD_EMBEDDINGS][place, FIRST_NOUN] = math.nan
        return stack

    return initialised


def test_a_member_that_diverges_is_reported_and_dropped_and_the_others_live(
    finished, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(BertStack, "initialise", spoilt([1]))
    settings = {**SETTINGS, "steps": SETTINGS["steps"][1:]}
    with caplog.at_level(logging.WARNING, logger="ontogeny"):
        run(tmp_path, settings=settings)
    assert f"left out, since it diverged: {MEMBERS[1]}" in caplog.text
    measured, places = frames(tmp_path)
    assert absent(measured, MEMBERS) == [MEMBERS[1]]
    assert set(places["seed"]) == {0, 3}
    whole = frames(finished[0])[0]
    keys = [column for column in measured if column != "value"]
    joined = measured.merge(whole, on=keys, suffixes=("", "_whole"))
    assert len(joined) == len(measured)
    assert (joined["value"] - joined["value_whole"]).abs().max() < 1e-5


def test_if_all_members_diverge_the_job_fails_and_leaves_no_results(tmp_path, monkeypatch):
    monkeypatch.setattr(BertStack, "initialise", spoilt([0, 1, 2]))
    with pytest.raises(TrainingError, match="All 3 members of the ensemble diverged"):
        run(tmp_path, settings={**SETTINGS, "steps": [4, 8]})
    assert not list(tmp_path.glob("*.parquet"))


def trained(settings=SETTINGS):
    vocabulary = Vocabulary(30, 6)
    laws = laws_of(MEMBERS, settings["switching"], settings["zipf"])
    training = prepare_training(MEMBERS, vocabulary, laws, settings, torch.device("cpu"))
    return vocabulary, training


def test_held_out_tokens_are_never_trained():
    vocabulary, training = trained()
    training.run(6)
    for name in (WORD_EMBEDDINGS, DECODER_BIAS):
        rows = training.stack.parameters[name]
        assert (rows[:, vocabulary.first_held_out :] == 0).all()
        assert (rows[:, : vocabulary.first_held_out] != 0).any()


def test_measuring_leaves_the_models_as_they_were():
    vocabulary, training = trained()
    training.run(2)
    before = training.stack.flat.clone()
    laws = laws_of(MEMBERS, "types")
    instruments = module.prepare(MEMBERS, vocabulary, laws, SETTINGS, "cpu")
    first, again, later = (
        module.measure(instruments, training.stack, step)[0] for step in (2, 2, 3)
    )
    assert torch.equal(training.stack.flat, before)
    pd.testing.assert_frame_equal(first, again)
    same = first["value"] == later["value"]
    for subset in ("unseen", "fresh"):
        assert not same[first["subset"] == subset].all()  # embeddings are drawn anew


def test_held_out_tokens_that_are_negatives_are_trained_and_measured_as_they_are():
    vocabulary, training = trained(RELEASED)
    initial = training.stack.flat.clone()
    training.run(3)
    rows = training.stack.parameters[WORD_EMBEDDINGS][:, vocabulary.first_held_out :]
    assert (rows != training.stack.named(initial)[WORD_EMBEDDINGS][:, -6:]).all()
    assert (training.stack.parameters[DECODER_BIAS][:, vocabulary.first_held_out :] < 0).all()
    laws = laws_of(MEMBERS, "redrawn", "shifted")
    instruments = module.prepare(MEMBERS, vocabulary, laws, RELEASED, "cpu")
    before = training.stack.flat.clone()
    first, later = (module.measure(instruments, training.stack, step)[0] for step in (2, 3))
    assert torch.equal(training.stack.flat, before)
    same = first["value"] == later["value"]
    assert same[first["subset"] != "fresh"].all()
    assert not same[first["subset"] == "fresh"].all()


def test_a_job_by_the_released_protocol_goes_on_where_it_was(tmp_path, monkeypatch):
    (tmp_path / "whole").mkdir()
    whole = run(tmp_path / "whole", settings=RELEASED)

    def stopped(instruments, stack, now):
        if now == 8:
            raise KeyboardInterrupt
        return measure(instruments, stack, now)

    measure = module.measure
    monkeypatch.setattr(module, "measure", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, settings=RELEASED)
    monkeypatch.setattr(module, "measure", measure)
    assert run(tmp_path, settings=RELEASED) == whole
    check(frames(tmp_path)[0], STRATEGIES)


def test_conditions_of_a_seed_start_from_the_same_weights_and_other_seeds_from_others():
    _, training = trained()
    words = training.stack.parameters[WORD_EMBEDDINGS]
    assert torch.equal(words[0], words[1])
    assert not torch.equal(words[0], words[2])


def test_content_tokens_are_forgotten_every_so_often_and_for_a_while_or_for_ever():
    vocabulary, training = trained()
    due = [[f is not None and f.is_due(step) for step in range(10)] for f in training.forgetting]
    assert [step for step in range(10) if due[1][step]] == [3, 6, 9]
    assert [step for step in range(10) if due[2][step]] == [3]
    assert not any(due[0])
    tokens = training.forgetting[1].rows.tolist()
    assert tokens == list(range(FIRST_NOUN, vocabulary.first_held_out))


def test_by_the_released_protocol_all_tokens_are_forgotten_each_way_at_its_own_pace():
    _, training = trained(RELEASED)
    due = [[f is not None and f.is_due(step) for step in range(10)] for f in training.forgetting]
    assert [step for step in range(10) if due[1][step]] == [4, 8]
    assert [step for step in range(10) if due[2][step]] == [1, 2, 3]
    words = training.stack.parameters[WORD_EMBEDDINGS]
    training.run(3)
    training._forget()
    drawn = words[2]
    assert drawn.std() == pytest.approx(1, abs=0.1)
    assert words[0].std() < 0.2
    assert (drawn.abs().amax(1) > 0.5).all()  # the mask, the copula and held-out tokens too


def test_the_learning_rate_rises_and_falls_as_asked():
    constant = {**SETTINGS, "decay": "constant"}
    assert [learning_rate(step, constant) for step in (0, 1, 2, 7)] == [
        pytest.approx(0.01 / 3),
        pytest.approx(0.02 / 3),
        0.01,
        0.01,
    ]
    falling = [learning_rate(step, SETTINGS) for step in range(2, 8)]
    assert falling == pytest.approx([0.01 * (8 - step) / 6 for step in range(2, 8)])
