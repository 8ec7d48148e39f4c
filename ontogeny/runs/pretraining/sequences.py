"""Text as sequences of tokens: tokenised once, kept flat on disk, mapped into memory."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from ontogeny.errors import CorpusError
from ontogeny.files import atomic_path
from ontogeny.parquet import read_batches

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Item = TypeVar("Item")
SENTENCES_AT_ONCE = 10_000


@dataclass(frozen=True)
class Sequences:
    """Sequences of tokens, one after the other.

    `tokens` has shape (tokens,), int32; sequence i is `tokens[offsets[i]:offsets[i + 1]]`, and
    `offsets` has shape (sequences + 1,), int64. `word` and `head`, (tokens,) int64, are there where
    the text's syntax is needed, as `ontogeny.runs.pretraining.parsed_text` makes them.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    word: np.ndarray | None = None
    head: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Tokens in each sequence; shape (sequences,)."""
        return np.diff(self.offsets)


def read_words(paths: Iterable[str | os.PathLike[str]]) -> Iterator[list[str]]:
    """Yield the words of each sentence of corpus splits, file after file.

    Raises `CorpusError` if a file isn't a corpus split.
    """
    for (words,) in _read(paths, ["words"]):
        yield words


def read_parses(
    paths: Iterable[str | os.PathLike[str]],
) -> Iterator[tuple[list[str], list[int] | None]]:
    """Yield the words of each sentence and their syntactic heads, file after file.

    Heads are 1-based with 0 for the root, or None where a sentence has no parse. Raises
    `CorpusError` if a file isn't a corpus split.
    """
    yield from _read(paths, ["words", "head"])


def _read(paths: Iterable[str | os.PathLike[str]], columns: list[str]) -> Iterator[tuple[Any, ...]]:
    for path in paths:
        try:
            with open(path, "rb") as handle:
                for batch in read_batches(handle, SENTENCES_AT_ONCE, columns):
                    yield from zip(
                        *(batch.column(name).to_pylist() for name in columns), strict=True
                    )
        except (OSError, pa.ArrowInvalid, KeyError) as error:
            raise CorpusError(
                f"{path}: not a readable corpus split ({error}). Delete it and run the workflow "
                "again."
            ) from error


def encode(
    tokenizer: "PreTrainedTokenizerFast",
    sentences: Iterable[Sequence[str]],
    *,
    sequences: str,
    longest: int,
) -> Sequences:
    """Return sentences, each a sequence of words, as sequences of at most `longest` tokens.

    With `sequences="sentence"` each sentence stands between the tokenizer's special tokens, cut
    into several where it is longer. With `"packed"` the sentences make one stream, each with the
    special token that marks its end (or, if there is none, its beginning), and the stream is cut
    every `longest` tokens; where the tokenizer has a first and a last token, each piece begins
    with the first. No token is dropped. With `"stream"` there is one sequence, that stream whole.
    Raises `CorpusError` if no tokens come out.
    """
    pieces: list[np.ndarray] = []
    for batch in in_batches(sentences, SENTENCES_AT_ONCE):
        # Without a text, because a long one would bring a warning although we cut it ourselves.
        encoded = tokenizer.backend_tokenizer.encode_batch_fast(
            [list(words) for words in batch], is_pretokenized=True, add_special_tokens=False
        )
        pieces.extend(np.array(sentence.ids, dtype=np.int32) for sentence in encoded)
    pieces = [piece for piece in pieces if len(piece)]
    if not pieces:
        raise CorpusError("training text: no tokens in it; expected sentences with words.")
    first, last = special_tokens_around(tokenizer)
    return Sequences(*cut(pieces, first, last, sequences=sequences, longest=longest))


def cut(
    pieces: Sequence[np.ndarray],
    first: np.ndarray,
    last: np.ndarray,
    *,
    sequences: str,
    longest: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sequences that sentences make, one after the other, and their offsets.

    `pieces` has an array for each sentence, with an entry for each token; `first` and `last` have
    the entries of the tokenizer's first and last tokens. `sequences` and `longest` are as in
    `encode`. The results have shape (tokens,) and (sequences + 1,).
    """
    if sequences == "sentence":
        room = longest - len(first) - len(last)
        parts = [
            np.concatenate([first, piece[start : start + room], last])
            for piece in pieces
            for start in range(0, len(piece), room)
        ]
    else:
        mark_begin, mark_end = (first[:0], last) if len(last) else (first, last)
        stream = np.concatenate(
            [part for piece in pieces for part in (mark_begin, piece, mark_end)]
        )
        if sequences == "stream":
            return stream, np.array([0, len(stream)], dtype=np.int64)
        prefix = first if len(last) else first[:0]
        room = longest - len(prefix)
        parts = [
            np.concatenate([prefix, stream[start : start + room]])
            for start in range(0, len(stream), room)
        ]
    lengths = np.array([len(part) for part in parts], dtype=np.int64)
    return np.concatenate(parts), np.concatenate([[0], np.cumsum(lengths)])


def write_sequences(sequences: Sequences, path: str | os.PathLike[str]) -> None:
    """Write sequences into the folder `path`, whole or not at all."""
    with atomic_path(path) as scratch:
        scratch.mkdir()
        for name, array in vars(sequences).items():
            if array is not None:
                np.save(scratch / f"{name}.npy", array)


def open_sequences(path: str | os.PathLike[str]) -> Sequences:
    """Open sequences that `write_sequences` wrote; tokens stay on disk until they are used."""
    path = Path(path)
    syntax = {
        name: np.load(path / f"{name}.npy", mmap_mode="r")
        for name in ("word", "head")
        if (path / f"{name}.npy").is_file()
    }
    tokens = np.load(path / "tokens.npy", mmap_mode="r")
    return Sequences(tokens, np.load(path / "offsets.npy"), **syntax)


def special_tokens_around(
    tokenizer: "PreTrainedTokenizerFast",
) -> tuple[np.ndarray, np.ndarray]:
    """Return the tokens that the tokenizer puts before and after a text."""
    word = tokenizer.backend_tokenizer.encode("a")
    special = np.array(word.special_tokens_mask, dtype=bool)
    ids = np.array(word.ids, dtype=np.int32)
    # An unknown word is no special token here: the mask tells of what the template added.
    text = np.flatnonzero(~special)
    return ids[: text[0]], ids[text[-1] + 1 :]


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists of `size`, the last of which may be shorter."""
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
