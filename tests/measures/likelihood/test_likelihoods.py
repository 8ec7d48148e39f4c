"""Likelihoods equal loops that ask for one token at a time."""

import numpy as np
import pytest
import slow_measures as slow
import torch
from tiny_language_models import CAUSAL, KINDS, build, random_sentences

from ontogeny.errors import CheckpointError, CorpusError
from ontogeny.measures.likelihood import held_out_loss, log_likelihood, pseudo_log_likelihood
from ontogeny.measures.likelihood.predictions import Logits, LogProbabilities
from ontogeny.measures.likelihood.questions import ask
from ontogeny.measures.likelihood.tokenised import tokenise


def texts(seed, **settings):
    return [" ".join(words) for words in random_sentences(seed, **settings)]


@pytest.mark.parametrize("within_word", [False, True])
@pytest.mark.parametrize("budget", [1, 60, 5000])
def test_pseudo_log_likelihood_equals_one_mask_at_a_time(within_word, budget):
    model, tokenizer = build("bert")
    sentences = texts(budget, count=12)
    sentences += [sentences[0], sentences[0] + " cat"]
    found = pseudo_log_likelihood(
        model,
        tokenizer,
        sentences,
        within_word=within_word,
        tokens_per_batch=budget,
        device="cpu",
    )
    expected = [
        slow.pseudo_log_likelihood(model, tokenizer, text, within_word) for text in sentences
    ]
    assert np.abs(found - expected).max() < 1e-5
    assert found[0] == found[-2]


def test_the_within_word_correction_changes_words_of_several_pieces_alone():
    model, tokenizer = build("bert")
    sentences = ["a . a", "unhappily wunderbar"]
    plain, corrected = (
        pseudo_log_likelihood(model, tokenizer, sentences, within_word=within, device="cpu")
        for within in (False, True)
    )
    assert len(tokenizer("a . a")["input_ids"]) == 5
    assert plain[0] == corrected[0]
    assert plain[1] != corrected[1]


def test_a_copy_that_several_sentences_share_is_read_once():
    model, tokenizer = build("bert")
    read = []
    model.bert.embeddings.register_forward_hook(
        lambda module, inputs, output: read.append(len(output))
    )
    pair = ["the cat sat .", "the a sat ."]
    lengths = [len(tokenizer(text)["input_ids"]) - 2 for text in pair]
    LogProbabilities(model)
    tried = sum(read)  # texts that it reads in any case, to find out how the model works
    read.clear()
    pseudo_log_likelihood(model, tokenizer, pair, device="cpu")
    # With the word in which they differ masked, if it is one piece in both, they are the same.
    assert sum(read) - tried == sum(lengths) - (lengths[0] == lengths[1])
    read.clear()
    pseudo_log_likelihood(model, tokenizer, [pair[1]] * 7, device="cpu")
    assert sum(read) - tried == lengths[1]


@pytest.mark.parametrize("kind", CAUSAL)
@pytest.mark.parametrize("budget", [1, 50, 5000])
def test_log_likelihood_equals_one_prefix_at_a_time(kind, budget):
    model, tokenizer = build(kind)
    sentences = texts(budget, count=8)
    found = log_likelihood(model, tokenizer, sentences, tokens_per_batch=budget, device="cpu")
    for text, score in zip(sentences, found, strict=True):
        assert score == pytest.approx(slow.log_likelihood(model, tokenizer, text), rel=1e-5)


def test_log_likelihoods_of_all_texts_add_up_to_one():
    model, tokenizer = build("gpt2")
    letters = [text for text in map(tokenizer.decode, range(len(tokenizer))) if text.isascii()]
    one_token = [text for text in letters if len(tokenizer(text)["input_ids"]) == 1]
    with torch.no_grad():
        logits = model(torch.tensor([[tokenizer.bos_token_id]])).logits[0, 0]
    share = torch.softmax(logits, dim=-1)[
        [tokenizer(text)["input_ids"][0] for text in one_token if text != "<|end|>"]
    ].sum()
    scores = log_likelihood(
        model, tokenizer, [text for text in one_token if text != "<|end|>"], device="cpu"
    )
    assert np.exp(scores).sum() == pytest.approx(float(share), rel=1e-4)


def test_the_last_layer_of_a_bert_computes_the_chosen_positions_alone():
    model, _ = build("bert")
    logits_at, read = Logits(model), []
    for layer in model.bert.encoder.layer:
        layer.intermediate.register_forward_hook(
            lambda module, inputs, output: read.append(inputs[0].shape[:-1].numel())
        )
    logits_at(torch.arange(12).reshape(3, 4) + 5, None, torch.tensor([2, 7]))
    assert read == [12, 2]


