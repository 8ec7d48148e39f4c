"""The data of an empirical loss: examples, and the batches that chains draw of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Examples:
    """The examples that the empirical loss L_n is the mean over: tensors (n, ...) by name."""

    tensors: Mapping[str, Tensor]

    def __len__(self) -> int:
        """Return n, the number of examples."""
        return len(next(iter(self.tensors.values())))

    def take(self, rows: Tensor) -> dict[str, Tensor]:
        """Return examples by their numbers, `rows` of any shape: tensors (*rows.shape, ...)."""
        return {name: values[rows] for name, values in self.tensors.items()}

    def to(self, device: torch.device | str) -> "Examples":
        """Return the examples on a device."""
        return Examples({name: values.to(device) for name, values in self.tensors.items()})


def draw_rows(generators: Sequence[torch.Generator], examples: int, size: int) -> Tensor:
    """Return the numbers of a batch's examples for each chain, (chains, size), on the CPU.

    With replacement, each chain's from its own generator: an unbiased sample of the empirical loss
    at every step, whatever came before.
    """
    return torch.stack(
        [torch.randint(examples, (size,), generator=generator) for generator in generators]
    )
