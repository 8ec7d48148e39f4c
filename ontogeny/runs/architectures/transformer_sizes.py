"""The sizes that transformers have in common."""

from collections.abc import Mapping
from typing import Any

# `feedforward` is the width of the hidden layer between two attentions; None: 4 * width.
SIZES: Mapping[str, Any] = {
    "layers": 4,
    "heads": 4,
    "width": 64,
    "feedforward": None,
    "dropout": 0.1,
    "initial_deviation": 0.02,
}


def weights(
    *,
    vocabulary_size: int,
    positions: int,
    layers: int,
    width: int,
    feedforward: int | None,
    **_: Any,
) -> int:
    """Return how many parameters a transformer has, about.

    With width d, feedforward width f and L layers, it has L (4 d^2 + 2 d f) weights in its blocks,
    and d for each word type and position; biases, norms and heads are left out.
    """
    block = 4 * width**2 + 2 * width * (feedforward or 4 * width)
    return layers * block + (vocabulary_size + positions) * width
