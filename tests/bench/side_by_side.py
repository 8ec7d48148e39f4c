"""Sides of a comparison in processes of their own, timed one after the other, again and again."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from multiprocessing.connection import Connection

import torch
from torch import Tensor
from torch.multiprocessing import get_context

Work = Callable[[], Tensor]


def interleaved(
    sides: Mapping[str, tuple],
    processes: int | Mapping[str, int],
    threads: int | Mapping[str, int],
    repeats: int,
) -> tuple[dict[str, list[float]], dict[str, list[list[Tensor]]]]:
    """Return each side's seconds by repeat, and what its processes gave, warming up included.

    A side is a function and its arguments. The function returns the work that is to be timed. It
    is done in so many processes at once, each with so many threads: the same for all sides, or by
    side.
    """
    context = get_context("spawn")
    many, wide = (
        dict.fromkeys(sides, given) if isinstance(given, int) else given
        for given in (processes, threads)
    )
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    with ExitStack() as ends:
        workers: dict[str, list[Connection]] = {side: [] for side in sides}
        for side, job in sides.items():
            for _ in range(many[side]):
                here, there = context.Pipe()
                process = context.Process(target=_serve, args=(there, wide[side], *job))
                process.start()
                ends.callback(process.join)
                ends.callback(here.send, False)
                workers[side].append(here)
        results = {side: [[here.recv() for here in workers[side]]] for side in sides}
        for _ in range(repeats):
            for side in sides:
                start = time.perf_counter()
                for here in workers[side]:
                    here.send(True)
                results[side].append([here.recv() for here in workers[side]])
                seconds[side].append(time.perf_counter() - start)
    return seconds, results


def large_product(device: torch.device) -> Work:
    """Return a function that multiplies two large matrices; it returns the operations of that."""
    size = 8192 if device.type == "cuda" else 1536
    left, right = torch.randn(2, size, size, device=device)

    def work() -> Tensor:
        (left @ right)[0, 0].item()
        return torch.tensor(2.0 * size**3)

    return work


def _serve(connection: Connection, threads: int, make: Callable, *arguments: object) -> None:
    """Do the work that `make` returns whenever asked, and answer with its result."""
    torch.set_num_threads(threads)
    work = make(*arguments)
    connection.send(work())  # the first is to warm up
    while connection.recv():
        connection.send(work())
