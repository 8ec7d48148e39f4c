"""Functions over arrays, compiled by numba: single precision, one thread each, without the GIL.

Three decorators say what becomes of a function:

- `kept`: it is called from Python, and what was compiled is kept on disk for other processes.
- `inlined`: it becomes part of those that call it. Whatever computes with numbers is inlined, or
  kept.
- `called`: it stays a function, for what is used in many places and takes long to compile. There
  may be two copies of it in a process, compiled in different surroundings: with sums in any order
  they would round differently, and a process that compiled would differ from one that found the
  code on disk. So such a function doesn't compute.
"""

import logging
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba
from llvmlite.binding import get_host_cpu_features, get_host_cpu_name
from numba import njit

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",  # a division by zero gives infinity, and no exception
    # Sums may be taken in any order and products fused with them; what isn't a number stays none.
    "fastmath": {"reassoc", "contract", "nsz"},
    "no_cfunc_wrapper": True,  # no other language calls these, and it takes time to compile
}


def inlined(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile a function within those that call it."""
    compiled: Callable[Parameters, Result] = njit(inline="always", **OPTIONS)(function)
    return compiled


def called(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile a function by itself. It must not compute with numbers; see above."""
    compiled: Callable[Parameters, Result] = njit(**OPTIONS)(function)
    return compiled


def kept(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile a function when it is first called, and keep the result on disk.

    The files are named after a version, of the sources and the processor, so that no process finds
    what another version or processor has left. Where nothing can be written, each process compiles
    for itself.
    """
    # numba names its files so. All else that it goes by are the file and the types of arguments.
    function.__qualname__ += f"-{version()[:16]}"
    try:
        compiled: Any = njit(cache=True, **OPTIONS)(function)
    except RuntimeError:  # numba found no directory that it may write to
        return called(function)
    save = compiled._cache.save_overload

    def save_if_possible(*arguments: Any) -> None:
        try:
            save(*arguments)
        except OSError as error:
            logging.getLogger("ontogeny").warning(
                "machine code can't be kept, so that the next process compiles again: %s", error
            )

    compiled._cache.save_overload = save_if_possible
    kept_: Callable[Parameters, Result] = compiled
    return kept_


def version() -> str:
    """Return a digest of what machine code depends on: sources, numba, and the processor.

    The sources are all of ensembles, the types of arguments among them. So an edit there compiles
    anew, needed or not.
    """
    sources = sorted(Path(__file__).parents[1].rglob("*.py"))
    machine = f"{numba.__version__} {get_host_cpu_name()} {get_host_cpu_features().flatten()}"
    parts = [machine.encode(), *(source.read_bytes() for source in sources)]
    return sha256(b"".join(parts)).hexdigest()
