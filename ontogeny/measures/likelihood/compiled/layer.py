"""One layer of a BERT in machine code, for some sentences."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogeny.ensemble.bert_layers import Layer
from ontogeny.ensemble.machine_code.compiling import inlined, kept
from ontogeny.ensemble.machine_code.functions import ONE, ZERO, exponential, gelu
from ontogeny.ensemble.machine_code.normalisation import add_sum, normalise
from ontogeny.ensemble.machine_code.products import PLAIN, TRANSPOSED, multiply

Array = NDArray[np.float32]


class Projected(NamedTuple):
    """Queries, keys and values without their biases, each (rows, width)."""

    query: Array
    key: Array
    value: Array


class Constants(NamedTuple):
    """What a layer has besides its parameters: each normalisation has its epsilon."""

    heads: int
    scaling: np.float32
    middle_epsilon: np.float32
    epsilon: np.float32


class Room(NamedTuple):
    """What a layer computes on its way, of all rows (sentences * tokens) and of one sentence.

    `context` is (rows, width), `wide` (rows, feedforward) and `inverse` (rows,); `attention`
    (tokens attended to, heads * tokens) and `share` (heads * tokens,) are of one sentence.
    """

    projected: Projected
    context: Array
    wide: Array
    inverse: Array
    attention: Array
    share: Array


def room_for(rows: int, tokens: int, heads: int, weights: Layer[Array]) -> Room:
    """Return room for so many rows."""
    feedforward, width = weights.up.shape

    def empty(*shape: int) -> Array:
        return np.empty(shape, np.float32)

    return Room(
        Projected(empty(rows, width), empty(rows, width), empty(rows, width)),
        empty(rows, width),
        empty(rows, feedforward),
        empty(rows),
        empty(tokens, heads * tokens),
        empty(heads * tokens),
    )


@kept
def apply_layer(
    weights: Layer[Array],
    constants: Constants,
    x: Array,
    room: Room,
    tokens: int,
    projected: bool,
) -> None:
    """Overwrite the layer's input x (sentences * tokens, width) by its output.

    With `projected`, the room holds the projections already. Nothing is checked.
    """
    context, wide, inverse = room.context, room.wide, room.inverse
    if not projected:
        multiply(x, PLAIN, weights.query, TRANSPOSED, room.projected.query, ZERO)
        multiply(x, PLAIN, weights.key, TRANSPOSED, room.projected.key, ZERO)
        multiply(x, PLAIN, weights.value, TRANSPOSED, room.projected.value, ZERO)
    attend(weights, constants, room, tokens)
    total = room.projected.query  # which has served
    multiply(context, PLAIN, weights.output, TRANSPOSED, total, ZERO)
    add_sum(x, weights.output_bias, total)
    normalise(
        total,
        constants.middle_epsilon,
        weights.middle_gain,
        weights.middle_shift,
        inverse,
        context,
    )
    multiply(context, PLAIN, weights.up, TRANSPOSED, wide, ZERO)
    gelu(wide, weights.up_bias)
    multiply(wide, PLAIN, weights.down, TRANSPOSED, total, ZERO)
    add_sum(context, weights.down_bias, total)
    normalise(total, constants.epsilon, weights.gain, weights.shift, inverse, x)


@inlined
def attend(weights: Layer[Array], constants: Constants, room: Room, tokens: int) -> None:
    """Write into `room.context` what attention makes of what is projected; queries are overwritten.

    The keys' bias adds the same to all scores of a query, and attention ignores it. The values'
    bias comes out of a weighted mean as it was.
    """
    rows, width = room.context.shape
    heads = constants.heads
    size = width // heads
    for row in range(rows):
        for column in range(width):
            query = room.projected.query[row, column] + weights.query_bias[column]
            room.projected.query[row, column] = query * constants.scaling
    shape = rows // tokens, tokens, heads, size
    queries = room.projected.query.reshape(shape)
    keys, values = room.projected.key.reshape(shape), room.projected.value.reshape(shape)
    contexts = room.context.reshape(shape)
    # By the token attended to first, so that the processor's vectors take many pairs at once.
    attention, share = room.attention, room.share
    for sentence in range(shape[0]):
        query, key, value = queries[sentence], keys[sentence], values[sentence]
        context = contexts[sentence]
        for other in range(tokens):
            for head in range(heads):
                for token in range(tokens):
                    score = ZERO
                    for place in range(size):
                        score += query[token, head, place] * key[other, head, place]
                    attention[other, head * tokens + token] = score
        exponentials(attention, share)
        for token in range(tokens):
            for head in range(heads):
                pair = head * tokens + token
                for place in range(size):
                    context[token, head, place] = weights.value_bias[head * size + place]
                for other in range(tokens):
                    weight = attention[other, pair] * share[pair]
                    for place in range(size):
                        context[token, head, place] += weight * value[other, head, place]


@inlined
def exponentials(scores: Array, share: Array) -> None:
    """Overwrite scores by their exponentials, over the highest; `share` by 1 / their sum.

    A softmax is along each column of scores (rows, columns); `share` is (columns,).
    """
    rows, columns = scores.shape
    for column in range(columns):
        share[column] = scores[0, column]
    for row in range(1, rows):
        for column in range(columns):
            share[column] = max(share[column], scores[row, column])
    for row in range(rows):
        for column in range(columns):
            scores[row, column] -= share[column]
    flat = scores.reshape(-1)
    for place in range(flat.size):
        flat[place] = exponential(flat[place])
    for column in range(columns):
        share[column] = scores[0, column]
    for row in range(1, rows):
        for column in range(columns):
            share[column] += scores[row, column]
    for column in range(columns):
        share[column] = ONE / share[column]
