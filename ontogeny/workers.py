"""Parts of a task on threads of their own: as many at work as PyTorch may use threads.

Where parts need nothing of each other, such as members of an ensemble or sentences, a thread can
take each through all steps. Several threads within one step wait for each other, in a small model
longer than they work.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")


def split(count: int, at_once: int, device: torch.device) -> list[range]:
    """Return the numbers from 0 to `count` as ranges of nearly equal length, at most `at_once`.

    On a CPU with numbers enough, the number of ranges is a multiple of that of threads.
    """
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    parts = -(-count // at_once)
    parts = min(-(-parts // threads) * threads, count)
    bounds = [count * part // parts for part in range(parts + 1)]
    return [range(*pair) for pair in pairwise(bounds)]


def in_parallel(
    work: Callable[[Part], Result], parts: Sequence[Part], device: torch.device
) -> list[Result]:
    """Return what `work` makes of each part, on a CPU with a thread for each at a time.

    A part on a thread of its own uses no other; the only part of all uses all. On other devices
    the parts come one after the other.
    """
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1 or len(parts) == 1:
        return [work(part) for part in parts]
    try:
        return list(_pool(threads).map(work, parts))
    finally:
        # The pool's threads set their own number as they start, and with it that of later threads.
        torch.set_num_threads(threads)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "parts", _use_one_thread)


def _use_one_thread() -> None:
    torch.set_num_threads(1)
    # A thread takes over what was set last, by whichever thread, when it first asks.
    torch.get_num_threads()


# A forked process has none of its parent's threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)
