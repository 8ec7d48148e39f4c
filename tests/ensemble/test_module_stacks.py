"""Stacks of modules give what a loop over the modules gives, or refuse by name."""

import pytest
import torch
from small_berts import random_batch, small_bert
from small_modules import KINDS, SmallLSTM, batch_for, build, loss, of_member, random_tokens
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from ontogeny.ensemble import BertStack, ModuleStack, Shared, additive_mask, modules
from ontogeny.ensemble.bert.architecture import DECODER_BIAS
from ontogeny.errors import ConfigError
from ontogeny.workers import split

CLOSE = {"rtol": 1e-4, "atol": 1e-6}


def one_by_one(built, batch, loss=loss):
    """Each module's loss, and its gradients by name, computed by itself."""
    found = []
    for member, module in enumerate(built):
        module.zero_grad()
        value = loss(module, of_member(batch, member))
        value.backward()
        found.append((value.detach(), {n: p.grad for n, p in module.named_parameters()}))
    return found


@pytest.mark.parametrize(
    "members_at_once",
    [pytest.param(None, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.slow), 2],
)
@pytest.mark.parametrize("kind", KINDS)
def test_members_give_what_a_loop_over_modules_gives(kind, members_at_once, threads):
    threads(2)
    built = build(kind, range(5))
    batch = batch_for(kind, 5, seed=1)
    stack = ModuleStack.of(built, loss)
    found = stack.losses_and_gradients(batch, members_at_once=members_at_once)
    torch.testing.assert_close(stack.losses(batch), found)
    for member, (value, gradients) in enumerate(one_by_one(built, batch)):
        torch.testing.assert_close(found[member], value)
        assert gradients.keys() == stack.gradients.keys()
        for name, gradient in gradients.items():
            torch.testing.assert_close(stack.gradients[name][member], gradient, **CLOSE)


def test_a_stack_of_modules_and_one_of_berts_agree():
    models = [small_bert(11, seed, heads=2) for seed in range(3)]
    batch = random_batch(3, 11, 0, padded=True)
    berts = BertStack.from_transformers(models)
    expected = berts.losses_and_gradients(batch)

    def at_positions(model, own):
        mask = additive_mask(own["visible"])
        logits = model(input_ids=own["inputs"], attention_mask=mask).logits
        return cross_entropy(logits[:, own["positions"]].flatten(0, 1), own["labels"].flatten())

    stack = ModuleStack.of(models, at_positions)
    found = stack.losses_and_gradients(
        {
            "inputs": batch.inputs,
            "visible": batch.visible,
            "positions": Shared(batch.positions),
            "labels": batch.labels,
        }
    )
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert stack.gradients.keys() == berts.gradients.keys()
    for name, gradient in stack.gradients.items():
        torch.testing.assert_close(gradient, berts.gradients[name], rtol=1e-3, atol=5e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_modules_come_out_of_a_stack_as_they_went_in(kind):
    built = build(kind, range(3))
    stack = ModuleStack.of(built, loss)
    assert stack.flat.shape[1] == sum(values.numel() for values in built[0].parameters())
    for member, module in enumerate(built):
        copied = stack.module(member)
        assert type(copied) is type(module)
        assert not copied.training
        state = module.state_dict()
        assert copied.state_dict().keys() == state.keys()
        for name, values in copied.state_dict().items():
            assert torch.equal(values, state[name]), name
        tied = len(list(copied.parameters()))
        assert tied == len(list(module.parameters())) <= len(state)
        batch = of_member(batch_for(kind, 3, seed=0), member)
        assert torch.equal(loss(copied, batch), loss(module, batch))
    stack.flat.zero_()
    assert all((values != 0).any() for values in list(copied.parameters())[:1])


def test_a_model_of_transformers_can_be_saved_and_read_again(tmp_path):
    (model,) = build("gpt2", [0])
    model.set_attn_implementation("sdpa")
    stack = ModuleStack.of([model], loss)
    stack.losses_and_gradients(batch_for("gpt2", 1, seed=0))
    copied = stack.module(0)
    assert copied.config._attn_implementation == "sdpa"  # eager in the stack alone
    copied.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path)
    for name, values in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], values)


