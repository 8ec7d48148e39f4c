import math
from dataclasses import replace

import pytest
import torch
from small_berts import random_batch, small_bert

from ontogeny.ensemble import (
    AdamW,
    Batch,
    Bert,
    BertStack,
    Forgetting,
    LockstepTraining,
    machine_code,
    restore_state,
    save_state,
    uniform,
)
from ontogeny.ensemble.bert.architecture import WORD_EMBEDDINGS
from ontogeny.errors import CheckpointError, ConfigError, TrainingError

VOCABULARY = 11


def draw(step, members, generators):
    """Sequences whose last two tokens are to be read off the first two."""
    inputs = (uniform(generators, (8, 6)) * (VOCABULARY - 1)).long()
    labels = inputs[:, :, :2].clone()
    inputs[:, :, 4:] = VOCABULARY - 1
    return Batch(inputs, torch.tensor([4, 5]), labels)


def training(seeds, *, dropout=0.0, rate=lambda step, member: 3e-3, forgetting=None, source=draw):
    architecture = Bert(
        VOCABULARY, layers=2, width=8, feedforward=12, dropout=dropout, initial_deviation=0.2
    )
    stack = BertStack.initialise(architecture, seeds)
    return LockstepTraining(stack, AdamW(stack), source, rate, seeds, forgetting)


@pytest.mark.slow
@pytest.mark.parametrize("in_machine_code", [True, False])
@pytest.mark.parametrize("clip", [None, 0.5])
def test_fifty_steps_equal_those_of_transformers_and_adamw(clip, in_machine_code, monkeypatch):
    if not in_machine_code:
        monkeypatch.setattr(machine_code, "is_possible", lambda stack, batch: False)
    sizes = (11, 9, 11, 11)
    models = [small_bert(size, k) for k, size in enumerate(sizes)]
    stack = BertStack.from_transformers(models)
    batches = [random_batch(4, 9, step, sequences=16) for step in range(50)]
    rates = (1e-3, 3e-3, 3e-3, 1e-2)
    curves = []
    run = LockstepTraining(
        stack,
        AdamW(stack, weight_decay=0.1, max_gradient_norm=clip),
        lambda step, members, generators: batches[step],
        lambda step, member: rates[member] * (1 - step / 100),
        seeds=range(4),
    )
    for step in range(50):
        run.run(step + 1)
        curves.append(run.losses)
    for member, model in enumerate(models):
        optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.1)
        for step, batch in enumerate(batches):
            for group in optimiser.param_groups:
                group["lr"] = rates[member] * (1 - step / 100)
            logits = model(input_ids=batch.inputs[member]).logits[:, batch.positions]
            labels = batch.labels[member]
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
            optimiser.zero_grad()
            loss.backward()
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimiser.step()
            assert curves[step][member].item() == pytest.approx(loss.item(), abs=1e-4)
    # Learning happened, so that the agreement means something.
    assert (curves[-1] < curves[0]).all()


def test_a_member_is_the_same_alone_and_among_eight():
    rates = [1e-3, 3e-3, 1e-2, 3e-3, 1e-3, 3e-3, 1e-2, 3e-3]
    together = training(range(8), dropout=0.1, rate=lambda step, member: rates[member])
    together.run(30)
    for member in (0, 5, 7):
        alone = training([member], dropout=0.1, rate=lambda step, _, k=member: rates[k])
        alone.run(30)
        torch.testing.assert_close(alone.losses[0], together.losses[member], rtol=0, atol=1e-6)
        torch.testing.assert_close(
            alone.stack.flat[0], together.stack.flat[member], rtol=1e-4, atol=1e-6
        )


