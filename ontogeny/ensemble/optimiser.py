"""AdamW for a stack: each member with its own learning rate, step count and clipping."""

from collections.abc import Callable, Collection, Sequence
from itertools import groupby

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from ontogeny.ensemble.architecture import WORD_EMBEDDINGS
from ontogeny.ensemble.stack import Stack
from ontogeny.workers import in_parallel, split


class AdamW:
    """AdamW (Loshchilov and Hutter 2019), equal to `torch.optim.AdamW` for each member.

    `first_moment` and `second_moment` are (members, parameters), as `stack.flat`; `updates` counts
    each member's (members,). Weight decay shrinks every parameter by learning rate times
    `weight_decay`, as `torch.optim.AdamW(model.parameters())` does, except those for which
    `decays` is False: a function of the name in transformers (`decay_matrices_only` is one).
    With `max_gradient_norm`, a member whose gradient's norm is larger has it scaled down to that,
    as `torch.nn.utils.clip_grad_norm_` does.
    """

    def __init__(
        self,
        stack: Stack,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        decays: Callable[[str], bool] = lambda name: True,
        max_gradient_norm: float | None = None,
    ) -> None:
        """Start with moments of zero, for the members of `stack`."""
        self.betas, self.epsilon, self.weight_decay = betas, epsilon, weight_decay
        self.decays, self.max_gradient_norm = decays, max_gradient_norm
        self.first_moment = torch.zeros_like(stack.flat)
        self.second_moment = torch.zeros_like(stack.flat)
        self.updates = torch.zeros(len(stack), device=stack.device)
        self._ranges = _decay_ranges(stack, decays, weight_decay)

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
                adamw(
                    _rows(stack.flat, alike, first, last),
                    _rows(stack.flat_gradients, alike, first, last),
                    _rows(self.first_moment, alike, first, last),
                    _rows(self.second_moment, alike, first, last),
                    [],
                    # Each range counts for itself; the count proper goes up in `step`.
                    list(self.updates[alike].unbind()),
                    fused=True,
                    amsgrad=False,
                    beta1=self.betas[0],
                    beta2=self.betas[1],
                    lr=rate,
                    weight_decay=decay,
                    eps=self.epsilon,
                    maximize=False,
                )

    def take(self, members: Sequence[int], stack: Stack) -> "AdamW":
        """Return the optimiser of some members, whose stack is given."""
        taken = AdamW(
            stack,
            betas=self.betas,
            epsilon=self.epsilon,
            weight_decay=self.weight_decay,
            decays=self.decays,
            max_gradient_norm=self.max_gradient_norm,
        )
        index = torch.tensor(list(members), device=stack.device)
        taken.first_moment = self.first_moment[index]
        taken.second_moment = self.second_moment[index]
        taken.updates = self.updates[index]
        return taken

    def forget_embeddings(
        self, stack: Stack, members: Sequence[int], tokens: Tensor | None = None
    ) -> None:
        """Set the moments of token embeddings to zero, for some members, as if never updated.

        Of all tokens, or of `tokens` (count,), ids. The count of updates stays, and with it the
        correction of the moments' bias: the first update afterwards is larger than usual, by up to
        (1 - beta1) / sqrt(1 - beta2), which is 3.2 by default.
        """
        index = torch.arange(stack.architecture.vocabulary) if tokens is None else tokens
        chosen = torch.tensor(list(members), device=stack.device)[:, None]
        for moment in (self.first_moment, self.second_moment):
            stack.named(moment)[WORD_EMBEDDINGS][chosen, index.to(stack.device)] = 0


def decay_matrices_only(name: str) -> bool:
    """Say that weights and embeddings decay; biases and layer normalisation don't."""
    return name.endswith(".weight") and "LayerNorm" not in name


def _rows(buffer: Tensor, members: Collection[int], first: int, last: int) -> list[Tensor]:
    return [buffer[member, first:last] for member in members]


def _decay_ranges(
    stack: Stack, decays: Callable[[str], bool], weight_decay: float
) -> list[tuple[int, int, float]]:
    """Return the columns of `flat` that decay alike, next to each other: first, last, decay."""
    sizes = [(decays(name), values[0].numel()) for name, values in stack.named(stack.flat).items()]
    ranges, start = [], 0
    for decay, group in groupby(sizes, key=lambda entry: entry[0]):
        size = sum(numbers for _, numbers in group)
        ranges.append((start, start + size, weight_decay if decay else 0.0))
        start += size
    return ranges
