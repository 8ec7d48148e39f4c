"""The transformer of attention alone computes what its definition says, as any checkpoint does."""

import math

import pytest
import torch
from slow_stacks import assert_is_a_loop_over_models

from ontogeny.runs.architectures import configure, initialise, number_of_weights
from ontogeny.runs.recipes import read_recipe


def model_of(layers=2, heads=2, width=8, positions=10, seed=0):
    sizes = {"layers": layers, "heads": heads, "width": width, "initial_deviation": 0.3}
    return initialise(configure("attention_only", 11, positions=positions, **sizes), seed).eval()


def ids_of(batch=3, tokens=7):
    return torch.randint(11, (batch, tokens), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("layers", "heads", "width"), [(1, 1, 4), (2, 2, 8), (3, 4, 12)])
def test_it_is_what_loops_over_heads_and_tokens_give(layers, heads, width):
    model, ids = model_of(layers, heads, width), ids_of()
    each = width // heads
    for row, sequence in enumerate(ids):
        hidden = model.transformer.embedding(sequence)
        for layer in model.transformer.layers:
            read, after = layer.norm(hidden), hidden.clone()
            attention = layer.attention
            for t in range(len(sequence)):
                mixed = torch.zeros(width)
                for head in range(heads):
                    own = slice(head * each, (head + 1) * each)
                    query = attention.query.weight[own] @ (read[t] + attention.position.weight[t])
                    scores = torch.stack(
                        [
                            query
                            @ (attention.key.weight[own] @ (read[s] + attention.position.weight[s]))
                            for s in range(t + 1)
                        ]
                    ) / math.sqrt(each)
                    weights = scores.softmax(0)
                    values = read[: t + 1] @ attention.value.weight[own].T
                    mixed[own] = weights @ values
                after[t] = hidden[t] + attention.output.weight @ mixed
            hidden = after
        expected = model.output(model.transformer.norm(hidden))
        found = model(input_ids=ids).logits[row]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_padding_at_the_end_changes_nothing():
    model, ids = model_of(), ids_of()
    padded = torch.cat([ids, torch.zeros(3, 2, dtype=torch.long)], dim=1)
    mask = torch.ones_like(padded)
    mask[:, 7:] = 0
    found = model(input_ids=padded, attention_mask=mask).logits[:, :7]
    torch.testing.assert_close(found, model(input_ids=ids).logits)


def test_attention_sums_to_1_and_sees_nothing_later():
    output = model_of()(input_ids=ids_of(), output_attentions=True, output_hidden_states=True)
    assert len(output.attentions) == 2
    assert len(output.hidden_states) == 3
    for weights in output.attentions:
        assert weights.shape == (3, 2, 7, 7)
        torch.testing.assert_close(weights.sum(-1), torch.ones(3, 2, 7))
        assert torch.equal(weights, weights.tril())


def test_more_tokens_than_places_are_refused():
    with pytest.raises(ValueError, match="11 tokens; expected at most 10"):
        model_of()(input_ids=ids_of(1, 11))


def test_weights_are_counted_but_for_the_norms():
    model = model_of()
    counted = sum(values.numel() for values in model.parameters() if values.ndim > 1)
    assert number_of_weights("attention_only", 11, 10, layers=2, heads=2, width=8) == counted


def test_many_can_be_computed_at_once():
    models = [model_of(seed=seed) for seed in range(3)]

    def loss(model, ids):
        logits = model(input_ids=ids).logits
        return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())

    ids = ids_of().expand(3, 3, 7).contiguous()
    assert_is_a_loop_over_models(models, loss, ids)


def test_it_is_saved_and_loaded_as_any_checkpoint(tmp_path):
    from transformers import AutoModelForCausalLM

    model, ids = model_of(), ids_of()
    model.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(loaded(input_ids=ids).logits, model(input_ids=ids).logits)


def test_its_defaults_are_the_published_ones():
    recipe = read_recipe({"architecture": "attention_only", "steps": [50_000]}, "lm")
    assert recipe.sizes == {"layers": 2, "heads": 8, "width": 256, "initial_deviation": 0.02}
    assert (recipe.sequence_length, recipe.batch_size) == (1024, 100)
    assert (recipe.learning_rate, recipe.weight_decay) == (0.001, 0.05)
    assert recipe.dropout is None
