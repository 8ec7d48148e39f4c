"""Text whose syntactic edges travel with its tokens.

Each token knows the word of which it is a piece, and the syntactic head of that word. Words are
numbered through the text.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ontogeny.errors import CorpusError
from ontogeny.runs.pretraining.random_edges import random_heads
from ontogeny.runs.pretraining.sequences import (
    SENTENCES_AT_ONCE,
    Sequences,
    cut,
    in_batches,
    special_tokens_around,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

NO_WORD, NO_HEAD = -1, -2  # differ, so that no special token is taken for a head


def encode_parsed(
    tokenizer: "PreTrainedTokenizerFast",
    sentences: Iterable[tuple[Sequence[str], Sequence[int] | None]],
    *,
    sequences: str,
    longest: int,
    generator: np.random.Generator | None = None,
) -> Sequences:
    """Return sentences, each its words and their heads, as sequences with `word` and `head`.

    Heads are 1-based with 0 for the root; None where a sentence has no parse. The tokens are those
    that `ontogeny.runs.pretraining.sequences.encode` makes of the words. `word` is `NO_WORD` for
    special tokens; `head` is `NO_HEAD` for them, for the root, where there is no parse, and
    wherever a word or its head doesn't stand whole in the same sequence. With a `generator` there
    is `random_head` too, the same of heads that it draws once for each sentence (`random_heads`).
    Raises `CorpusError` if no tokens come out.
    """
    pieces: list[tuple[np.ndarray, np.ndarray]] = []
    parses: list[np.ndarray] = []
    words_before = 0
    for batch in in_batches(sentences, SENTENCES_AT_ONCE):
        encoded = tokenizer.backend_tokenizer.encode_batch(
            [list(words) for words, _ in batch], is_pretokenized=True, add_special_tokens=False
        )
        for sentence, (words, parse) in zip(encoded, batch, strict=True):
            if sentence.ids:
                word = np.array(sentence.word_ids, dtype=np.int64) + words_before
                pieces.append((np.array(sentence.ids, dtype=np.int32), word))
            parses.append(np.array([0] * len(words) if parse is None else parse, dtype=np.int64))
            words_before += len(words)
    if not pieces:
        raise CorpusError("training text: no tokens in it; expected sentences with words.")
    first, last = special_tokens_around(tokenizer)
    tokens, offsets = cut(
        [ids for ids, _ in pieces], first, last, sequences=sequences, longest=longest
    )
    # Cut in the same way, since it is as long.
    word, _ = cut(
        [word for _, word in pieces],
        *(np.full(len(special), NO_WORD) for special in (first, last)),
        sequences=sequences,
        longest=longest,
    )
    drawn = [parses] if generator is None else [parses, random_heads(parses, generator)]
    heads = [heads_in_the_same_sequence(word, _through_the_text(part), offsets) for part in drawn]
    return Sequences(tokens, offsets, word, *heads)


def _through_the_text(parses: Sequence[np.ndarray]) -> np.ndarray:
    """Return the head of each word, both numbered through the text; `NO_HEAD` for roots."""
    lengths = [len(parse) for parse in parses]
    before = np.repeat(np.cumsum(lengths) - lengths, lengths)
    head = np.concatenate(parses)
    return np.where(head > 0, head - 1 + before, NO_HEAD)


def heads_in_the_same_sequence(
    word: np.ndarray, heads: np.ndarray, offsets: np.ndarray
) -> np.ndarray:
    """Return the syntactic head of each token's word, `NO_HEAD` where it can't be attended to.

    `word`, (tokens,), and `offsets`, (sequences + 1,), are as in `Sequences`; `heads`, (words,), is
    the head of each word of the text. A head counts if it and the word stand whole in the same
    sequence.
    """
    sequence = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    place = np.flatnonzero(word != NO_WORD)
    # The first and the last sequence with a piece of each word; no sequence if it has no pieces.
    begins = np.full(len(heads), -1)
    ends = np.full(len(heads), -1)
    begins[word[place[::-1]]] = sequence[place[::-1]]
    ends[word[place]] = sequence[place]
    stands_in = np.where(begins == ends, begins, -1)
    has_head = heads != NO_HEAD
    together = has_head & (stands_in >= 0) & (stands_in == stands_in[np.where(has_head, heads, 0)])
    known = np.where(together, heads, NO_HEAD)
    return np.where(word == NO_WORD, NO_HEAD, known[word])