def test_the_head_reads_the_chosen_positions_alone_and_gradients_reach_the_model():
    for kind in KINDS:
        model, _ = build(kind)
        tokens = torch.arange(12).reshape(3, 4) + 5
        positions = torch.tensor([0, 5, 5, 11])
        full = model(tokens).logits.flatten(0, 1)[positions]
        logits_at, sizes = Logits(model), []
        model.get_output_embeddings().register_forward_hook(
            lambda module, inputs, output, sizes=sizes: sizes.append(inputs[0].shape[:-1].numel())
        )
        found = logits_at(tokens, None, positions)
        assert torch.allclose(found, full, atol=1e-4)
        assert sizes == [4]
        found.sum().backward()
        assert model.get_input_embeddings().weight.grad.abs().sum() > 0
        assert model(tokens).logits.shape[:2] == (3, 4)  # the hook is gone


@pytest.mark.parametrize("kind", KINDS)
def test_sentences_longer_than_the_model_have_no_likelihood(kind):
    model, tokenizer = build(kind, positions=16)
    sentences = ["the cat sat", "unhappily " * 15, "a dogs"]
    likelihood = pseudo_log_likelihood if kind == "bert" else log_likelihood
    found = likelihood(model, tokenizer, sentences, device="cpu")
    assert np.isnan(found).tolist() == [False, True, False]
    assert np.allclose(
        found[[0, 2]], likelihood(model, tokenizer, [sentences[0], sentences[2]], device="cpu")
    )


@pytest.mark.parametrize("kind", KINDS)
def test_held_out_loss_is_that_of_the_model_on_what_is_hidden(kind):
    model, tokenizer = build(kind)
    sentences = random_sentences(4, count=30)
    objective = "masked" if kind == "bert" else "causal"
    settings = {"objective": objective, "seed": 3, "device": "cpu"}
    losses, counts = held_out_loss(model, tokenizer, sentences, tokens_per_batch=70, **settings)
    again = held_out_loss(model, tokenizer, sentences, tokens_per_batch=500, **settings)
    assert np.allclose(losses, again[0], rtol=1e-5)
    assert np.array_equal(counts, again[1])
    tokens = [len(tokenizer(" ".join(words))["input_ids"]) for words in sentences]
    if objective == "causal":
        scores = log_likelihood(model, tokenizer, [" ".join(s) for s in sentences], device="cpu")
        assert np.allclose(losses, -scores, rtol=1e-5)
        assert counts.tolist() == tokens
    else:
        assert 0.1 < counts.sum() / (sum(tokens) - 2 * len(tokens)) < 0.2
        other = held_out_loss(model, tokenizer, sentences, **{**settings, "seed": 4})
        assert not np.array_equal(counts, other[1])


def test_a_model_that_knows_nothing_loses_the_logarithm_of_the_vocabulary():
    model, tokenizer = build("bert")
    with torch.no_grad():
        model.cls.predictions.decoder.weight.zero_()
        model.cls.predictions.decoder.bias.zero_()
    losses, counts = held_out_loss(
        model, tokenizer, random_sentences(0), objective="masked", device="cpu"
    )
    assert losses.sum() / counts.sum() == pytest.approx(np.log(80), rel=1e-6)


def test_hidden_words_are_the_same_for_another_model_of_the_run():
    first, tokenizer = build("bert")
    second, _ = build("bert", deviation=0.1)
    sentences = random_sentences(0)
    counts = [
        held_out_loss(model, tokenizer, sentences, objective="masked", device="cpu")[1]
        for model in (first, second)
    ]
    assert np.array_equal(*counts)


def test_what_cant_be_asked_is_refused():
    model, tokenizer = build("gpt2")
    with pytest.raises(CheckpointError, match="no mask token"):
        pseudo_log_likelihood(model, tokenizer, ["cat"], device="cpu")
    with pytest.raises(CheckpointError, match="no mask token"):
        held_out_loss(model, tokenizer, [["cat"]], objective="masked", device="cpu")
    model, tokenizer = build("bert", positions=8)
    with pytest.raises(CorpusError, match="1 sentences, of which 1 are longer"):
        held_out_loss(model, tokenizer, [["unhappily"] * 9], objective="masked", device="cpu")
    with torch.no_grad():
        model.cls.predictions.bias.fill_(torch.nan)
    with pytest.raises(CheckpointError, match="predictions hold NaN"):
        pseudo_log_likelihood(model, tokenizer, ["cat"], device="cpu")


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_are_never_asked_for(kind):
    model, tokenizer = build(kind)
    causal = kind in CAUSAL
    text = tokenise(model, tokenizer, texts(4, count=30), begin=causal)
    objective = "causal" if causal else "masked"
    answers = ask(text, tokenizer, objective=objective, share=0.9).answers
    # A causal model's answers stand where the token before is read.
    asked = np.flatnonzero(answers >= 0) + causal
    assert len(asked) > 30
    assert (text.word[asked] >= 0).all()
