"""The loss of a language model on held-out text, with the same words masked on every call."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from ontogeny.devices import default_device
from ontogeny.measures.likelihood.predictions import LogProbabilities, refuse_nan
from ontogeny.measures.likelihood.questions import ask
from ontogeny.measures.likelihood.tokenised import tokenise
from ontogeny.runs.checkpoints.reading import reads_padding
from ontogeny.runs.checkpoints.token_batches import (
    model_name,
    padding_id,
    ready,
    refuse_unknown_tokens,
    token_budget,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def held_out_loss(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    sentences: Sequence[Sequence[str]],
    *,
    objective: str,
    seed: int = 0,
    share: float = 0.15,
    tokens_per_batch: int | None = None,
    device: torch.device | str | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return each sentence's summed loss in nats and its number of predictions.

    Both have shape (sentences,), float64 and int64; the loss is the sum of the first divided by
    that of the second, and both together serve a bootstrap over sentences. The model reads each
    sentence, its words joined by spaces, by itself. `objective` is `masked` (`share` of the tokens
    are hidden as in training, Devlin et al. 2019, drawn with `seed`; which ones depends on the
    sentences and the tokenizer alone, so all checkpoints of a run face the same) or `causal` (each
    token from those before it). A sentence longer than the model can read counts 0 and 0.

    Raises `CheckpointError` if the tokenizer is not a fast one, lacks the mask token or is not the
    model's, if the model gives no logits of each token, or if the loss is not a number;
    `CorpusError` if there is nothing to predict.
    """
    device = default_device() if device is None else torch.device(device)
    model = ready(model, device)
    text = tokenise(
        model, tokenizer, [" ".join(words) for words in sentences], begin=objective == "causal"
    )
    questions = ask(text, tokenizer, objective=objective, share=share, seed=seed)
    refuse_unknown_tokens(model, tokenizer, questions.shown)
    losses = np.zeros(len(text.lengths))
    budget = tokens_per_batch or token_budget(device)
    log_probabilities = LogProbabilities(model)
    padding = padding_id(model, tokenizer)
    unpadded = reads_padding(model, padding)
    for batch in questions.batches(budget, padding, unpadded=unpadded):
        found = log_probabilities(
            batch.tokens.to(device),
            batch.attended.to(device),
            batch.positions.to(device),
            batch.targets.to(device),
        )
        refuse_nan(found, model_name(model))
        np.subtract.at(losses, batch.sentence, found.double().cpu().numpy())
    return losses, questions.counts
