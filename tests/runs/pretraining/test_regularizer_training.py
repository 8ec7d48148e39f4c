"""Trainings whose syntactic attention is suppressed or promoted."""

import pandas as pd
import pytest
from random_parses import chain, write_parsed_text
from tiny_text import tiny_recipe

from ontogeny.errors import CorpusError
from ontogeny.measures.attention import word_attention
from ontogeny.results.tables import check
from ontogeny.runs.checkpoints.loading import load_model, load_tokenizer
from ontogeny.runs.checkpoints.manifest import read_manifest
from ontogeny.runs.pretraining.launching import pretrain
from ontogeny.runs.pretraining.loss_record import LossRecord
from ontogeny.runs.pretraining.trainer import TrajectoryTrainer
from ontogeny.runs.tables import LOSS, join_losses

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    return {
        "train": [str(write_parsed_text(folder / "train.parquet", 120, 0, parsed=0.8))],
        "dev": [str(write_parsed_text(folder / "dev.parquet", 30, 1))],
    }


def stage(strength, **bounds):
    return {"kind": "syntactic_attention", "strength": strength, **bounds}


def train(folder, text, recipe, **arguments):
    pretrain(
        recipe, run="tiny", seed=0, folder=folder, working=folder / "unfinished", **text,
        **arguments,
    )  # fmt: skip
    return folder


def losses(folder):
    frame = pd.read_csv(folder / "loss.tsv", sep="\t", converters={"value": float})
    return frame.pivot(index="step", columns="metric", values="value")


def contents(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def attention_along_edges(checkpoint, path):
    """Return the mean over words with a head of the attention to and from it, all heads summed."""
    sentences = pd.read_parquet(path)
    model, tokenizer = load_model(checkpoint, device="cpu"), load_tokenizer(checkpoint)
    total, count = 0.0, 0
    for batch in word_attention(model, tokenizer, [list(words) for words in sentences["words"]]):
        for row, number in enumerate(batch.sentences):
            heads = sentences["head"][number]
            for word, head in enumerate([] if heads is None else heads):
                if head:
                    weights = batch.weights[row]
                    there, back = weights[..., word, head - 1], weights[..., head - 1, word]
                    total, count = total + float((there + back).sum()), count + 1
    return total / count


@pytest.mark.parametrize(("architecture", "pieces"), [("bert", 20), ("gpt", None)])
def test_attention_along_edges_ends_lower_the_more_it_is_suppressed(tmp_path, architecture, pieces):
    text = {
        name: [
            write_parsed_text(tmp_path / f"{name}.parquet", 60, seed, parsed=0.8, make_tree=chain)
        ]
        for seed, name in enumerate(("train", "dev"))
    }
    found = []
    for strength in (0.5, 0.0, -0.5):
        recipe = tiny_recipe(
            architecture=architecture,
            steps=[60],
            sequence_length=40,
            tokenizer="wordpiece" if pieces else "word",
            vocabulary_size=pieces,
            regularizer=stage(strength),
        )
        folder = train(tmp_path / str(strength), text, recipe)
        found.append(attention_along_edges(folder / "step-60", text["dev"][0]))
        check(join_losses({("tiny", 0): folder / "loss.tsv"}), LOSS)
    suppressed, recorded, promoted = found
    assert suppressed < 0.8 * recorded
    assert promoted > 1.1 * recorded


def test_the_recorded_value_is_what_is_measured_at_the_checkpoint_before(tmp_path):
    # All sentences are of one length and make one batch, so that each update sees all of them.
    path = write_parsed_text(tmp_path / "train.parquet", 8, 3, parsed=0.7, lengths=(9, 9))
    recipe = tiny_recipe(
        architecture="gpt", steps=[1, 2, 3], dropout=0.0, regularizer=stage(0.3), layers=2
    )
    folder = train(tmp_path / "run", {"train": [path]}, recipe)
    for step in (0, 1, 2):
        measured = attention_along_edges(folder / f"step-{step}", path)
        recorded = losses(folder).loc[step + 1, "syntactic_attention"]
        assert recorded == pytest.approx(measured, rel=1e-4)


@pytest.mark.parametrize("sequences", ["sentence", "packed"])
def test_a_stage_acts_from_its_first_step_until_its_last(tmp_path, text, sequences):
    settings = {"architecture": "bert", "steps": list(range(9)), "sequences": sequences}
    plain = train(tmp_path / "plain", text, tiny_recipe(**settings))
    recipe = tiny_recipe(**settings, regularizer=stage(1.0, **{"from": 3, "until": 6}))
    staged = train(tmp_path / "staged", text, recipe)
    for step in (0, 1, 2, 3):
        assert contents(staged / f"step-{step}") == contents(plain / f"step-{step}")
    hashes = [{e.step: e.sha256 for e in read_manifest(folder)} for folder in (plain, staged)]
    assert all(hashes[0][step] != hashes[1][step] for step in (4, 5, 6, 7, 8))
    curve = losses(staged)
    assert curve.index[curve["syntactic_attention"].notna()].tolist() == [4, 5, 6]
    assert "syntactic_attention" not in losses(plain)
    # The loss of the update at step 3 is taken before it, and is that of the language model alone.
    for metric in ("train_loss", "dev_loss"):
        for step in (1, 2, 3, *([4] if metric == "train_loss" else [])):
            assert curve.loc[step, metric] == pytest.approx(
                losses(plain).loc[step, metric], rel=1e-5
            )


@pytest.mark.parametrize("interrupted", [13, 27, 41])
def test_an_interrupted_training_ends_with_the_same_bytes(tmp_path, text, interrupted):
    recipe = tiny_recipe(
        architecture="bert",
        steps=[1, 20, 50],
        state_every=6,
        regularizer=[stage(0.5, **{"from": 10, "until": 26}), stage(-0.5, **{"from": 26})],
    )
    undisturbed = contents(train(tmp_path / "undisturbed", text, recipe))
    after_update = TrajectoryTrainer.after_update

    def stop(self):
        after_update(self)
        if self.state.global_step == interrupted:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrajectoryTrainer, "after_update", stop)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "run", text, recipe)
    states = [state.name for state in (tmp_path / "run" / "unfinished").glob("state-*")]
    assert states == [f"state-{max(interrupted // 6 * 6, 20 * (interrupted > 20))}"]
    assert contents(train(tmp_path / "run", text, recipe)) == undisturbed


