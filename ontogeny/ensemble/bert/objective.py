"""Losses, gradients, logits and hidden states of every member of a stack."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ontogeny.ensemble.bert.architecture import Bert, Weights
from ontogeny.ensemble.bert.encoder import (
    EncoderState,
    embed,
    encode,
    encode_backward,
    layer_forward,
)
from ontogeny.ensemble.bert.head import cross_entropy, predict, predict_backward
from ontogeny.ensemble.memory import keep_freed_memory
from ontogeny.ensemble.random_streams import Dropout
from ontogeny.workers import in_parallel, split

if TYPE_CHECKING:
    from ontogeny.ensemble.bert.stack import BertStack

# On a CPU, bytes that the largest activations of a layer or of the head take, for all members that
# go through the model together: few enough for the caches, many enough that the calls don't cost
# more than the work.
LARGEST_ACTIVATIONS = 2**23


@dataclass(frozen=True)
class Batch:
    """What every member of a stack reads and has to predict.

    `inputs` (members, sequences, tokens) are token ids. `positions` are those of the tokens to
    predict: (targets,) where they are the same in all sequences, which is faster, or (members,
    sequences, targets). `labels` (members, sequences, targets) are token ids, `NO_LABEL` where
    nothing is to be predicted. `visible`, shaped as `inputs`, is False at padding, or None.
    """

    inputs: Tensor
    positions: Tensor
    labels: Tensor
    visible: Tensor | None = None

    def of(self, first: int, last: int) -> "Batch":
        """Return the batch of the members from `first` to before `last`."""
        positions = self.positions if self.positions.ndim == 1 else self.positions[first:last]
        visible = None if self.visible is None else self.visible[first:last]
        return Batch(self.inputs[first:last], positions, self.labels[first:last], visible)


class Chunk(NamedTuple):
    """Members that go through the model together."""

    weights: Weights
    gradients: Weights
    unused: Tensor | None
    batch: Batch
    dropout: Dropout


def losses_and_gradients(
    stack: "BertStack",
    batch: Batch,
    dropout: Sequence[torch.Generator] | None = None,
    members_at_once: int | None = None,
    *,
    in_machine_code: bool = True,
) -> Tensor:
    """Return each member's mean cross-entropy (members,), and write `stack.gradients`.

    The gradients are those of the sum of losses, which for each member is that of its own. With
    `dropout`, a generator for each member, activations are dropped as the architecture says;
    without, none are. A member whose loss isn't a number changes nothing for the others.
    `in_machine_code` lets the case that `ontogeny.ensemble.machine_code` is for be computed there,
    each member by itself. Elsewhere `members_at_once` go through the model together: by default
    all, on a CPU as many as keep the largest activations within `LARGEST_ACTIVATIONS`. Raises
    ValueError on shapes that don't fit the stack, and IndexError on tokens or positions that aren't
    there, if machine code would read them; PyTorch sees to itself.
    """
    if stack.device.type == "cpu":
        keep_freed_memory()
    architecture = stack.architecture
    _refuse_misfit(stack, batch)
    if in_machine_code:
        from ontogeny.ensemble import machine_code

        if machine_code.is_possible(stack, batch):
            return machine_code.losses_and_gradients(stack, batch, dropout)

    def work(chunk: Chunk) -> Tensor:
        x, state = _encode(architecture, chunk)
        logits, head_state = predict(
            chunk.weights, x.flatten(1, 2), chunk.unused, architecture.layer_norm_epsilon
        )
        losses, share = cross_entropy(logits, chunk.batch.labels.flatten(1))
        by_rows = predict_backward(chunk.weights, head_state, logits, share, chunk.gradients)
        encode_backward(architecture, chunk.weights, state, by_rows.view_as(x), chunk.gradients)
        return losses

    chunks = _chunks(stack, batch, members_at_once, dropout)
    return torch.cat(in_parallel(work, chunks, stack.device))


def losses(stack: "BertStack", batch: Batch, members_at_once: int | None = None) -> Tensor:
    """Return each member's mean cross-entropy (members,), nothing dropped."""
    found = logits(stack, batch, members_at_once)
    return torch.cat(
        [
            cross_entropy(own[None].flatten(1, 2), labels[None].flatten(1))[0]
            for own, labels in zip(found, batch.labels, strict=True)
        ]
    )


