"""Functions over arrays, compiled by numba: single precision, one thread each, without the GIL.

Three decorators say what becomes of a function:

- `kept`: it is called from Python, and what was compiled is kept on disk for other processes.
- `inlined`: it becomes part of those that call it. Whatever computes with numbers is inlined.
- `called`: it stays a function, for what is used in many places and takes long to compile. There
  may be two copies of it in a process, compiled in different surroundings: with sums in any order
  they would round differently, and a process that compiled would differ from one that found the
  code on disk. So such a function doesn't compute.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from numba import njit

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",  # a division by zero gives infinity, and no exception
    # Sums may be taken in any order and products fused with them; what isn't a number stays none.
    "fastmath": {"reassoc", "contract", "arcp", "nsz"},
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

    What is kept goes by the function's file and closure: a function that calls others has to have
    `version()` in its closure. Where nothing can be written, each process compiles for itself.
    """
    try:
        compiled: Callable[Parameters, Result] = njit(cache=True, **OPTIONS)(function)
    except RuntimeError:  # numba found no directory that it may write to
        return called(function)
    return compiled


def version() -> str:
    """Return a digest of everything in this package, and of the parameters' order."""
    here = Path(__file__).parent
    sources = [*sorted(here.glob("*.py")), here.parent / "architecture.py"]
    return sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
