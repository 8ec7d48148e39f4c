"""Sentences as batches of tokens: sorted by length, padded, as many as a budget allows."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ontogeny.errors import CheckpointError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TOKENS_ON_CPU = 1024  # their activations fit a CPU's caches
TOKENS_ON_ACCELERATOR = 16384


def token_budget(device: torch.device) -> int:
    """Return how many tokens, padding included, a batch on this device has by default."""
    return TOKENS_ON_CPU if device.type == "cpu" else TOKENS_ON_ACCELERATOR


def batches_by_length(
    lengths: np.ndarray, tokens_per_batch: int, *, unpadded: bool = False
) -> Iterator[np.ndarray]:
    """Yield the rows of each batch, longest first; those of length 0 are left out.

    `lengths` has shape (rows,). A batch has as many rows as fit into `tokens_per_batch` when all
    are as long as its first, and at least one; if it is to be `unpadded`, all are. Longest first: a
    batch that is too large for the device's memory fails at once.
    """
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]
    start = 0
    while start < len(order):
        length = int(lengths[order[start]])
        size = max(1, tokens_per_batch // length)
        if unpadded:
            size = min(size, int((lengths[order[start:]] == length).sum()))
        yield order[start : start + size]
        start += size


def padded(
    flat: np.ndarray, starts: np.ndarray, lengths: np.ndarray, padding: int
) -> tuple[Tensor, Tensor]:
    """Return rows of a flat array, padded, and where they aren't padding.

    Row i is `flat[starts[i] : starts[i] + lengths[i]]`. Both results have shape (rows, longest),
    the first in the type of `flat`, the second bool.
    """
    places = np.arange(lengths.max())
    there = places < lengths[:, None]
    rows = np.full(there.shape, padding, dtype=flat.dtype)
    rows[there] = flat[(starts[:, None] + places)[there]]
    return torch.from_numpy(rows), torch.from_numpy(there)


def padding_id(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int:
    """Return the token to pad with; any will do that has an embedding, since none is attended to.

    A padding token that was added to a tokenizer alone has none.
    """
    for owner in (tokenizer, model.config):
        padding = getattr(owner, "pad_token_id", None)
        if padding is not None and 0 <= padding < embedded_tokens(model):
            return int(padding)
    return 0


def embedded_tokens(model: Any) -> int:
    """Return how many tokens a model has embeddings of.

    Raises `CheckpointError` if it can't be told, as of a model that reads something else.
    """
    try:
        weight = getattr(model.get_input_embeddings(), "weight", None)
    except (AttributeError, NotImplementedError):  # of a model wrapped in something else
        weight = None
    count = getattr(model.config, "vocab_size", None) if weight is None else len(weight)
    if count is None:
        raise CheckpointError(
            f"{model_name(model)}: it can't be told how many tokens its {type(model).__name__} "
            "knows; expected a model of text. Leave the run out."
        )
    return int(count)


def refuse_unknown_tokens(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", ids: np.ndarray
) -> None:
    """Raise `CheckpointError` if a token of a text, of any shape, has no embedding in the model."""
    known = embedded_tokens(model)
    if ids.size and (largest := int(ids.max())) >= known:
        raise CheckpointError(
            f"{model_name(tokenizer)}: its tokenizer gives {tokenizer.decode([largest])!r} the "
            f"number {largest}, but the model has embeddings of {known} tokens; expected the "
            "tokenizer that the model was trained with."
        )


def ready(model: Any, device: torch.device) -> Any:
    """Return a model on the device, in evaluation mode."""
    return model.to(device).eval()


def model_name(owner: object) -> str:
    """Return what to call a model or tokenizer in a message: its folder, else its class."""
    return str(getattr(owner, "name_or_path", "") or type(owner).__name__)
