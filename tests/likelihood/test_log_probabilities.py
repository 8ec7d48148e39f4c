"""Log probabilities are those of the model's own logits, whatever its head is made of."""

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

from ontogeny.errors import CheckpointError
from ontogeny.likelihood import predictions
from ontogeny.likelihood.predictions import LogProbabilities
from tests.tiny_language_models import KINDS, build

TOKENS = torch.arange(24).reshape(4, 6) + 5
POSITIONS = torch.tensor([1, 1, 9, 23, 14])
ASKED = torch.tensor([4, 0, 2, 2, 3, 1])
TARGETS = torch.tensor([7, 0, 79, 3, 8, 8])


def capped():
    """A model whose head is followed by something: the logits are bent to stay below 2."""
    torch.manual_seed(0)
    return Gemma2ForCausalLM(
        Gemma2Config(
            vocab_size=80,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            head_dim=8,
            final_logit_softcapping=2.0,
            initializer_range=1.0,
        )
    ).eval()


def own(model, attended=None):
    mask = {} if attended is None else {"attention_mask": attended}
    with torch.no_grad():
        logits = model(TOKENS, **mask).logits.float()
    return torch.log_softmax(logits.double(), -1).flatten(0, 1)[POSITIONS]


@pytest.mark.parametrize("at_once", [1, 35, 10**6])
@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_the_vocabulary_at_a_time_gives_what_all_of_it_gives(kind, at_once, monkeypatch):
    monkeypatch.setattr(predictions, "LOGITS_AT_ONCE", at_once)
    model = build(kind)[0].eval()
    head = model.get_output_embeddings()
    sizes = []
    head.register_forward_hook(lambda module, inputs, output: sizes.append(output.shape[-1]))
    found = LogProbabilities(model)(TOKENS, None, POSITIONS, TARGETS, asked=ASKED)
    assert found.dtype == torch.float32
    torch.testing.assert_close(
        found.double(), own(model)[ASKED, TARGETS], rtol=1e-5, atol=1e-5, check_dtype=False
    )
    # The head itself gave no logits in the first call, and does so again.
    assert [size == len(head.weight) for size in sizes] == [False, True]


def test_without_word_on_who_asks_there_is_one_prediction_at_each_position():
    model = build("bert")[0].eval()
    attended = torch.ones_like(TOKENS)
    attended[1:, 4:] = 0
    targets = TARGETS[:5]
    found = LogProbabilities(model)(TOKENS, attended, POSITIONS, targets)
    torch.testing.assert_close(
        found.double(), own(model, attended)[torch.arange(5), targets], rtol=1e-5, atol=1e-5
    )
    none = POSITIONS[:0]
    assert LogProbabilities(model)(TOKENS, attended, none, none).shape == (0,)


def test_logits_that_are_large_neither_overflow_nor_vanish():
    model = build("bert")[0].eval()
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(1e4)
    found = LogProbabilities(model)(TOKENS, None, POSITIONS, TARGETS, asked=ASKED)
    assert found.isfinite().all()
    assert found.min() < -1000
    torch.testing.assert_close(
        found.double(), own(model)[ASKED, TARGETS], rtol=1e-5, atol=1e-1, check_dtype=False
    )


@pytest.mark.parametrize("model", [capped(), build("bert")[0].eval().bfloat16()])
def test_a_head_that_is_not_the_last_word_is_left_to_the_model(model):
    log_probabilities = LogProbabilities(model)
    for _ in range(2):
        found = log_probabilities(TOKENS, None, POSITIONS, TARGETS, asked=ASKED)
        expected = own(model)[ASKED, TARGETS].float()
        torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-3)


def test_a_head_over_something_else_than_the_last_layer_is_refused():
    model = build("bert")[0].eval()
    model.cls.register_forward_hook(lambda module, inputs, output: output[:, :2])
    with pytest.raises(CheckpointError, match="expected a head over its last layer"):
        LogProbabilities(model)(TOKENS, None, POSITIONS, TARGETS, asked=ASKED)
    assert "forward" not in vars(model.get_output_embeddings())
