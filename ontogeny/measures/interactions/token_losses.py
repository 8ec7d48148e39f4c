"""What a language model loses on each of several sentences, and how often it is right."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ontogeny.devices import default_device
from ontogeny.measures.likelihood.predictions import refuse_nan
from ontogeny.measures.likelihood.tokenised import tokenise
from ontogeny.runs.checkpoints.token_batches import (
    batches_by_length,
    model_name,
    padded,
    ready,
    token_budget,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class TokenLosses(NamedTuple):
    """Of each sentence summed loss in nats, right predictions, and predictions, (sentences,)."""

    loss: np.ndarray
    right: np.ndarray
    predictions: np.ndarray


@torch.inference_mode()
def token_losses(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    sentences: Sequence[Sequence[str]],
    *,
    objective: str,
    places: int = 3,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> TokenLosses:
    """Return losses of sentences, each a sequence of words, read by themselves.

    A `causal` model predicts each token from those before it. A `masked` one predicts tokens at
    `places` positions, one masked at a time, all others being seen: the conditionals by which
    clones are sampled. Which positions, drawn with `seed` and with replacement, depends on a
    sentence's number and its number of tokens alone: the same of a sentence and its clones, in all
    checkpoints. Special tokens are never predicted; a sentence that is too long counts 0.

    Raises `CheckpointError` if the tokenizer isn't the model's, or a loss isn't a number.
    """
    device = default_device() if device is None else torch.device(device)
    model, causal = ready(model, device), objective == "causal"
    text = tokenise(model, tokenizer, [" ".join(words) for words in sentences], begin=causal)
    found = TokenLosses(*(np.zeros(len(text.lengths)) for _ in range(3)))
    fractions = np.random.default_rng(seed).random((len(text.lengths), places))
    # Sentences of one length together: then nothing is padded, whatever a model does with padding.
    for batch in batches_by_length(text.readable, token_budget(device), unpadded=True):
        tokens, _ = padded(text.ids, text.starts[batch], text.lengths[batch], 0)
        word, _ = padded(text.word, text.starts[batch], text.lengths[batch], -1)
        ordinary = word >= 0
        if causal:
            logits = model(input_ids=tokens.to(device)).logits[:, :-1]
            _add(found, batch, logits, tokens[:, 1:], ordinary[:, 1:], model)
            continue
        for number in range(places):
            at = _places(ordinary, fractions[batch, number])
            logits = _at_masks(model, tokens, at, int(tokenizer.mask_token_id), device)
            targets = tokens.gather(1, at[:, None])
            there = ordinary.gather(1, at[:, None])
            _add(found, batch, logits[:, None], targets, there, model)
    return found


def _places(ordinary: Tensor, fractions: np.ndarray) -> Tensor:
    """Return the position, (sentences,), that lies at a fraction of the ordinary tokens."""
    counts = ordinary.sum(1)
    number = (torch.from_numpy(fractions) * counts).long()
    order = ordinary.int().cumsum(1) - 1
    return ((order == number[:, None]) & ordinary).int().argmax(1)


def _at_masks(model: Any, tokens: Tensor, at: Tensor, mask: int, device: Any) -> Tensor:
    read = tokens.scatter(1, at[:, None], mask).to(device)
    logits: Tensor = model(input_ids=read).logits
    return logits[torch.arange(len(at)), at]


def _add(
    found: TokenLosses,
    batch: np.ndarray,
    logits: Tensor,
    targets: Tensor,
    there: Tensor,
    model: Any,
) -> None:
    """Add predictions, logits (sentences, places, vocabulary), where there is a token."""
    logits = logits.cpu()
    log_probability = torch.log_softmax(logits, -1).gather(-1, targets[..., None])[..., 0]
    refuse_nan(log_probability[there], model_name(model))
    right = (logits.argmax(-1) == targets) & there
    loss = -log_probability.double().masked_fill(~there, 0)
    for total, values in zip(found, (loss, right, there), strict=True):
        total[batch] += values.sum(1).numpy()
