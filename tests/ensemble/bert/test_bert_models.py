import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_berts import random_batch, small_bert, transformers_output
from transformers import BertConfig

from ontogeny.ensemble import Batch, Bert, BertStack, hidden_states, logits, random_stream
from ontogeny.ensemble.bert.architecture import DECODER_BIAS, WORD_EMBEDDINGS
from ontogeny.ensemble.bert.objective import losses, losses_and_gradients
from ontogeny.ensemble.random_streams import Dropout
from ontogeny.errors import ConfigError


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    vocabularies=st.lists(st.integers(5, 12), min_size=1, max_size=4),
    layers=st.integers(1, 2),
    heads=st.sampled_from([1, 2]),
    targets=st.integers(1, 4),
    shared=st.booleans(),
    padded=st.booleans(),
    padding_token=st.sampled_from([None, 0, 3]),
    members_at_once=st.integers(1, 4),
    in_machine_code=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_members_say_what_transformers_says(
    vocabularies,
    layers,
    heads,
    targets,
    shared,
    padded,
    padding_token,
    members_at_once,
    in_machine_code,
    seed,
):
    models = [
        small_bert(size, seed + k, layers=layers, heads=heads, padding_token=padding_token)
        for k, size in enumerate(vocabularies)
    ]
    stack = BertStack.from_transformers(models)
    batch = random_batch(
        len(models), min(vocabularies), seed, targets=targets, shared=shared, padded=padded
    )
    found = losses_and_gradients(
        stack, batch, members_at_once=members_at_once, in_machine_code=in_machine_code
    )
    states = hidden_states(stack, batch.inputs, batch.visible, members_at_once)
    said = logits(stack, batch, members_at_once)
    torch.testing.assert_close(losses(stack, batch), found)
    for member, model in enumerate(models):
        expected_logits, loss, expected_states = transformers_output(model, batch, member)
        loss.backward()
        size = vocabularies[member]
        torch.testing.assert_close(found[member], loss, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(states[:, member], expected_states, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(said[member, ..., :size], expected_logits, rtol=1e-4, atol=1e-4)
        assert (said[member, ..., size:] == -torch.inf).all()
        for name, values in model.named_parameters():
            gradient = stack.gradients[name][member]
            if name in (WORD_EMBEDDINGS, DECODER_BIAS):
                assert (gradient[size:] == 0).all()
                gradient = gradient[:size]
            torch.testing.assert_close(
                gradient, values.grad, rtol=1e-3, atol=5e-5, msg=lambda text, name=name: name + text
            )


@settings(max_examples=20, deadline=None)
@given(
    heads=st.sampled_from([1, 2]),
    dropout=st.sampled_from([0.0, 0.3]),
    padded=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_gradients_are_the_slopes_of_the_losses_with_dropout_too(heads, dropout, padded, seed):
    architecture = Bert(
        11, layers=2, heads=heads, width=8, feedforward=12, dropout=dropout, initial_deviation=0.4
    )
    flat = BertStack.initialise(architecture, [seed, seed + 1]).flat.double()
    batch = random_batch(2, 11, seed, padded=padded)
    generator = torch.Generator().manual_seed(seed)
    flat += 0.1 * torch.randn(flat.shape, generator=generator, dtype=flat.dtype)
    direction = torch.randn(flat.shape, generator=generator, dtype=flat.dtype)

    def at(distance):
        stack = BertStack(architecture, flat + distance * direction, [11, 11])
        streams = [random_stream(seed, "dropout"), random_stream(seed, "more dropout")]
        return losses_and_gradients(stack, batch, streams), stack

    (ahead, _), (behind, _) = at(1e-5), at(-1e-5)
    slope = (at(0)[1].flat_gradients * direction).sum(1)
    torch.testing.assert_close(slope, (ahead - behind) / 2e-5, rtol=1e-5, atol=1e-7)


def test_dropout_keeps_its_share_and_is_a_members_own():
    architecture = Bert(11, layers=2, width=16, dropout=0.25, initial_deviation=0.3)
    stack = BertStack.initialise(architecture, [0, 1, 2])
    batch = random_batch(3, 11, 0, sequences=32)

    def streams(members):
        return [random_stream(member, "dropout") for member in members]

    together = losses_and_gradients(stack, batch, streams([0, 1, 2]))
    gradients = stack.flat_gradients.clone()
    alone = stack.take([1])
    torch.testing.assert_close(
        losses_and_gradients(alone, batch.of(1, 2), streams([1])), together[1:2]
    )
    torch.testing.assert_close(alone.flat_gradients[0], gradients[1])
    again = losses_and_gradients(stack, batch, streams([0, 7, 2]))
    assert (again == together).tolist() == [True, False, True]
    assert (losses_and_gradients(stack, batch) != together).all()

    mask = Dropout(0.25, streams([0, 1])).mask(200, 100)
    assert mask.unique().tolist() == pytest.approx([0, 4 / 3])
    # Four standard deviations of the mean of 20,000 draws.
    assert (mask.mean((1, 2)) - 1).abs().max() < 4 * (0.25 / 0.75 / 20_000) ** 0.5


def test_models_come_out_of_a_stack_as_they_went_in():
    models = [small_bert(size, size) for size in (7, 11)]
    stack = BertStack.from_transformers(models)
    for member, model in enumerate(models):
        copied = stack.to_transformers(member)
        assert copied.config.vocab_size == model.config.vocab_size
        state = model.state_dict()
        assert copied.state_dict().keys() == state.keys()
        for name, values in copied.state_dict().items():
            assert torch.equal(values, state[name]), name
    stack.flat.zero_()
    assert copied.cls.predictions.bias.abs().sum() > 0


def test_padding_the_vocabulary_changes_nothing_for_a_member():
    small = small_bert(6, 0)
    alone = BertStack.from_transformers([small])
    padded = BertStack.from_transformers([small, small_bert(40, 1)])
    batch = random_batch(2, 6, 0)
    expected = losses_and_gradients(alone, batch.of(0, 1))
    found = losses_and_gradients(padded, batch)
    torch.testing.assert_close(found[:1], expected, rtol=1e-6, atol=1e-6)
    for name, gradient in alone.gradients.items():
        own = padded.gradients[name][0][: gradient.shape[1]]
        torch.testing.assert_close(own, gradient[0], rtol=1e-4, atol=1e-6)


def test_an_initial_member_depends_on_its_seed_and_nothing_else():
    architecture = Bert(100, layers=2, width=32, feedforward=64)
    stack = BertStack.initialise(architecture, [3, 4, 3], [50, 100, 100])
    alone = BertStack.initialise(Bert(100, layers=2, width=32, feedforward=64), [3])
    assert torch.equal(stack.flat[2], alone.flat[0])
    for name, values in stack.parameters.items():
        first, other, third = values
        if name == WORD_EMBEDDINGS:
            assert (first[50:] == 0).all()
            assert torch.equal(first[:50], third[:50])
            first, other, third = first[:50], other[:50], third[:50]
        elif name != DECODER_BIAS:
            assert torch.equal(
                first, BertStack.initialise(architecture, [3], [50]).parameters[name][0]
            )
        expected = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        if first.ndim == 1:
            assert (values == expected).all(), name
            continue
        assert not torch.equal(first, other), name
        # Five standard errors of mean and standard deviation.
        assert third.mean().abs() < 5 * 0.02 / third.numel() ** 0.5, name
        assert abs(third.std().item() / 0.02 - 1) < 5 / (2 * third.numel()) ** 0.5, name


def test_unlikely_labels_have_large_losses_and_not_infinite_ones():
    stack = BertStack.from_transformers([small_bert(6, 0)])
    stack.parameters[WORD_EMBEDDINGS].mul_(100)
    stack.parameters["cls.predictions.transform.LayerNorm.weight"].mul_(100)
    batch = random_batch(1, 6, 0)
    expected = transformers_output(stack.to_transformers(0), batch, 0)[1]
    assert expected > 200
    torch.testing.assert_close(losses_and_gradients(stack, batch)[0], expected, rtol=1e-4, atol=0)
    assert stack.flat_gradients.isfinite().all()


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"hidden_act": "relu"}, "hidden_act"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings"),
        ({"is_decoder": True}, "is_decoder"),
        ({"attention_probs_dropout_prob": 0.3}, "attention_probs_dropout_prob"),
    ],
)
def test_a_configuration_that_is_not_computed_here_is_refused(change, key):
    with pytest.raises(ConfigError, match=key):
        Bert.of(BertConfig(**change))


