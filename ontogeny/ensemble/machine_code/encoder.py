"""The embedding layer and the encoder in machine code, for some sequences of one member."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogeny.ensemble.bert.architecture import Embeddings, Layer
from ontogeny.ensemble.machine_code.attention import attend, attend_backward
from ontogeny.ensemble.machine_code.compiling import called, inlined
from ontogeny.ensemble.machine_code.dropout import LayerMasks, drop, drop_backward
from ontogeny.ensemble.machine_code.functions import (
    ONE,
    ZERO,
    dot,
    gelu_and_slopes,
    gelu_backward,
)
from ontogeny.ensemble.machine_code.normalisation import add_sum, normalise, normalise_backward
from ontogeny.ensemble.machine_code.parameters import Circuits, Sizes
from ontogeny.ensemble.machine_code.products import PLAIN, TRANSPOSED, multiply

Array = NDArray[np.float32]
Ids = NDArray[np.int64]


class EmbeddingState(NamedTuple):
    """What the backward pass of the embedding layer needs: (rows, width) and (rows,)."""

    normal: Array
    inverse: Array


class LayerStates(NamedTuple):
    """What the backward pass needs of every layer, (layers, rows, ...), and room to work in.

    Rows are the tokens, in the last layer the targets alone, which may be fewer. `left` (layers,
    rows, tokens) and `left_in_all` (layers, rows) are what dropout leaves of the probabilities,
    without rows where nothing is dropped. `first` and `second` (rows, width), `wide` (rows,
    feedforward), `column` (rows,) and `unwanted` (width,) are the room.
    """

    query: Array
    probabilities: Array
    left: Array
    left_in_all: Array
    context: Array
    middle_normal: Array
    middle_inverse: Array
    middle: Array
    slopes: Array
    after: Array
    normal: Array
    inverse: Array
    first: Array
    second: Array
    wide: Array
    column: Array
    unwanted: Array


@inlined
def embed(
    weights: Embeddings[Array],
    inputs: Ids,
    epsilon: np.float32,
    mask: Array,
    state: EmbeddingState,
    output: Array,
) -> None:
    """Write the output (sequences * tokens, width) for token ids (sequences, tokens)."""
    sequences, tokens = inputs.shape
    normal, inverse = state.normal[: len(output)], state.inverse[: len(output)]
    for sequence in range(sequences):
        for token in range(tokens):
            values = normal[sequence * tokens + token]
            word, position = weights.words[inputs[sequence, token]], weights.positions[token]
            for column in range(values.size):
                values[column] = word[column] + position[column] + weights.types[0, column]
    normalise(normal, epsilon, weights.gain, weights.shift, inverse, output)
    drop(mask, output)


@inlined
def embed_backward(
    weights: Embeddings[Array],
    inputs: Ids,
    mask: Array,
    state: EmbeddingState,
    gradient: Array,
    gradients: Embeddings[Array],
    padding_token: int,
) -> None:
    """Add the embedding layer's gradients, given that by its output, which is overwritten."""
    drop(mask, gradient)
    normalise_backward(
        gradient,
        state.normal,
        state.inverse,
        weights.gain,
        gradients.gain,
        gradients.shift,
        gradients.types[0],
    )
    sequences, tokens = inputs.shape
    for sequence in range(sequences):
        for token in range(tokens):
            values = gradient[sequence * tokens + token]
            position, number = gradients.positions[token], inputs[sequence, token]
            for column in range(values.size):
                position[column] += values[column]
            if number != padding_token:
                word = gradients.words[number]
                for column in range(values.size):
                    word[column] += values[column]


