"""Sentences as the tokens that are to be predicted, with the words that these are pieces of."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ontogeny.errors import CheckpointError
from ontogeny.measures.features.extraction import maximum_length
from ontogeny.runs.checkpoints.token_batches import model_name, refuse_unknown_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Tokenised:
    """Sentences, their tokens flat and in order, special tokens included.

    `ids` and `word`, (tokens,): the token, and the number of its word in the sentence as the
    tokenizer cuts words (punctuation apart), -1 for special tokens. `starts` and `lengths`,
    (sentences,): where a sentence's tokens begin and how many it has. `unknown`, (sentences,) bool:
    it has a token for unknown words. `too_long`, (sentences,) bool: it has more tokens than the
    model can read.
    """

    ids: np.ndarray
    word: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    unknown: np.ndarray
    too_long: np.ndarray

    @property
    def readable(self) -> np.ndarray:
        """The lengths with 0 for sentences that the model can't read whole; (sentences,)."""
        return np.where(self.too_long, 0, self.lengths)


def tokenise(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    sentences: Sequence[str],
    *,
    begin: bool = False,
) -> Tokenised:
    """Return sentences as tokens, between the special tokens that the tokenizer puts around a text.

    With `begin`, a tokenizer that puts none before the text but has a token for the beginning of
    one (or, as GPT-2, for the end of the text before) gets that one there, so that the first token
    is predicted from something too. Raises `CheckpointError` if the tokenizer isn't a fast one, or
    gives tokens that the model doesn't know.
    """
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"{model_name(tokenizer)}: its tokenizer does not say which pieces make up a word; "
            "expected a fast one. Save it with a tokenizer.json."
        )
    encoded = tokenizer(
        list(sentences),
        padding=False,
        truncation=False,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
    ).encodings
    ids, words = [], []
    for sentence in encoded or []:
        special = sentence.special_tokens_mask
        owners = sentence.word_ids
        ids.append(list(sentence.ids))
        words.append(
            [
                -1 if apart or word is None else word
                for apart, word in zip(special, owners, strict=True)
            ]
        )
    first = _beginning(tokenizer) if begin else None
    if first is not None:
        for row, word in zip(ids, words, strict=True):
            if not word or word[0] >= 0:
                row.insert(0, first)
                word.insert(0, -1)
    lengths = np.array([len(row) for row in ids], dtype=np.int64)
    flat = np.fromiter(chain.from_iterable(ids), np.int64)
    refuse_unknown_tokens(model, tokenizer, flat)
    limit = maximum_length(model, tokenizer)
    unknown = tokenizer.unk_token_id if _has_unknown(tokenizer) else None
    return Tokenised(
        ids=flat,
        word=np.fromiter(chain.from_iterable(words), np.int64),
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        unknown=np.array([unknown is not None and unknown in row for row in ids], dtype=bool),
        too_long=lengths > limit if limit is not None else np.zeros(len(lengths), dtype=bool),
    )


def _beginning(tokenizer: "PreTrainedTokenizerBase") -> int | None:
    for token in (tokenizer.bos_token_id, tokenizer.cls_token_id, tokenizer.eos_token_id):
        if token is not None:
            return int(token)
    return None


def _has_unknown(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Tell whether the unknown token means just that: byte-level vocabularies know every word."""
    return tokenizer.unk_token_id is not None and tokenizer.unk_token_id not in (
        tokenizer.bos_token_id,
        tokenizer.eos_token_id,
    )
