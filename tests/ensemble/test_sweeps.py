"""A job of a sweep: whoever diverges, whatever interrupts it, its files are the same."""

import logging
import math
from dataclasses import asdict, dataclass

import pandas as pd
import pytest
import torch
from small_modules import build, loss, random_tokens

from ontogeny.ensemble import SGD, LockstepTraining, ModuleStack
from ontogeny.ensemble.sweeps import run_job

SETTINGS = {"steps": [0, 2, 5, 8], "state_every": 3, "rate": 0.5}


@dataclass(frozen=True)
class Member:
    seed: int

    def keys(self):
        return asdict(self)


MEMBERS = [Member(seed) for seed in (4, 7, 9)]


def training(members, rate, spoilt=()):
    """Perceptrons that learn, each by its own random words; of some a weight is no number."""
    stack = ModuleStack.of(build("mlp", [member.seed for member in members]), loss)
    for place in spoilt:
        stack.flat[place, 0] = math.nan

    def source(step, living, generators):
        each = [random_tokens(1, 100 * members[place].seed + step) for place in living]
        return {key: torch.cat([own[key] for own in each]) for key in ("tokens", "labels")}

    return LockstepTraining(
        stack, SGD(stack), source, lambda step, member: rate, [m.seed for m in members]
    )


def run(folder, members=MEMBERS, settings=SETTINGS, dies_at=None, spoilt=()):
    """Run a job; return the steps that were measured, and the bytes of its two files."""
    seen = []

    def measure(training):
        if training.step == dies_at:
            raise KeyboardInterrupt
        seen.append(training.step)
        rows = {"seed": [members[place].seed for place in training.members], "step": training.step}
        sums = training.stack.flat.double().sum(1).tolist()
        return {"sums": pd.DataFrame(rows | {"value": sums}), "rows": pd.DataFrame(rows)}

    files = {kind: folder / f"{kind}.parquet" for kind in ("sums", "rows")}
    job = training(members, settings["rate"], spoilt)
    run_job(job, members, settings, measure, files, folder / "working")
    assert not (folder / "working").exists()
    return seen, [path.read_bytes() for path in files.values()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(folder)


def test_every_member_is_measured_at_each_step(whole):
    folder, (seen, _) = whole
    assert seen == SETTINGS["steps"]
    found = pd.read_parquet(folder / "sums.parquet")
    assert list(zip(found["step"], found["seed"], strict=True)) == [
        (step, member.seed) for step in SETTINGS["steps"] for member in MEMBERS
    ]
    alone = training(MEMBERS, SETTINGS["rate"])
    alone.run(5)
    sums = alone.stack.flat.double().sum(1).tolist()
    assert found.loc[found["step"] == 5, "value"].tolist() == sums


@pytest.mark.parametrize(("dies_at", "measured"), [(0, [0, 2, 5, 8]), (5, [5, 8]), (8, [8])])
def test_an_interrupted_job_leaves_no_files_and_goes_on_to_the_same(
    whole, tmp_path, dies_at, measured
):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, dies_at=dies_at)
    assert [path.name for path in tmp_path.iterdir()] == ["working"]
    assert run(tmp_path) == (measured, whole[1][1])


@pytest.mark.parametrize(
    "other", [{"settings": {**SETTINGS, "rate": 0.1}}, {"members": MEMBERS[1:]}]
)
def test_what_another_job_left_is_not_gone_on_with(whole, tmp_path, other):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, dies_at=8, **other)
    assert run(tmp_path) == whole[1]


def test_a_member_that_diverges_is_left_out_of_all_steps(whole, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="ontogeny"):
        run(tmp_path, spoilt=[1], settings=SETTINGS)
    assert f"left out, since it diverged: {MEMBERS[1]}" in caplog.text
    found, every = (pd.read_parquet(f / "sums.parquet") for f in (tmp_path, whole[0]))
    others = every[every["seed"] != MEMBERS[1].seed].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, others)
