"""What dropout drops in machine code: masks from one number that the member's own stream gives.

Masks have ten times as many entries as PyTorch's generators make in the time of an update. So the
generator gives one number, the key, and an entry of the masks follows from the key and the entry's
place by a hash that passes for random, splitmix64 (Steele, Lea and Flood 2014, "Fast Splittable
Pseudorandom Number Generators"), of whose 64 bits each half serves one entry.

The masks of a batch lie one after the other: that of the embeddings (sequences * tokens, width);
then for each layer that of the attention (sequences * targets, tokens), and those of what attention
and the feed-forward network add, (sequences * targets, width) each. The targets are all tokens, in
the last layer those to predict.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ontogeny.ensemble.machine_code.compiling import called, inlined, kept
from ontogeny.ensemble.machine_code.functions import ZERO
from ontogeny.ensemble.machine_code.parameters import Sizes, matrix

Array = NDArray[np.float32]

# The constants of splitmix64.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX, _MIX_AGAIN = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
_LOW, _ONE = np.uint64(0xFFFFFFFF), np.uint64(1)


class LayerMasks(NamedTuple):
    """The masks of a layer for some sequences; without rows where nothing is dropped."""

    attention: Array
    attended: Array
    forward: Array


@kept
def draw(key: np.uint64, share: float, masks: Array) -> None:
    """Fill `masks` (entries,) by 0 with probability `share`, below 1, else by 1 / (1 - share).

    The probability is exact to 2**-32.
    """
    least, scale = np.uint64(share * 2.0**32), np.float32(1 / (1 - share))
    bits = key
    for place in range(masks.size):
        if place % 2 == 0:
            bits = key + (np.uint64(place // 2) + _ONE) * _GAMMA
            bits = (bits ^ (bits >> _30)) * _MIX
            bits = (bits ^ (bits >> _27)) * _MIX_AGAIN
            bits = bits ^ (bits >> _31)
        half = bits & _LOW if place % 2 == 0 else bits >> _32
        masks[place] = scale if half >= least else ZERO


def mask_entries(sizes: Sizes, sequences: int, tokens: int, targets: int) -> int:
    """Return how many entries the masks of a batch have in all."""
    rows = sequences * ((sizes.layers - 1) * tokens + targets)
    return sequences * tokens * sizes.width + rows * (tokens + 2 * sizes.width)


@called
def embedding_mask(masks: Array, sizes: Sizes, start: int, sequences: int, tokens: int) -> Array:
    """Return the mask of the embedding layer, (rows, width), for `sequences` from `start`."""
    if masks.size == 0:
        return masks.reshape(0, sizes.width)
    return matrix(masks, start * tokens * sizes.width, sequences * tokens, sizes.width)


@called
def layer_masks(
    masks: Array,
    sizes: Sizes,
    number: int,
    start: int,
    sequences: int,
    whole: int,
    tokens: int,
    targets: int,
) -> LayerMasks:
    """Return the masks of layer `number` for `sequences` from `start`, of `whole` in the batch.

    `targets` are those of this layer.
    """
    width = sizes.width
    if masks.size == 0:
        nothing = masks.reshape(0, width)
        return LayerMasks(masks.reshape(0, tokens), nothing, nothing)
    attention = whole * tokens * (width + number * (tokens + 2 * width))
    attended = attention + whole * targets * tokens
    forward = attended + whole * targets * width
    first, rows = start * targets, sequences * targets
    return LayerMasks(
        matrix(masks, attention + first * tokens, rows, tokens),
        matrix(masks, attended + first * width, rows, width),
        matrix(masks, forward + first * width, rows, width),
    )


@inlined
def drop(mask: Array, rows: Array) -> None:
    """Multiply rows by their mask, if there is one."""
    for row in range(mask.shape[0]):
        values, own = rows[row], mask[row]
        for column in range(values.size):
            values[column] *= own[column]


@inlined
def drop_backward(mask: Array, gradient: Array, by_dropped: Array, by_sum: Array) -> None:
    """Write the gradient by what was dropped from, and add its sum over rows to `by_sum`."""
    for row in range(mask.shape[0]):
        values, own, found = gradient[row], mask[row], by_dropped[row]
        for column in range(values.size):
            value = values[column] * own[column]
            found[column] = value
            by_sum[column] += value
