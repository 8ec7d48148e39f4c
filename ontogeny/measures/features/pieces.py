"""The pieces into which a tokenizer cuts the words of a corpus."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ontogeny.errors import CheckpointError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Pieces:
    """The tokens of all sentences, flat and in corpus order, special tokens included.

    `ids` and `word`, (tokens,): the token, and the word (numbered through the corpus) of which it
    is a piece, -1 for special tokens. `starts` and `lengths`, (sentences,): where a sentence's
    tokens begin, and how many it has. `first_word` and `sentence_words`, (sentences,): likewise
    for its words. `counts`, (words,): how many pieces each word has, before any is cut off.
    `dropped`, (words,) bool: it has none. `truncated`, (words,) bool: some were cut off.
    """

    ids: np.ndarray
    word: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    first_word: np.ndarray
    sentence_words: np.ndarray
    counts: np.ndarray
    dropped: np.ndarray
    truncated: np.ndarray


def as_written(tokenizer: "PreTrainedTokenizerBase") -> "PreTrainedTokenizerBase":
    """Return a copy of a tokenizer that takes words as they're written: without normalisation.

    An uncased one then doesn't lower-case, and a capitalised word is unknown to its vocabulary. One
    without "fast" parts is returned as it is.
    """
    if not tokenizer.is_fast:
        return tokenizer
    copied = copy.deepcopy(tokenizer)
    copied.backend_tokenizer.normalizer = None
    return copied


def cut_into_pieces(
    tokenizer: "PreTrainedTokenizerBase", sentences: Sequence[Sequence[str]], limit: int | None
) -> Pieces:
    """Tokenise sentences, their words joined by spaces, and find the word of each piece.

    A piece belongs to the word in which it begins; a space belongs to the word that follows it.
    (Byte-level vocabularies write the space into the piece. Handing such a tokenizer one word after
    another, as `is_split_into_words` does, makes pieces that the model has not seen in running
    text.) A sentence of more than `limit` tokens is cut as the tokenizer cuts it.

    Raises `CheckpointError` if the tokenizer has no offsets, which only "fast" tokenizers have.
    """
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"{tokenizer.name_or_path or type(tokenizer).__name__}: its tokenizer does not say "
            "where pieces lie in the text; expected a fast one. Save it with a tokenizer.json."
        )
    texts = [" ".join(words) for words in sentences]
    sentence_words = np.fromiter(map(len, sentences), np.int64, len(texts))
    characters = np.fromiter(map(len, chain.from_iterable(sentences)), np.int64)
    word_ends = np.cumsum(characters + 1) - 1  # in all texts joined by one more space
    text_starts = np.cumsum([0, *(len(text) + 1 for text in texts)])[:-1]
    ids, word, lengths = _tokenise(tokenizer, texts, text_starts, word_ends)
    counts = np.bincount(word[word >= 0], minlength=len(characters))
    kept = counts
    if limit is not None and (lengths > limit).any():
        long = np.flatnonzero(lengths > limit)
        cut = _tokenise(tokenizer, [texts[i] for i in long], text_starts[long], word_ends, limit)
        ids, word, lengths = _replace((ids, word, lengths), cut, long)
        kept = np.bincount(word[word >= 0], minlength=len(characters))
    return Pieces(
        ids=ids,
        word=word,
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        first_word=np.cumsum(sentence_words) - sentence_words,
        sentence_words=sentence_words,
        counts=counts,
        dropped=counts == 0,
        truncated=kept < counts,
    )


def _tokenise(
    tokenizer: "PreTrainedTokenizerBase",
    texts: list[str],
    text_starts: np.ndarray,
    word_ends: np.ndarray,
    limit: int | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the tokens' ids and words, (tokens,), and the texts' numbers of tokens, (texts,)."""
    encoded = tokenizer(
        texts,
        padding=False,
        truncation=limit is not None,
        max_length=limit,
        return_attention_mask=False,
        return_token_type_ids=False,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        verbose=False,
    )
    lengths = np.fromiter(map(len, encoded["input_ids"]), np.int64, len(texts))
    ids = np.fromiter(chain.from_iterable(encoded["input_ids"]), np.int64)
    special = np.fromiter(chain.from_iterable(encoded["special_tokens_mask"]), np.bool_)
    offsets = chain.from_iterable(chain.from_iterable(encoded["offset_mapping"]))
    begin = np.fromiter(offsets, np.int64)[::2]
    character = np.repeat(text_starts, lengths) + begin
    word = np.searchsorted(word_ends, character, side="right")
    return ids, np.where(special, -1, word), lengths


def _replace(
    whole: tuple[np.ndarray, np.ndarray, np.ndarray],
    cut: tuple[np.ndarray, np.ndarray, np.ndarray],
    rows: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `whole` with the tokens of the sentences `rows` replaced by those of `cut`."""
    ids, word, lengths = whole
    cut_ids, cut_word, cut_lengths = cut
    ends, cut_ends = np.cumsum(lengths)[:-1], np.cumsum(cut_lengths)[:-1]
    id_lists, word_lists = np.split(ids, ends), np.split(word, ends)
    parts = zip(np.split(cut_ids, cut_ends), np.split(cut_word, cut_ends), strict=True)
    for row, (row_ids, row_word) in zip(rows, parts, strict=True):
        id_lists[row], word_lists[row] = row_ids, row_word
    lengths = lengths.copy()
    lengths[rows] = cut_lengths
    return np.concatenate(id_lists), np.concatenate(word_lists), lengths
