"""Modules trained in lockstep: what is carried from update to update, schedules, resumption."""

import math

import pytest
import torch
from small_modules import TOKENS, VOCABULARY, SmallLSTM
from small_modules import build as build_modules
from torch.nn.functional import cross_entropy

from ontogeny.ensemble import (
    SGD,
    AdamW,
    Batch,
    Bert,
    BertStack,
    Forgetting,
    LockstepTraining,
    ModuleStack,
    Shared,
    restore_state,
    save_state,
    uniform,
)
from ontogeny.errors import CheckpointError

WIDTH, STREAMS, PERIOD = 6, 4, 5  # of hidden states; texts read side by side; updates in an epoch


def built(seeds, dropout):
    modules = []
    for seed in seeds:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            modules.append(SmallLSTM(WIDTH, dropout))
    return modules


def truncated(model, batch, carried):
    """The loss of the next words, given the states in which the words before left the model."""
    states = (carried[name] * batch["goes_on"] for name in ("hidden", "cell"))
    logits, hidden, cell = model(batch["tokens"], *states)
    value = cross_entropy(logits[:, :-1].flatten(0, 1), batch["tokens"][:, 1:].flatten())
    return value, {"hidden": hidden, "cell": cell}


def draw(step, members, generators):
    """A piece of each text; at the beginning of an epoch, states count for nothing."""
    tokens = (uniform(generators, (STREAMS, TOKENS)) * VOCABULARY).long()
    return {"tokens": tokens, "goes_on": Shared(torch.tensor(float(step % PERIOD > 0)))}


def zeros(members):
    return {name: torch.zeros(members, 2, STREAMS, WIDTH) for name in ("hidden", "cell")}


def training(
    seeds,
    *,
    dropout=0.0,
    rate=lambda step, member: 0.5,
    source=draw,
    momentum=0.0,
    **settings,
):
    stack = ModuleStack.of(built(seeds, dropout), truncated)
    optimiser = SGD(stack, momentum=momentum, max_gradient_norm=0.25)
    settings = {"carried": zeros(len(seeds)), **settings}
    return LockstepTraining(stack, optimiser, source, rate, seeds, **settings)


def test_truncated_backpropagation_is_that_of_a_loop_over_modules():
    seeds, steps, rates = (0, 1, 2), 2 * PERIOD + 2, (2.0, 0.5, 1.0)

    def rate(step, member):
        return rates[member] / (1 + step // 4)

    batches = []

    def source(step, members, generators):
        batches.append(draw(step, members, generators))
        return batches[-1]

    run, curves = training(seeds, rate=rate, source=source), []
    for step in range(steps):
        run.run(step + 1)
        curves.append(run.losses)
    for member, module in enumerate(built(seeds, 0.0)):
        optimiser = torch.optim.SGD(module.parameters(), lr=1.0)
        states = [torch.zeros(2, STREAMS, WIDTH)] * 2
        for step, batch in enumerate(batches):
            own = batch["tokens"][member]
            if step % PERIOD == 0:
                states = [torch.zeros_like(state) for state in states]
            logits, *states = module(own, *(state.detach() for state in states))
            value = cross_entropy(logits[:, :-1].flatten(0, 1), own[:, 1:].flatten())
            optimiser.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 0.25)
            optimiser.param_groups[0]["lr"] = rate(step, member)
            optimiser.step()
            assert curves[step][member].item() == pytest.approx(value.item(), abs=1e-4)
        for name, state in zip(("hidden", "cell"), states, strict=True):
            torch.testing.assert_close(run.carried[name][member], state, rtol=1e-3, atol=1e-4)
        for name, values in module.named_parameters():
            torch.testing.assert_close(
                run.stack.parameters[name][member], values.detach(), rtol=1e-3, atol=1e-4
            )


def test_a_schedule_may_look_at_losses_and_keep_what_it_needs():
    held_out = draw(0, [0, 1], [torch.Generator().manual_seed(member) for member in (7, 8)])

    def start(members):
        best = {"best": torch.full((members,), math.inf), "rate": torch.ones(members)}
        return {**zeros(members), **best}

    def quarter(run):
        found = run.stack.losses(held_out, carried=zeros(len(run.members)))
        better = found < run.carried["best"]
        run.carried["rate"][~better] /= 4
        run.carried["best"][better] = found[better]

    def planned():
        run = training([0, 1], carried=start(2), rate=lambda step, member: 0.0)
        run.learning_rate = lambda step, member: float(run.carried["rate"][member])
        return run

    run = planned()
    run.run(4, at=[2, 4], callback=quarter)
    expected = run.stack.losses(held_out, carried=zeros(2))
    assert (run.carried["best"] <= expected).all()
    assert set(run.carried["rate"].tolist()) <= {1.0, 0.25}
    stuck = planned()
    stuck.carried["best"].fill_(-math.inf)
    stuck.run(4, at=[2, 4], callback=quarter)
    assert stuck.carried["rate"].tolist() == [1 / 16] * 2


