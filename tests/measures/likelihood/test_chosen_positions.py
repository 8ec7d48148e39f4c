"""A head reads chosen positions alone, in each model in a way that was found right for it."""

import pytest
import torch
from model_zoo import MEASURED, REFUSED, build
from transformers import BertForMaskedLM

from ontogeny.errors import CheckpointError
from ontogeny.measures.likelihood.chosen_positions import last_layer, narrowing
from ontogeny.measures.likelihood.predictions import Logits, LogProbabilities

TOKENS = torch.arange(24).reshape(4, 6) + 5
POSITIONS = torch.tensor([1, 1, 9, 23, 14])
# Something comes after the linear layer: a bias, a cap, or a product that is no layer.
NOT_LINEAR = {"esm", "gemma2", "mobilebert"}


def own_logits(model):
    with torch.no_grad():
        return model(TOKENS).logits.flatten(0, 1)[POSITIONS]


def hooks(model):
    return [
        (len(module._forward_hooks), len(module._forward_pre_hooks), "forward" in vars(module))
        for module in model.modules()
    ]


@pytest.mark.parametrize("name", MEASURED)
def test_the_logits_at_chosen_positions_are_the_models_own(name):
    model, _ = build(name)
    before = hooks(model)
    logits_at = Logits(model)
    assert hooks(model) == before
    sizes = []
    head = model.get_output_embeddings()
    head.register_forward_hook(lambda *call: sizes.append(call[1][0].shape[:-1].numel()))
    with torch.no_grad():
        found = logits_at(TOKENS, torch.ones_like(TOKENS, dtype=torch.bool), POSITIONS)
    # MobileBERT's head takes the weights of its last layer without calling it.
    assert sizes == ([] if name == "mobilebert" else [len(POSITIONS)])
    torch.testing.assert_close(found, own_logits(model), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", MEASURED)
def test_the_last_layer_is_taken_over_where_the_logits_are_what_it_gives(name):
    model, _ = build(name)
    way = narrowing(model)
    assert way is not None
    assert (last_layer(model, way) is None) == (name in NOT_LINEAR)


class Mixed(BertForMaskedLM):
    """A model whose logits of a token are told by all tokens, after the last layer."""

    def forward(self, *arguments, **settings):
        output = super().forward(*arguments, **settings)
        output["logits"] = output.logits + output.logits.mean(dim=1, keepdim=True)
        return output


def test_where_no_way_is_right_all_logits_are_computed():
    model, _ = build("bert")
    model.__class__ = Mixed
    assert narrowing(model) is None
    with torch.no_grad():
        found = Logits(model)(TOKENS, None, POSITIONS)
    assert torch.equal(found, own_logits(model))
    targets = torch.tensor([7, 0, 79, 3, 8])
    expected = torch.log_softmax(own_logits(model), -1)[torch.arange(5), targets]
    assert torch.equal(LogProbabilities(model)(TOKENS, None, POSITIONS, targets), expected)


def test_a_broken_model_has_its_own_logits_too():
    model, _ = build("opt")
    torch.nn.init.constant_(model.model.decoder.layers[0].fc1.weight, torch.nan)
    with torch.no_grad():
        assert Logits(model)(TOKENS, None, POSITIONS).isnan().all()


@pytest.mark.parametrize("name", REFUSED)
def test_families_that_cannot_be_measured_are_refused_by_name(name):
    model, _ = build(name)
    with pytest.raises(CheckpointError, match=rf"{type(model).__name__}: its model, .*{name}"):
        narrowing(model)


def test_a_model_that_cannot_read_a_text_alone_is_refused_by_name():
    model, _ = build("bert")
    model.bert.register_forward_pre_hook(lambda module, inputs: module.no_such_layer)
    with pytest.raises(CheckpointError, match="BertForMaskedLM can't read a text alone"):
        narrowing(model)
