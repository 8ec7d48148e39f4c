import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from tiny_text import tiny_recipe, write_text

from ontogeny.errors import ConfigError, CorpusError, TrainingError
from ontogeny.results.tables import check
from ontogeny.runs.checkpoints.loading import load_language_model, load_model, load_tokenizer
from ontogeny.runs.checkpoints.manifest import check_trajectory
from ontogeny.runs.pretraining.launching import pretrain
from ontogeny.runs.pretraining.trainer import TrajectoryTrainer
from ontogeny.runs.tables import LOSS, join_losses

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    return {
        "train": [str(write_text(folder / "train.parquet", 200, 0))],
        "dev": [str(write_text(folder / "dev.parquet", 40, 1))],
    }


def train(folder, text, recipe, seed=0, **arguments):
    pretrain(
        recipe, run="tiny", seed=seed, folder=folder, working=folder / "unfinished", **text,
        **arguments,
    )  # fmt: skip
    return folder


def contents(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def losses(folder):
    frame = pd.read_csv(folder / "loss.tsv", sep="\t", converters={"value": float})
    return frame.pivot(index="step", columns="metric", values="value")


@pytest.mark.parametrize("architecture", ["bert", "gpt"])
@pytest.mark.parametrize("sequences", ["sentence", "packed"])
def test_training_learns_what_is_predictable(tmp_path, text, architecture, sequences):
    recipe = tiny_recipe(
        architecture=architecture, steps=[1, 250], sequences=sequences, dropout=0.0, width=32
    )
    folder = train(tmp_path / "run", text, recipe)
    curve = losses(folder)
    # Each word follows from a neighbour. The ten are equally frequent: their entropy is log 10.
    assert curve.loc[0, "dev_loss"] > math.log(10) - 0.1
    assert curve.loc[250, "dev_loss"] < 0.6 * math.log(10)
    assert [entry.step for entry in check_trajectory(folder)] == [0, 1, 250]
    assert not (folder / "unfinished").exists()
    check(join_losses({("tiny", 0): folder / "loss.tsv"}), LOSS)


def test_the_first_checkpoint_is_the_initialisation_and_the_next_one_is_not(tmp_path, text):
    recipe = tiny_recipe(architecture="bert", steps=[1])
    first, again, other = (
        check_trajectory(train(tmp_path / name, text, recipe, seed))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first == again
    assert first[0].sha256 != first[1].sha256
    assert first[0].sha256 != other[0].sha256


@pytest.mark.parametrize("architecture", ["bert", "gpt"])
def test_seeds_of_one_initialisation_part_at_the_first_update(tmp_path, text, architecture):
    """Without dropout it is the data alone that differ."""
    settings = {"architecture": architecture, "steps": [1], "dropout": 0.0}
    recipe = tiny_recipe(**settings, initial_seed=5)
    first, second, other = (
        check_trajectory(train(tmp_path / name, text, made, seed))
        for name, made, seed in (
            ("a", recipe, 0), ("b", recipe, 1), ("c", tiny_recipe(**settings), 5),
        )
    )  # fmt: skip
    assert first[0].sha256 == second[0].sha256 == other[0].sha256
    assert first[1].sha256 != second[1].sha256


def test_the_reported_losses_are_those_of_the_saved_models(tmp_path, text):
    recipe = tiny_recipe(architecture="gpt", steps=[5], dropout=0.0)
    folder = train(tmp_path / "run", text, recipe)
    sentences = pd.read_parquet(text["dev"][0])["words"]
    tokenizer = load_tokenizer(folder / "step-5")
    assert load_model(folder / "step-5").config.n_layer == 1
    model = load_language_model(folder / "step-5", device="cpu")
    total, count = 0.0, 0
    for words in sentences:
        # Cut as training cuts: 15 words and the token before them.
        for start in range(0, len(words), 15):
            piece = [str(word) for word in words[start : start + 15]]
            ids = tokenizer(piece, is_split_into_words=True, return_tensors="pt")["input_ids"]
            with torch.no_grad():
                loss = model(input_ids=ids, labels=ids).loss.item()
            total, count = total + loss * len(piece), count + len(piece)
    assert losses(folder).loc[5, "dev_loss"] == pytest.approx(total / count, rel=1e-5)


def test_a_killed_training_resumes_and_ends_with_the_same_bytes(tmp_path, text):
    settings = {"architecture": "bert", "steps": [1, 40, 200], "state_every": 20}
    recipe = tiny_recipe(**settings)
    undisturbed = contents(train(tmp_path / "undisturbed", text, recipe))
    folder = tmp_path / "killed"
    working = folder / "unfinished"
    arguments = {**text, "seed": 0, "folder": str(folder), "working": str(working)}
    process = subprocess.Popen(
        [
            sys.executable,
            str(Path(__file__).with_name("tiny_text.py")),
            json.dumps(settings),
            json.dumps(arguments),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 120
    # A state between two checkpoints: the one after 40 is kept, the last is far away.
    while not any(int(state.name.split("-")[1]) > 50 for state in working.glob("state-*")):
        assert process.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (working / "step-40").is_dir()
    assert not (folder / "manifest.tsv").exists()
    assert not list(folder.glob("step-*"))
    resumed = []
    original = TrajectoryTrainer.resume

    def resume(self, step):
        resumed.append(step)
        original(self, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrajectoryTrainer, "resume", resume)
        train(folder, text, recipe)
    assert len(resumed) == 1
    assert 50 < resumed[0] < 200
    assert contents(folder) == undisturbed


def test_a_killed_finish_is_done_again(tmp_path, text, monkeypatch):
    recipe = tiny_recipe(architecture="bert", steps=[2])
    undisturbed = contents(train(tmp_path / "undisturbed", text, recipe))

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ontogeny.runs.pretraining.trajectory.write_manifest", stop)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "killed", text, recipe)
    # Snakemake removes the outputs of a job that failed, before it starts it again.
    for output in (tmp_path / "killed").glob("step-*"):
        for file in output.iterdir():
            file.unlink()
        output.rmdir()
    assert contents(train(tmp_path / "killed", text, recipe)) == undisturbed


def test_what_an_earlier_recipe_left_is_not_resumed(tmp_path, text):
    with pytest.raises(TrainingError):
        train(tmp_path / "run", text, tiny_recipe(architecture="bert", steps=[3, 50],
                                                  learning_rate=1e30))  # fmt: skip
    assert (tmp_path / "run" / "unfinished").is_dir()
    recipe = tiny_recipe(architecture="bert", steps=[3])
    expected = contents(train(tmp_path / "fresh", text, recipe))
    assert contents(train(tmp_path / "run", text, recipe)) == expected


@pytest.mark.parametrize("architecture", ["bert", "gpt"])
def test_a_loss_that_is_no_number_ends_the_run_with_nothing_that_looks_finished(
    tmp_path, text, architecture
):
    recipe = tiny_recipe(
        architecture=architecture, steps=[60], learning_rate=1e30, max_gradient_norm=0.0
    )
    with pytest.raises(TrainingError, match=r"run tiny, seed 3: .* at step \d+\. Try a lower"):
        train(tmp_path / "run", text, recipe, seed=3)
    assert not (tmp_path / "run" / "manifest.tsv").exists()
    assert not list((tmp_path / "run").glob("step-*"))
    assert not list((tmp_path / "run").glob("unfinished/step-60"))


def test_two_devices_train_what_one_trains_up_to_rounding(tmp_path, text):
    recipe = tiny_recipe(architecture="bert", steps=[6], dropout=0.0, batch_size=9)
    one = train(tmp_path / "one", text, recipe)
    two = train(tmp_path / "two", text, recipe, devices=2)
    assert (one / "step-0/model.safetensors").read_bytes() == (
        two / "step-0/model.safetensors"
    ).read_bytes()
    for column in ("train_loss", "dev_loss"):
        assert losses(two)[column].dropna().tolist() == pytest.approx(
            losses(one)[column].dropna().tolist(), rel=1e-4
        )
    models = [load_model(folder / "step-6", device="cpu") for folder in (one, two)]
    initial = load_model(one / "step-0", device="cpu")
    for a, b, start in zip(*(m.parameters() for m in (*models, initial)), strict=True):
        assert (a - b).abs().max() <= 0.02 * (a - start).abs().max() + 1e-6


def test_several_corpora_are_read_as_one(tmp_path, text):
    more = write_text(tmp_path / "more.parquet", 50, 5)
    recipe = tiny_recipe(architecture="gpt", steps=[1])
    both = {"train": [*text["train"], str(more)], "dev": []}
    folder = train(tmp_path / "run", both, recipe)
    assert list(losses(folder).columns) == ["train_loss"]


def test_devices_and_text_that_cannot_be_are_refused(tmp_path, text):
    recipe = tiny_recipe(architecture="gpt", steps=[1], batch_size=2)
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match=r"runs\.tiny\.batch_size: is 2, less than the 3"):
            train(tmp_path / "run", text, recipe, devices=3)
    broken = tmp_path / "broken.parquet"
    broken.write_text("not parquet")
    with pytest.raises(CorpusError, match=r"broken\.parquet"):
        train(tmp_path / "run", {"train": [broken], "dev": []}, recipe)
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").iterdir())