def disturbed(seeds=(0, 1, 2)):
    """A training with dropout, momentum, forgetting, and a member that diverges early."""
    forgetting = Forgetting(4, "words.weight", 0.1, rows=torch.tensor([2, 3]))
    return training(
        seeds,
        dropout=0.2,
        momentum=0.9,
        rate=lambda step, member: math.inf if (member, step) == (1, 2) else 0.1 * (member + 1),
        forgetting=[None, None, forgetting],
    )


def test_a_resumed_training_ends_with_the_same_bytes(tmp_path):
    whole = disturbed()
    whole.run(9)
    save_state(whole, tmp_path / "nine")
    whole.run(17)
    save_state(whole, tmp_path / "whole")
    resumed = disturbed()
    restore_state(resumed, tmp_path / "nine")
    assert (resumed.step, resumed.members, resumed.diverged) == (9, (0, 2), {1: 3})
    assert len(resumed.carried["cell"]) == 2
    assert (resumed.carried["cell"] != 0).any()
    resumed.run(17)
    save_state(resumed, tmp_path / "resumed")
    assert (tmp_path / "resumed").read_bytes() == (tmp_path / "whole").read_bytes()
    assert (tmp_path / "nine").read_bytes() != (tmp_path / "whole").read_bytes()


def test_a_member_is_the_same_whether_another_diverges_or_not():
    spoilt, sound = disturbed(), disturbed()
    sound.learning_rate = lambda step, member: 0.1 * (member + 1)
    spoilt.run(10)
    sound.run(10)
    assert spoilt.members == (0, 2)
    torch.testing.assert_close(spoilt.stack.flat, sound.stack.flat[[0, 2]], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(
        spoilt.carried["hidden"], sound.carried["hidden"][[0, 2]], rtol=1e-3, atol=1e-5
    )


def test_forgetting_redraws_rows_of_any_parameter():
    rows = torch.tensor([1, 4])
    plans = [None, Forgetting(3, "output.bias", 2.0), Forgetting(3, "words.weight", 0.5, rows=rows)]
    run = training([0, 1, 2], rate=lambda step, member: 0.0, forgetting=plans, momentum=0.5)
    before = run.stack.flat.clone()
    run.run(4)
    old = run.stack.named(before)
    changed = {name: values != old[name] for name, values in run.stack.parameters.items()}
    bias, words = changed.pop("output.bias"), changed.pop("words.weight")
    assert not any(values.any() for values in changed.values())
    assert bias.all(1).tolist() == [False, True, False]
    assert not words[:2].any()
    assert words[2].any(1).nonzero()[:, 0].tolist() == rows.tolist()
    assert words[2, rows].all()


def test_a_state_of_another_training_is_refused(tmp_path):
    path = tmp_path / "state"
    run = training([0, 1])
    run.run(2)
    save_state(run, path)
    restore_state(training([0, 1]), path)
    with pytest.raises(CheckpointError, match="velocity"):
        restore_state(training([0, 1], momentum=0.9), path)
    with pytest.raises(CheckpointError, match=r"these carried\s+tensors"):
        restore_state(training([0, 1], carried={"hidden": torch.zeros(2, 3)}), path)
    adamw = training([0, 1])
    adamw.optimiser = AdamW(adamw.stack)
    with pytest.raises(CheckpointError, match="of this optimiser"):
        restore_state(adamw, path)
    stack = ModuleStack.of(build_modules("gpt2", [0, 1]), truncated)
    other = LockstepTraining(stack, SGD(stack), draw, lambda step, member: 1.0, [0, 1])
    with pytest.raises(CheckpointError, match=r"SmallLSTM.*expected.*GPT2LMHeadModel"):
        restore_state(other, path)


def test_what_is_carried_keeps_its_names_and_shapes():
    def grown(model, batch, carried):
        value, changed = truncated(model, batch, carried)
        return value, {"hidden": changed["hidden"][:, :2]}

    stack = ModuleStack.of(built([0], 0.0), grown)
    batch = draw(1, [0], [torch.Generator()])
    with pytest.raises(ValueError, match=r"carries on hidden of shape \(2, 2, 6\); expected some"):
        stack.losses_and_gradients(batch, carried=zeros(1))
    bert = BertStack.initialise(Bert(11, layers=1), [0])
    tokens = torch.zeros(1, 2, 3, dtype=torch.long)
    with pytest.raises(ValueError, match="carries nothing"):
        bert.losses_and_gradients(
            Batch(tokens, torch.tensor([0]), tokens[..., :1]), carried=zeros(1)
        )
