import pytest
import torch
from small_berts import random_batch

from ontogeny.ensemble import AdamW, Bert, BertStack, hidden_states, logits
from ontogeny.ensemble.bert import objective
from ontogeny.ensemble.bert.objective import losses_and_gradients
from ontogeny.workers import split


def test_members_are_the_same_on_one_thread_and_on_three(threads):
    batch = random_batch(5, 11, 0, sequences=16)
    found = []
    for count in (1, 3):
        threads(count)
        stack = BertStack.initialise(
            Bert(11, layers=2, width=8, feedforward=12, initial_deviation=0.3), range(5)
        )
        optimiser = AdamW(stack)
        losses = [losses_and_gradients(stack, batch)]
        optimiser.step(stack, [1e-3, 3e-3, 1e-3, 1e-2, 3e-3])
        losses.append(losses_and_gradients(stack, batch))
        states = hidden_states(stack, batch.inputs)
        found.append((torch.stack(losses), stack.flat, states, logits(stack, batch)))
    for one, three in zip(*found, strict=True):
        torch.testing.assert_close(one, three, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("vocabulary", "sequences", "expected"),
    [
        # 8 MiB hold so many times the layer between, 7 x 128 numbers a sequence, before and after
        # gelu, or the logits at 3 positions a sequence.
        (100, 128, 2**23 // (4 * 128 * 2 * 7 * 128)),
        (10_000, 32, 2**23 // (4 * 32 * 3 * 10_000)),
        (10_000, 128, 1),
    ],
)
def test_members_go_together_while_their_largest_activations_fit_the_caches(
    vocabulary, sequences, expected, monkeypatch
):
    stack = BertStack.initialise(Bert(vocabulary, layers=1), range(2))
    asked = []

    def note(count, at_once, device):
        asked.append(at_once)
        return split(count, at_once, device)

    monkeypatch.setattr(objective, "split", note)
    batch = random_batch(2, 11, 0, sequences=sequences)
    losses_and_gradients(stack, batch, in_machine_code=False)
    losses_and_gradients(stack, batch, members_at_once=3, in_machine_code=False)
    assert asked == [expected, 3]
