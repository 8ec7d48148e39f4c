"""Losses of tokens equal loops that ask for one token at a time."""

import numpy as np
import pytest
import torch
from tiny_language_models import CAUSAL, WORDS, build, random_sentences

from ontogeny.errors import CheckpointError
from ontogeny.measures.interactions.token_losses import token_losses


def encoded(tokenizer, sentence):
    """The ids of a sentence and which of them aren't special, (tokens,) each."""
    found = tokenizer(" ".join(sentence), return_special_tokens_mask=True)
    return found["input_ids"], [not special for special in found["special_tokens_mask"]]


@torch.no_grad()
def one_by_one(model, ids, place, read):
    """The loss at a place, and whether its token is the likeliest, of what is `read`."""
    logits = model(torch.tensor([read])).logits[0, place].double()
    token = ids[place if len(read) == len(ids) else place + 1]
    return float(-torch.log_softmax(logits, 0)[token]), float(logits.argmax() == token)


@pytest.mark.parametrize("kind", CAUSAL)
def test_a_causal_model_predicts_every_token_from_those_before_it(kind):
    model, tokenizer = build(kind)
    sentences = random_sentences(0, count=8)
    found = token_losses(model, tokenizer, sentences, objective="causal", device="cpu")
    for row, sentence in enumerate(sentences):
        ids = [tokenizer.bos_token_id, *encoded(tokenizer, sentence)[0]]
        asked = [one_by_one(model, ids, n, ids[: n + 1]) for n in range(len(ids) - 1)]
        loss, right = np.sum(asked, axis=0)
        assert found.loss[row] == pytest.approx(loss, rel=1e-5)
        assert found.right[row] == right
        assert found.predictions[row] == len(ids) - 1


def test_a_masked_model_predicts_tokens_one_masked_at_a_time():
    """All others being seen, at places that are drawn from its ordinary tokens."""
    model, tokenizer = build("bert")
    sentences, places, seed = random_sentences(1, count=8), 5, 3
    found = token_losses(
        model, tokenizer, sentences, objective="masked", places=places, seed=seed, device="cpu"
    )
    shares = np.random.default_rng(seed).random((len(sentences), places))
    for row, sentence in enumerate(sentences):
        ids, ordinary = encoded(tokenizer, sentence)
        candidates = np.flatnonzero(ordinary)
        asked = []
        for share in shares[row]:
            place = int(candidates[int(share * len(candidates))])
            read = [*ids[:place], tokenizer.mask_token_id, *ids[place + 1 :]]
            asked.append(one_by_one(model, ids, place, read))
        loss, right = np.sum(asked, axis=0)
        assert found.loss[row] == pytest.approx(loss, rel=1e-5)
        assert found.right[row] == right
        assert found.predictions[row] == places


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_other_sentences_change_nothing_and_those_too_long_count_nothing(kind):
    model, tokenizer = build(kind, positions=32)
    objective = "masked" if kind == "bert" else "causal"
    sentences = random_sentences(2, count=6, longest=4)
    others = [*sentences[:3], ["dogs"] * 40, *random_sentences(3, count=2, longest=4)]
    first, second = (
        token_losses(model, tokenizer, given, objective=objective, device="cpu")
        for given in (sentences, others)
    )
    np.testing.assert_allclose(first.loss[:3], second.loss[:3], rtol=1e-5)
    assert [values[3] for values in second] == [0, 0, 0]


def test_a_loss_that_is_no_number_is_refused():
    model, tokenizer = build("bert")
    torch.nn.init.constant_(model.bert.embeddings.word_embeddings.weight, torch.nan)
    with pytest.raises(CheckpointError):
        token_losses(
            model, tokenizer, random_sentences(0, count=2), objective="masked", device="cpu"
        )


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
