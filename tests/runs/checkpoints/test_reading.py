"""How a model reads is found out on a few tokens, whatever its family is called."""

import pytest
import torch
from model_zoo import MEASURED, REFUSED, build
from transformers import (
    BertConfig,
    BertForMaskedLM,
    OPTConfig,
    OPTForCausalLM,
    ViTConfig,
    ViTModel,
)

from ontogeny.errors import CheckpointError
from ontogeny.runs.checkpoints.reading import (
    direction,
    few_tokens,
    layer_states,
    most_positions,
    one_line,
    reads_padding,
    refuse_unreadable,
)

# Those that mix neighbouring tokens by something else than attention, padding included.
MIXING = {"convbert", "fnet", "mobilebert"}


def bert(vocabulary=80, positions=24, **settings):
    torch.manual_seed(0)
    return BertForMaskedLM(
        BertConfig(
            vocab_size=vocabulary,
            max_position_embeddings=positions,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=16,
            **settings,
        )
    ).eval()


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("name", MEASURED)
def test_a_masked_model_reads_both_ways_and_a_causal_one_forward(name, trained):
    model, _ = build(name, trained=trained)
    expected = {"masked": "both", "causal": "forward"}[MEASURED[name].objective]
    assert direction(model) == expected


def test_a_model_in_which_no_token_sees_another_has_no_direction():
    model = bert()
    for layer in model.bert.encoder.layer:
        torch.nn.init.zeros_(layer.attention.output.dense.weight)
    assert direction(model) is None
    model = bert(is_decoder=True, positions=1)
    assert direction(model) is None


def test_a_broken_model_has_no_direction():
    model = bert()
    torch.nn.init.constant_(model.bert.encoder.layer[0].output.dense.weight, torch.nan)
    assert direction(model) is None
    assert not reads_padding(model, 0)


@pytest.mark.parametrize("name", MEASURED)
def test_models_that_read_padding_are_those_that_mix_tokens_otherwise_than_by_attention(name):
    for trained in (True, False):
        model, _ = build(name, trained=trained)
        assert reads_padding(model, 3) == (name in MIXING)
        assert reads_padding(model.base_model, 3) == (name in MIXING)


def test_there_may_be_no_room_for_padding():
    assert not reads_padding(bert(positions=3), 0)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("vocabulary", [1, 2, 5, 80, 5000])
def test_the_tokens_to_try_are_ordinary_ones_and_neighbours_differ(vocabulary, rows):
    model = bert(vocabulary, pad_token_id=0, bos_token_id=None, eos_token_id=None)
    tokens = few_tokens(model, rows)
    assert tokens.shape == (rows, 6)
    assert 0 <= tokens.min() <= tokens.max() < vocabulary
    flat = tokens.flatten()
    if vocabulary > 2:
        assert (flat != 0).all()
        assert (flat[1:] != flat[:-1]).all()
    if vocabulary >= 80:
        assert len(flat.unique()) == len(flat)


def test_there_are_no_more_of_them_than_the_model_has_positions():
    assert few_tokens(bert(positions=4)).shape == (1, 4)
    assert few_tokens(bert(positions=8), spared=3).shape == (1, 5)
    assert few_tokens(bert(positions=1), spared=3).shape == (1, 1)
    assert most_positions(build("roberta")[0]) == 22  # the first two are of padding
    assert most_positions(build("bert")[0]) == 24


@pytest.mark.parametrize("name", REFUSED)
def test_a_family_that_cannot_be_measured_is_refused_by_name(name):
    model, _ = build(name)
    with pytest.raises(CheckpointError, match=rf"^mine: its model, .*\(model_type {name}\), "):
        refuse_unreadable(model, "mine")


def test_a_model_that_needs_more_than_a_text_is_refused_by_name():
    model = bert()
    model.bert.register_forward_pre_hook(lambda module, inputs: module.no_such_layer)
    with pytest.raises(CheckpointError, match=r"^mine: .*BertForMaskedLM, model_type bert.* alone"):
        refuse_unreadable(model, "mine")


def test_a_model_of_something_else_than_text_is_refused_by_name():
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    model = ViTModel(ViTConfig(**sizes, intermediate_size=8, image_size=16, patch_size=8))
    with pytest.raises(CheckpointError, match="can't be told how many tokens its ViTModel knows"):
        refuse_unreadable(model.eval(), "mine")


def test_layers_that_shorten_the_text_or_differ_in_width_are_refused_by_name():
    model, tokens = bert(), torch.tensor([[5, 6, 7, 8]])
    output = model.bert(tokens, output_hidden_states=True)
    assert len(layer_states(model, output, tokens, "mine")) == 3
    whole = output.hidden_states
    for cut in (whole[2][:, ::2], whole[2][..., :8]):
        output["hidden_states"] = (*whole[:2], cut)
        with pytest.raises(CheckpointError, match=r"mine: layer 2 of its model \(BertForMaskedLM"):
            layer_states(model, output, tokens, "mine")
    output["hidden_states"] = None
    with pytest.raises(CheckpointError, match="gives no vectors of its layers"):
        layer_states(model, output, tokens, "mine")


def test_a_decoder_whose_last_layer_is_narrower_is_refused_by_name():
    config = OPTConfig(vocab_size=80, hidden_size=24, ffn_dim=32, num_hidden_layers=2)
    config.update({"num_attention_heads": 3, "word_embed_proj_dim": 12})
    with pytest.raises(CheckpointError, match=r"layer 2 .*OPTModel.* \(1, 6, 12\)"):
        refuse_unreadable(OPTForCausalLM(config).eval(), "mine")


def test_a_long_error_is_told_by_its_beginning():
    assert one_line(ValueError("a\n  b")) == "a b"
    assert one_line(ValueError()) == "ValueError"
    found = one_line(ValueError("one of " + "many, " * 1000))
    assert len(found) < 210
    assert found.endswith("many, ...")
