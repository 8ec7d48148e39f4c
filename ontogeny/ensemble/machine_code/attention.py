"""Attention within each sequence, in machine code: one head, in the form of circuits.

See `ontogeny.ensemble.bert.attention` for the form. Activations are (sequences * tokens, width);
those of the tokens that attend, which may be fewer, (sequences * targets, width).

With dropout what is left of a row's probabilities, (P o M), no longer sums to one. So the value's
bias comes in with a weight of its own, the sum r of what is left:

    (P o M) v Wo' + bo = ((P o M) x) (Wo Wv)' + r (Wo bv)' + bo.
"""

import numpy as np
from numpy.typing import NDArray

from ontogeny.ensemble.machine_code.compiling import inlined
from ontogeny.ensemble.machine_code.functions import ZERO, dot, exponential

Array = NDArray[np.float32]


@inlined
def attend(
    x: Array,
    query: Array,
    offset: Array,
    tokens: int,
    mask: Array,
    probabilities: Array,
    left: Array,
    left_in_all: Array,
    context: Array,
) -> None:
    """Write what each target attends to into `context`.

    `probabilities` (sequences * targets, tokens) become those with which it does. With a `mask` for
    them `left` becomes what it leaves of them, and `left_in_all` (sequences * targets,) the sum of
    that; a mask without rows drops nothing, and writes neither. Adds `offset` (width,) to the
    queries in place.
    """
    dropping = mask.shape[0] > 0
    sequences = x.shape[0] // tokens
    targets = query.shape[0] // sequences
    for row in range(query.shape[0]):
        first = row // targets * tokens
        own, given = query[row], probabilities[row]
        for column in range(own.size):
            own[column] += offset[column]
        highest = np.float32(-np.inf)
        for token in range(tokens):
            given[token] = dot(own, x[first + token])
            highest = max(highest, given[token])
        for token in range(tokens):
            given[token] -= highest
    # A row is too short for the processor's vectors, all of them together aren't.
    scores = probabilities.reshape(-1)
    for place in range(scores.size):
        scores[place] = exponential(scores[place])
    for row in range(query.shape[0]):
        first = row // targets * tokens
        given, found = probabilities[row], context[row]
        total = ZERO
        for token in range(tokens):
            total += given[token]
        for column in range(found.size):
            found[column] = ZERO
        in_all = ZERO
        for token in range(tokens):
            given[token] /= total
            weight, other = given[token], x[first + token]
            if dropping:
                weight *= mask[row, token]
                left[row, token] = weight
                in_all += weight
            for column in range(found.size):
                found[column] += weight * other[column]
        if dropping:
            left_in_all[row] = in_all


@inlined
def attend_backward(
    x: Array,
    query: Array,
    tokens: int,
    mask: Array,
    probabilities: Array,
    left: Array,
    by_context: Array,
    by_left_in_all: Array,
    by_query: Array,
    by_offset: Array,
    by_x: Array,
) -> None:
    """Write the gradient by the queries, and add those by the offset and by x to theirs.

    `left` and `by_left_in_all` matter where there is a mask.
    """
    dropping = mask.shape[0] > 0
    sequences = x.shape[0] // tokens
    targets = query.shape[0] // sequences
    by_scores = np.empty(tokens, np.float32)
    for row in range(query.shape[0]):
        first = row // targets * tokens
        own, by_own = query[row], by_query[row]
        given, by_found = probabilities[row], by_context[row]
        mean = ZERO
        for token in range(tokens):
            by_scores[token] = dot(by_found, x[first + token])
            if dropping:
                by_scores[token] = mask[row, token] * (by_scores[token] + by_left_in_all[row])
            mean += given[token] * by_scores[token]
        for column in range(own.size):
            by_own[column] = ZERO
        for token in range(tokens):
            weight = given[token]
            by_score = weight * (by_scores[token] - mean)
            if dropping:
                weight = left[row, token]
            other, by_other = x[first + token], by_x[first + token]
            for column in range(own.size):
                by_own[column] += by_score * other[column]
                by_other[column] += weight * by_found[column] + by_score * own[column]
        for column in range(own.size):
            by_offset[column] += by_own[column]