def logits(stack: "BertStack", batch: Batch, members_at_once: int | None = None) -> Tensor:
    """Return the logits at the batch's positions, (members, sequences, targets, vocabulary).

    Nothing is dropped; tokens that a member doesn't have are at minus infinity. The labels don't
    matter.
    """
    architecture = stack.architecture

    def work(chunk: Chunk) -> Tensor:
        x, _ = _encode(architecture, chunk)
        found, _ = predict(
            chunk.weights, x.flatten(1, 2), chunk.unused, architecture.layer_norm_epsilon
        )
        return found[..., : architecture.vocabulary].unflatten(1, x.shape[1:3])

    return torch.cat(in_parallel(work, _chunks(stack, batch, members_at_once), stack.device))


def hidden_states(
    stack: "BertStack",
    inputs: Tensor,
    visible: Tensor | None = None,
    members_at_once: int | None = None,
) -> Tensor:
    """Return the output of every layer, (layers + 1, members, sequences, tokens, width).

    The first is the embedding layer's. `inputs` and `visible` are as in `Batch`; nothing is
    dropped. Equal to transformers' `output_hidden_states`.
    """
    architecture = stack.architecture

    def work(chunk: Chunk) -> Tensor:
        x, _ = embed(
            chunk.weights.embeddings,
            chunk.batch.inputs,
            architecture.layer_norm_epsilon,
            chunk.dropout,
        )
        states = [x]
        for layer in chunk.weights.layers:
            x, _ = layer_forward(architecture, layer, x, chunk.batch.visible, None, chunk.dropout)
            states.append(x)
        return torch.stack(states)

    whole = Batch(inputs, inputs.new_zeros(1), inputs[..., :1], visible)
    return torch.cat(in_parallel(work, _chunks(stack, whole, members_at_once), stack.device), 1)


def _encode(architecture: Bert, chunk: Chunk) -> tuple[Tensor, EncoderState]:
    """Return the last layer's output at the positions to predict, and the state."""
    batch = chunk.batch
    return encode(
        architecture, chunk.weights, batch.inputs, batch.visible, batch.positions, chunk.dropout
    )


def _refuse_misfit(stack: "BertStack", batch: Batch) -> None:
    """Raise ValueError if a batch's shapes don't fit a stack."""
    inputs, labels, positions = batch.inputs, batch.labels, batch.positions
    targets = (*inputs.shape[:2], positions.shape[-1])
    if (
        inputs.ndim != 3
        or 0 in targets
        or inputs.shape[2] == 0
        or len(inputs) != len(stack)
        or inputs.shape[2] > stack.architecture.positions
        or labels.shape != targets
        or (positions.ndim != 1 and positions.shape != targets)
        or (batch.visible is not None and batch.visible.shape != inputs.shape)
    ):
        raise ValueError(
            f"inputs {tuple(inputs.shape)}, positions {tuple(positions.shape)}, labels "
            f"{tuple(labels.shape)}; expected inputs ({len(stack)}, sequences, 1 to "
            f"{stack.architecture.positions} tokens), positions (targets,) or (members, sequences, "
            "targets), labels (members, sequences, targets), visible as inputs"
        )


def _chunks(
    stack: "BertStack",
    batch: Batch,
    members_at_once: int | None,
    dropout: Sequence[torch.Generator] | None = None,
) -> list[Chunk]:
    """Return the stack's members, a few at a time, having checked that the batch fits them."""
    _refuse_misfit(stack, batch)
    size = members_at_once or _members_at_once(stack, batch)
    chunks = []
    for members in split(len(stack), size, stack.device):
        first, last = members.start, members.stop
        chunks.append(
            Chunk(
                stack.weights(first, last),
                stack.weight_gradients(first, last),
                None if stack.unused_tokens is None else stack.unused_tokens[first:last],
                batch.of(first, last),
                Dropout(stack.architecture.dropout, dropout[first:last] if dropout else None),
            )
        )
    return chunks


def _members_at_once(stack: "BertStack", batch: Batch) -> int:
    """Return how many members should go through the model together."""
    if stack.device.type != "cpu":
        return len(stack)
    sequences, tokens = batch.inputs.shape[1:]
    row = max(
        2 * tokens * stack.architecture.feedforward,  # before and after gelu
        batch.positions.shape[-1] * stack.architecture.vocabulary,
    )
    return max(1, LARGEST_ACTIVATIONS // (sequences * row * stack.flat.element_size()))
