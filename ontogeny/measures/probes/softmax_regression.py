"""Many multinomial logistic regressions on the same words, side by side in one matrix.

Shapes use `layers`, `words`, `width`, `tasks`, and `columns`, the classes of all tasks together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class Tasks:
    """What the probes have to tell: the words' labels, as columns of one matrix of logits.

    `sizes` counts the columns of each task. `gold` (tasks, words) is the column of each word's
    label, `weight` (tasks, words) is one over the number of words that count for the task, and
    zero where the word doesn't count (its `gold` may be any column of the task).
    """

    sizes: tuple[int, ...]
    gold: Tensor
    weight: Tensor

    @cached_property
    def column_task(self) -> Tensor:
        """The task of each column; shape (columns,)."""
        sizes = torch.tensor(self.sizes, device=self.gold.device)
        return torch.arange(len(self.sizes), device=sizes.device).repeat_interleave(sizes)

    @cached_property
    def membership(self) -> Tensor:
        """One where a column belongs to a task, else zero; shape (columns, tasks), float32."""
        return torch.nn.functional.one_hot(self.column_task, len(self.sizes)).float()

    def take(self, tasks: Sequence[int]) -> "Tasks":
        """Return some of the tasks, in the order given, with their columns counted anew."""
        first = torch.tensor([sum(self.sizes[:task]) for task in tasks], device=self.gold.device)
        sizes = tuple(self.sizes[task] for task in tasks)
        again = torch.tensor([sum(sizes[:i]) for i in range(len(sizes))], device=first.device)
        index = torch.tensor(tasks, device=first.device)
        gold = self.gold[index] + (again - first)[:, None]
        return Tasks(sizes, gold, self.weight[index])

    def log_prior(self) -> Tensor:
        """Return the log share of each column among its task's words; shape (columns,).

        With zero weights these biases are optimal, so the search starts there.
        """
        counts = torch.zeros(sum(self.sizes), dtype=torch.float64, device=self.gold.device)
        for gold, weight in zip(self.gold, self.weight, strict=True):
            counts += torch.bincount(gold[weight > 0], minlength=len(counts))
        total = (counts.float() @ self.membership)[self.column_task]
        return (counts.float() / total).log()


def cross_entropy(logits: Tensor, tasks: Tasks) -> tuple[Tensor, Tensor, Tensor]:
    """Return each task's mean cross-entropy, its derivative, and the columns' mean curvature.

    `logits` has the shape (layers, columns, words). The cross-entropy, (layers, tasks) in float64,
    is a mean over the words that count; its derivative is by the logits and has their shape; the
    curvature, (layers, columns), is the mean over these words of p (1 - p), where p is the
    predicted probability of the column.
    """
    layers, _, words = logits.shape
    weight = tasks.weight
    gold = tasks.gold.expand(layers, -1, -1)
    losses = []
    residual = torch.empty_like(logits)
    blocks = zip(logits.split(tasks.sizes, 1), residual.split(tasks.sizes, 1), strict=True)
    for task, (block, probability) in enumerate(blocks):
        highest = block.amax(1, keepdim=True)
        torch.sub(block, highest, out=probability).exp_()
        total = probability.sum(1, keepdim=True)
        # Float64 for the sum over words: the line search compares losses that differ by little.
        losses.append(
            (total.log_().add_(highest)[:, 0] * weight[task]).sum(-1, dtype=torch.float64)
        )
        probability.mul_(weight[task] / total.sub_(highest).exp_())
    loss = torch.stack(losses, 1) - (logits.gather(1, gold) * weight).sum(-1, dtype=torch.float64)
    counted = 1 / weight.amax(1).clamp_min(torch.finfo(weight.dtype).tiny)
    square = torch.linalg.vector_norm(residual, dim=-1).square()
    curvature = residual.sum(-1) - counted[tasks.column_task] * square
    residual.scatter_add_(1, gold, -weight.expand(layers, -1, words))
    return loss, residual, curvature
