import os
import signal
import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ontogeny import workers
from ontogeny.workers import in_parallel, split

CPU = torch.device("cpu")


@given(count=st.integers(1, 60), at_once=st.integers(1, 20), threads=st.integers(1, 5))
def test_ranges_are_even_small_enough_and_a_share_for_each_thread(count, at_once, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        parts = split(count, at_once, CPU)
    finally:
        torch.set_num_threads(before)
    assert [number for part in parts for number in part] == list(range(count))
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


def test_threads_that_have_not_used_pytorch_before_use_one_as_well(threads):
    workers._pool.cache_clear()
    threads(2)
    together = threading.Barrier(2, timeout=60)
    in_parallel(lambda part: together.wait(), range(2), CPU)
    assert in_parallel(lambda part: torch.get_num_threads(), range(2), CPU) == [1, 1]


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
