"""Where a member's parameters lie in its row of a stack's buffer, and its circuits."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogeny.ensemble.bert.architecture import (
    EMBEDDING_NAMES,
    HEAD_NAMES,
    Bert,
    Embeddings,
    Head,
    Layer,
    layer_names,
)
from ontogeny.ensemble.machine_code.compiling import called, inlined
from ontogeny.ensemble.machine_code.functions import ONE, ZERO
from ontogeny.ensemble.machine_code.products import PLAIN, TRANSPOSED, multiply

Array = NDArray[np.float32]


class Sizes(NamedTuple):
    """The sizes of `Bert` that machine code needs, and where its parameters begin, in order.

    `places` (5 + 16 * layers + 5,) are of the embeddings, of each layer, and of the head, as they
    are named in `ontogeny.ensemble.bert.architecture`.
    """

    layers: int
    width: int
    feedforward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: np.float32
    padding_token: int  # -1 if there is none
    places: NDArray[np.int64]

    @staticmethod
    def of(architecture: Bert) -> "Sizes":
        """Return those of an architecture."""
        shapes = architecture.shapes()
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
        first = dict(zip(shapes, [0, *ends[:-1].tolist()], strict=True))
        layers = [name for layer in range(architecture.layers) for name in layer_names(layer)]
        padding = architecture.padding_token
        return Sizes(
            architecture.layers,
            architecture.width,
            architecture.feedforward,
            architecture.vocabulary,
            architecture.positions,
            architecture.token_types,
            np.float32(architecture.layer_norm_epsilon),
            -1 if padding is None else padding,
            np.array([first[name] for name in (*EMBEDDING_NAMES, *layers, *HEAD_NAMES)]),
        )


@called
def matrix(flat: Array, place: int, rows: int, columns: int) -> Array:
    """Return a view of `flat` (parameters,) as a matrix that begins at `place`."""
    return flat[place : place + rows * columns].reshape(rows, columns)


@called
def embeddings(flat: Array, sizes: Sizes) -> Embeddings[Array]:
    """Return the embedding layer's part of `flat`."""
    at, width = sizes.places, sizes.width
    return Embeddings(
        matrix(flat, at[0], sizes.vocabulary, width),
        matrix(flat, at[1], sizes.positions, width),
        matrix(flat, at[2], sizes.token_types, width),
        flat[at[3] : at[3] + width],
        flat[at[4] : at[4] + width],
    )


@called
def layer(flat: Array, sizes: Sizes, number: int) -> Layer[Array]:
    """Return the part of `flat` of layer `number`, from 0."""
    at, width, middle = sizes.places[5 + 16 * number :], sizes.width, sizes.feedforward
    return Layer(
        matrix(flat, at[0], width, width),
        flat[at[1] : at[1] + width],
        matrix(flat, at[2], width, width),
        flat[at[3] : at[3] + width],
        matrix(flat, at[4], width, width),
        flat[at[5] : at[5] + width],
        matrix(flat, at[6], width, width),
        flat[at[7] : at[7] + width],
        flat[at[8] : at[8] + width],
        flat[at[9] : at[9] + width],
        matrix(flat, at[10], middle, width),
        flat[at[11] : at[11] + middle],
        matrix(flat, at[12], width, middle),
        flat[at[13] : at[13] + width],
        flat[at[14] : at[14] + width],
        flat[at[15] : at[15] + width],
    )


@called
def head(flat: Array, sizes: Sizes, vocabulary: int) -> Head[Array]:
    """Return the head's part of `flat`, with the biases of so many tokens."""
    at, width = sizes.places[5 + 16 * sizes.layers :], sizes.width
    return Head(
        matrix(flat, at[0], width, width),
        flat[at[1] : at[1] + width],
        flat[at[2] : at[2] + width],
        flat[at[3] : at[3] + width],
        flat[at[4] : at[4] + vocabulary],
    )


class Circuits(NamedTuple):
    """The weights of each layer's attention as circuits, or the gradients by them.

    The query-key circuit is `match` (layers, width, width) and `offset` (layers, width), the
    output-value circuit `move`, transposed, and `bias`, of which `carry` is the part that stems
    from the values' bias. Of gradients, `move` isn't transposed, and `bias` leaves `carry` out
    where something is dropped; elsewhere it is that by both.
    """

    match: Array
    offset: Array
    move: Array
    bias: Array
    carry: Array


@called
def no_circuits(sizes: Sizes) -> Circuits:
    """Return circuits that are zero."""
    square = (sizes.layers, sizes.width, sizes.width)
    vectors = (sizes.layers, sizes.width)
    return Circuits(
        np.zeros(square, np.float32),
        np.zeros(vectors, np.float32),
        np.zeros(square, np.float32),
        np.zeros(vectors, np.float32),
        np.zeros(vectors, np.float32),
    )


@inlined
def circuits(flat: Array, sizes: Sizes) -> Circuits:
    """Return a member's circuits."""
    found = no_circuits(sizes)
    scale, width = np.float32(sizes.width**-0.5), sizes.width
    for number in range(sizes.layers):
        own = layer(flat, sizes, number)
        match, offset, bias = found.match[number], found.offset[number], found.bias[number]
        carry = found.carry[number]
        multiply(own.query, TRANSPOSED, own.key, PLAIN, match, ZERO)
        multiply(own.value, TRANSPOSED, own.output, TRANSPOSED, found.move[number], ZERO)
        for row in range(width):
            bias[row] += own.output_bias[row]
            for column in range(width):
                match[row, column] *= scale
                offset[column] += scale * own.query_bias[row] * own.key[row, column]
                bias[row] += own.output[row, column] * own.value_bias[column]
                carry[row] += own.output[row, column] * own.value_bias[column]
    return found


@inlined
def circuits_backward(
    flat: Array, gradients: Array, sizes: Sizes, by: Circuits, dropping: bool
) -> None:
    """Add the gradients of the attention's weights, given those by the circuits."""
    scale, width = np.float32(sizes.width**-0.5), sizes.width
    for number in range(sizes.layers):
        own, found = layer(flat, sizes, number), layer(gradients, sizes, number)
        by_match, by_offset, by_bias = by.match[number], by.offset[number], by.bias[number]
        by_carry = by.carry[number] if dropping else by_bias
        for row in range(width):
            by_offset[row] *= scale
            for column in range(width):
                by_match[row, column] *= scale
        multiply(own.key, PLAIN, by_match, TRANSPOSED, found.query, ONE)
        multiply(own.query, PLAIN, by_match, PLAIN, found.key, ONE)
        multiply(by.move[number], PLAIN, own.value, TRANSPOSED, found.output, ONE)
        multiply(own.output, TRANSPOSED, by.move[number], PLAIN, found.value, ONE)
        for row in range(width):
            found.output_bias[row] += by_bias[row]
            for column in range(width):
                found.query_bias[row] += own.key[row, column] * by_offset[column]
                found.key[row, column] += own.query_bias[row] * by_offset[column]
                found.value_bias[column] += by_carry[row] * own.output[row, column]
                found.output[row, column] += by_carry[row] * own.value_bias[column]
