"""What the C library does with memory that is freed."""

import ctypes
from functools import cache

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # from malloc.h
LARGEST_MMAP_THRESHOLD = 2**25  # bytes; the library refuses more
HEAP = 2**26  # bytes; the pieces in which threads other than the first get their memory


@cache
def keep_freed_memory() -> bool:
    """Have the process keep memory that it frees, for its own use; returns whether that was done.

    By default glibc hands the activations of each update back to the system and gets them anew for
    the next, page by page, which takes a tenth of the time that small models train. The setting
    holds for the whole process, changes no result, and exists in glibc alone.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    options = {
        M_MMAP_THRESHOLD: LARGEST_MMAP_THRESHOLD,
        M_TRIM_THRESHOLD: 2**31 - 1,
        # An empty piece is handed back unless this much is to stay, whatever the threshold.
        M_TOP_PAD: HEAP,
    }
    return all(set_option(option, value) for option, value in options.items())
