"""Functions of PyTorch that have to do otherwise where many models are computed at once.

- Dropout: each member's masks come from its own generator, so they are drawn before.
- Embedding: PyTorch's own, of many tables at once, has the first one's gradient alone leave out
  what is read of the padding token.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import dropout, embedding
from torch.overrides import TorchFunctionMode


class Mask(NamedTuple):
    """A mask that dropout needs: the share that it drops, and the mask's shape."""

    share: float
    shape: torch.Size


class Replaced(TorchFunctionMode):
    """Calls the functions here in place of PyTorch's. It slows down all others, if they are short.

    `drop` is called in place of a dropout that would drop. `needed` says whether any was.
    """

    def __init__(self, drop: Callable[[Tensor, float], Tensor]) -> None:
        """Take what is to be done in place of dropout, given its input and share."""
        super().__init__()
        self.drop, self.needed = drop, False

    def __torch_function__(
        self, function: Any, types: Any, arguments: Any = (), options: Any = None
    ) -> Any:
        """Call a function, or the one in its place."""
        own = {dropout: self._dropout, embedding: self._embedding}.get(function, function)
        return own(*arguments, **(options or {}))

    def _dropout(
        self, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        if not training or p == 0:
            return input
        self.needed = True
        return self.drop(input, p)

    def _embedding(
        self, input: Tensor, weight: Tensor, padding_idx: int | None = None, *rest: Any, **more: Any
    ) -> Tensor:
        rows = embedding(input, weight, None, *rest, **more)
        if padding_idx is None:
            return rows
        self.needed = True
        return torch.where((input == padding_idx % len(weight))[..., None], rows.detach(), rows)


@contextmanager
def noting() -> Iterator[tuple[Replaced, list[Mask]]]:
    """Have nothing dropped in the block; yields the mode, and a list that masks needed come to."""
    noted: list[Mask] = []

    def note(values: Tensor, share: float) -> Tensor:
        noted.append(Mask(share, values.shape))
        return values

    with Replaced(note) as mode:
        yield mode, noted


@contextmanager
def dropping_by(masks: Sequence[Tensor]) -> Iterator[None]:
    """Have dropout multiply by these masks in the block, one after the other."""
    following = iter(masks)
    with Replaced(lambda values, share: values * next(following)):
        yield
