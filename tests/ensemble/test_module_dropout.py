"""What is dropped in a stack of modules is each member's own affair."""

import pytest
import torch
from small_modules import GPT2_SIZES, SmallLSTM, batch_for, loss
from torch import nn
from torch.nn.functional import alpha_dropout, dropout
from transformers import GPT2Config, GPT2LMHeadModel

from ontogeny.ensemble import ModuleStack, random_stream
from ontogeny.errors import ConfigError

CLOSE = {"rtol": 1e-4, "atol": 1e-6}


class Dropped(nn.Module):
    """Its gradient shows the mask."""

    def __init__(self, share=0.25, function=dropout):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(200, 100))
        self.share, self.function = share, function

    def forward(self, x):
        return self.function(x * self.weight, self.share, self.training)


def masks(stack, generators):
    stack.losses_and_gradients(torch.ones(len(stack), 200, 100), generators)
    return stack.gradients["weight"].clone()


def streams(members):
    return [random_stream(member, "dropout") for member in members]


def summed(model, x):
    return model(x).sum()


def test_dropout_keeps_its_share():
    stack = ModuleStack.of([Dropped() for _ in range(3)], summed)
    own = streams([0, 1, 1])
    found = masks(stack, own)
    assert found.unique().tolist() == pytest.approx([0, 4 / 3])
    # Four standard deviations of the mean of 20,000 draws.
    assert (found.mean((1, 2)) - 1).abs().max() < 4 * (0.25 / 0.75 / 20_000) ** 0.5
    assert torch.equal(found[1], found[2])
    assert (found[0] != found[1]).any()
    assert (masks(stack, own) != found).flatten(1).any(1).all()


def test_nothing_is_dropped_without_generators_or_with_a_share_of_zero():
    stack = ModuleStack.of([Dropped()], summed)
    assert (masks(stack, None) == 1).all()
    kept = ModuleStack.of([Dropped(share=0.0)], summed)
    (stream,) = streams([0])
    before = stream.get_state()
    assert (masks(kept, [stream]) == 1).all()
    assert torch.equal(stream.get_state(), before)
    evaluated = stack.evaluate(lambda model, x: model(x), torch.ones(1, 200, 100))
    assert (evaluated == 1).all()


def dropping_gpt2(seed):
    torch.manual_seed(seed)
    shares = {f"{place}_pdrop": 0.3 for place in ("resid", "embd", "attn")}
    return GPT2LMHeadModel(GPT2Config(**GPT2_SIZES, **shares)).eval()


def dropping_lstm(seed):
    torch.manual_seed(seed)
    return SmallLSTM(dropout=0.3)


@pytest.mark.parametrize(("kind", "make"), [("gpt2", dropping_gpt2), ("lstm", dropping_lstm)])
def test_a_members_masks_are_the_same_in_any_company(kind, make, threads):
    with torch.random.fork_rng(devices=[]):
        stack = ModuleStack.of([make(seed) for seed in range(5)], loss)
    batch = batch_for(kind, 5, seed=0)
    together = stack.losses_and_gradients(batch, streams(range(5)))
    gradients = stack.flat_gradients.clone()
    assert (together != stack.losses_and_gradients(batch)).all()
    threads(3)
    for at_once in (1, 2, 5):
        found = stack.losses_and_gradients(batch, streams(range(5)), members_at_once=at_once)
        torch.testing.assert_close(found, together, **CLOSE)
        torch.testing.assert_close(stack.flat_gradients, gradients, **CLOSE)
    alone = stack.take([3])
    own = {name: values[3:4] for name, values in batch.items()}
    torch.testing.assert_close(
        alone.losses_and_gradients(own, streams([3])), together[3:4], **CLOSE
    )
    torch.testing.assert_close(alone.flat_gradients[0], gradients[3], **CLOSE)
    again = stack.losses_and_gradients(batch, streams([0, 1, 7, 3, 4]), members_at_once=1)
    changed = (again - together).abs() > 1e-3
    assert changed.tolist() == [False, False, True, False, False]


def test_gradients_are_the_slopes_of_the_losses_with_the_same_masks():
    torch.manual_seed(0)
    stack = ModuleStack.of([SmallLSTM(dropout=0.3).double() for _ in range(2)], loss)
    batch = batch_for("lstm", 2, seed=1)
    direction = torch.randn(stack.flat.shape, dtype=torch.double)
    start = stack.flat.clone()

    def at(distance):
        stack.flat.copy_(start + distance * direction)
        return stack.losses_and_gradients(batch, streams([0, 1]))

    ahead, behind = at(1e-5), at(-1e-5)
    at(0)
    slope = (stack.flat_gradients * direction).sum(1)
    torch.testing.assert_close(slope, (ahead - behind) / 2e-5, rtol=1e-5, atol=1e-7)


def test_other_layers_that_draw_are_refused():
    stack = ModuleStack.of([Dropped(function=alpha_dropout)], summed)
    masks(stack, None)
    with pytest.raises(ConfigError, match="Dropped: can't be computed for many models at once"):
        masks(stack, streams([0]))
