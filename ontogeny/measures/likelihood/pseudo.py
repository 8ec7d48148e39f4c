"""Pseudo-log-likelihood of sentences under a masked language model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ontogeny.devices import default_device
from ontogeny.errors import CheckpointError
from ontogeny.measures.likelihood.masked_copies import reads_copies
from ontogeny.measures.likelihood.predictions import LogProbabilities, refuse_nan
from ontogeny.measures.likelihood.tokenised import Tokenised, tokenise
from ontogeny.runs.checkpoints.token_batches import (
    model_name,
    ready,
    refuse_unknown_tokens,
    token_budget,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

CELLS_AT_ONCE = 2**22  # tokens of masked copies that are compared: 32 MiB
# Each copy has one prediction, and on a CPU the output head, large as the vocabulary, is read from
# memory for each batch: larger batches than elsewhere pay.
TOKENS_ON_CPU = 6144


def pseudo_log_likelihood(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    sentences: Sequence[str],
    *,
    within_word: bool = False,
    tokens_per_batch: int | None = None,
    device: torch.device | str | None = None,
) -> np.ndarray:
    """Return the pseudo-log-likelihood of each sentence, (sentences,) float64, in nats.

    It is the sum, over the sentence's tokens, of the log probability of the token when it alone is
    masked (Salazar et al. 2020, equation 1). Special tokens are neither masked nor scored. With
    `within_word` the pieces of its word that follow it are masked too, so that a rare word's pieces
    don't give each other away (Kauf and Ivanova 2023, PLL-word-l2r). NaN for a sentence that is
    longer than the model can read.

    All masked copies of all sentences are sorted by length, and copies of one length make batches
    of about `tokens_per_batch` tokens (default: what suits the device), so nothing is padded.
    Copies that are the same, as those of a minimal pair with its one different word masked, are
    read once; of what copies of a sentence have in common, little is computed twice
    (`reads_copies`).

    Raises `CheckpointError` if the tokenizer has no mask token, isn't a fast one or is not the
    model's, if the model gives no logits of each token, or if a prediction is not a number.
    `device` and the model's state as in `word_attention`.
    """
    if tokenizer.mask_token_id is None:
        raise CheckpointError(
            f"{model_name(tokenizer)}: its tokenizer has no mask token; expected that of a masked "
            "language model. A causal one has a log-likelihood of its own (`log_likelihood`)."
        )
    device = default_device() if device is None else torch.device(device)
    mask = int(tokenizer.mask_token_id)
    refuse_unknown_tokens(model, tokenizer, np.array(mask))
    return pseudo_of_tokens(
        ready(model, device),
        tokenise(model, tokenizer, sentences),
        mask,
        within_word=within_word,
        tokens_per_batch=tokens_per_batch or _token_budget(device),
    )


def _token_budget(device: torch.device) -> int:
    return TOKENS_ON_CPU if device.type == "cpu" else token_budget(device)


@torch.inference_mode()
def pseudo_of_tokens(
    model: "PreTrainedModel",
    text: Tokenised,
    mask: int,
    *,
    within_word: bool,
    tokens_per_batch: int,
) -> np.ndarray:
    """Return `pseudo_log_likelihood` of sentences that are tokens already."""
    scores = np.zeros(len(text.lengths))
    device, log_probabilities = model.device, LogProbabilities(model)
    for copies in _masked_copies(text, mask, within_word):
        rows, length = copies.tokens.shape
        size = max(1, tokens_per_batch // length)
        starts = np.arange(0, rows, size)
        # Predictions are sorted by the copy that they are made from.
        ends = np.searchsorted(copies.copy, np.append(starts, rows))
        for start, begin, end in zip(starts, ends[:-1], ends[1:], strict=True):
            batch = slice(start, start + size)
            tokens, place, row, target = (
                torch.from_numpy(numbers).to(device)
                for numbers in (
                    copies.tokens[batch],
                    copies.place[batch],
                    copies.copy[begin:end] - start,
                    copies.target[begin:end],
                )
            )
            with reads_copies(model, tokens, place) as positions:
                found = log_probabilities(tokens, None, positions, target, asked=row)
            refuse_nan(found, model_name(model))
            np.add.at(scores, copies.sentence[begin:end], found.double().cpu().numpy())
    return np.where(text.too_long, np.nan, scores)


@dataclass(frozen=True)
class _Copies:
    """Masked copies of sentences of one length, and what is to be predicted from each.

    `tokens`, (copies, length); `place`, (copies,): where in the copy a token is predicted. For each
    prediction, sorted by copy: `copy`, `sentence` and `target`, (predictions,).
    """

    tokens: np.ndarray
    place: np.ndarray
    copy: np.ndarray
    sentence: np.ndarray
    target: np.ndarray


def _masked_copies(text: Tokenised, mask: int, within_word: bool) -> Iterator[_Copies]:
    """Yield the masked copies of all sentences, longest first, each different copy once.

    Copies are compared with those of the sentences near them alone: all would take gigabytes.
    """
    lengths = text.readable
    for length in np.unique(lengths[lengths > 0])[::-1].tolist():
        rows = np.flatnonzero(lengths == length)
        size = max(1, CELLS_AT_ONCE // length**2)
        for start in range(0, len(rows), size):
            sentences = rows[start : start + size]
            tokens = text.starts[sentences][:, None] + np.arange(length)
            ids, word = text.ids[tokens], text.word[tokens]
            row, place = np.nonzero(word >= 0)
            copies = ids[row]
            if within_word:
                later = np.arange(length) > place[:, None]
                copies[later & (word[row] == word[row, place][:, None])] = mask
            copies[np.arange(len(row)), place] = mask
            # The place is part of what tells copies apart: a text may itself hold a mask.
            different, copy = np.unique(
                np.column_stack([place, copies]), axis=0, return_inverse=True
            )
            order = np.argsort(copy, kind="stable")
            yield _Copies(
                tokens=np.ascontiguousarray(different[:, 1:]),
                place=different[:, 0],
                copy=copy[order],
                sentence=sentences[row[order]],
                target=ids[row, place][order],
            )
