"""What every job does around its work: a log, a bound on threads, an error a person can read."""

import errno
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from threadpoolctl import threadpool_limits

from ontogeny.errors import OntogenyError

# Faults of a disk that are no fault of the program, and the first thing to do about each.
DISK_FAULTS = {
    errno.ENOSPC: "Free some space",
    errno.EDQUOT: "Free some space",
    errno.EROFS: "Make it writable",
}


@contextmanager
def job(log: str | os.PathLike[str], threads: int = 1) -> Iterator[logging.Logger]:
    """Run the block with its messages in the file `log` and with at most `threads` threads.

    The bound holds for torch and for the linear algebra of NumPy and SciPy, imported before or in
    the block, and for child processes.

    Standard output and error of the block, those of its child processes included, go to the log.
    An `OntogenyError` ends the process with status 1 and its message alone, in the log and on the
    terminal: the cause lies in the input, so a traceback would only hide it. A disk that is full or
    can't be written ends it likewise. Any other exception goes on, with its traceback in the log.
    """
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    # Tokenizers would otherwise start threads of their own and warn whenever a loader forks.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    streams = os.dup(1), os.dup(2)
    with _opened(log) as handle:
        _redirect(handle.fileno(), handle.fileno())
        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True
        )
        logger = logging.getLogger("ontogeny")
        start = time.perf_counter()
        try:
            # What is loaded by now has read the environment before.
            threadpool_limits(threads)
            if "torch" in sys.modules:
                sys.modules["torch"].set_num_threads(threads)
            yield logger
            logger.info("done in %.1f s", time.perf_counter() - start)
        except OntogenyError as error:
            logger.error("%s", error)
            os.write(streams[1], f"{type(error).__name__}: {error}\n".encode())
            sys.exit(1)
        except OSError as error:
            if error.errno not in DISK_FAULTS:
                logger.exception("an unexpected error")
                raise
            os.write(streams[1], f"{_of_the_disk(error)}\n".encode())
            # The log may lie on the disk that is full.
            with suppress(OSError):
                logger.error("%s", _of_the_disk(error))
            sys.exit(1)
        except Exception:
            logger.exception("an unexpected error")
            raise
        finally:
            _redirect(*streams)
            for stream in streams:
                os.close(stream)


def _opened(log: str | os.PathLike[str]) -> TextIO:
    """Open the log, or end the process with what is wrong with the disk it was to lie on."""
    try:
        return open(log, "w", buffering=1, encoding="utf-8")
    except OSError as error:
        if error.errno not in DISK_FAULTS:
            raise
        sys.exit(_of_the_disk(error))


def _of_the_disk(error: OSError) -> str:
    remedy = DISK_FAULTS[error.errno or 0]
    return (
        f"{error.filename or 'the disk'}: {error.strerror}. {remedy} and run the workflow again; "
        "what was finished is kept."
    )


def _redirect(output: int, error: int) -> None:
    """Point the process's standard output and error at the given file descriptors."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # what a log on a full disk can't take goes where it can
            stream.flush()
    os.dup2(output, 1)
    os.dup2(error, 2)
