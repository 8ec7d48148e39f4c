"""One run measured: what is the same is fully similar, what is mismatched is at chance."""

import numpy as np
import pandas as pd
import pytest
import torch

from ontogeny.corpora.grammar import generate
from ontogeny.errors import CheckpointError
from ontogeny.measures.features import Features
from ontogeny.measures.probes.control import NOT_COUNTED
from ontogeny.measures.taggers import TaggerTraining
from ontogeny.results.tables import check
from ontogeny.studies.similarity.measure import following, measure_run
from ontogeny.studies.similarity.tables import SIMILARITY
from ontogeny.studies.similarity.taggers import states, taggers_of, train

SETTINGS = {
    "variance": 0.99,
    "mass": 0.98,
    "distances": 80,
    "diagnostics": {"hidden": 8, "epochs": 2, "batch_size": 128, "learning_rate": 0.01},
}
MEMBERS = taggers_of(["upos", "topic"], 0)
OWN = [tagger.name for tagger in MEMBERS].index("upos.input.seed-0")


@pytest.fixture(scope="module")
def corpus():
    splits = generate({"train": 160, "dev": 5, "test": 60})
    return {split: pd.DataFrame(rows) for split, rows in splits.items()}


@pytest.fixture(scope="module")
def domains(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("taggers")
    train(
        corpus["train"],
        ["upos", "topic"],
        source="toyglish",
        documents=6,
        training=TaggerTraining(width=10, epochs=6, batch_size=5),
        lowercase=True,
        least_count=1,
        seed=0,
        folder=folder,
    )
    return {"toyglish": (folder, MEMBERS), "elsewhere": (folder, MEMBERS[:2])}


@pytest.fixture(scope="module")
def measured(corpus, domains):
    """Two seeds whose last layer is the hidden state of the tagger of the word's own upos."""
    folder = domains["toyglish"][0]
    made = {split: states(folder, MEMBERS, rows)[0] for split, rows in corpus.items()}

    def read(seed, step, split):
        generator = torch.Generator().manual_seed(seed)
        turn = torch.linalg.qr(torch.randn(10, 10, generator=generator))[0]
        embeddings, hidden = (state[OWN] @ turn for state in made[split])
        noise = torch.randn(hidden.shape, generator=generator) * (10 - step)
        vectors = torch.stack([embeddings, hidden + noise * hidden.std(), 3 * hidden])
        valid = torch.ones(len(hidden), dtype=torch.bool)
        valid[::17] = False
        return Features(vectors, valid, 0, 0, "mean")

    return measure_run(
        read, [0, 10], [0, 1], 10, corpus, domains, ["upos", "topic"], SETTINGS, seed=0
    )


def value(measured, metric="svcca", **keys):
    rows = measured[(measured["metric"] == metric) & (measured["domain"] != "elsewhere")]
    for column, wanted in keys.items():
        rows = rows[rows[column] == wanted]
    assert len(rows) == 1
    return rows["value"].item()


@pytest.mark.slow
def test_what_is_measured_keeps_to_the_table(measured):
    check(measured.assign(run="r", corpus="c"), SIMILARITY)


@pytest.mark.slow
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


def test_taggers_of_each_domain_are_told_apart(measured):
    tagger = measured[(measured["other"] == "tagger") & (measured["metric"] == "svcca")]
    keys = ["seed", "step", "layer", "tagset", "tagging", "shuffled"]
    own, other = (tagger[tagger["domain"] == d] for d in ("toyglish", "elsewhere"))
    assert len(own) == 2 * 2 * 3 * 8
    # Here they are the same taggers, of upos and true tags.
    both = own.merge(other, on=keys)
    assert len(both) == len(other) == 2 * 2 * 3 * 2
    assert both["value_x"].to_numpy() == pytest.approx(both["value_y"].to_numpy(), abs=1e-6)


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


def test_the_tag_that_follows_is_the_next_words():
    sentences = pd.DataFrame({"words": [["a", "b"], ["c", "d"]]})
    found = following(np.array([3, 1, 2, 5]), sentences)
    assert found.tolist() == [1, NOT_COUNTED, 5, NOT_COUNTED]


def test_constant_features_are_refused_with_seed_step_and_layer(corpus, domains):
    def read(seed, step, split):
        words = int(corpus[split]["words"].map(len).sum())
        vectors = torch.randn(2, words, 10, generator=torch.Generator().manual_seed(step))
        if step == 0:
            vectors[1] = 1.0
        return Features(vectors, torch.ones(words, dtype=torch.bool), 0, 0, "mean")

    with pytest.raises(CheckpointError, match="seed 1, step 0: layer 1 has the same vector"):
        measure_run(read, [0], [1], 10, corpus, domains, ["upos"], SETTINGS, 0)
