"""The masked-word head and the cross-entropy in machine code, for some rows of one member."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogeny.ensemble.bert.architecture import Head
from ontogeny.ensemble.machine_code.compiling import called, inlined
from ontogeny.ensemble.machine_code.functions import (
    ONE,
    ZERO,
    exponential,
    gelu_and_slopes,
    gelu_backward,
)
from ontogeny.ensemble.machine_code.normalisation import normalise, normalise_backward
from ontogeny.ensemble.machine_code.products import PLAIN, TRANSPOSED, multiply

Array = NDArray[np.float32]
Ids = NDArray[np.int64]


class HeadState(NamedTuple):
    """Room for what the head computes.

    `normal`, `slopes`, `vectors` and `room`, where gradients are made, are (rows, width), `logits`
    (rows, vocabulary), `inverse` (rows,). `unwanted` (width,) takes a sum that nothing needs.
    """

    normal: Array
    slopes: Array
    vectors: Array
    room: Array
    logits: Array
    inverse: Array
    unwanted: Array


@called
def head_state(rows: int, width: int, vocabulary: int) -> HeadState:
    """Return that room."""
    vectors = (rows, width)
    return HeadState(
        np.empty(vectors, np.float32),
        np.empty(vectors, np.float32),
        np.empty(vectors, np.float32),
        np.empty(vectors, np.float32),
        np.empty((rows, vocabulary), np.float32),
        np.empty(rows, np.float32),
        np.zeros(width, np.float32),
    )


@inlined
def surprisal_and_gradients(
    weights: Head[Array],
    words: Array,
    rows: Array,
    labels: Ids,
    share: np.float32,
    epsilon: np.float32,
    state: HeadState,
    gradients: Head[Array],
    by_words: Array,
    by_rows: Array,
) -> float:
    """Return the sum of the rows' surprisals times `share`, and add its gradients to theirs.

    `labels` (rows,) are negative where nothing is to be predicted. `by_rows` becomes the gradient
    by the rows.
    """
    count = len(rows)
    normal, slopes, inverse = state.normal[:count], state.slopes[:count], state.inverse[:count]
    vectors, logits, room = state.vectors[:count], state.logits[:count], state.room[:count]
    multiply(rows, PLAIN, weights.dense, TRANSPOSED, normal, ZERO)
    gelu_and_slopes(normal, weights.dense_bias, slopes)
    normalise(normal, epsilon, weights.gain, weights.shift, inverse, vectors)
    multiply(vectors, PLAIN, words, TRANSPOSED, logits, ZERO)
    loss = _cross_entropy(logits, weights.bias, labels, share, gradients.bias)
    multiply(logits, TRANSPOSED, vectors, PLAIN, by_words, ONE)
    multiply(logits, PLAIN, words, PLAIN, room, ZERO)
    normalise_backward(
        room, normal, inverse, weights.gain, gradients.gain, gradients.shift, state.unwanted
    )
    gelu_backward(room, slopes, gradients.dense_bias)
    multiply(room, TRANSPOSED, rows, PLAIN, gradients.dense, ONE)
    multiply(room, PLAIN, weights.dense, PLAIN, by_rows, ZERO)
    return float(loss)


@inlined
def _cross_entropy(
    logits: Array, bias: Array, labels: Ids, share: np.float32, by_bias: Array
) -> float:
    """Return the sum of surprisals times `share`; overwrites the logits by its derivatives."""
    loss = ZERO
    for row in range(logits.shape[0]):
        values, label = logits[row], labels[row]
        if label < 0:
            for token in range(values.size):
                values[token] = ZERO
            continue
        highest = np.float32(-np.inf)
        for token in range(values.size):
            values[token] += bias[token]
            highest = max(highest, values[token])
        right = values[label]
        total = ZERO
        for token in range(values.size):
            values[token] = exponential(values[token] - highest)
            total += values[token]
        loss += share * (np.log(total) + highest - right)
        scale = share / total
        for token in range(values.size):
            values[token] *= scale
        values[label] -= share
        for token in range(values.size):
            by_bias[token] += values[token]
    return float(loss)
