"""Which weights a refined coefficient samples (Wang et al. 2024, weight-refined coefficients).

Layers and heads are told by the names of parameters: those of the models defined here, and of
transformers' BERT and GPT-2.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ontogeny.errors import ConfigError

Shapes = Mapping[str, tuple[int, ...]]

LAYER = re.compile(r"(?:^|\.)(?:layers|blocks|layer|h)\.(\d+)\.")
ATTENTION = re.compile(r"(.+\.(?:attention|attn))\.(.+)")
# The parameters of an attention: along which dimension its heads lie one after the other, and of
# how many maps that dimension holds the heads.
OF_HEADS = {
    **{f"{part}.weight": (0, 1) for part in ("query", "key", "value")},
    "output.weight": (1, 1),
    **{f"self.{part}.weight": (0, 1) for part in ("query", "key", "value")},
    **{f"self.{part}.bias": (0, 1) for part in ("query", "key", "value")},
    "output.dense.weight": (1, 1),
    "c_attn.weight": (1, 3),
    "c_attn.bias": (0, 3),
    "c_proj.weight": (0, 1),
}


@dataclass(frozen=True)
class Part:
    """A layer, or a head of it, both counted from 1, and its `weights`: (parameters,) bool."""

    layer: int
    head: int | None
    weights: Tensor


def parts_of(shapes: Shapes, kinds: Sequence[str], heads: int) -> list[Part]:
    """Return all parts of a model of the given kinds, `layers` and `heads`.

    `shapes` are `ModuleStack.shapes`, `heads` how many of them a layer has. Raises `ConfigError`
    if the names of parameters tell of no such parts.
    """
    found: list[Part] = []
    if "layers" in kinds:
        found += _layers(shapes)
    if "heads" in kinds:
        found += _heads(shapes, heads)
    return found


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

    `attention` is the name of an attention in the model: of its queries, keys and values the head's
    rows (with their biases), of its output the head's columns, or the other way round in GPT-2,
    whose matrices are transposed. `head` counts from 0. Raises `ConfigError` if there is no such
    attention or head.
    """
    if not 0 <= head < heads:
        raise ConfigError(f"refined coefficient: there is no head {head} among {heads}.")
    parts, there = [], False
    for name, shape in shapes.items():
        own = torch.zeros(shape, dtype=torch.bool)
        rest = name.removeprefix(f"{attention}.")
        if rest != name and rest in OF_HEADS:
            there = True
            dimension, maps = OF_HEADS[rest]
            own.unflatten(dimension, (maps, heads, -1)).select(dimension + 1, head).fill_(True)
        parts.append(own.flatten())
    if not there:
        raise ConfigError(f"refined coefficient: the model has no attention named {attention}.")
    return torch.cat(parts)


def _layers(shapes: Shapes) -> Iterator[Part]:
    numbers = {name: int(found[1]) for name in shapes if (found := LAYER.search(name))}
    if not numbers:
        raise _none_told("layers", shapes)
    for number in sorted(set(numbers.values())):
        own = {name for name in numbers if numbers[name] == number}
        yield Part(number + 1, None, weights_named(shapes, own.__contains__))


def _heads(shapes: Shapes, heads: int) -> Iterator[Part]:
    matches = [found for name in shapes if (found := ATTENTION.fullmatch(name))]
    attentions = dict.fromkeys(found[1] for found in matches if found[2] in OF_HEADS)
    if not attentions:
        raise _none_told("heads", shapes)
    for layer, attention in enumerate(attentions, start=1):
        for head in range(heads):
            yield Part(layer, head + 1, weights_of_head(shapes, attention, head, heads))


def _none_told(kind: str, shapes: Shapes) -> ConfigError:
    return ConfigError(
        f"refined coefficient: the names of the model's parameters ({', '.join(list(shapes)[:3])}, "
        f"...) tell of no {kind}. Leave {kind} out of refined.parts."
    )
