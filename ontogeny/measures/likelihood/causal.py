"""Log-likelihood of sentences under a causal language model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from ontogeny.devices import default_device
from ontogeny.measures.likelihood.predictions import LogProbabilities, refuse_nan
from ontogeny.measures.likelihood.tokenised import Tokenised, tokenise
from ontogeny.runs.checkpoints.reading import reads_padding
from ontogeny.runs.checkpoints.token_batches import (
    batches_by_length,
    model_name,
    padded,
    padding_id,
    ready,
    token_budget,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def log_likelihood(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    sentences: Sequence[str],
    *,
    tokens_per_batch: int | None = None,
    device: torch.device | str | None = None,
) -> np.ndarray:
    """Return the log-likelihood of each sentence, (sentences,) float64, in nats.

    It is the sum, over the sentence's tokens, of the log probability of the token given those
    before it. The first is predicted from the token that begins a text, if the tokenizer has one
    (`tokenise`), else it isn't scored; special tokens never are. NaN for a sentence that is longer
    than the model can read.

    `tokens_per_batch`, `device` and the model's state as in `word_attention`. Raises
    `CheckpointError` if the tokenizer isn't a fast one or not the model's, if the model gives no
    logits of each token, or if a prediction is not a number.
    """
    device = default_device() if device is None else torch.device(device)
    return likelihood_of_tokens(
        ready(model, device),
        tokenise(model, tokenizer, sentences, begin=True),
        padding_id(model, tokenizer),
        tokens_per_batch=tokens_per_batch or token_budget(device),
    )


@torch.inference_mode()
def likelihood_of_tokens(
    model: "PreTrainedModel", text: Tokenised, padding: int, *, tokens_per_batch: int
) -> np.ndarray:
    """Return `log_likelihood` of sentences that are tokens already."""
    scores, log_probabilities = np.zeros(len(text.lengths)), LogProbabilities(model)
    unpadded = reads_padding(model, padding)
    for batch in batches_by_length(text.readable, tokens_per_batch, unpadded=unpadded):
        tokens, there = padded(text.ids, text.starts[batch], text.lengths[batch], padding)
        word, _ = padded(text.word, text.starts[batch], text.lengths[batch], -1)
        row, place = (word[:, 1:] >= 0).nonzero(as_tuple=True)  # place: of the token before
        targets = tokens[row, place + 1].to(model.device)
        found = log_probabilities(
            tokens.to(model.device),
            there.to(model.device),
            (row * tokens.shape[1] + place).to(model.device),
            targets,
        )
        refuse_nan(found, model_name(model))
        np.add.at(scores, batch[row.numpy()], found.double().cpu().numpy())
    return np.where(text.too_long, np.nan, scores)
