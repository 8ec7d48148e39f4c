import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call, stack_module_state, vmap

from ontogeny.errors import CheckpointError
from ontogeny.runs.architectures import configure, initialise
from ontogeny.runs.checkpoints.eager_attention import eager_attention
from ontogeny.runs.checkpoints.loading import check_weights
from ontogeny.runs.recurrence import lstm_layer


def model_of(layers=2, width=6, seed=0, vocabulary=11, dropout=0.0):
    config = configure("lstm", vocabulary, layers=layers, width=width, dropout=dropout, positions=8)
    return initialise(config, seed).eval()


def pytorchs_own(model):
    """The same model as torch.nn.LSTM, all of its layers at once."""
    layers, width = model.config.num_hidden_layers, model.config.hidden_size
    recurrence = torch.nn.LSTM(width, width, layers, batch_first=True)
    recurrence.load_state_dict(model.lstm.recurrence.state_dict())
    return recurrence


shapes = given(st.integers(1, 3), st.integers(1, 7), st.integers(1, 4), st.integers(1, 9))


@shapes
@settings(max_examples=12, deadline=None)
def test_it_is_pytorchs_lstm_under_pytorchs_names_of_the_parameters(layers, width, batch, tokens):
    model = model_of(layers, width)
    ids = torch.randint(11, (batch, tokens), generator=torch.Generator().manual_seed(1))
    states, (hidden, cell) = pytorchs_own(model)(model.get_input_embeddings()(ids))
    output = model(input_ids=ids, output_hidden_states=True)
    assert len(output.hidden_states) == layers + 1
    assert torch.equal(output.hidden_states[0], model.get_input_embeddings()(ids))
    torch.testing.assert_close(output.last_hidden_state, states)
    torch.testing.assert_close(output.state, (hidden, cell))
    torch.testing.assert_close(output.logits, model.get_output_embeddings()(states))


@shapes
@settings(max_examples=12, deadline=None)
def test_plain_operations_give_what_the_kernel_gives(layers, width, batch, tokens):
    model = model_of(layers, width)
    ids = torch.randint(11, (batch, tokens), generator=torch.Generator().manual_seed(2))
    kernel = model(input_ids=ids, output_hidden_states=True)
    with eager_attention(model):
        plain = model(input_ids=ids, output_hidden_states=True)
    torch.testing.assert_close(plain.logits, kernel.logits)
    torch.testing.assert_close(plain.hidden_states, kernel.hidden_states)
    torch.testing.assert_close(plain.state, kernel.state)


@pytest.mark.parametrize("cut", [1, 4, 8])
def test_a_text_read_on_is_the_text_read_whole(cut):
    model = model_of()
    ids = torch.randint(11, (3, 9), generator=torch.Generator().manual_seed(3))
    first = model(input_ids=ids[:, :cut])
    second = model(input_ids=ids[:, cut:], state=first.state)
    whole = model(input_ids=ids)
    torch.testing.assert_close(torch.cat([first.logits, second.logits], 1), whole.logits)
    torch.testing.assert_close(second.state, whole.state)


def test_padding_on_either_side_changes_nothing():
    model = model_of()
    ids = torch.randint(11, (2, 5), generator=torch.Generator().manual_seed(4))
    alone = model(input_ids=ids)
    for before, after in ((0, 3), (2, 0)):
        padded = torch.nn.functional.pad(ids, (before, after))
        attended = torch.nn.functional.pad(torch.ones_like(ids), (before, after))
        found = model(input_ids=padded, attention_mask=attended)
        torch.testing.assert_close(found.logits[:, before : before + 5], alone.logits)
        torch.testing.assert_close(found.state, alone.state)


def test_many_models_are_computed_at_once_in_plain_operations():
    models = [model_of(seed=seed) for seed in range(3)]
    ids = torch.randint(11, (3, 2, 5), generator=torch.Generator().manual_seed(5))
    weights, _ = stack_module_state(models)
    with eager_attention(models[0]):
        logits = vmap(
            lambda parameters, tokens: (
                functional_call(models[0], parameters, kwargs={"input_ids": tokens}).logits
            )
        )(weights, ids)
    for model, tokens, found in zip(models, ids, logits, strict=True):
        torch.testing.assert_close(found, model(input_ids=tokens).logits)


def test_a_layer_takes_members_as_a_leading_dimension():
    draw = torch.Generator().manual_seed(6)
    shapes = [(12, 3), (12, 3), (12,), (12,)]
    weights = [torch.randn(4, *shape, generator=draw) for shape in shapes]
    inputs, zeros = torch.randn(4, 2, 5, 3, generator=draw), torch.zeros(4, 2, 3)
    states, _ = lstm_layer(inputs, (zeros, zeros), *weights)
    for member in range(4):
        alone = [part[member] for part in weights]
        expected, _ = lstm_layer(inputs[member], (zeros[0], zeros[0]), *alone)
        torch.testing.assert_close(states[member], expected)


def test_it_begins_as_pytorchs_example_does():
    model = model_of(width=50, vocabulary=300)
    for module in (model.get_input_embeddings(), model.get_output_embeddings()):
        weights = module.weight.detach()
        assert weights.abs().max() <= 0.1
        assert weights.std() == pytest.approx(0.2 / 12**0.5, rel=0.05)
    assert not model.get_output_embeddings().bias.any()
    recurrent = model.lstm.recurrence.weight_hh_l1.detach()
    assert recurrent.std() == pytest.approx(2 / 50**0.5 / 12**0.5, rel=0.05)


def test_a_broken_checkpoint_is_refused(tmp_path):
    model_of().save_pretrained(tmp_path)
    check_weights(tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match="truncated"):
        check_weights(tmp_path)
