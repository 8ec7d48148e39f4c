"""Every measure of every family of models equals that of a plain loop over the model itself."""

import logging
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import slow_measures as slow
import torch
from model_zoo import MEASURED, POSITIONS, build, save
from tiny_language_models import random_sentences

from ontogeny.audit.trajectory import audit_trajectory
from ontogeny.errors import CheckpointError
from ontogeny.measures.attention import word_attention
from ontogeny.measures.complexity import fisher_trace, intrinsic_dimension, weight_norm
from ontogeny.measures.features import extract
from ontogeny.measures.features.extraction import maximum_length
from ontogeny.measures.likelihood import held_out_loss, log_likelihood, pseudo_log_likelihood
from ontogeny.measures.likelihood.questions import ask
from ontogeny.measures.likelihood.tokenised import tokenise
from ontogeny.runs.checkpoints.loading import (
    load_language_model,
    load_model,
    load_tokenizer,
    objective,
)
from ontogeny.runs.checkpoints.manifest import Entry, checkpoint_path, write_manifest

pytestmark = pytest.mark.slow

SENTENCES = [["cat"], *random_sentences(5, count=6, longest=5)]
# Those that look at a number, make gradients of their own, or write into what they read.
ONE_BY_ONE = {"xlm", "xlm, causal", "bloom", "mamba"}
TEXTS = [" ".join(words) for words in SENTENCES]


@pytest.fixture(autouse=True)
def one_thread(threads):
    """Matrices this small are slower on two threads."""
    threads(1)


@pytest.fixture(scope="module", params=MEASURED)
def specimen(request, tmp_path_factory):
    """A model of a family as it was made, and its checkpoint as it is loaded."""
    folder = save(request.param, tmp_path_factory.mktemp("zoo"))
    own, _ = build(request.param)
    return SimpleNamespace(
        name=request.param,
        family=MEASURED[request.param],
        own=own,
        folder=folder,
        model=load_language_model(folder, device="cpu"),
        tokenizer=load_tokenizer(folder),
    )


def close(found, expected, rtol=1e-4):
    """Assert that numbers are the same, up to rounding in the units of the largest."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= rtol * np.abs(expected).max()


def questions(specimen, **settings):
    kind = specimen.family.objective
    text = tokenise(specimen.model, specimen.tokenizer, TEXTS, begin=kind == "causal")
    return ask(text, specimen.tokenizer, objective=kind, **settings)


def test_what_it_predicts_is_told_by_its_checkpoint(specimen):
    assert objective(specimen.folder) == specimen.family.objective


def test_features_are_the_models_own_hidden_states(specimen):
    encoder = load_model(specimen.folder, device="cpu")
    frame = pd.DataFrame({"words": SENTENCES})
    found = extract(encoder, specimen.tokenizer, frame, dtype=torch.float32, device="cpu")
    expected = [slow.hidden_states(specimen.own, specimen.tokenizer, words) for words in SENTENCES]
    for vectors, states in zip(found.vectors, torch.cat(expected, dim=1), strict=True):
        close(vectors, states)
    dimensions = intrinsic_dimension(found.vectors)
    close(dimensions, intrinsic_dimension(torch.cat(expected, dim=1)), rtol=0.02)
    assert np.isfinite(dimensions).all()


def test_attention_between_words_is_that_of_a_loop_over_pairs_or_refused(specimen):
    if not specimen.family.attention:
        with pytest.raises(CheckpointError, match=r"attention .*Leave this run out of studies of"):
            next(word_attention(specimen.model, specimen.tokenizer, SENTENCES, device="cpu"))
        return
    for batch in word_attention(specimen.model, specimen.tokenizer, SENTENCES, device="cpu"):
        for row, weights in zip(batch.sentences, batch.weights, strict=True):
            words = SENTENCES[row]
            expected = slow.word_attention(specimen.own, specimen.tokenizer, words)
            found = weights[..., : len(words), : len(words)].numpy()
            assert found.shape == expected.shape
            assert np.abs(found - expected).max() < 1e-5


def test_the_loss_is_that_of_the_models_own_logits(specimen):
    kind = specimen.family.objective
    found, counts = held_out_loss(
        specimen.model, specimen.tokenizer, SENTENCES, objective=kind, seed=3, device="cpu"
    )
    asked = questions(specimen, seed=3)
    close(found, slow.losses_and_gradients(specimen.own, asked)[0])
    assert np.array_equal(counts, asked.counts)


def test_scores_of_sentences_are_those_of_one_token_at_a_time(specimen):
    if specimen.family.objective == "causal":
        fast, one_by_one = log_likelihood, slow.log_likelihood
    else:
        fast, one_by_one = pseudo_log_likelihood, slow.pseudo_log_likelihood
    found = fast(specimen.model, specimen.tokenizer, TEXTS, device="cpu")
    close(found, [one_by_one(specimen.own, specimen.tokenizer, text) for text in TEXTS])


def test_the_fisher_information_is_that_of_a_loop_over_sentences(specimen, caplog):
    settings = {"seed": 5, "share": 0.5}
    with caplog.at_level(logging.INFO, "ontogeny"):
        found = fisher_trace(
            specimen.model,
            specimen.tokenizer,
            SENTENCES,
            objective=specimen.family.objective,
            labels="data",
            device="cpu",
            **settings,
        )
    assert ("one sentence at a time" in caplog.text) == (specimen.name in ONE_BY_ONE)
    asked = questions(specimen, **settings)
    _, norms = slow.losses_and_gradients(specimen.own, asked)
    assert found == pytest.approx(norms.sum() / asked.counts.sum(), rel=1e-3)
    squares = {id(p): float(p.detach().double().square().sum()) for p in specimen.own.parameters()}
    assert weight_norm(specimen.model) == pytest.approx(math.sqrt(sum(squares.values())))


def test_the_longest_text_that_it_is_said_to_read_is_read(specimen):
    longest = maximum_length(specimen.model, specimen.tokenizer) or POSITIONS
    special = 2 if specimen.family.objective == "masked" else 0
    words = ["."] * (longest - special)
    ids = specimen.tokenizer(" ".join(words))["input_ids"]
    words = words[: len(words) - (len(ids) - longest)] if len(ids) > longest else words
    found = extract(
        specimen.model,
        specimen.tokenizer,
        pd.DataFrame({"words": [words, words[:2]]}),
        device="cpu",
    )
    assert found.truncated == 0


@pytest.mark.parametrize("name", MEASURED)
def test_an_untrained_model_is_an_initialisation_and_is_measured(tmp_path, name):
    checkpoint = save(name, checkpoint_path(tmp_path, 0), trained=False)
    write_manifest([Entry(0, "", "", "", 0)], tmp_path)
    findings = audit_trajectory(tmp_path, run="zoo", seed=0, steps=[0]).findings
    assert [f.check for f in findings] == (["attention"] if name in ("mamba", "fnet") else [])
    model, tokenizer = load_language_model(checkpoint, device="cpu"), load_tokenizer(checkpoint)
    kind = MEASURED[name].objective
    found, counts = held_out_loss(model, tokenizer, SENTENCES, objective=kind, device="cpu")
    assert found.sum() / counts.sum() == pytest.approx(np.log(model.config.vocab_size), rel=0.2)
