"""Which weights a refined coefficient samples (Wang et al. 2024, weight-refined coefficients)."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ontogeny.errors import ConfigError

Shapes = Mapping[str, tuple[int, ...]]


def weights_named(shapes: Shapes, chosen: Callable[[str], bool]) -> Tensor:
    """Return which parameters have a chosen name, (parameters,) bool, in the order of a stack.

    `shapes` are `ModuleStack.shapes`. Raises `ConfigError` if no name is chosen.
    """
    found = torch.cat(
        [torch.full((math.prod(shape),), chosen(name)) for name, shape in shapes.items()]
    )
    if not found.any():
        raise ConfigError(f"refined coefficient: none of {', '.join(shapes)} is chosen.")
    return found


def weights_of_head(shapes: Shapes, attention: str, head: int, heads: int) -> Tensor:
    """Return which parameters are a head's own, (parameters,) bool, in the order of a stack.

    `attention` is the name of a `CausalAttention` in the model: of its queries, keys and values the
    head's rows, of its output the head's columns. `head` counts from 0. Raises `ConfigError` if
    there is no such attention or head.
    """
    if not 0 <= head < heads:
        raise ConfigError(f"refined coefficient: there is no head {head} among {heads}.")
    parts, there = [], False
    for name, shape in shapes.items():
        own = torch.zeros(shape, dtype=torch.bool)
        if name in {f"{attention}.{part}.weight" for part in ("query", "key", "value", "output")}:
            there = True
            each = shape[0] // heads
            rows = slice(head * each, (head + 1) * each)
            own[(slice(None), rows) if name.endswith("output.weight") else rows] = True
        parts.append(own.flatten())
    if not there:
        raise ConfigError(f"refined coefficient: the model has no attention named {attention}.")
    return torch.cat(parts)
