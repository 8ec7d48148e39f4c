"""The loss of language models, masked or causal, as chains read it (`sampling.ExampleLosses`).

An example is a sequence of tokens, padded at its end; what nothing hides or follows isn't
predicted. Nothing here looks at the data in Python, so many models can be computed at once.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ontogeny.ensemble import additive_mask
from ontogeny.errors import CorpusError
from ontogeny.measures.learning_coefficient.examples import Examples

NOTHING = -100  # the label of what isn't predicted


def causal_examples(tokens: Tensor, attended: Tensor) -> Examples:
    """Return sequences (n, longest) for a causal model; `attended` is False at padding.

    Raises `CorpusError` if a sequence has no second token, so that it has nothing to predict.
    """
    labels = torch.full_like(tokens, NOTHING)
    labels[:, :-1] = torch.where(attended[:, 1:], tokens[:, 1:], NOTHING)
    _refuse_empty(labels, "two tokens")
    return Examples({"inputs": tokens, "labels": labels, "attended": attended.long()})


def causal_losses(model: Any, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return each sequence's summed loss, in nats, and how many tokens it predicts, (batch,)."""
    logits = model(input_ids=batch["inputs"], attention_mask=batch["attended"]).logits
    return _sums(logits, batch["labels"])


def masked_examples(
    tokens: Tensor,
    attended: Tensor,
    hideable: Tensor,
    mask: int,
    share: float,
    generator: torch.Generator,
) -> Examples:
    """Return sequences (n, longest) with tokens hidden, for a masked model.

    Of the tokens that are `hideable` (n, longest), bool, each is replaced by `mask` with
    probability `share`, once and for all: the loss is a function of the weights alone. In a
    sequence where none is drawn, the first that can be is hidden. Raises `CorpusError` if in some
    sequence none can be.
    """
    drawn = torch.rand(tokens.shape, generator=generator) < share
    hidden = hideable & drawn
    first = hideable & (hideable.cumsum(1) == 1)
    hidden |= first & ~hidden.any(1, keepdim=True)
    labels = torch.where(hidden, tokens, NOTHING)
    _refuse_empty(labels, "a token that can be hidden")
    inputs = tokens.masked_fill(hidden, mask)
    return Examples({"inputs": inputs, "labels": labels, "attended": attended.long()})


def masked_losses(model: Any, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return each sequence's summed loss, in nats, and how many tokens it predicts, (batch,)."""
    mask = additive_mask(batch["attended"])
    logits = model(input_ids=batch["inputs"], attention_mask=mask).logits
    return _sums(logits, batch["labels"])


def _sums(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    # Flat: over a dimension in the middle PyTorch's softmax takes several times as long.
    losses = cross_entropy(
        logits.flatten(0, 1), labels.flatten(), reduction="none", ignore_index=NOTHING
    ).view(labels.shape)
    return losses.sum(1), (labels != NOTHING).sum(1).to(losses.dtype)


def _refuse_empty(labels: Tensor, expected: str) -> None:
    empty = (labels == NOTHING).all(1)
    if empty.any():
        raise CorpusError(
            f"sequence {int(empty.nonzero()[0])} of {len(labels)} has nothing to predict; expected "
            f"{expected} in each."
        )