def test_gradients_of_some_parameters_are_those_they_have_among_all():
    built = build("gpt2", range(3))
    batch = batch_for("gpt2", 3, seed=1)
    whole = ModuleStack.of(built, loss)
    expected = whole.losses_and_gradients(batch)
    chosen = "transformer.h.1.attn."
    part = ModuleStack.of(built, loss, trained=lambda name: name.startswith(chosen))
    assert part.gradients.keys() == {name for name in whole.gradients if name.startswith(chosen)}
    torch.testing.assert_close(part.losses_and_gradients(batch), expected)
    for name, gradient in part.gradients.items():
        torch.testing.assert_close(gradient, whole.gradients[name], **CLOSE)
    # The others are each member's own, and stay with it.
    for member, module in enumerate(part.take([2, 0]).module(place) for place in (0, 1)):
        for name, values in module.named_parameters():
            assert torch.equal(values, whole.parameters[name][[2, 0][member]])
    frozen = build("lstm", range(2))
    for module in frozen:
        module.words.weight.requires_grad_(False)
    by_default = ModuleStack.of(frozen, loss)
    assert "words.weight" not in by_default.parameters
    assert not by_default.module(0).output.weight.requires_grad


def test_some_members_twice_are_copies_that_go_their_own_ways():
    stack = ModuleStack.of(build("gpt2", range(2)), loss)
    chains = stack.take([1, 1, 0])
    assert torch.equal(chains.flat, stack.flat[[1, 1, 0]])
    batch = batch_for("gpt2", 3, seed=2)
    chains.losses_and_gradients(batch)
    assert not torch.equal(*chains.flat_gradients[:2])  # each reads a batch of its own
    chains.flat[0] += 1
    assert torch.equal(chains.flat[1], stack.flat[1])
    assert chains.to("cpu") is chains


def test_what_members_share_has_no_dimension_of_members():
    built = build("gpt2", range(3))
    tokens = random_tokens(1, 0)
    same = {name: values.expand(3, *values.shape[1:]) for name, values in tokens.items()}
    shared = {name: Shared(values[0]) for name, values in tokens.items()}
    stack = ModuleStack.of(built, loss)
    expected = stack.losses_and_gradients(same)
    gradients = stack.flat_gradients.clone()
    for at_once in (1, 3):
        found = stack.losses_and_gradients(shared, members_at_once=at_once)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(stack.flat_gradients, gradients, **CLOSE)
    for wrong in (tokens, torch.tensor(1.0)):
        with pytest.raises(ValueError, match="expected 3 members in the first dimension"):
            stack.losses_and_gradients(wrong)
    with pytest.raises(ValueError, match="holds a Batch; expected tensors"):
        stack.losses_and_gradients(random_batch(3, 11, 0))


def test_a_batch_is_any_tree_and_what_is_no_tensor_is_passed_on():
    stack = ModuleStack.of([nn.Linear(2, 1) for _ in range(3)], None)
    seen = []

    def note(model, batch):
        (inputs, scale), name = batch
        seen.append((inputs.shape, scale, name))
        return {"outputs": scale * model(inputs), "sums": (inputs.sum(),)}

    inputs = torch.randn(3, 4, 2)
    found = stack.evaluate(note, ([inputs, 2.0], "name"))
    assert set(seen) == {((4, 2), 2.0, "name")}
    for member in range(3):
        expected = 2 * stack.module(member)(inputs[member])
        torch.testing.assert_close(found["outputs"][member], expected.detach())
    torch.testing.assert_close(found["sums"][0], inputs.sum((1, 2)))
    assert not found["outputs"].requires_grad
    assert (stack.flat_gradients == 0).all()


