"""Sentences as batches of tokens: sorted by length, padded, as many as a budget allows."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TOKENS_ON_CPU = 1024  # their activations fit a CPU's caches
TOKENS_ON_ACCELERATOR = 16384


def token_budget(device: torch.device) -> int:
    """Return how many tokens, padding included, a batch on this device has by default."""
    return TOKENS_ON_CPU if device.type == "cpu" else TOKENS_ON_ACCELERATOR


def batches_by_length(lengths: np.ndarray, tokens_per_batch: int) -> Iterator[np.ndarray]:
    """Yield the rows of each batch, longest first; those of length 0 are left out.

    `lengths` has shape (rows,). A batch has as many rows as fit into `tokens_per_batch` when all
    are as long as its first, and at least one. Longest first: a batch that is too large for the
    device's memory fails at once.
    """
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]
    start = 0
    while start < len(order):
        size = max(1, tokens_per_batch // int(lengths[order[start]]))
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
    """Return the token to pad with; any will do, since padding is not attended to."""
    for owner in (tokenizer, model.config):
        padding = getattr(owner, "pad_token_id", None)
        if padding is not None and padding >= 0:
            return int(padding)
    return 0


def ready(model: Any, device: torch.device) -> Any:
    """Return a model on the device, in evaluation mode."""
    return model.to(device).eval()


def model_name(owner: object) -> str:
    """Return what to call a model or tokenizer in a message: its folder, else its class."""
    return str(getattr(owner, "name_or_path", "") or type(owner).__name__)
