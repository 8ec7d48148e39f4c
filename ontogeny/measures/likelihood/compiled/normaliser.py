"""The normaliser of a softmax in machine code, some of the vocabulary at a time."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogeny.ensemble.machine_code.compiling import kept
from ontogeny.ensemble.machine_code.functions import ZERO, exponential
from ontogeny.ensemble.machine_code.products import (
    PLAIN,
    TRANSPOSED,
    multiply,
    one_thread_in_products,
)
from ontogeny.workers import in_parallel, split

Array = NDArray[np.float32]

LOGITS_AT_ONCE = 2**17  # half a MiB, which stays in a core's caches


@torch.no_grad()
def log_normalisers(vectors: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return log sum exp(vectors @ weight.T + bias) over the vocabulary, (rows,), in nats.

    `vectors` are (rows, width), `weight` (vocabulary, width) and `bias` (vocabulary,), all
    contiguous, in single precision and on a CPU. Each thread takes a part of the vocabulary.
    """
    rows = len(vectors)
    arrays = vectors.numpy(), weight.numpy(), bias.numpy()

    def work(part: range) -> tuple[Array, Array]:
        highest, total = np.empty((2, rows), np.float32)
        some = slice(part.start, part.stop)
        at_once = min(max(LOGITS_AT_ONCE // max(rows, 1), 1), len(part))
        sum_exponentials(arrays[0], arrays[1][some], arrays[2][some], at_once, highest, total)
        return highest, total

    with one_thread_in_products():
        found = in_parallel(work, split(len(weight), len(weight), weight.device), weight.device)
    highest, total = (torch.from_numpy(np.stack(of_parts)) for of_parts in zip(*found, strict=True))
    return torch.logsumexp(highest + total.log(), dim=0)


@kept
def sum_exponentials(
    vectors: Array, weight: Array, bias: Array, at_once: int, highest: Array, total: Array
) -> None:
    """Write the highest logit, and the sum of exp(logit - highest), of each vector.

    Logits are vectors (rows, width) times weight (vocabulary, width) transposed, plus bias
    (vocabulary,), of which `at_once` tokens' are computed together. `highest` and `total` are
    (rows,). Nothing is checked.
    """
    rows = len(vectors)
    room = np.empty(rows * at_once, np.float32)
    highest.fill(np.float32(-np.inf))
    total.fill(ZERO)
    for first in range(0, len(weight), at_once):
        some = weight[first : first + at_once]
        logits = room[: rows * len(some)].reshape(rows, len(some))
        multiply(vectors, PLAIN, some, TRANSPOSED, logits, ZERO)
        for row in range(rows):
            values, higher, added = logits[row], highest[row], ZERO
            for token in range(values.size):
                values[token] += bias[first + token]
                higher = max(higher, values[token])
            for token in range(values.size):
                added += exponential(values[token] - higher)
            total[row] = total[row] * exponential(highest[row] - higher) + added
            highest[row] = higher
