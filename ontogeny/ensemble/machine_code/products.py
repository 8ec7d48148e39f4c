"""Products of matrices in machine code, by the BLAS that SciPy brings."""

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import scipy.linalg.cython_blas
from llvmlite import binding
from numba import types
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from ontogeny.ensemble.machine_code.compiling import called
from ontogeny.ensemble.machine_code.functions import ONE

Array = NDArray[np.float32]
SIZES = 6  # rows, columns, what is summed over, and the length of each matrix's rows


def _address(name: str) -> int:
    """Return where SciPy's C interface has a BLAS function."""
    capsule = scipy.linalg.cython_blas.__pyx_capi__[name]
    name_of = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    signature = name_of(capsule)
    if signature.count(b"int *") != SIZES:
        raise ImportError(
            f"SciPy's {name} is {signature.decode()}; expected {SIZES} sizes of type int. A SciPy "
            "whose BLAS takes integers of 64 bits can't be used."
        )
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address: int = pointer_of(capsule, signature)
    return address


# By its name, unlike by its address, compiled code that was kept on disk finds it again.
binding.add_symbol("ontogeny_sgemm", _address("sgemm"))
_sgemm: Any = types.ExternalFunction("ontogeny_sgemm", types.void(*[types.voidptr] * 13))

# Whether a factor is used as it is or transposed, as BLAS says it.
PLAIN, TRANSPOSED = np.uint8(ord("N")), np.uint8(ord("T"))


@called
def multiply(
    left: Array,
    left_as: np.uint8,
    right: Array,
    right_as: np.uint8,
    result: Array,
    keep: np.float32,
) -> None:
    """Write left @ right + keep * result into `result`, each factor `PLAIN` or `TRANSPOSED`.

    All three are contiguous by rows. The shapes aren't checked.
    """
    # BLAS reads rows as columns: it multiplies the transposes, in reverse order.
    rows, columns = result.shape
    sizes = np.empty(SIZES, np.int32)
    sizes[0], sizes[1] = columns, rows
    sizes[2] = left.shape[0] if left_as == TRANSPOSED else left.shape[1]
    sizes[3], sizes[4], sizes[5] = right.shape[1], left.shape[1], columns
    factors = np.empty(2, np.float32)
    factors[0], factors[1] = ONE, keep
    transposed = np.empty(2, np.uint8)
    transposed[0], transposed[1] = right_as, left_as
    _sgemm(
        transposed.ctypes,
        transposed[1:].ctypes,
        sizes.ctypes,
        sizes[1:].ctypes,
        sizes[2:].ctypes,
        factors.ctypes,
        right.ctypes,
        sizes[3:].ctypes,
        left.ctypes,
        sizes[4:].ctypes,
        factors[1:].ctypes,
        result.ctypes,
        sizes[5:].ctypes,
    )


@contextmanager
def one_thread_in_products() -> Iterator[None]:
    """Limit BLAS to one thread for each product, in the whole process.

    Callers on several threads wait for each other. OpenBLAS takes the limit from the main thread
    alone.
    """
    with _one_at_a_time(), _blas().limit(limits=1):
        yield


@cache
def _blas() -> ThreadpoolController:
    """Return what sets the threads of every BLAS that is loaded by now."""
    return ThreadpoolController().select(user_api="blas")


@cache
def _one_at_a_time() -> threading.RLock:
    return threading.RLock()


_one_at_a_time()  # before there are threads that would each make one


# A forked process has none of its parent's threads, one of which may have held the lock.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_one_at_a_time.cache_clear)