def test_parameters_may_be_scalars_and_of_double_precision_and_some_unused():
    class Scaled(nn.Module):
        def __init__(self, number):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(float(number)))
            self.unused = nn.Parameter(torch.ones(3))
            self.register_buffer("offset", torch.tensor([1.0, 2.0]))

        def forward(self, x):
            return self.scale * x + self.offset

    def squares(model, batch):
        return model(batch).square().sum()

    stack = ModuleStack.of([Scaled(2).double(), Scaled(3).double()], squares)
    stack.flat_gradients.fill_(7)
    batch = torch.tensor([[1.0, 0.0], [0.0, 2.0]], dtype=torch.double)
    assert stack.losses_and_gradients(batch).tolist() == [13, 65]
    assert stack.gradients["scale"].tolist() == [6, 32]
    assert (stack.gradients["unused"] == 0).all()


def test_one_members_fate_is_its_own():
    built = build("gpt2", range(4))
    batch = batch_for("gpt2", 4, seed=3)
    results = []
    for spoilt in (False, True):
        stack = ModuleStack.of(built, loss)
        if spoilt:
            stack.flat[1, 0] = torch.nan
            stack.flat[2] *= 1e30
        found = stack.losses_and_gradients(batch, members_at_once=4)
        results.append((found[[0, 3]], stack.flat_gradients[[0, 3]]))
    assert found.isfinite().tolist() == [True, False, False, True]
    for sound, beside in zip(*results, strict=True):
        assert torch.equal(sound, beside)


@pytest.mark.parametrize("kind", ["gpt2", "lstm"])
def test_a_member_by_itself_has_the_same_bits_in_any_company_and_on_any_threads(kind, threads):
    stack = ModuleStack.of(build(kind, range(5)), loss)
    batch = batch_for(kind, 5, seed=4)
    results = []
    for count, members in ((1, range(5)), (2, range(5)), (3, [4, 2, 1])):
        threads(count)
        some = stack.take(members)
        own = {name: values[list(members)] for name, values in batch.items()}
        found = some.losses_and_gradients(own, members_at_once=1)
        place = list(members).index(2)
        results.append((found[place], some.flat_gradients[place]))
    for other in results[1:]:
        assert torch.equal(other[0], results[0][0])
        assert torch.equal(other[1], results[0][1])


@pytest.mark.parametrize("kind", ["gpt2", "lstm"])
def test_how_many_go_together_changes_no_more_than_rounding(kind, threads):
    stack = ModuleStack.of(build(kind, range(6)), loss)
    batch = batch_for(kind, 6, seed=5)
    expected = stack.losses_and_gradients(batch, members_at_once=1)
    gradients = stack.flat_gradients.clone()
    for count, at_once in ((1, 6), (2, 3), (3, 4), (3, None)):
        threads(count)
        for _ in range(2):
            found = stack.losses_and_gradients(batch, members_at_once=at_once)
            torch.testing.assert_close(found, expected)
            torch.testing.assert_close(stack.flat_gradients, gradients, **CLOSE)
            again = stack.flat_gradients.clone()
        assert torch.equal(stack.flat_gradients, again)


def test_members_go_together_while_what_they_keep_fits(monkeypatch):
    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(50, 50))

        def forward(self, x):
            return (x @ self.weight).tanh()

    asked = []

    def note(count, at_once, device):
        asked.append(at_once)
        return split(count, at_once, device)

    monkeypatch.setattr(modules, "split", note)
    # What the tanh gives, more than its gradients; its input's factors are there anyhow.
    kept = 60 * 50 * 4
    stack = ModuleStack.of([Product() for _ in range(8)], lambda model, x: model(x).sum())
    batch = torch.randn(8, 60, 50)
    for bytes_, expected in ((kept - 1, 1), (kept, 1), (3 * kept, 3), (8 * kept + 5, 8)):
        monkeypatch.setattr(modules, "LARGEST_GRAPH", bytes_)
        stack.losses_and_gradients(batch)
        stack.evaluate(lambda model, x: model(x), batch)
        assert asked == [expected] * 2
        asked.clear()


