"""Optimisers for stacks: each member with its own learning rate, state and clipping."""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Self

import torch
from torch import Tensor
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from ontogeny.ensemble.stack import Stack
from ontogeny.workers import in_parallel, split

Decays = Callable[[str, tuple[int, ...]], bool]


def decay_everything(name: str, shape: tuple[int, ...]) -> bool:
    """Say that every parameter decays."""
    return True


def decay_matrices_only(name: str, shape: tuple[int, ...]) -> bool:
    """Say that weights and embeddings decay; biases and the gains of normalisation don't."""
    return len(shape) > 1


class Optimiser(ABC):
    """What the optimisers of a stack have in common.

    `moments` are tensors (members, parameters), as `stack.flat`, by name: what is kept of the
    gradients of earlier updates. `updates` (members,) counts each member's. Weight decay shrinks
    every parameter, except those for which `decays` is False: a function of the parameter's name
    and shape (`decay_matrices_only` is one). With `max_gradient_norm`, a member whose gradient's
    norm is larger has it scaled down to that, as `torch.nn.utils.clip_grad_norm_` does.
    """

    def __init__(
        self,
        stack: Stack,
        moments: Sequence[str],
        *,
        weight_decay: float,
        decays: Decays,
        max_gradient_norm: float | None,
    ) -> None:
        """Start with moments of zero, for the members of `stack`."""
        self.max_gradient_norm = max_gradient_norm
        self.moments = {name: torch.zeros_like(stack.flat) for name in moments}
        self.updates = torch.zeros(len(stack), device=stack.device)
        self._ranges = _decay_ranges(stack, decays, weight_decay)

    @abstractmethod
    def _apply(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        moments: dict[str, list[Tensor]],
        updates: list[Tensor],
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        """Update parameters and moments, each a list of tensors (parameters,) of some members.

        `updates` are copies of their counts, which may be overwritten.
        """

    def step(self, stack: Stack, learning_rates: Sequence[float]) -> None:
        """Update the stack by its gradients, each member with its own learning rate.

        Members with equal learning rates are updated in one go.
        """
        if self.max_gradient_norm is not None:
            norms = torch.linalg.vector_norm(stack.flat_gradients, dim=1, keepdim=True)
            stack.flat_gradients.mul_((self.max_gradient_norm / (norms + 1e-6)).clamp_max(1))
        in_parallel(
            lambda members: self._update(stack, members, learning_rates),
            split(len(stack), len(stack), stack.device),
            stack.device,
        )
        self.updates += 1

    def _update(self, stack: Stack, members: range, learning_rates: Sequence[float]) -> None:
        order = sorted(members, key=lambda member: learning_rates[member])
        for rate, group in groupby(order, key=lambda member: learning_rates[member]):
            alike = list(group)
            for first, last, decay in self._ranges:

                def rows(
                    buffer: Tensor, some: list[int] = alike, first: int = first, last: int = last
                ) -> list[Tensor]:
                    return [buffer[member, first:last] for member in some]

                self._apply(
                    rows(stack.flat),
                    rows(stack.flat_gradients),
                    {name: rows(moment) for name, moment in self.moments.items()},
                    # Each range counts for itself; the count proper goes up in `step`.
                    list(self.updates[alike].unbind()),
                    rate,
                    decay,
                )

    def take(self, members: Sequence[int]) -> Self:
        """Return the optimiser of some members."""
        taken = copy.copy(self)
        index = torch.tensor(list(members), device=self.updates.device)
        taken.moments = {name: moment[index] for name, moment in self.moments.items()}
        taken.updates = self.updates[index]
        return taken

    def forget(self, stack: Stack, parameter: str, member: int, rows: Tensor | None = None) -> None:
        """Set the moments of a member's parameter to zero, as if it had never been updated.

        Of all rows, or of `rows` (count,), their numbers. The count of updates stays, and with it
        AdamW's correction of the moments' bias: the first update afterwards is larger than usual,
        by up to (1 - beta1) / sqrt(1 - beta2), which is 3.2 by default.
        """
        index = slice(None) if rows is None else rows.to(stack.device)
        for moment in self.moments.values():
            stack.named(moment)[parameter][member, index] = 0


class AdamW(Optimiser):
    """AdamW (Loshchilov and Hutter 2019), equal to `torch.optim.AdamW` for each member.

    Weight decay shrinks parameters by learning rate times `weight_decay`, as
    `torch.optim.AdamW(model.parameters())` does. The moments are `first_moment` and
    `second_moment`.
    """

    def __init__(
        self,
        stack: Stack,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        decays: Decays = decay_everything,
        max_gradient_norm: float | None = None,
    ) -> None:
        """Start with moments of zero, for the members of `stack`."""
        super().__init__(
            stack,
            ("first_moment", "second_moment"),
            weight_decay=weight_decay,
            decays=decays,
            max_gradient_norm=max_gradient_norm,
        )
        self.betas, self.epsilon = betas, epsilon

    def _apply(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        moments: dict[str, list[Tensor]],
        updates: list[Tensor],
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        adamw(
            parameters,
            gradients,
            moments["first_moment"],
            moments["second_moment"],
            [],
            updates,
            fused=True,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=learning_rate,
            weight_decay=weight_decay,
            eps=self.epsilon,
            maximize=False,
        )


class SGD(Optimiser):
    """Stochastic gradient descent, equal to `torch.optim.SGD` for each member.

    With `momentum`, the moment `velocity` is momentum times itself plus the gradient (Sutskever et
    al. 2013, as PyTorch has it), and takes the gradient's place; without, no moments are kept.
    `weight_decay` times the parameter is added to the clipped gradient.
    """

    def __init__(
        self,
        stack: Stack,
        *,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        decays: Decays = decay_everything,
        max_gradient_norm: float | None = None,
    ) -> None:
        """Start at rest, for the members of `stack`."""
        super().__init__(
            stack,
            ("velocity",) if momentum else (),
            weight_decay=weight_decay,
            decays=decays,
            max_gradient_norm=max_gradient_norm,
        )
        self.momentum = momentum

    def _apply(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        moments: dict[str, list[Tensor]],
        updates: list[Tensor],
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        sgd(
            parameters,
            gradients,
            list(moments.get("velocity", [None] * len(parameters))),
            fused=True,
            weight_decay=weight_decay,
            momentum=self.momentum,
            lr=learning_rate,
            dampening=0,
            nesterov=False,
            maximize=False,
        )


def _decay_ranges(
    stack: Stack, decays: Decays, weight_decay: float
) -> list[tuple[int, int, float]]:
    """Return the columns of `flat` that decay alike, next to each other: first, last, decay."""
    sizes = [(decays(name, shape), math.prod(shape)) for name, shape in stack.shapes.items()]
    ranges, start = [], 0
    for decay, group in groupby(sizes, key=lambda entry: entry[0]):
        size = sum(numbers for _, numbers in group)
        ranges.append((start, start + size, weight_decay if decay else 0.0))
        start += size
    return ranges