def test_two_devices_suppress_what_one_suppresses_up_to_rounding(tmp_path, text):
    recipe = tiny_recipe(
        architecture="bert", steps=[1, 3, 6], dropout=0.0, batch_size=9, regularizer=stage(2.0)
    )
    one = train(tmp_path / "one", text, recipe)
    two = train(tmp_path / "two", text, recipe, devices=2)
    for column in ("train_loss", "dev_loss", "syntactic_attention"):
        assert losses(two)[column].dropna().tolist() == pytest.approx(
            losses(one)[column].dropna().tolist(), rel=1e-4
        )
    models = [load_model(folder / "step-6", device="cpu") for folder in (one, two)]
    initial = load_model(one / "step-0", device="cpu")
    for (name, a), b, start in zip(
        models[0].named_parameters(), models[1].parameters(), initial.parameters(), strict=True
    ):
        if name.endswith("key.bias"):
            continue  # adds the same to all of a row, so that its gradient is rounding alone
        assert (a - b).abs().max() <= 0.02 * (a - start).abs().max() + 1e-6


def test_text_without_a_parse_is_refused_before_the_training(tmp_path):
    path = write_parsed_text(tmp_path / "train.parquet", 5, 0, parsed=0.0)
    recipe = tiny_recipe(architecture="bert", steps=[1], regularizer=stage(1.0))
    with pytest.raises(CorpusError, match=r"runs\.tiny\.regularizer: no word of .*train\.parquet"):
        train(tmp_path / "run", {"train": [path]}, recipe)
    assert not (tmp_path / "run" / "unfinished").exists()


def test_updates_without_a_parse_are_those_of_a_training_without_a_regularizer(tmp_path):
    # Batches have sentences of one length; those of length 5 have no parse.
    folder = tmp_path / "text"
    folder.mkdir()
    paths = [
        write_parsed_text(folder / "raw.parquet", 196, 0, parsed=0.0, lengths=(5, 5)),
        write_parsed_text(folder / "parsed.parquet", 4, 1, parsed=1.0, lengths=(9, 9)),
    ]
    settings = {"architecture": "gpt", "steps": list(range(6))}
    plain = train(tmp_path / "plain", {"train": paths}, tiny_recipe(**settings))
    recipe = tiny_recipe(**settings, regularizer=stage(1.0))
    regularized = train(tmp_path / "regularized", {"train": paths}, recipe)
    curve = losses(regularized)
    if "syntactic_attention" in curve:
        parsed = curve.index[curve["syntactic_attention"].notna()]
        curve = curve.loc[: parsed.min() - 1]
    assert len(curve) > 2
    for step in curve.index:
        assert contents(regularized / f"step-{step}") == contents(plain / f"step-{step}")


def test_a_state_from_before_there_were_regularizers_is_resumed():
    record = LossRecord()
    record.restore({"losses": [], "loss_sum": 3.0, "loss_count": 2})
    record.checkpoint(5, dev=None)
    assert record.rows == [{"step": 5, "metric": "train_loss", "value": 1.5}]
