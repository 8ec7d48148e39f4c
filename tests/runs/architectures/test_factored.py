from itertools import product

import pytest
import torch
from slow_stacks import assert_is_a_loop_over_models

from ontogeny.runs.architectures import configure, initialise, number_of_weights
from ontogeny.runs.architectures.factored import order_of
from ontogeny.runs.checkpoints.loading import load_language_model

TYPES, MASK = 7, 6


def model_of(layers=2, positions=6, heads=2, width=8, seed=0):
    sizes = {"layers": layers, "heads": heads, "width": width, "initial_deviation": 0.5}
    config = configure("factored", TYPES, positions=positions, mask_token_id=MASK, **sizes)
    return initialise(config, seed).eval()


def mixed_difference(model, place, context, generator):
    """The mixed finite difference of the logits at a masked place, over tokens of the context.

    Each position of the context has two tokens; the sum goes over all ways to choose, with a minus
    for each second one.
    """
    tokens = model.config.max_position_embeddings
    pairs = torch.stack([torch.randperm(MASK, generator=generator)[:2] for _ in range(tokens)])
    rows, signs = [], []
    for chosen in product((0, 1), repeat=len(context)):
        row = pairs[:, 0].clone()
        for position, which in zip(context, chosen, strict=True):
            row[position] = pairs[position, which]
        row[place] = MASK
        rows.append(row)
        signs.append((-1) ** sum(chosen))
    logits = model(torch.stack(rows)).logits[:, place]
    signs = torch.tensor(signs, dtype=logits.dtype)[:, None]
    return (signs * logits).sum(0).abs().max() / logits.abs().max()


@pytest.mark.parametrize(("layers", "positions"), [(1, 5), (2, 6), (3, 8), (4, 11)])
@pytest.mark.parametrize("place", [0, 3])
@torch.no_grad()
def test_depth_bounds_the_order_and_the_bound_is_reached(layers, positions, place):
    """Differences over more than 2^(n-1) positions vanish, over 2^(n-1) they don't."""
    degree = order_of(layers) - 1
    model = model_of(layers, positions).double()
    generator = torch.Generator().manual_seed(layers)
    others = [position for position in range(positions) if position != place]
    assert mixed_difference(model, place, others[:degree], generator) > 1e-7
    for size in range(degree + 1, min(len(others), degree + 2) + 1):
        assert mixed_difference(model, place, others[:size], generator) < 1e-12


@pytest.mark.parametrize("heads", [1, 2, 3])
@torch.no_grad()
def test_couplings_of_one_layer_are_sums_of_one_product_for_each_head(heads):
    """J_ij(a, b) = sum over heads of A_ij U_ab: as (pairs, symbols^2) of so high a rank."""
    model, positions = model_of(1, positions=5, heads=heads, width=12).double(), range(5)
    couplings = []
    for place in positions:
        for other in positions:
            if other == place:
                continue
            rows = torch.zeros(TYPES, 5, dtype=torch.long)
            rows[:, other] = torch.arange(TYPES)
            logits = model(rows).logits[:, place]
            couplings.append((logits - logits[:1]).flatten())
    values = torch.linalg.svdvals(torch.stack(couplings))
    assert values[heads - 1] > 1e-3 * values[0]
    assert values[heads] < 1e-10 * values[0]


def test_orders_are_those_of_the_publication():
    assert [order_of(layers) for layers in (1, 2, 3, 4, 6)] == [2, 3, 5, 9, 33]


@torch.no_grad()
def test_the_weights_are_the_same_whatever_the_tokens_are():
    """With one layer, what a token adds to the logits elsewhere doesn't depend on the others."""
    model = model_of(1).double()
    one, other = torch.tensor([[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]]).unbind()

    def effect(row):
        changed = row.clone()
        row, changed = row.clone(), changed
        row[2], changed[2] = 0, 3
        return model(changed[None]).logits[0, 4] - model(row[None]).logits[0, 4]

    torch.testing.assert_close(effect(one), effect(other))


@torch.no_grad()
def test_one_layer_sees_nothing_at_the_place_it_predicts():
    model, tokens = model_of(1), torch.randint(TYPES, (4, 6))
    changed = tokens.clone()
    changed[:, 2] = (tokens[:, 2] + 1) % TYPES
    torch.testing.assert_close(model(tokens).logits[:, 2], model(changed).logits[:, 2])


@torch.no_grad()
def test_deeper_models_see_an_unmasked_token_through_others():
    model, tokens = model_of(2), torch.randint(TYPES, (4, 6))
    changed = tokens.clone()
    changed[:, 2] = (tokens[:, 2] + 1) % TYPES
    assert (model(tokens).logits[:, 2] - model(changed).logits[:, 2]).abs().max() > 1e-3


@pytest.mark.parametrize("layers", [1, 2, 3])
@torch.no_grad()
def test_the_last_layer_alone_at_a_place_gives_the_same(layers):
    model, tokens = model_of(layers), torch.randint(TYPES, (5, 6))
    places = torch.tensor([0, 3, 5, 2, 2])
    everywhere = model(tokens).logits[torch.arange(5), places]
    torch.testing.assert_close(model(tokens, places=places).logits[:, 0], everywhere)


@torch.no_grad()
def test_nothing_is_taken_from_padding():
    model, tokens = model_of(3), torch.randint(TYPES, (4, 6))
    attended = torch.tensor([[1, 1, 1, 1, 0, 0]]).expand(4, 6)
    changed = tokens.clone()
    changed[:, 4:] = 0
    found = (model(ids, attended).logits[:, :4] for ids in (tokens, changed))
    torch.testing.assert_close(*found)
    torch.testing.assert_close(model(tokens[:, :4]).logits, model(tokens, attended).logits[:, :4])


def test_more_tokens_than_positions_are_refused():
    with pytest.raises(ValueError, match="7 tokens; expected at most 6"):
        model_of()(torch.zeros(1, 7, dtype=torch.long))


def test_weights_are_counted():
    model = model_of(3)
    counted = sum(values.numel() for values in model.parameters())
    assert number_of_weights("factored", TYPES, 6, layers=3, heads=2, width=8) == counted


def test_it_is_saved_and_loaded_as_any_checkpoint(tmp_path):
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    for layers in (1, 3):
        model, tokens = model_of(layers), torch.randint(TYPES, (2, 6))
        folder = tmp_path / str(layers)
        model.save_pretrained(folder)
        words = {**{f"w{n}": n for n in range(MASK)}, "[MASK]": MASK}
        tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, mask_token="[MASK]").save_pretrained(
            folder
        )
        loaded = load_language_model(folder, "cpu")
        torch.testing.assert_close(loaded(tokens).logits, model(tokens).logits)


def test_many_can_be_trained_at_once():
    models = [model_of(3, seed=seed) for seed in range(3)]

    def loss(model, batch):
        logits = model(batch["tokens"], places=batch["places"]).logits[:, 0]
        return torch.nn.functional.cross_entropy(logits, batch["targets"])

    generator = torch.Generator().manual_seed(0)
    batch = {
        "tokens": torch.randint(TYPES, (3, 5, 6), generator=generator),
        "places": torch.randint(6, (3, 5), generator=generator),
        "targets": torch.randint(TYPES, (3, 5), generator=generator),
    }
    assert_is_a_loop_over_models(models, loss, batch)
