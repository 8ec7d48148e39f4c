"""Cases of bad input in checkpoints and training; test_bad_input.py holds them to the table."""

import shutil
from pathlib import Path

import pandas as pd
from bad_input import case

from ontogeny.corpora.corpus import write_split
from ontogeny.errors import CheckpointError, ConfigError, TrainingError
from ontogeny.measures.features import extract
from ontogeny.runs.checkpoints.loading import load_model, load_tokenizer
from ontogeny.runs.checkpoints.manifest import check_trajectory
from ontogeny.runs.local import link_trajectory
from ontogeny.runs.pretraining.launching import pretrain
from ontogeny.runs.recipes import read_recipe

ODD = "\u200b"  # a zero-width space alone, which BERT's normalisation takes out


def copied(whole, folder):
    return Path(shutil.copytree(whole, folder / "run"))


def link(trajectory, folder, steps):
    pattern = f"{trajectory}/step-{{step}}"
    link_trajectory(pattern, folder / "out", run="mine", seed=0, steps=steps)


@case("step that a run does not have: on the disk", ConfigError,
      "mine", "no step 5; it has 0, 10.")  # fmt: skip
def _(folder, whole):
    link(whole, folder, [0, 5])


@case("step that a run does not have: in a manifest", CheckpointError,
      "FOLDER/run/manifest.tsv: has no step 5; it has 0, 10.")  # fmt: skip
def _(folder, whole):
    check_trajectory(copied(whole, folder), [5])


@case("missing checkpoint: its folder", CheckpointError,
      "step 10: FOLDER/run/step-10/config.json: there is no such folder; expected a Hugging Face",
      "Delete FOLDER/run/step-10 and FOLDER/run/manifest.tsv and run the workflow again.",
      )  # fmt: skip
def _(folder, whole):
    shutil.rmtree(copied(whole, folder) / "step-10")
    check_trajectory(folder / "run")


@case("missing checkpoint: its weights", CheckpointError,
      "step 10: FOLDER/run/step-10: has no weights; expected model.safetensors, or")  # fmt: skip
def _(folder, whole):
    (copied(whole, folder) / "step-10" / "model.safetensors").unlink()
    link(folder / "run", folder, [0, 10])


@case("missing checkpoint: its tokenizer", CheckpointError,
      "step 10: FOLDER/run/step-10: has no tokenizer; expected one of tokenizer.json,",
      "name a folder that has it (`tokenizer:` of the run).")  # fmt: skip
def _(folder, whole):
    (copied(whole, folder) / "step-10" / "tokenizer.json").unlink()
    link(folder / "run", folder, [0, 10])


@case("truncated checkpoint: its weights", CheckpointError,
      "step 10: FOLDER/run/step-10/model.safetensors: ", " bytes, but its header tells of ",
      "it is truncated or was not fully copied. Copy or train it again.")  # fmt: skip
def _(folder, whole):
    cut(copied(whole, folder) / "step-10" / "model.safetensors", 9)
    link(folder / "run", folder, [0, 10])


@case("truncated checkpoint: its config", CheckpointError,
      "step 10: FOLDER/run/step-10/config.json: not readable as JSON")  # fmt: skip
def _(folder, whole):
    cut(copied(whole, folder) / "step-10" / "config.json", 9)
    link(folder / "run", folder, [0, 10])


@case("truncated checkpoint: its tokenizer", CheckpointError,
      "FOLDER/run/step-10: its tokenizer can't be loaded (")  # fmt: skip
def _(folder, whole):
    cut(copied(whole, folder) / "step-10" / "tokenizer.json", 9)
    load_tokenizer(folder / "run" / "step-10")


def cut(path, count):
    path.write_bytes(path.read_bytes()[:-count])


@case("hash mismatch: weights that changed since the manifest", CheckpointError,
      "step 10: FOLDER/run/step-10: the weights have SHA-256 ", "; the manifest tells of ",
      "They changed since. Delete FOLDER/run/step-10 and")  # fmt: skip
def _(folder, whole):
    weights = copied(whole, folder) / "step-10" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    check_trajectory(folder / "run", [10])


@case("hash mismatch: a local checkpoint replaced in place", CheckpointError,
      "step 10: FOLDER/mine/step-10: the weights have SHA-256 ", "They changed since. If ",
      "FOLDER/run/step-10 is as it should be, delete FOLDER/mine/manifest.tsv and run",
      "the run is linked and measured anew.")  # fmt: skip
def _(folder, whole):
    link(copied(whole, folder), folder, [0, 10])
    (folder / "out").rename(folder / "mine")
    shutil.copy(*(folder / "run" / step / "model.safetensors" for step in ("step-0", "step-10")))
    check_trajectory(folder / "mine", [10])


def features_of(whole, *sentences):
    path = whole / "step-10"
    return extract(
        load_model(path, device="cpu"),
        load_tokenizer(path),
        pd.DataFrame({"words": list(sentences)}),
        device="cpu",
    )


@case("sentence longer than the model", None, "features: 13 words in 2 layers; 0 words dropped",
      "5 past the model's length")  # fmt: skip
def _(folder, whole):
    # Two of the eight tokens are special.
    features = features_of(whole, ["cats", "sleep"], ["cats"] * 11)
    assert features.valid.tolist() == [True] * 8 + [False] * 5
    assert features.truncated == 5
    assert not features.vectors[:, ~features.valid].any()
    assert features.vectors[:, features.valid].any(-1).all()


@case("tokenizer that drops a word", None, "1 words dropped by the tokenizer, 0 past")
def _(folder, whole):
    features = features_of(whole, ["cats", ODD, "sleep"], ["."])
    assert features.valid.tolist() == [True, False, True, True]
    assert features.dropped == 1
    assert not features.vectors[:, 1].any()


@case("tokenizer that drops a word: all of them", CheckpointError,
      "its tokenizer gives no piece for any of the 2 words; expected the tokenizer that the model",
      )  # fmt: skip
def _(folder, whole):
    load = load_tokenizer(whole / "step-10")
    load.backend_tokenizer.post_processor = None
    extract(
        load_model(whole / "step-10", device="cpu"), load, pd.DataFrame({"words": [[ODD], [ODD]]})
    )


@case("NaN in training", TrainingError, "run mine, seed 3: the training loss is ", " at step ",
      "Try a lower learning_rate (now 1e+30), a longer warmup (now 0.1)")  # fmt: skip
def _(folder, whole):
    text = [{"sentence_id": str(i), "document_id": "d", "words": ["a", "b"]} for i in range(8)]
    write_split(text, folder / "train.parquet")
    settings = {"layers": 1, "heads": 1, "width": 8, "batch_size": 4, "max_gradient_norm": 0.0}
    recipe = read_recipe(
        {**settings, "architecture": "gpt", "steps": [20], "learning_rate": 1e30}, "mine"
    )
    pretrain(
        recipe,
        run="mine",
        seed=3,
        train=[folder / "train.parquet"],
        folder=folder / "out",
        working=folder / "unfinished",
        devices=1,
    )
