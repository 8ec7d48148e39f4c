"""One run measured: what is the same is fully similar, what is mismatched is at chance."""

import numpy as np
import pandas as pd
import pytest
import torch

from ontogeny.corpora.grammar import generate
from ontogeny.errors import CheckpointError
from ontogeny.measures.features import Features
from ontogeny.results.tables import check
from ontogeny.studies.similarity import taggers as tagging
from ontogeny.studies.similarity.measure import measure_run
from ontogeny.studies.similarity.tables import SIMILARITY, TAGGERS
from ontogeny.studies.similarity.text import NO_TAG, longest_documents, tagged_text

SETTINGS = {
    "variance": 0.99,
    "mass": 0.98,
    "distances": 80,
    "diagnostics": {"hidden": 8, "epochs": 2, "batch_size": 128, "learning_rate": 0.01},
}
TRAINING = {
    **{"width": 10, "epochs": 4, "batch_size": 10, "learning_rate": 20.0, "decay_factor": 0.25},
    **{"max_gradient_norm": 0.25, "dropout": 0.2, "lowercase": True, "least_count": 1},
}


@pytest.fixture(scope="module")
def corpus():
    splits = generate({"train": 160, "dev": 5, "test": 60})
    return {split: pd.DataFrame(rows) for split, rows in splits.items()}


@pytest.fixture(scope="module")
def text(corpus):
    chosen = longest_documents(corpus["train"], 6)
    return tagged_text(chosen, ["upos", "topic"], seed=0)


@pytest.fixture(scope="module")
def trained(text):
    return tagging.train(text, TRAINING, seed=0)


@pytest.fixture(scope="module")
def measured(corpus, text, trained):
    """Two seeds whose layer 1 is the hidden state of the tagger of the word's own upos, turned."""
    states = {split: trained.states(corpus[split]) for split in corpus}
    own = [(m.tagset, m.tagging, m.shuffled) for m in text.members].index(("upos", "input", 0))

    def read(seed, step, split):
        generator = torch.Generator().manual_seed(seed)
        turn = torch.linalg.qr(torch.randn(10, 10, generator=generator))[0]
        embeddings, hidden = (state[own] @ turn for state in states[split])
        noise = torch.randn(hidden.shape, generator=generator) * (10 - step)
        vectors = torch.stack([embeddings, hidden + noise * hidden.std(), 3 * hidden])
        valid = torch.ones(len(hidden), dtype=torch.bool)
        valid[::17] = False
        return Features(vectors, valid, 0, 0, "mean")

    return measure_run(
        read,
        [0, 10],
        [0, 1],
        10,
        corpus,
        {"toyglish": (trained, list(text.members))},
        ["upos", "topic"],
        SETTINGS,
        seed=0,
    )


def value(measured, metric="svcca", **keys):
    rows = measured[measured["metric"] == metric]
    for column, wanted in keys.items():
        rows = rows[rows[column] == wanted]
    assert len(rows) == 1
    return rows["value"].item()


def test_what_is_measured_keeps_to_the_table(measured):
    check(measured.assign(run="r", corpus="c"), SIMILARITY)


@pytest.mark.parametrize("metric", ["svcca", "cca", "pwcca", "linear_cka", "unbiased_cka", "rsa"])
def test_a_layer_is_fully_similar_to_its_own_end_to_another_seeds_and_to_its_tagger(
    measured, metric
):
    at = {"metric": metric, "seed": 1, "step": 10, "layer": 2}
    assert value(measured, other="own_final", **at) == pytest.approx(1, abs=1e-3)
    assert value(measured, other="seed_final", **at) == pytest.approx(1, abs=1e-3)
    tagger = {"tagset": "upos", "tagging": "input", "shuffled": 0}
    assert value(measured, other="tagger", **at, **tagger) == pytest.approx(1, abs=1e-3)
    at["layer"] = 0
    assert value(measured, other="tagger", **at, **tagger) == pytest.approx(1, abs=1e-3)
    assert value(measured, other="tagger", **at, **tagger | {"shuffled": 1}) < 0.95


def test_noise_lowers_the_similarity_to_the_end(measured):
    at = {"other": "own_final", "seed": 0, "layer": 1}
    assert value(measured, step=0, **at) < value(measured, step=10, **at) - 0.3


def test_mismatched_words_are_at_chance(measured):
    chance = measured[(measured["other"] == "chance") & (measured["metric"] == "unbiased_cka")]
    assert chance["value"].abs().max() < 0.1
    assert "rsa" not in set(measured.loc[measured["other"] == "chance", "metric"])


