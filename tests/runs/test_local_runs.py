import shutil

import pytest
import torch

from ontogeny.errors import CheckpointError, ConfigError
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.checkpoints.loading import load_model, load_tokenizer
from ontogeny.runs.checkpoints.manifest import check_trajectory
from ontogeny.runs.local import link_trajectory, list_steps, local_path
from ontogeny.runs.pretraining.tokenizers import train_tokenizer


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Checkpoints at steps 100 and 1000 of seed 0, and a tokenizer of their own."""
    folder = tmp_path_factory.mktemp("saved")
    tokenizer = train_tokenizer([["a", "b"]], kind="word", objective="causal")
    tokenizer.save_pretrained(folder / "tokenizer")
    config = configure("gpt", 5, layers=1, heads=1, width=8, positions=8)
    for step in (100, 1000):
        path = folder / "seed0" / f"{step}"
        initialise(config, step).save_pretrained(path)
        tokenizer.save_pretrained(path)
        torch.save({}, path / "optimizer.pt")
    return folder


@pytest.fixture
def mine(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "mine")


def link(mine, folder, steps=(100, 1000), **arguments):
    pattern = f"{mine}/seed{{seed}}/{{step}}"
    return link_trajectory(pattern, folder, run="mine", seed=0, steps=steps, **arguments)


def test_linked_checkpoints_are_a_trajectory_and_the_originals_stay(mine, tmp_path):
    entries = link(mine, tmp_path / "run")
    assert check_trajectory(tmp_path / "run") == entries
    assert [entry.source for entry in entries] == [f"{mine}/seed0/{step}" for step in (100, 1000)]
    weights = tmp_path / "run" / "step-100" / "model.safetensors"
    assert weights.is_symlink()
    assert weights.readlink() == mine / "seed0" / "100" / "model.safetensors"
    assert not (tmp_path / "run" / "step-100" / "optimizer.pt").exists()
    load_model(tmp_path / "run" / "step-1000", device="cpu")
    assert load_tokenizer(tmp_path / "run" / "step-1000")("a b")["input_ids"] == [2, 3, 4]
    link(mine, tmp_path / "run", steps=(100,))
    assert weights.is_symlink()
    assert (mine / "seed0" / "100" / "model.safetensors").is_file()


def replace(mine):
    shutil.copy(*(mine / "seed0" / step / "model.safetensors" for step in ("1000", "100")))


def remove(mine):
    shutil.rmtree(mine / "seed0" / "100")


@pytest.mark.parametrize("damage", [replace, remove])
def test_a_checkpoint_that_is_replaced_in_place_is_refused_with_what_to_do(mine, tmp_path, damage):
    link(mine, tmp_path / "run")
    damage(mine)
    with pytest.raises(CheckpointError, match=r"^step 100: .*step-100") as raised:
        check_trajectory(tmp_path / "run")
    assert str(raised.value).endswith(
        f"If {mine}/seed0/100 is as it should be, delete {tmp_path}/run/manifest.tsv and run the "
        "workflow again: the run is linked and measured anew."
    )
    check_trajectory(tmp_path / "run", [1000])


def test_a_stand_in_tokenizer_serves_checkpoints_without_one(mine, tmp_path):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (mine / "seed0" / "100" / name).unlink()
    with pytest.raises(CheckpointError, match=r"step 100: .*/100: has no tokenizer.*`tokenizer:`"):
        link(mine, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    link(mine, tmp_path / "run", tokenizer=mine / "tokenizer")
    linked = tmp_path / "run" / "step-100" / "tokenizer.json"
    assert linked.readlink() == mine / "tokenizer" / "tokenizer.json"
    assert load_tokenizer(linked.parent)("b")["input_ids"] == [2, 4]
    with pytest.raises(CheckpointError, match=r"step 100: .*nowhere: has no tokenizer"):
        link(mine, tmp_path / "run", tokenizer=mine / "nowhere")
    with pytest.raises(CheckpointError, match=r"step 100: ~nosuchuser/x: can't be found"):
        link(mine, tmp_path / "run", tokenizer="~nosuchuser/x")


def test_a_pickle_is_refused_with_the_way_to_convert_it(mine, tmp_path):
    path = mine / "seed0" / "1000"
    (path / "model.safetensors").rename(path / "pytorch_model.bin")
    with pytest.raises(
        CheckpointError,
        match=r"step 1000: .*pytorch_model\.bin but no.*ontogeny\.runs\.checkpoints\.conversion",
    ):
        link(mine, tmp_path / "run")
    (path / "pytorch_model.bin").rename(path / "tf_model.h5")
    with pytest.raises(CheckpointError, match=r"step 1000: .*tf_model\.h5 but no.*save_pretrained"):
        link(mine, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_truncated_checkpoint_is_refused(mine, tmp_path):
    weights = mine / "seed0" / "100" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match=r"step 100: .*it is truncated"):
        link(mine, tmp_path / "run")


def test_a_step_that_does_not_exist_is_refused_with_those_that_do(mine, tmp_path):
    with pytest.raises(ConfigError, match=r"runs\.mine.*no step 5, 7; it has 100, 1000\."):
        link(mine, tmp_path / "run", steps=(5, 7, 100))


@pytest.mark.parametrize(
    ("pattern", "folders", "expected"),
    [
        ("s{seed}/{step}", ["s3/0", "s3/20", "s3/x", "s1/5", "s3/030"], (0, 20)),
        ("s{seed}/step{step:05d}/m", ["s3/step00010/m", "s3/step7/m", "s3/step00020"], (10,)),
        ("{step}-of-{seed}-{step}", ["5-of-3-5", "5-of-3-6"], (5,)),
        ("a[1]/{step}", ["a[1]/4", "a1/5"], (4,)),
        ("{seed}k{step}k", ["3k12k", "3k12"], (12,)),
    ],
)
def test_steps_are_found_where_the_pattern_leads_back_to_the_folder(
    tmp_path, pattern, folders, expected
):
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    assert list_steps(f"{tmp_path}/{pattern}", 3) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        *("/data/{seed}", "/data/{run}/{step}", "/data/{step", "/{}"),
        *("/data/{step[0]}", "/data/{step:999999999999d}", "/data/{step:{step}}"),
        *("/data/{step:" + "9" * 5000 + "}", "~nosuchuser/{step}"),
    ],
)
def test_a_pattern_that_names_no_step_or_something_else_is_refused(pattern):
    with pytest.raises(ConfigError, match=r"runs\.mine\.path"):
        local_path(pattern, 0, 1, "mine")
