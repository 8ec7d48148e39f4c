"""Log probabilities are those of the model's own logits, whatever its head is made of."""

from unittest.mock import patch

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_language_models import KINDS, build
from transformers import Gemma2Config, Gemma2ForCausalLM

from ontogeny.errors import CheckpointError
from ontogeny.measures.likelihood import predictions
from ontogeny.measures.likelihood.predictions import LogProbabilities
from ontogeny.measures.likelihood.replaced_forward import computes, has_own_forward

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


@given(
    rows=st.integers(0, 9),
    width=st.integers(1, 20),
    vocabulary=st.integers(2, 70),
    at_once=st.sampled_from([1, 35, 10**6]),
    seed=st.integers(0, 1000),
)
def test_a_part_of_the_vocabulary_at_a_time_gives_what_all_of_it_gives(
    rows, width, vocabulary, at_once, seed
):
    generator = torch.Generator().manual_seed(seed)
    vectors, weight, bias = (
        3 * torch.randn(shape, generator=generator)
        for shape in ((rows, width), (vocabulary, width), (vocabulary,))
    )
    with patch.object(predictions, "LOGITS_AT_ONCE", {"cpu": at_once}):
        found = predictions._log_normalisers(vectors, weight, bias)
    expected = torch.logsumexp(vectors.double() @ weight.double().T + bias.double(), 1)
    torch.testing.assert_close(found, expected.float(), rtol=1e-5, atol=1e-5)


def test_what_is_no_number_has_no_probability():
    vectors, weight, bias = torch.ones(2, 3), torch.ones(5, 3), torch.zeros(5)
    vectors[1, 2] = torch.nan
    assert predictions._log_normalisers(vectors, weight, bias).isnan().tolist() == [False, True]
    bias[4] = torch.nan
    assert predictions._log_normalisers(vectors, weight, bias).isnan().all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_output_layer_is_read_where_it_is_linear(kind):
    model = build(kind)[0].eval()
    head = model.get_output_embeddings()
    log_probabilities, sizes = LogProbabilities(model), []
    head.register_forward_hook(lambda module, inputs, output: sizes.append(output.shape[-1]))
    found = log_probabilities(TOKENS, None, POSITIONS, TARGETS, asked=ASKED)
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


def test_an_output_layer_with_a_forward_of_its_own_is_left_to_the_model():
    model = build("bert")[0].eval()
    head = model.get_output_embeddings()
    linear = head.forward

    def doubled(vectors):
        return 2 * linear(vectors)

    head.forward = doubled
    found = LogProbabilities(model)(TOKENS, None, POSITIONS, TARGETS, asked=ASKED)
    torch.testing.assert_close(found, own(model)[ASKED, TARGETS].float(), rtol=1e-5, atol=1e-5)
    assert head.forward is doubled


def test_a_module_computes_something_else_within_the_block_alone():
    module = torch.nn.Identity()
    with computes(module, lambda number: -number):
        assert module(3) == -3
    assert module(3) == 3
    assert not has_own_forward(module)
    own = module.forward = lambda number: number + 5
    with computes(module, lambda number: -number):
        assert module(3) == -3
    assert module.forward is own


def test_a_head_that_does_not_tell_of_each_token_is_refused():
    model = build("bert")[0].eval()
    model.cls.register_forward_hook(lambda module, inputs, output: output[:, :2])
    with pytest.raises(CheckpointError, match=r"gives no logits of each token .* \(2, 2, 80\)"):
        LogProbabilities(model)
    assert "forward" not in vars(model.get_output_embeddings())
