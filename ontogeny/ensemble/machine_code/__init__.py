"""Losses and gradients of BERTs in machine code, for the commonest case on a CPU.

A small model's update is many small steps, of which PyTorch makes a pass over memory, and a call,
each. Here numba compiles the whole of a member's update, few enough sequences at a time that what
they need stays in the caches; matrices are multiplied by BLAS. The case: single precision, one
head, no padding, the same positions in all sequences, with dropout or without.
`ontogeny.ensemble.bert` computes everything else in PyTorch. Nothing outside of ensembles is in
machine code.

Compiling takes up to twenty seconds, once for each kind of processor: the result is kept where
`NUMBA_CACHE_DIR` says, beside the sources, or in the user's cache directory.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogeny.ensemble.bert.head import NO_LABEL
from ontogeny.ensemble.machine_code.dropout import draw, mask_entries
from ontogeny.ensemble.machine_code.member import loss_and_gradients
from ontogeny.ensemble.machine_code.parameters import Sizes
from ontogeny.ensemble.machine_code.products import one_thread_in_products
from ontogeny.workers import in_parallel

if TYPE_CHECKING:
    from ontogeny.ensemble.bert.objective import Batch
    from ontogeny.ensemble.bert.stack import BertStack

# Tokens that go through the model together: activations of a layer that fit the caches of a core.
TOKENS_AT_ONCE = 128
# More of them with a large vocabulary, since each time the gradient of all embeddings is added to.
EMBEDDINGS_A_TOKEN = 40


def is_possible(stack: "BertStack", batch: "Batch") -> bool:
    """Say whether the case is the one that machine code is for."""
    return (
        stack.device.type == "cpu"
        and stack.flat.dtype == torch.float32
        and stack.flat.is_contiguous()
        and stack.architecture.heads == 1
        and batch.visible is None
        and batch.positions.ndim == 1
    )


def losses_and_gradients(
    stack: "BertStack", batch: "Batch", dropout: Sequence[torch.Generator] | None = None
) -> Tensor:
    """Do as `BertStack.losses_and_gradients`, each member on one thread.

    What is dropped follows from one number that the member's generator gives, so it is other than
    what PyTorch would drop, by the same law.
    With fewer members than threads some threads have nothing to do. Callers on several threads wait
    for each other. The batch must fit the stack. Raises IndexError on tokens or positions that
    aren't there.
    """
    _refuse_what_is_not_there(stack, batch)
    architecture = stack.architecture
    sizes = Sizes.of(architecture)
    # One type of integers, so that one version is compiled.
    inputs, labels, positions = (
        ids.to(torch.int64).contiguous().numpy()
        for ids in (batch.inputs, batch.labels, batch.positions)
    )
    tokens = max(TOKENS_AT_ONCE, architecture.vocabulary // EMBEDDINGS_A_TOKEN)
    sequences = inputs.shape[1]
    parts = -(-sequences // max(tokens // inputs.shape[2], 1))
    at_once = -(-sequences // parts)  # equal parts, but for a few sequences
    flat, gradients = stack.flat.numpy(), stack.flat_gradients.numpy()
    drops = dropout is not None and architecture.dropout > 0
    entries = mask_entries(sizes, sequences, inputs.shape[2], len(positions)) if drops else 0

    def masks_of(member: int) -> NDArray[np.float32]:
        masks = np.empty(entries, np.float32)
        if dropout is not None and entries:
            draw(_key(dropout[member]), architecture.dropout, masks)
        return masks

    def work(member: int) -> float:
        return loss_and_gradients(
            flat[member],
            gradients[member],
            sizes,
            stack.vocabularies[member],
            inputs[member],
            positions,
            labels[member],
            masks_of(member),
            at_once,
        )

    with one_thread_in_products():
        found = in_parallel(work, range(len(stack)), stack.device)
    return torch.tensor(np.array(found, np.float32))


def _key(generator: torch.Generator) -> np.uint64:
    """Return the next 63 bits of a generator."""
    return np.uint64(torch.empty((), dtype=torch.int64).random_(generator=generator).item())


def _refuse_what_is_not_there(stack: "BertStack", batch: "Batch") -> None:
    """Raise IndexError where machine code would read beyond the arrays."""
    labels = batch.labels.masked_fill(batch.labels == NO_LABEL, 0)
    most = torch.tensor(stack.architecture.vocabulary)
    for what, numbers, bounds in (
        ("inputs", batch.inputs, most.expand(len(stack))),
        ("labels", labels, torch.tensor(stack.vocabularies)),
        ("positions", batch.positions[None, None], torch.tensor([batch.inputs.shape[2]])),
    ):
        lowest, highest = numbers.amin((1, 2)), numbers.amax((1, 2))
        wrong = (lowest < 0) | (highest >= bounds)
        if wrong.any():
            member = int(wrong.nonzero()[0])
            raise IndexError(
                f"member {member}: its {what} go from {lowest[member]} to {highest[member]}; "
                f"expected 0 to below {bounds[member]}"
            )
