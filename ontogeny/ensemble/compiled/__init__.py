"""Losses and gradients in machine code, for the commonest case on a CPU.

A small model's update is many small steps, of which PyTorch makes a pass over memory, and a call,
each. Here numba compiles the whole of a member's update, few enough sequences at a time that what
they need stays in the caches; matrices are multiplied by BLAS. The case: single precision, one
head, nothing dropped, no padding, the same positions in all sequences. `ontogeny.ensemble` computes
everything else in PyTorch.

Compiling takes some ten seconds, once: the result is kept beside the sources, or in the user's
cache directory.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

from ontogeny.ensemble.compiled.member import loss_and_gradients
from ontogeny.ensemble.compiled.parameters import Sizes
from ontogeny.ensemble.workers import in_parallel

if TYPE_CHECKING:
    from ontogeny.ensemble.objective import Batch
    from ontogeny.ensemble.stack import Stack

# Tokens that go through the model together: activations of a layer that fit the caches of a core.
TOKENS_AT_ONCE = 128
# More of them with a large vocabulary, since each time the gradient of all embeddings is added to.
EMBEDDINGS_A_TOKEN = 40


def is_possible(stack: "Stack", batch: "Batch") -> bool:
    """Say whether the case is the one that machine code is for, if nothing is dropped."""
    return (
        stack.device.type == "cpu"
        and stack.flat.dtype == torch.float32
        and stack.architecture.heads == 1
        and batch.visible is None
        and batch.positions.ndim == 1
    )


def losses_and_gradients(stack: "Stack", batch: "Batch") -> Tensor:
    """Do as `ontogeny.ensemble.losses_and_gradients`, each member on one thread.

    The batch must fit the stack. Raises IndexError on tokens or positions that aren't there.
    """
    _refuse_unknown_tokens(stack, batch)
    architecture = stack.architecture
    sizes = Sizes.of(architecture)
    inputs, labels = batch.inputs.contiguous().numpy(), batch.labels.contiguous().numpy()
    positions = batch.positions.contiguous().numpy()
    tokens = max(TOKENS_AT_ONCE, architecture.vocabulary // EMBEDDINGS_A_TOKEN)
    sequences = inputs.shape[1]
    parts = -(-sequences // max(tokens // inputs.shape[2], 1))
    at_once = -(-sequences // parts)  # equal parts, but for a few sequences
    flat, gradients = stack.flat.numpy(), stack.flat_gradients.numpy()

    def work(member: int) -> np.float32:
        return loss_and_gradients(
            flat[member],
            gradients[member],
            sizes,
            stack.vocabularies[member],
            inputs[member],
            positions,
            labels[member],
            at_once,
        )

    with _blas().limit(limits=1):
        found = in_parallel(work, range(len(stack)), stack.device)
    return torch.tensor(np.array(found, np.float32))


def _refuse_unknown_tokens(stack: "Stack", batch: "Batch") -> None:
    """Raise IndexError where machine code would read beyond the arrays."""
    inputs, labels, positions = batch.inputs, batch.labels, batch.positions
    predictable = torch.tensor(stack.vocabularies)
    for what, numbers, bounds in (
        ("inputs", inputs, torch.tensor(stack.architecture.vocabulary)),
        ("labels", labels.clamp_min(0), predictable[:, None, None]),
        ("positions", positions, torch.tensor(inputs.shape[2])),
    ):
        if (numbers < 0).any() or (numbers >= bounds).any():
            raise IndexError(
                f"{what} go from {numbers.min()} to {numbers.max()}; expected 0 to below "
                f"{bounds.min()}"
            )


@cache
def _blas() -> ThreadpoolController:
    """Return what sets the threads of every BLAS that is loaded by now."""
    return ThreadpoolController().select(user_api="blas")