def test_a_member_that_diverges_is_dropped_and_the_others_do_not_notice(caplog):
    def rate(step, member):
        return math.inf if (member, step) == (1, 13) else 3e-3

    seen = []
    spoilt = training([5, 6, 7, 8], rate=rate)
    spoilt.run(20, at=[0, 12, 14, 15, 20], callback=lambda run: seen.append(run.members))
    # The 14th update makes the parameters infinite, which the callback after it must not see.
    assert spoilt.diverged == {1: 14}
    assert "member 1 of the ensemble diverged: its loss after 14 updates" in caplog.text
    assert seen == [(0, 1, 2, 3), (0, 1, 2, 3), (0, 2, 3), (0, 2, 3), (0, 2, 3)]
    sound = training([5, 6, 7, 8])
    sound.run(20)
    torch.testing.assert_close(spoilt.stack.flat, sound.stack.flat[[0, 2, 3]], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(spoilt.losses, sound.losses[[0, 2, 3]], rtol=0, atol=1e-6)


def test_a_training_of_which_nothing_is_left_is_an_error():
    with pytest.raises(TrainingError, match="All 2 members of the ensemble diverged"):
        training([0, 1], rate=lambda step, member: math.inf).run(20)


def test_callbacks_come_at_their_steps_and_change_nothing():
    seen = []
    watched, unwatched = training([0, 1]), training([0, 1])
    watched.run(12, at=[0, 1, 5, 12, 13], callback=lambda run: seen.append(run.step))
    unwatched.run(4)
    unwatched.run(12)
    assert seen == [0, 1, 5, 12]
    assert torch.equal(watched.stack.flat, unwatched.stack.flat)


def test_forgetting_is_due_every_so_often_until_it_ends():
    for_ever = Forgetting(4, WORD_EMBEDDINGS, 0.2)
    for_a_while = Forgetting(4, WORD_EMBEDDINGS, 0.2, until=8)
    assert [step for step in range(17) if for_ever.is_due(step)] == [4, 8, 12, 16]
    assert [step for step in range(17) if for_a_while.is_due(step)] == [4, 8]
    with pytest.raises(ConfigError, match="every: is 0"):
        Forgetting(0, WORD_EMBEDDINGS, 0.2)


def test_forgetting_redraws_embeddings_of_chosen_members_and_nothing_else():
    tokens = torch.tensor([2, 5, 7])
    of_all = Forgetting(6, WORD_EMBEDDINGS, 0.2)
    plans = [None, of_all, replace(of_all, rows=tokens)]
    # At a learning rate of 0 only forgetting changes anything.
    run = training([0, 1, 2], rate=lambda step, member: 0.0, forgetting=plans)
    before = run.stack.flat.clone()
    snapshots = []
    run.run(7, at=[6], callback=lambda run: snapshots.append(run.stack.flat.clone()))
    assert torch.equal(snapshots[0], before)
    old, new = run.stack.named(before), run.stack.parameters
    for name in new:
        if name != WORD_EMBEDDINGS:
            assert torch.equal(old[name], new[name])
            continue
        changed = (old[name] != new[name]).any(-1)
        assert changed[0].sum() == 0
        assert changed[1].all()
        assert changed[2].nonzero()[:, 0].tolist() == tokens.tolist()
    assert new[WORD_EMBEDDINGS][1].std().item() == pytest.approx(0.2, rel=0.3)


def test_forgotten_embeddings_have_no_moments_and_keep_their_count():
    run = training([0, 1])
    run.run(5)
    first = run.optimiser.moments["first_moment"]
    others = first[0].clone()
    run.optimiser.forget(run.stack, WORD_EMBEDDINGS, 1, torch.tensor([3]))
    for moment in run.optimiser.moments.values():
        words = run.stack.named(moment)[WORD_EMBEDDINGS][1]
        assert (words[3] == 0).all()
        assert (words[[0, 1, 2, 4]] != 0).any(-1).all()
    assert torch.equal(first[0], others)
    assert run.optimiser.updates.tolist() == [5, 5]


def test_embeddings_redrawn_for_a_while_come_back():
    run = training([0, 1])
    words = run.stack.parameters[WORD_EMBEDDINGS]
    before, tokens = words.clone(), torch.tensor([1, 4])
    with run.stack.temporarily_redrawn(run.streams["forgetting"], tokens):
        changed = (words != before).any(-1)
        assert changed.sum(1).tolist() == [2, 2]
        assert changed[:, tokens].all()
    assert torch.equal(words, before)


def disturbed(seeds=(0, 1, 2)):
    """A training with dropout, forgetting, and a member that diverges early."""
    return training(
        seeds,
        dropout=0.1,
        rate=lambda step, member: math.inf if (member, step) == (1, 2) else 1e-3 * (member + 1),
        forgetting=[None, None, Forgetting(5, WORD_EMBEDDINGS, 0.2)],
    )


def test_a_resumed_training_ends_with_the_same_bytes(tmp_path):
    whole = disturbed()
    whole.run(10)
    save_state(whole, tmp_path / "ten")
    whole.run(23)
    save_state(whole, tmp_path / "whole")
    resumed = disturbed()
    restore_state(resumed, tmp_path / "ten")
    assert (resumed.step, resumed.members, resumed.diverged) == (10, (0, 2), {1: 3})
    resumed.run(23)
    save_state(resumed, tmp_path / "resumed")
    assert (tmp_path / "resumed").read_bytes() == (tmp_path / "whole").read_bytes()
    assert (tmp_path / "ten").read_bytes() != (tmp_path / "whole").read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["resumed", "ten", "whole"]


def test_a_state_that_is_not_of_this_ensemble_is_refused(tmp_path):
    path = tmp_path / "state"
    with pytest.raises(CheckpointError, match="state"):
        restore_state(training([0]), path)
    run = training([0, 1])
    run.run(2)
    save_state(run, path)
    with pytest.raises(CheckpointError, match="expected 3 members"):
        restore_state(training([0, 1, 2]), path)
    with pytest.raises(CheckpointError, match=r"'dropout': 0\.0"):
        restore_state(training([0, 1], dropout=0.1), path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match="truncated"):
        restore_state(training([0, 1]), path)