def test_pairs_of_layers_are_there_once(measured):
    rows = measured[(measured["other"] == "layer") & (measured["metric"] == "svcca")]
    pairs = rows.groupby(["seed", "step"])[["layer", "other_layer"]].apply(lambda f: f.to_numpy())
    assert all(found.tolist() == [[0, 1], [0, 2], [1, 2]] for found in pairs)


def test_diagnostic_classifiers_learn_annotated_tags_of_both_words(measured):
    rows = measured[measured["other"] == "diagnostic"]
    assert set(rows["tagset"]) == {"upos"}
    assert set(rows["tagging"]) == {"next", "input"}
    accuracy = value(measured, "accuracy", tagset="upos", tagging="input", layer=2, seed=0, step=10)
    majority = rows[(rows["metric"] == "majority_accuracy") & (rows["tagging"] == "input")]
    assert accuracy > majority["value"].max() + 0.1


def test_constant_features_are_refused_with_seed_step_and_layer(corpus, text, trained):
    def read(seed, step, split):
        words = int(corpus[split]["words"].map(len).sum())
        vectors = torch.randn(2, words, 10, generator=torch.Generator().manual_seed(step))
        if step == 0:
            vectors[1] = 1.0
        return Features(vectors, torch.ones(words, dtype=torch.bool), 0, 0, "mean")

    domains = {"toyglish": (trained, list(text.members))}
    rest = (corpus, domains, ["upos"], SETTINGS, 0)
    with pytest.raises(CheckpointError, match="seed 1, step 0: layer 1 has the same vector"):
        measure_run(read, [0], [1], 10, *rest)


def test_taggers_learn_what_can_be_learned_and_no_shuffled_tags(text, trained):
    table = tagging.table(text, trained)
    check(table.assign(domain="toyglish"), TAGGERS)
    found = table.pivot_table(
        index=["tagset", "tagging", "shuffled"], columns="metric", values="value"
    )
    own = found.loc["upos", "input", 0]
    assert own["accuracy"] > own["majority_accuracy"] + 0.2
    shuffled = found.loc["upos", "input", 1]
    assert shuffled["accuracy"] < shuffled["majority_accuracy"] + 0.05
    assert own["perplexity"] < shuffled["perplexity"]


def test_taggers_read_as_pytorchs_recurrence_does(text, trained):
    """Each member alone, through torch.nn.LSTM, sentence by sentence."""
    sentences = text.parts["test"]
    embeddings, hidden = trained.states(sentences)
    numbered = trained.numbered(sentences)
    for member in (0, 5):
        own = {name: values[member] for name, values in trained.parameters.items()}
        lstm = torch.nn.LSTM(10, 10, batch_first=True)
        with torch.no_grad():
            lstm.weight_ih_l0.copy_(own["input"].T)
            lstm.weight_hh_l0.copy_(own["recurrent"].T)
            lstm.bias_ih_l0.copy_(own["bias"])
            lstm.bias_hh_l0.zero_()
            start = 0
            for length in numbered.lengths.tolist():
                words = numbered.words[start : start + length]
                vectors = own["embedding"][words]
                torch.testing.assert_close(embeddings[member, start : start + length], vectors)
                torch.testing.assert_close(
                    hidden[member, start : start + length],
                    lstm(vectors[None])[0][0],
                    atol=1e-5,
                    rtol=1e-4,
                )
                start += length


def test_a_member_does_not_depend_on_the_others(text):
    """Without dropout, whose masks are drawn for all together."""
    settings = TRAINING | {"dropout": 0.0, "epochs": 1}
    together = tagging.train(text, settings, seed=0)
    last = len(text.members) - 1
    changed = {split: tags.copy() for split, tags in text.tags.items()}
    for tags in changed.values():
        tags[:last] = np.where(tags[:last] == NO_TAG, NO_TAG, 0)
    others = tagging.train(type(text)(text.parts, text.members, changed, text.classes), settings, 0)
    for name, values in together.parameters.items():
        torch.testing.assert_close(others.parameters[name][last], values[last])
        assert not torch.allclose(others.parameters[name][0], values[0])


def test_what_is_written_is_read_again(tmp_path, text, trained):
    tagging.write(trained, text.members, tmp_path / "taggers.safetensors")
    again, members = tagging.read(tmp_path / "taggers.safetensors")
    assert members == list(text.members)
    assert again.vocabulary == trained.vocabulary
    for name, values in trained.parameters.items():
        assert torch.equal(again.parameters[name], values)