def test_a_configuration_survives_the_way_there_and_back():
    for architecture in (Bert(11, padding_token=2, dropout=0.1), Bert(7, heads=2, token_types=1)):
        assert Bert.of(architecture.config()) == architecture


def test_sizes_and_shapes_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="width: is 9"):
        Bert(11, width=9, heads=2)
    with pytest.raises(ConfigError, match="layers: is 0"):
        Bert(11, layers=0)
    with pytest.raises(ConfigError, match="dropout: is 1"):
        Bert(11, dropout=1.0)
    with pytest.raises(ConfigError, match="model 1"):
        BertStack.from_transformers([small_bert(7, 0), small_bert(7, 0, width=16)])
    with pytest.raises(ConfigError, match="vocabulary"):
        BertStack.initialise(Bert(11), [0, 1], [11, 12])
    stack = BertStack.from_transformers([small_bert(7, 0)])
    good = random_batch(1, 7, 0)
    for batch in (
        random_batch(2, 7, 0),
        random_batch(1, 7, 0, tokens=10),
        Batch(good.inputs, good.positions, good.labels[..., :2]),
        Batch(good.inputs, good.positions, good.labels, good.inputs[..., :3] > 0),
    ):
        with pytest.raises(ValueError, match="expected inputs"):
            losses_and_gradients(stack, batch)
