"""A module of a model that computes something else for a while."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def computes(module: Any, function: Callable[..., Any]) -> Iterator[None]:
    """Have this module call `function` in place of its class's `forward` in the block.

    A module may have a `forward` of its own already (`has_own_forward`), as wrappers give it: that
    is not called within the block, and there again after it.
    """
    own = vars(module).get("forward")
    module.forward = function
    try:
        yield
    finally:
        del module.forward
        if own is not None:
            module.forward = own


def has_own_forward(module: Any) -> bool:
    """Say whether somebody has put a function in front of the `forward` of the module's class."""
    return "forward" in vars(module)
