"""What the rest of the project knows of an architecture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ontogeny.errors import ConfigError

WHOLE = ("vocabulary_size", "positions", "layers", "heads", "width", "feedforward")
SHARES = ("dropout",)
ABOVE_ZERO = ("initial_deviation",)
MAY_BE_LEFT_OPEN = ("feedforward",)


@dataclass(frozen=True)
class Architecture:
    """An architecture that can be trained here.

    - `objective`: `masked` (words hidden at random are predicted from both sides) or `causal` (each
      word is predicted from those before it).
    - `sizes`: the keys of a recipe that make its model, each with its default. Keys of other
      architectures' models mean nothing to it, and are refused by name.
    - `config` returns the configuration of a model, of `vocabulary_size`, `positions` (the longest
      sequence in tokens), `sizes` and ids of special tokens.
    - `weights` returns how many parameters such a model has, about: of `vocabulary_size`,
      `positions` and `sizes`.
    - `training`: the defaults of those other keys of a recipe that aren't the same for most.
    - `attention`: whether its words attend to each other.
    - `recurrent`: whether a state goes from token to token, so that it reads text of any length,
      and text that goes on where it stopped.
    - `register` tells transformers' Auto classes of the model, unless it is one of transformers.
    """

    objective: str
    sizes: Mapping[str, Any]
    config: Callable[..., Any]
    weights: Callable[..., int]
    training: Mapping[str, Any] = field(default_factory=dict)
    attention: bool = True
    recurrent: bool = False
    register: Callable[[], None] | None = None


def check_sizes(sizes: Mapping[str, Any]) -> None:
    """Raise `ConfigError` that names the key if a size can't be."""
    for key, size in sizes.items():
        if size is None and key in MAY_BE_LEFT_OPEN:
            continue
        whole = isinstance(size, int) and not isinstance(size, bool)
        if key in WHOLE and (not whole or size < 1):
            raise ConfigError(f"{key}: is {size!r}; expected a whole number of at least 1.")
        if key in SHARES and not 0 <= size < 1:
            raise ConfigError(f"{key}: is {size!r}; expected a share from 0 to below 1.")
        if key in ABOVE_ZERO and not size > 0:
            raise ConfigError(f"{key}: is {size!r}; expected a number above 0.")
    width, heads = sizes.get("width"), sizes.get("heads")
    if width and heads and width % heads:
        raise ConfigError(
            f"width: is {width}, which {heads} heads can't share evenly; expected a multiple of "
            "heads."
        )
