"""Random numbers of a member's own: the same whoever else is in the stack."""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor


def random_stream(seed: int, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator that depends on a seed and on what its numbers are for.

    The streams of two purposes, or two seeds, have nothing to do with each other. A GPU's
    generator gives other numbers than a CPU's.
    """
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    generator = torch.Generator(device)
    generator.manual_seed(int.from_bytes(digest[:8], "little") >> 1)
    return generator


def uniform(generators: Sequence[torch.Generator], shape: Sequence[int]) -> Tensor:
    """Return numbers from [0, 1), (members, *shape), each member's from its own generator."""
    numbers = torch.empty((len(generators), *shape), device=generators[0].device)
    for row, generator in zip(numbers, generators, strict=True):
        row.uniform_(generator=generator)
    return numbers


def normal(generators: Sequence[torch.Generator], shape: Sequence[int]) -> Tensor:
    """Return standard normal numbers, (members, *shape), each member's from its own generator."""
    numbers = torch.empty((len(generators), *shape), device=generators[0].device)
    for row, generator in zip(numbers, generators, strict=True):
        row.normal_(generator=generator)
    return numbers


def draw_mask(generators: Sequence[torch.Generator], share: float, shape: Sequence[int]) -> Tensor:
    """Return a mask of dropout, (members, *shape), each member's from its own generator.

    Its entries are 0 with probability `share`, which is below 1, else 1 / (1 - share).
    """
    mask = torch.empty((len(generators), *shape), device=generators[0].device)
    for row, generator in zip(mask, generators, strict=True):
        row.bernoulli_(1 - share, generator=generator)
    return mask.div_(1 - share)


class Dropout:
    """Draws what is dropped, each member from its own generator (`draw_mask`).

    With a share of 0, or no generators, nothing is drawn and the mask is None.
    """

    def __init__(self, share: float, generators: Sequence[torch.Generator] | None) -> None:
        """Take the share to drop, and a generator for each member."""
        self.share = share if generators else 0.0
        self.generators = generators or []

    def mask(self, *shape: int) -> Tensor | None:
        """Return the next mask, (members, *shape), or None if nothing is dropped."""
        if self.share == 0:
            return None
        return draw_mask(self.generators, self.share, shape)
