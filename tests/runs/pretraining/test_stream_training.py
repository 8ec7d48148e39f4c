import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_text import write_text

from ontogeny.corpora.corpus import write_split
from ontogeny.errors import ConfigError, CorpusError
from ontogeny.results.tables import check
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.checkpoints.loading import load_checkpoint, load_language_model, load_tokenizer
from ontogeny.runs.pretraining.launching import pretrain
from ontogeny.runs.pretraining.plateau import Plateau
from ontogeny.runs.pretraining.rare_words import sentences_trained_on
from ontogeny.runs.pretraining.sequences import encode, read_words
from ontogeny.runs.pretraining.streams import Streams
from ontogeny.runs.pretraining.trainer import TrajectoryTrainer
from ontogeny.runs.recipes import read_recipe
from ontogeny.runs.tables import LOSS, join_losses

TINY = {
    "architecture": "lstm", "layers": 2, "width": 12, "batch_size": 6, "sequence_length": 7,
    "dropout": 0.0, "learning_rate": 5.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    return {
        "train": [str(write_text(folder / "train.parquet", 40, 0))],
        "dev": [str(write_text(folder / "dev.parquet", 12, 1))],
    }


def train(folder, text, seed=0, run="tiny", **settings):
    recipe = read_recipe({**TINY, **settings}, run)
    pretrain(recipe, run=run, seed=seed, folder=folder, working=folder / "unfinished", **text)
    return folder


def stream_of(folder, path):
    tokenizer = load_tokenizer(folder / "step-0")
    return encode(tokenizer, read_words([path]), sequences="stream", longest=7).tokens


@given(st.integers(4, 400), st.integers(1, 9), st.integers(1, 20))
def test_streams_side_by_side_are_the_text_cut_into_equal_parts(tokens, rows, length):
    text = np.arange(tokens, dtype=np.int32)
    streams = Streams(text, rows, length)
    rows = min(rows, tokens // 2)
    columns = tokens // rows
    inputs = np.concatenate([batch.tokens for batch in streams.batches()], axis=1)
    targets = np.concatenate(
        [batch.targets.reshape(batch.tokens.shape) for batch in streams.batches()], axis=1
    )
    expected = text[: rows * columns].reshape(rows, columns)
    assert np.array_equal(inputs, expected[:, :-1])
    assert np.array_equal(targets, expected[:, 1:])
    assert all(batch.tokens.shape[1] <= length for batch in streams.batches())
    again = streams.batch(streams.updates + 0)
    assert np.array_equal(again.tokens, streams.batch(0).tokens)


def test_a_text_of_one_token_makes_no_stream():
    with pytest.raises(CorpusError, match="one token"):
        Streams(np.array([1]), 4, 4)


@pytest.mark.slow
def test_training_is_plain_truncated_backpropagation_with_clipping_and_quartered_rates(
    tmp_path, text
):
    folder = train(tmp_path / "run", text, steps=[60], dev_every=4, learning_rate=20.0)
    model = load_language_model(folder / "step-0", device="cpu")
    layers = torch.nn.LSTM(12, 12, 2, batch_first=True)
    layers.load_state_dict(model.lstm.recurrence.state_dict())
    embedding, output = model.get_input_embeddings(), model.get_output_embeddings()
    weights = [*embedding.parameters(), *layers.parameters(), *output.parameters()]

    def columns(path):
        stream = torch.from_numpy(stream_of(folder, path)).long()
        return stream[: len(stream) // 6 * 6].view(6, -1)

    def read(tokens, start, state):
        inputs = tokens[:, start : start + 7][:, : tokens.shape[1] - 1 - start]
        states, state = layers(embedding(inputs), state)
        targets = tokens[:, start + 1 : start + 1 + inputs.shape[1]]
        losses = torch.nn.functional.cross_entropy(
            output(states).flatten(0, 1), targets.flatten(), reduction="none"
        )
        return losses, (state[0].detach(), state[1].detach())

    @torch.no_grad()
    def dev_loss(tokens):
        state, losses = None, []
        for start in range(0, tokens.shape[1] - 1, 7):
            found, state = read(tokens, start, state)
            losses.append(found)
        return torch.cat(losses).mean().item()

    text_, dev = columns(text["train"][0]), columns(text["dev"][0])
    starts = range(0, text_.shape[1] - 1, 7)
    rate, lowest, rescaled, state = 20.0, math.inf, {}, None
    for step in range(60):
        start = starts[step % len(starts)]
        losses, state = read(text_, start, None if start == 0 else state)
        for parameter in weights:
            parameter.grad = None
        losses.mean().backward()
        torch.nn.utils.clip_grad_norm_(weights, 0.25)
        with torch.no_grad():
            for parameter in weights:
                parameter -= rate * parameter.grad
        if (step + 1) % 4 == 0:
            found = dev_loss(dev)
            if not found < lowest:
                rate /= 4
                rescaled[step + 1] = rate
            lowest = min(lowest, found)
    rows = pd.read_csv(folder / "loss.tsv", sep="\t")
    recorded = rows[rows["metric"] == "learning_rate"].set_index("step")["value"].to_dict()
    assert len(rescaled) >= 2
    assert recorded == pytest.approx(rescaled)
    final = rows[(rows["metric"] == "dev_loss") & (rows["step"] == 60)]["value"].item()
    assert final == pytest.approx(dev_loss(dev), rel=1e-4)
    trained = load_language_model(folder / "step-60", device="cpu")
    torch.testing.assert_close(
        trained.get_output_embeddings().weight, output.weight, rtol=1e-3, atol=1e-4
    )
    check(join_losses({("tiny", 0): folder / "loss.tsv"}), LOSS)


@pytest.mark.slow
def test_an_interrupted_training_carries_on_with_state_rate_and_dropout(
    tmp_path, text, monkeypatch
):
    settings = {"steps": [1, 30], "state_every": 11, "dev_every": 3, "dropout": 0.3,
                "learning_rate": 20.0}  # fmt: skip
    whole = train(tmp_path / "whole", text, **settings)
    original = TrajectoryTrainer.save_state

    def stop(self):
        original(self)
        if self.at == 22:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrajectoryTrainer, "save_state", stop)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "cut", text, **settings)
    state = json.loads((tmp_path / "cut/unfinished/state-22/progress.json").read_text())
    assert state["plateau"]["steps"]
    train(tmp_path / "cut", text, **settings)
    for file in ("step-30/model.safetensors", "loss.tsv", "manifest.tsv"):
        assert (tmp_path / "cut" / file).read_bytes() == (whole / file).read_bytes()


@pytest.mark.slow
def test_it_learns_what_is_predictable_and_is_loaded_as_any_checkpoint(tmp_path, text):
    folder = train(
        tmp_path / "run", text,
        steps={"spacing": "epochs", "updates": 15, "epochs": 30, "every": 10},
        width=24, batch_size=5, decay="constant",
    )  # fmt: skip
    losses = pd.read_csv(folder / "loss.tsv", sep="\t")
    dev = losses[losses["metric"] == "dev_loss"].set_index("step")["value"]
    assert list(dev.index) == [0, 150, 300, 450]
    assert dev[0] > math.log(10) - 0.1
    assert dev[450] < 0.6 * math.log(10)
    loaded = load_checkpoint(folder / "step-450")
    assert loaded.objective == "causal"
    assert loaded.model.get_input_embeddings().weight.shape == (len(loaded.tokenizer), 24)


def test_passes_of_another_length_than_the_configuration_says_are_refused(tmp_path, text):
    with pytest.raises(ConfigError, match=r"tiny\.steps\.updates: is 9, .* write updates: \d"):
        train(tmp_path / "run", text, steps={"spacing": "epochs", "updates": 9, "epochs": 2})


def test_streams_are_for_one_device_and_a_plateau_needs_a_dev_text(tmp_path, text):
    recipe = read_recipe({**TINY, "steps": [2]}, "tiny")
    places = {"folder": tmp_path / "run", "working": tmp_path / "run/unfinished"}
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match=r"runs\.tiny\.devices: is 2, but streams"):
            pretrain(recipe, run="tiny", seed=0, devices=2, **text, **places)
    with pytest.raises(ConfigError, match=r"runs\.tiny\.decay: is plateau, but there is no dev"):
        pretrain(recipe, run="tiny", seed=0, train=text["train"], dev=[], **places)