@inlined
def select(x: Array, tokens: int, positions: Ids, rows: Array) -> None:
    """Write the rows of x at the positions of each sequence into `rows`."""
    for row in range(rows.shape[0]):
        values = x[row // positions.size * tokens + positions[row % positions.size]]
        for column in range(values.size):
            rows[row, column] = values[column]


@inlined
def layer_forward(
    weights: Layer[Array],
    circuits: Circuits,
    number: int,
    x: Array,
    rows: Array,
    tokens: int,
    epsilon: np.float32,
    masks: LayerMasks,
    states: LayerStates,
    output: Array,
) -> None:
    """Write the output (rows, width) of layer `number` at some rows of its input x."""
    count, dropping = len(rows), masks.attention.shape[0] > 0
    query, context = states.query[number, :count], states.context[number, :count]
    multiply(rows, PLAIN, circuits.match[number], PLAIN, query, ZERO)
    attend(
        x,
        query,
        circuits.offset[number],
        tokens,
        masks.attention,
        states.probabilities[number, :count],
        states.left[number, :count],
        states.left_in_all[number, :count],
        context,
    )
    normal, middle = states.middle_normal[number, :count], states.middle[number, :count]
    multiply(context, PLAIN, circuits.move[number], PLAIN, normal, ZERO)
    if dropping:
        left_in_all, carry = states.left_in_all[number, :count], circuits.carry[number]
        for row in range(count):
            values, weight, kept = normal[row], left_in_all[row], masks.attended[row]
            for column in range(values.size):
                value = values[column] + weight * carry[column] + weights.output_bias[column]
                values[column] = kept[column] * value + rows[row, column]
    else:
        add_sum(rows, circuits.bias[number], normal)
    inverse = states.middle_inverse[number, :count]
    normalise(normal, epsilon, weights.middle_gain, weights.middle_shift, inverse, middle)
    after, normal = states.after[number, :count], states.normal[number, :count]
    multiply(middle, PLAIN, weights.up, TRANSPOSED, after, ZERO)
    gelu_and_slopes(after, weights.up_bias, states.slopes[number, :count])
    multiply(after, PLAIN, weights.down, TRANSPOSED, normal, ZERO)
    if dropping:
        for row in range(count):
            values, kept, residual = normal[row], masks.forward[row], middle[row]
            for column in range(values.size):
                value = values[column] + weights.down_bias[column]
                values[column] = kept[column] * value + residual[column]
    else:
        add_sum(middle, weights.down_bias, normal)
    inverse = states.inverse[number, :count]
    normalise(normal, epsilon, weights.gain, weights.shift, inverse, output)


@inlined
def layer_backward(
    weights: Layer[Array],
    circuits: Circuits,
    number: int,
    x: Array,
    rows: Array,
    tokens: int,
    masks: LayerMasks,
    states: LayerStates,
    gradient: Array,
    gradients: Layer[Array],
    by_circuits: Circuits,
    by_x: Array,
) -> None:
    """Add the gradients of layer `number`, given that by its output; adds that by x to `by_x`.

    The gradient is overwritten by that by the rows, which the caller has to add to `by_x`.
    """
    count, dropping = len(rows), masks.attention.shape[0] > 0
    wide, by_context, by_query = states.wide[:count], states.first[:count], states.second[:count]
    by_left_in_all, room = states.column[:count], states.second[:count]
    by_added = room if dropping else gradient
    normalise_backward(
        gradient,
        states.normal[number, :count],
        states.inverse[number, :count],
        weights.gain,
        gradients.gain,
        gradients.shift,
        states.unwanted if dropping else gradients.down_bias,
    )
    drop_backward(masks.forward, gradient, room, gradients.down_bias)
    multiply(by_added, TRANSPOSED, states.after[number, :count], PLAIN, gradients.down, ONE)
    multiply(by_added, PLAIN, weights.down, PLAIN, wide, ZERO)
    gelu_backward(wide, states.slopes[number, :count], gradients.up_bias)
    multiply(wide, TRANSPOSED, states.middle[number, :count], PLAIN, gradients.up, ONE)
    multiply(wide, PLAIN, weights.up, PLAIN, gradient, ONE)
    normalise_backward(
        gradient,
        states.middle_normal[number, :count],
        states.middle_inverse[number, :count],
        weights.middle_gain,
        gradients.middle_gain,
        gradients.middle_shift,
        states.unwanted if dropping else by_circuits.bias[number],
    )
    drop_backward(masks.attended, gradient, room, by_circuits.bias[number])
    if dropping:
        left_in_all, by_carry = states.left_in_all[number, :count], by_circuits.carry[number]
        for row in range(count):
            values, weight = by_added[row], left_in_all[row]
            by_left_in_all[row] = dot(values, circuits.carry[number])
            for column in range(values.size):
                by_carry[column] += weight * values[column]
    multiply(
        by_added, TRANSPOSED, states.context[number, :count], PLAIN, by_circuits.move[number], ONE
    )
    multiply(by_added, PLAIN, circuits.move[number], TRANSPOSED, by_context, ZERO)
    attend_backward(
        x,
        states.query[number, :count],
        tokens,
        masks.attention,
        states.probabilities[number, :count],
        states.left[number, :count],
        by_context,
        by_left_in_all,
        by_query,
        by_circuits.offset[number],
        by_x,
    )
    multiply(rows, TRANSPOSED, by_query, PLAIN, by_circuits.match[number], ONE)
    multiply(by_query, PLAIN, circuits.match[number], TRANSPOSED, gradient, ONE)


@inlined
def add_rows(rows: Array, tokens: int, positions: Ids, x: Array) -> None:
    """Add rows to those of x that `select` took them from."""
    for row in range(rows.shape[0]):
        onto = x[row // positions.size * tokens + positions[row % positions.size]]
        for column in range(onto.size):
            onto[column] += rows[row, column]


@called
def embedding_state(sizes: Sizes, rows: int) -> EmbeddingState:
    """Return room for the embedding layer's state."""
    return EmbeddingState(np.empty((rows, sizes.width), np.float32), np.empty(rows, np.float32))


@called
def layer_states(sizes: Sizes, rows: int, tokens: int, dropping: bool) -> LayerStates:
    """Return room for the layers' states."""
    layers, left = sizes.layers, rows if dropping else 0
    vectors, wide = (layers, rows, sizes.width), (layers, rows, sizes.feedforward)
    return LayerStates(
        np.empty(vectors, np.float32),
        np.empty((layers, rows, tokens), np.float32),
        np.empty((layers, left, tokens), np.float32),
        np.empty((layers, left), np.float32),
        np.empty(vectors, np.float32),
        np.empty(vectors, np.float32),
        np.empty((layers, rows), np.float32),
        np.empty(vectors, np.float32),
        np.empty(wide, np.float32),
        np.empty(wide, np.float32),
        np.empty(vectors, np.float32),
        np.empty((layers, rows), np.float32),
        np.empty(vectors[1:], np.float32),
        np.empty(vectors[1:], np.float32),
        np.empty(wide[1:], np.float32),
        np.empty(rows, np.float32),
        np.zeros(sizes.width, np.float32),
    )
