"""Random numbers and laws of a sweep's members, each member's from its seed and condition alone."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from ontogeny.ensemble.random_streams import random_stream
from ontogeny.studies.strategies.conditions import Member, types_of_class
from ontogeny.studies.strategies.distributions import (
    rank_probabilities,
    redrawn_probabilities,
    switch_probabilities,
)
from ontogeny.studies.strategies.task import Laws

BLOCK = 32  # updates whose numbers are drawn at once: a call to a generator costs more than they do


def stream(member: Member, purpose: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a member's generator for one purpose.

    It depends on the member's seed, not on its condition: so conditions are compared on the same
    initial weights and the same luck.
    """
    return random_stream(member.seed, f"strategies {purpose}", device)


def laws_of(members: Sequence[Member], switching: str, zipf: str = "exact") -> Laws:
    """Return what members of one vocabulary draw from, on the CPU."""
    types = types_of_class(members[0].vocabulary)
    probabilities = [rank_probabilities(types, member.alpha, zipf) for member in members]
    switch = [
        switch_probabilities(types, m.ambiguity, switching, stream(m, "ambiguous types"))
        for m in members
    ]
    redrawn = None
    if switching == "redrawn":
        pairs = zip(members, switch, strict=True)
        redrawn = torch.stack([redrawn_probabilities(s, m.alpha, zipf) for m, s in pairs])
    return Laws(torch.stack(probabilities), torch.stack(switch), redrawn)


class NumberStream:
    """The uniform numbers of training: (members, numbers, batch) float64 for each update.

    They are a function of the member's seed and the update alone, so a training that resumes, in
    whatever company, goes on with the numbers it would have had.
    """

    def __init__(
        self, members: Sequence[Member], numbers: int, batch_size: int, device: torch.device | str
    ) -> None:
        """Prepare the streams of these members, of so many numbers for each sequence."""
        self.members, self.device = members, device
        self.shape = (BLOCK, numbers, batch_size)
        self.number, self.block = -1, torch.empty(0)

    def at(self, update: int) -> Tensor:
        """Return the numbers of an update; cheapest for updates in order."""
        number, place = divmod(update, BLOCK)
        if number != self.number:
            draw = partial(uniform, shape=self.shape, device=self.device)
            purpose = f"training {number}"
            self.block = torch.stack(
                [draw(stream(member, purpose, self.device)) for member in self.members], 1
            )
            self.number = number
        return self.block[place]


def uniform(
    generator: torch.Generator, shape: Sequence[int], device: torch.device | str = "cpu"
) -> Tensor:
    """Return numbers from [0, 1), float64: a law over 10,000 types needs more than 24 bits."""
    return torch.rand(*shape, generator=generator, device=device, dtype=torch.float64)
