"""A stack: the parameters of many models of one shape, in one buffer."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import torch
from torch import Tensor

Shapes = Mapping[str, tuple[int, ...]]


class Stack(ABC):
    """Parameters of many models, `flat` (members, parameters), and room for their gradients.

    `shapes` are those of the parameters in one model, by name, in the order in which they lie in
    `flat`. `parameters` and `gradients` show both as views (members, *shape) of the buffers: what
    is written there is written in the model. What the models are, and how their losses come about,
    is the business of the stack's kind.
    """

    def __init__(self, shapes: Shapes, flat: Tensor) -> None:
        """Take `flat` (members, parameters) as it is."""
        size = sum(math.prod(shape) for shape in shapes.values())
        if flat.ndim != 2 or flat.shape[1] != size or not len(flat):
            raise ValueError(
                f"parameters {tuple(flat.shape)}; expected at least one member of {size}"
            )
        self.shapes = dict(shapes)
        self.flat = flat

    @abstractmethod
    def losses_and_gradients(
        self,
        batch: Any,
        dropout: Sequence[torch.Generator] | None = None,
        *,
        carried: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Return each member's loss (members,), and write `gradients`, each member's own.

        With `dropout`, a generator for each member, activations are dropped as the models say, by
        masks of the member's own; without, none are. `carried` are tensors (members, ...) that go
        from update to update, such as the states of a recurrence: the loss is computed from them,
        and they are overwritten by what it makes of them. A member whose loss isn't a number
        changes nothing for the others.
        """

    @abstractmethod
    def losses(self, batch: Any, *, carried: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return each member's loss (members,), nothing dropped, and nothing written."""

    @abstractmethod
    def _with(self, flat: Tensor, members: Sequence[int]) -> Self:
        """Return a stack of the same kind, with parameters of its own, of these members of it."""

    @abstractmethod
    def description(self) -> dict[str, Any]:
        """Return what the members are, all alike, in terms of JSON."""

    def member_description(self, member: int) -> dict[str, Any]:
        """Return what a member is besides that, in terms of JSON; nothing, if it isn't said."""
        return {}

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self.flat)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.flat.device

    def to(self, device: torch.device | str) -> Self:
        """Return the stack on a device; the same stack if it is there."""
        if torch.device(device) == self.device:
            return self
        return self._with(self.flat.to(device), range(len(self)))

    def take(self, members: Sequence[int]) -> Self:
        """Return a stack of copies of some members, in the given order; some may come twice."""
        return self._with(self.flat[torch.tensor(list(members), device=self.device)], members)

    @cached_property
    def flat_gradients(self) -> Tensor:
        """Room for the gradients (members, parameters), zero until they are first computed."""
        return torch.zeros_like(self.flat)

    @cached_property
    def parameters(self) -> dict[str, Tensor]:
        """Each parameter, (members, *shape), by its name."""
        return self.named(self.flat)

    @cached_property
    def gradients(self) -> dict[str, Tensor]:
        """Each parameter's gradient, (members, *shape), by its name."""
        return self.named(self.flat_gradients)

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Show a buffer shaped as `flat`, such as an optimiser's, by the parameters' names."""
        return named(self.shapes, flat)

    def redraw(
        self,
        parameter: str,
        member: int,
        generator: torch.Generator,
        deviation: float,
        rows: Tensor | None = None,
    ) -> None:
        """Draw rows of a member's parameter again, in place: normal, with this deviation.

        All rows, or `rows` (count,), their numbers.
        """
        values = self.parameters[parameter][member]
        index = torch.arange(len(values)) if rows is None else rows
        drawn = torch.empty(len(index), *values.shape[1:], device=generator.device)
        drawn.normal_(0, deviation, generator=generator)
        values[index.to(self.device)] = drawn.to(values)


def named(shapes: Shapes, flat: Tensor) -> dict[str, Tensor]:
    """Show a buffer (members, parameters) as parameters (members, *shape), in order."""
    found, start = {}, 0
    for name, shape in shapes.items():
        size = math.prod(shape)
        found[name] = flat[:, start : start + size].view(len(flat), *shape)
        start += size
    return found
