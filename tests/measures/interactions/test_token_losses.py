"""Losses of sentences, token by token, equal loops over single predictions."""

import numpy as np
import pytest
import slow_measures as slow
import torch
from tiny_language_models import CAUSAL, WORDS, build, random_sentences

from ontogeny.measures.interactions.token_losses import token_losses


@pytest.mark.parametrize("kind", CAUSAL)
def test_a_causal_models_losses_add_up_to_the_log_likelihood(kind):
    model, tokenizer = build(kind)
    sentences = random_sentences(0, count=8)
    found = token_losses(model, tokenizer, sentences, objective="causal", device="cpu")
    expected = [-slow.log_likelihood(model, tokenizer, " ".join(words)) for words in sentences]
    assert np.abs(found.loss - expected).max() < 1e-4
    tokens = [len(tokenizer(" ".join(words))["input_ids"]) for words in sentences]
    assert found.predictions.tolist() == tokens
    assert (found.right <= found.predictions).all()


def test_a_masked_model_predicts_a_few_ordinary_tokens_one_at_a_time():
    model, tokenizer = build("bert")
    sentences = random_sentences(1, count=12)
    found = token_losses(
        model, tokenizer, sentences, objective="masked", places=4, seed=5, device="cpu"
    )
    fractions = np.random.default_rng(5).random((len(sentences), 4))
    loss, right = np.zeros((2, len(sentences)))
    for number, words in enumerate(sentences):
        tokens = torch.tensor(tokenizer(" ".join(words))["input_ids"])
        for fraction in fractions[number]:
            at = 1 + int(fraction * (len(tokens) - 2))  # between [CLS] and [SEP]
            hidden = tokens.clone()
            hidden[at] = tokenizer.mask_token_id
            with torch.no_grad():
                logits = model(hidden[None]).logits[0, at]
            loss[number] -= float(torch.log_softmax(logits, -1)[tokens[at]])
            right[number] += int(logits.argmax()) == int(tokens[at])
    assert np.abs(found.loss - loss).max() < 1e-4
    assert found.right.tolist() == right.tolist()
    assert (found.predictions == 4).all()


def test_a_model_that_is_always_right_is_counted_so():
    model, tokenizer = build("bert")
    word, target = next(
        (word, ids[1]) for word in WORDS if len(ids := tokenizer(word)["input_ids"]) == 3
    )
    with torch.no_grad():
        model.cls.predictions.bias[target] = 1e4
    found = token_losses(model, tokenizer, [[word] * 3], objective="masked", device="cpu")
    assert found.right.tolist() == found.predictions.tolist() == [3]
    assert found.loss[0] == pytest.approx(0, abs=1e-6)
