"""The Fisher trace equals its closed form, and gradients those of one sentence at a time."""

import logging
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from model_zoo import build as zoo
from slow_measures import losses_and_gradients
from tiny_language_models import KINDS, build, random_sentences
from transformers import RwkvConfig, RwkvForCausalLM

from ontogeny.errors import CheckpointError
from ontogeny.measures.complexity import fisher, fisher_trace, fisher_traces, weight_norm
from ontogeny.measures.complexity.fisher import squared_gradient_norms
from ontogeny.measures.likelihood.questions import ask
from ontogeny.measures.likelihood.tokenised import tokenise


def objective(kind):
    return "masked" if kind == "bert" else "causal"


def asked(model, tokenizer, sentences, kind, seed, share=0.15):
    text = tokenise(
        model, tokenizer, [" ".join(words) for words in sentences], begin=kind != "bert"
    )
    return ask(text, tokenizer, objective=objective(kind), seed=seed, share=share)


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_the_trace_of_a_linear_gaussian_model_is_its_closed_form(noise):
    # y ~ N(w x + b, noise^2): the score is (e x, e) / noise, e standard normal, and its expected
    # squared norm (|x|^2 + 1) / noise^2.
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(20_000, 3, generator=generator)
    linear = torch.nn.Linear(3, 1)

    def log_likelihood(weights, x, y):
        mean = torch.func.functional_call(linear, weights, (x,))[0]
        return -0.5 * ((y - mean) / noise) ** 2

    with torch.no_grad():
        drawn = linear(inputs)[:, 0] + noise * torch.randn(len(inputs), generator=generator)
    parameters = {name: p.detach() for name, p in linear.named_parameters()}
    found = squared_gradient_norms(log_likelihood, parameters, inputs, drawn)
    expected = (inputs.square().sum(dim=1) + 1) / noise**2
    standard_error = (found - expected).std() / math.sqrt(len(inputs))
    assert abs(found.mean() - expected.mean()) < 4 * standard_error
    # And sentence by sentence: the score's square is e^2 times its expectation.
    with torch.no_grad():
        error = (drawn - linear(inputs)[:, 0]) / noise
    assert torch.allclose(found, error**2 * expected, rtol=1e-4, atol=1e-5)


class Unigram(torch.nn.Module):
    """Predicts the same distribution everywhere: softmax of its one parameter vector."""

    def __init__(self, model, scores):
        super().__init__()
        self.config, self.device = model.config, torch.device("cpu")
        self.scores = torch.nn.Parameter(scores)

    @property
    def base_model(self):
        return self

    def forward(self, input_ids, attention_mask=None):
        logits = self.scores.expand(*input_ids.shape, -1)
        return SimpleNamespace(logits=logits)