@given(st.lists(st.floats(0, 9), min_size=1, max_size=20))
def test_a_plateau_is_left_only_by_a_loss_below_all_before(losses):
    plateau = Plateau()
    for step, loss in enumerate(losses):
        failed = plateau.look(step, loss)
        assert failed == (step > 0 and loss >= min(losses[:step]))
        restored = Plateau()
        restored.restore(json.loads(json.dumps(plateau.state())))
        assert restored == plateau


def text_of(folder, sentences):
    rows = [
        {"sentence_id": str(number), "document_id": "0", "words": words.split()}
        for number, words in enumerate(sentences)
    ]
    write_split(rows, folder)
    return [str(folder)]


def test_sentences_with_rare_words_are_dropped_and_what_is_then_rare_is_unknown(tmp_path):
    # "rare" comes once; without its sentence, "b" comes once less than is asked.
    train_text = ["A b", "a a rare b", "a c", "C a a", "c a b"]
    text = {
        "train": text_of(tmp_path / "train.parquet", train_text),
        "dev": text_of(tmp_path / "dev.parquet", ["a b c", "a unseen", "C A a a"]),
    }
    settings = {"least_count": 3, "lowercase": True, "batch_size": 1, "sequence_length": 4}
    folder = train(tmp_path / "run", text, steps=[1], **settings)
    tokenizer = load_tokenizer(folder / "step-0")
    assert set(tokenizer.get_vocab()) == {"[PAD]", "[UNK]", "[BOS]", "a", "c"}
    assert tokenizer.tokenize("A b rare") == ["a", "[UNK]", "[UNK]"]
    kept = sentences_trained_on(text["train"], 3, lowercase=True, run="tiny")
    assert [" ".join(words) for words in kept] == ["A b", "a c", "C a a", "c a b"]
    every = sentences_trained_on(text["train"], None, lowercase=True, run="tiny")
    assert [" ".join(words) for words in every] == train_text
    with pytest.raises(ConfigError, match=r"runs\.tiny\.least_count: is 9, and every sentence"):
        train(tmp_path / "none", text, steps=[1], **{**settings, "least_count": 9})


@pytest.mark.slow
def test_two_seeds_begin_and_end_differently(tmp_path, text):
    one, two = (train(tmp_path / str(seed), text, seed, steps=[3]) for seed in (0, 1))
    for step in ("step-0", "step-3"):
        assert (one / step / "model.safetensors").read_bytes() != (
            two / step / "model.safetensors"
        ).read_bytes()
    config = configure("lstm", 13, layers=2, width=12, dropout=0.0, positions=7)
    assert sum(p.numel() for p in initialise(config, 0).parameters()) == sum(
        p.numel() for p in load_language_model(one / "step-3").parameters()
    )
