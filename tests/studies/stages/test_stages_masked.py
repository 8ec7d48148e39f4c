"""Masked models are measured on words that are hidden once and for all; causal ones on a text."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from ontogeny.errors import CorpusError
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.checkpoints.loading import Loaded
from ontogeny.runs.pretraining.tokenizers import train_tokenizer
from ontogeny.studies.stages.masked import prepare
from ontogeny.studies.stages.trajectory import reading

WORDS = [["the", "cat", "sees", "a", "dog"], ["a", "dog", "and", "the", "cat", "sleep"]] * 6
SETTINGS = {"sequence_length": 12, "sequences": 8, "shown": 3, "mask_share": 0.4}


def loaded(objective):
    architecture = {"masked": "bert", "causal": "attention_only"}[objective]
    tokenizer = train_tokenizer(WORDS, kind="word", objective=objective)
    sizes = {"layers": 1, "heads": 2, "width": 8, "positions": 12}
    config = configure(architecture, len(tokenizer), **sizes, pad_token_id=tokenizer.pad_token_id)
    return Loaded(initialise(config, 0).eval(), tokenizer, objective)


def read(objective, seed=0):
    return reading(loaded(objective), WORDS, WORDS, SETTINGS, seed)


def test_the_same_words_are_hidden_whenever_the_seed_is_the_same():
    one, again, other = (read("masked", seed).examples.tensors for seed in (0, 0, 1))
    assert torch.equal(one["inputs"], again["inputs"])
    assert not torch.equal(one["inputs"], other["inputs"])
    tokenizer = loaded("masked").tokenizer
    hidden = one["inputs"] == tokenizer.mask_token_id
    assert hidden.any(1).all()
    assert torch.equal(hidden, one["labels"] != -100)
    # What marks the ends of a sentence is there to be read.
    assert (one["inputs"][:, 0] == tokenizer.cls_token_id).all()


@pytest.mark.parametrize("objective", ["masked", "causal"])
def test_the_loss_is_that_of_the_examples_and_outputs_give_back_the_losses_of_what_is_shown(
    objective,
):
    text, model = read(objective), loaded(objective).model
    rows, outputs = text.behaviour(model)
    with torch.no_grad():
        sums, counts = text.losses(model, dict(text.examples.tensors))
        expected = (sums.sum() / counts.sum()).item()
        assert rows[rows["metric"] == "loss"]["value"].item() == pytest.approx(expected, rel=1e-5)
        shown = {name: values[:3] for name, values in text.examples.tensors.items()}
        inputs = {"input_ids": shown["inputs"], "attention_mask": shown["attended"]}
        logits = model(**inputs).logits
        each = cross_entropy(logits.transpose(1, 2), shown["labels"], reduction="none")
    predicted = shown["labels"] != -100
    losses = text.shown.losses(outputs)
    np.testing.assert_allclose(losses, each[predicted].numpy(), rtol=1e-4)
    tokenizer = loaded(objective).tokenizer
    named = tokenizer.convert_ids_to_tokens(shown["labels"][predicted].tolist())
    assert list(text.shown.tokens) == named
    assert len(text.shown.before) == len(named)


def test_only_a_causal_model_has_scores_of_induction():
    masked, causal = (read(o).behaviour(loaded(o).model)[0] for o in ("masked", "causal"))
    assert set(masked["metric"]) == {"loss"}
    assert {"bigram_kl", "prefix_score", "icl_score"} <= set(causal["metric"])


def test_a_sentence_of_unknown_words_alone_is_passed_over_and_one_sentence_is_too_few():
    tokenizer = loaded("masked").tokenizer
    sizes = {"length": 12, "sequences": 9, "shown": 2, "mask_share": 0.4, "seed": 0}
    text = prepare(tokenizer, [["wug"], *WORDS[:4]], **sizes)
    assert len(text.examples) == 4
    with pytest.raises(CorpusError, match="1 held-out sentences; expected at least 2"):
        prepare(tokenizer, WORDS[:1], **sizes)