def test_the_trace_of_a_categorical_model_is_one_less_the_sum_of_squared_probabilities():
    # The score of outcome y is e_y - p, and the expectation of its squared norm 1 - |p|^2.
    model, tokenizer = build("bert")
    probabilities = torch.softmax(torch.linspace(-3, 3, len(tokenizer)), dim=0)
    unigram = Unigram(model, probabilities.log())
    sentences = random_sentences(0, count=3000)
    found = fisher_trace(unigram, tokenizer, sentences, objective="masked", share=0.5, device="cpu")
    assert found == pytest.approx(float(1 - probabilities.square().sum()), rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_equal_those_of_one_sentence_at_a_time(kind):
    model, tokenizer = build(kind)
    sentences = random_sentences(3, count=12)
    questions = asked(model, tokenizer, sentences, kind, seed=5)
    _, norms = losses_and_gradients(model, questions)
    found = fisher_trace(
        model,
        tokenizer,
        sentences,
        objective=objective(kind),
        labels="data",
        seed=5,
        device="cpu",
    )
    assert found == pytest.approx(norms.sum() / questions.counts.sum(), rel=1e-4)


@pytest.mark.slow
def test_the_trace_is_the_expectation_over_all_that_the_model_might_say():
    model, tokenizer = build("bert", layers=1, heads=1)
    sentences = [["a"]] * 400  # one piece, hidden in each copy, mostly by the mask
    questions = asked(model, tokenizer, sentences, "bert", seed=0, share=1.0)
    assert (questions.counts == 1).all()
    shown, often = np.unique(questions.shown.reshape(400, 3), axis=0, return_counts=True)
    mean, variance = 0.0, 0.0
    for tokens, weight in zip(shown, often / 400, strict=True):
        log = torch.log_softmax(model(torch.from_numpy(tokens)[None]).logits[0, 1], dim=-1)
        squares = []
        for outcome in log:
            gradients = torch.autograd.grad(
                outcome, list(model.parameters()), retain_graph=True, allow_unused=True
            )
            squares.append(sum(float(g.square().sum()) for g in gradients if g is not None))
        chance, squares = log.detach().exp().double().numpy(), np.array(squares)
        mean += weight * chance @ squares
        variance += weight * (chance @ squares**2 - (chance @ squares) ** 2)
    settings = {"objective": "masked", "seed": 0, "share": 1.0, "device": "cpu"}
    found = fisher_trace(model, tokenizer, sentences, **settings)
    assert abs(found - mean) < 4 * math.sqrt(variance / 400)
    assert found == fisher_trace(model, tokenizer, sentences, **settings)
    draws = fisher_traces(model, tokenizer, sentences, draws=40, **settings)
    # Their mean is the expectation, and they scatter as the variance says.
    assert draws.shape == (40,)
    assert abs(draws.mean() - mean) < 4 * math.sqrt(variance / 400 / 40)
    assert draws.var(ddof=1) == pytest.approx(variance / 400, rel=0.7)
    assert fisher_traces(model, tokenizer, sentences, draws=1, **settings).tolist() == [found]


def test_weights_count_once_each():
    model, _ = build("bert")
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    values = {id(p): p.detach().double().numpy().ravel() for p in model.parameters()}
    assert weight_norm(model) == pytest.approx(
        np.linalg.norm(np.concatenate(list(values.values())))
    )
    linear = torch.nn.Linear(2, 1)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0, 2.0]]))
        linear.bias.fill_(2.0)
    assert weight_norm(linear) == 3.0


def test_gradients_that_cannot_be_taken_together_are_taken_one_by_one_and_the_log_says_so(caplog):
    model, tokenizer = zoo("bloom")  # it has gradients of its own making
    with caplog.at_level(logging.INFO, "ontogeny"):
        fisher_trace(model, tokenizer, random_sentences(0), objective="causal", device="cpu")
    assert "one sentence at a time, since BloomForCausalLM can't be read many times" in caplog.text
    model, tokenizer = build("gpt2")
    caplog.clear()
    with caplog.at_level(logging.INFO, "ontogeny"):
        fisher_trace(model, tokenizer, random_sentences(0), objective="causal", device="cpu")
    assert caplog.text == ""


def test_gradients_that_differ_when_taken_together_are_taken_one_by_one(monkeypatch, caplog):
    model, tokenizer = build("bert")
    sentences = random_sentences(3, count=6)
    settings = {"objective": "masked", "labels": "data", "device": "cpu"}
    expected = fisher_trace(model, tokenizer, sentences, **settings)
    together = fisher.squared_gradient_norms
    monkeypatch.setattr(fisher, "squared_gradient_norms", lambda *given: 1.1 * together(*given))
    with caplog.at_level(logging.INFO, "ontogeny"):
        found = fisher_trace(model, tokenizer, sentences, **settings)
    assert found == pytest.approx(expected, rel=1e-4)
    assert "gives other gradients then" in caplog.text


def test_a_model_without_gradients_is_refused_by_name():
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "attention_hidden_size": 16, "num_hidden_layers": 2}
    model = RwkvForCausalLM(RwkvConfig(vocab_size=290, **sizes, pad_token_id=0)).eval()
    _, tokenizer = build("gpt2")
    message = "the gradients of its RwkvForCausalLM can't be taken .* out of the study"
    with pytest.raises(CheckpointError, match=message):
        fisher_trace(model, tokenizer, random_sentences(0), objective="causal", device="cpu")


def test_gradients_need_no_leave_of_the_caller():
    model, tokenizer = zoo("bloom")
    model.requires_grad_(False)
    with torch.no_grad():
        found = fisher_trace(model, tokenizer, [["cat", "sat"]], objective="causal", device="cpu")
    assert found > 0


def test_a_broken_checkpoint_is_refused():
    model, tokenizer = build("bert")
    with torch.no_grad():
        model.cls.predictions.bias.fill_(torch.nan)
    with pytest.raises(CheckpointError, match="NaN"):
        fisher_trace(model, tokenizer, [["cat"]], objective="masked", device="cpu")
