import os
import signal
import sys
import threading
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from small_berts import random_batch

from ontogeny.ensemble import (
    AdamW,
    Bert,
    Stack,
    hidden_states,
    logits,
    losses_and_gradients,
    objective,
)
from ontogeny.ensemble.workers import in_parallel, split

CPU = torch.device("cpu")


@pytest.fixture
def threads():
    """A function that sets the number of PyTorch's threads, which are put back afterwards."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@given(count=st.integers(1, 60), at_once=st.integers(1, 20), threads=st.integers(1, 5))
def test_ranges_are_even_small_enough_and_a_share_for_each_thread(count, at_once, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        parts = split(count, at_once, CPU)
    finally:
        torch.set_num_threads(before)
    assert [member for part in parts for member in part] == list(range(count))
    lengths = [len(part) for part in parts]
    assert 1 <= max(lengths) <= at_once
    assert max(lengths) - min(lengths) <= 1
    assert len(parts) == count or len(parts) % threads == 0


def test_parts_run_at_the_same_time_on_one_thread_each(threads):
    threads(3)
    together = threading.Barrier(3, timeout=60)

    def work(part):
        together.wait()
        return part, torch.get_num_threads(), threading.get_ident()

    parts, counts, idents = zip(*in_parallel(work, range(6), CPU), strict=True)
    assert parts == tuple(range(6))
    assert counts == (1,) * 6
    assert len(set(idents)) == 3
    assert threading.get_ident() not in idents

    assert torch.get_num_threads() == 3
    later = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [3]


def test_the_only_part_keeps_all_threads(threads):
    threads(3)
    assert in_parallel(lambda part: (part, torch.get_num_threads()), [7], CPU) == [(7, 3)]


def test_an_error_on_a_thread_reaches_the_caller(threads):
    threads(2)

    def work(part):
        raise ValueError(f"part {part}")

    with pytest.raises(ValueError, match="part 0"):
        in_parallel(work, range(2), CPU)


def test_a_forked_process_starts_threads_of_its_own(threads):
    threads(2)
    in_parallel(abs, range(2), CPU)
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # ends a child that waits for its parent's threads
        os._exit(in_parallel(abs, [-1, -2], CPU) != [1, 2])
    assert os.waitpid(child, 0)[1] == 0


def test_members_are_the_same_on_one_thread_and_on_three(threads):
    batch = random_batch(5, 11, 0, sequences=16)
    found = []
    for count in (1, 3):
        threads(count)
        stack = Stack.initialise(
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
    stack = Stack.initialise(Bert(vocabulary, layers=1), range(2))
    asked = []

    def note(count, at_once, device):
        asked.append(at_once)
        return split(count, at_once, device)

    monkeypatch.setattr(objective, "split", note)
    batch = random_batch(2, 11, 0, sequences=sequences)
    losses_and_gradients(stack, batch, in_machine_code=False)
    losses_and_gradients(stack, batch, members_at_once=3, in_machine_code=False)
    assert asked == [expected, 3]