class Randomly(nn.Linear):
    def forward(self, x):
        return super().forward(x + torch.rand(2))


class Deciding(nn.Linear):
    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else x


class Kernel(nn.LSTM):
    def forward(self, x):
        return super().forward(x)[0]


@pytest.mark.parametrize("module", [Randomly, Deciding, Kernel])
def test_what_cannot_be_computed_for_many_at_once_is_refused_by_name(module):
    stack = ModuleStack.of([module(2, 2) for _ in range(2)], lambda model, x: model(x).sum())
    for at_once in (None, 1):
        with pytest.raises(ConfigError, match=f"{module.__name__}: can't be computed for many"):
            stack.losses_and_gradients(torch.ones(2, 3, 2), members_at_once=at_once)


def test_a_model_that_looks_for_padding_wants_a_mask():
    stack = ModuleStack.of(build("gpt2 with padding", range(2)), loss)
    batch = batch_for("gpt2", 2, seed=0)

    def without(model, batch):
        return loss(lambda input_ids, attention_mask: model(input_ids=input_ids), batch)

    stack.losses_and_gradients(batch)
    unmasked = ModuleStack.of(build("gpt2 with padding", range(2)), without)
    with pytest.raises(ConfigError, match="wants an attention mask"):
        unmasked.losses_and_gradients(batch)


def test_modules_that_differ_in_more_than_their_parameters_are_refused():
    wide, narrow = SmallLSTM(6), SmallLSTM(5)
    with pytest.raises(ConfigError, match=r"module 1: its words\.weight"):
        ModuleStack.of([wide, narrow], loss)
    with_buffers = [nn.BatchNorm1d(3), nn.BatchNorm1d(3)]
    with_buffers[1].running_mean += 1
    with pytest.raises(ConfigError, match="module 1: its running_mean"):
        ModuleStack.of(with_buffers, loss)
    mixed = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).double())
    with pytest.raises(ConfigError, match=r"torch\.float32.*torch\.float64.*expected one"):
        ModuleStack.of([mixed], loss)
    with pytest.raises(ConfigError, match="SmallLSTM: none of its parameters"):
        ModuleStack.of([wide], loss, trained=lambda name: name == DECODER_BIAS)


def test_an_encoder_reads_an_additive_mask_as_its_own():
    (model,) = build("bert", [0])
    batch = of_member(random_tokens(1, 0), 0)
    assert not batch["attended"].all()
    own = model(input_ids=batch["tokens"], attention_mask=batch["attended"]).logits
    mask = additive_mask(batch["attended"])
    found = model(input_ids=batch["tokens"], attention_mask=mask).logits
    torch.testing.assert_close(found, own)


def test_a_loss_that_no_parameter_moves_is_refused():
    stack = ModuleStack.of([nn.Linear(2, 2)], lambda model, x: model(x).argmax().float())
    with pytest.raises(ConfigError, match="Linear: its loss doesn't depend"):
        stack.losses_and_gradients(torch.ones(1, 3, 2))


def test_errors_of_the_loss_itself_come_through():
    stack = ModuleStack.of([nn.Linear(2, 2) for _ in range(2)], lambda model, x: model(x))
    with pytest.raises(ValueError, match=r"a member's loss is of shape \(3, 2\); expected a scal"):
        stack.losses_and_gradients(torch.ones(2, 3, 2))
    stack = ModuleStack.of([nn.Linear(2, 2)], lambda model, x: mse_loss(model(x), x @ x))
    with pytest.raises(RuntimeError, match="Expected size for first two dimensions"):
        stack.losses_and_gradients(torch.ones(1, 3, 2))
