"""Texts as batches of predictions: as streams, in sentences, or with words hidden by turns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ontogeny.runs.checkpoints.reading import most_positions
from ontogeny.runs.checkpoints.token_batches import (
    batches_by_length,
    padded,
    padding_id,
    token_budget,
)
from ontogeny.runs.pretraining.parsed_text import NO_WORD, encode_parsed
from ontogeny.runs.pretraining.streams import Streams

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LONGEST = 512  # tokens of a sentence, for models that have no bound of their own


class TextBatch(NamedTuple):
    """A batch of predictions.

    `tokens` and `attended` are (batch, tokens). At the flat `positions` (predictions,) the model
    predicts `targets`. `counted` (predictions,) says which targets are whole words; `inputs` are
    the flat positions of whole words that are read, not predicted, and whose state is measured.
    """

    tokens: Tensor
    attended: Tensor
    positions: Tensor
    targets: Tensor
    counted: Tensor
    inputs: Tensor


@dataclass(frozen=True)
class Texts:
    """How a text is read.

    - A recurrent model reads it as `streams` streams side by side, `length` tokens at a time, with
      its state carried on, as in training: gradients see as far ahead as the piece goes.
    - Another causal model reads each sentence alone.
    - A masked model reads each sentence several times, round(1 / `hidden`) in all; each time
      another part of its words is hidden, drawn with `seed`, so that each word is predicted once.
    """

    streams: int = 20
    length: int = 35
    hidden: float = 0.15
    seed: int = 0

    def batches(
        self,
        model: Any,
        tokenizer: "PreTrainedTokenizerFast",
        sentences: Sequence[Sequence[str]],
        objective: str,
    ) -> Iterator[TextBatch]:
        """Yield the batches of sentences, each a sequence of words, on the model's device.

        Words that the tokenizer splits, and those it doesn't know, are neither input nor target.
        """
        recurrent = is_recurrent(model)
        sequences = "stream" if recurrent else "sentence"
        longest = self.length if recurrent else (most_positions(model) or LONGEST)
        text = encode_parsed(
            tokenizer, ((words, None) for words in sentences), sequences=sequences, longest=longest
        )
        word = np.asarray(text.word)
        pieces = np.bincount(word[word != NO_WORD])
        whole = (word != NO_WORD) & (pieces[np.where(word == NO_WORD, 0, word)] == 1)
        whole &= text.tokens != (tokenizer.unk_token_id if tokenizer.unk_token else -1)
        if recurrent:
            found = self._streams(text.tokens, whole)
        else:
            rows = text.offsets[:-1], text.lengths
            padding = padding_id(model, tokenizer)
            budget = token_budget(model.device)
            if objective == "causal":
                found = _sentences(text.tokens, whole, rows, padding, budget)
            else:
                special = word == NO_WORD
                found = self._hidden(
                    text.tokens, whole, special, rows, padding, budget, tokenizer.mask_token_id
                )
        for batch in found:
            yield TextBatch(*(part.to(model.device) for part in batch))

    def _streams(self, tokens: np.ndarray, whole: np.ndarray) -> Iterator[TextBatch]:
        streams = Streams(tokens, self.streams, self.length)
        words = Streams(whole, self.streams, self.length)
        for update in range(streams.updates):
            batch, flags = streams.batch(update), words.batch(update)
            yield TextBatch(
                torch.from_numpy(batch.tokens),
                torch.from_numpy(batch.attended),
                torch.from_numpy(batch.positions),
                torch.from_numpy(batch.targets),
                torch.from_numpy(flags.targets.astype(bool)),
                torch.from_numpy(np.flatnonzero(flags.tokens)),
            )

    def _hidden(
        self,
        tokens: np.ndarray,
        whole: np.ndarray,
        special: np.ndarray,
        rows: tuple[np.ndarray, np.ndarray],
        padding: int,
        budget: int,
        mask: int,
    ) -> Iterator[TextBatch]:
        draw = np.random.default_rng(self.seed)
        parts = max(2, round(1 / self.hidden))
        starts, lengths = rows
        turn = np.full(len(tokens), -1, dtype=np.int64)
        for start, length in zip(starts, lengths, strict=True):
            words = np.flatnonzero(~special[start : start + length]) + start
            turn[words] = draw.permutation(len(words)) % parts
        for chosen in batches_by_length(lengths, max(budget // parts, 1)):
            read, attended = padded(
                tokens.astype(np.int64), starts[chosen], lengths[chosen], padding
            )
            order, _ = padded(turn, starts[chosen], lengths[chosen], -1)
            words, _ = padded(whole, starts[chosen], lengths[chosen], 0)
            copies = torch.arange(parts)[:, None, None]
            hidden = (order == copies).flatten(0, 1)
            read, attended, words = (
                values.repeat(parts, 1) for values in (read, attended, words.bool())
            )
            positions = hidden.flatten().nonzero()[:, 0]
            yield TextBatch(
                read.masked_fill(hidden, mask),
                attended,
                positions,
                read.flatten()[positions],
                words.flatten()[positions],
                (words & ~hidden).flatten().nonzero()[:, 0],
            )


def _sentences(
    tokens: np.ndarray,
    whole: np.ndarray,
    rows: tuple[np.ndarray, np.ndarray],
    padding: int,
    budget: int,
) -> Iterator[TextBatch]:
    starts, lengths = rows
    for chosen in batches_by_length(lengths, budget):
        read, attended = padded(tokens.astype(np.int64), starts[chosen], lengths[chosen], padding)
        words, _ = padded(whole, starts[chosen], lengths[chosen], 0)
        followed = torch.zeros_like(attended)
        followed[:, :-1] = attended[:, 1:]
        positions = followed.flatten().nonzero()[:, 0]
        # A sentence's last word predicts nothing, so it isn't counted as input either.
        yield TextBatch(
            read,
            attended,
            positions,
            read.flatten()[positions + 1],
            words.flatten().bool()[positions + 1],
            (words.bool() & followed).flatten().nonzero()[:, 0],
        )


def is_recurrent(model: Any) -> bool:
    """Say whether a model carries a state from token to token."""
    return getattr(model.config, "model_type", None) == "ontogeny_lstm"
