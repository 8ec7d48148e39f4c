"""Sentences longer than a model reads, cut to what it does read."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ontogeny.measures.features.pieces import cut_into_pieces

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def cut_sentences(
    sentences: pd.DataFrame, tokenizer: "PreTrainedTokenizerBase", limit: int | None
) -> pd.DataFrame:
    """Return the sentences of a corpus split without the words that a model can't read whole.

    `limit` is how many tokens it reads, special ones included; None: any number. All that the split
    says of a word goes with it, and a word whose syntactic head went counts as a root (0). A
    sentence of which no word would be left stays as it is. Raises as `cut_into_pieces`.
    """
    if limit is None:
        return sentences
    pieces = cut_into_pieces(tokenizer, list(sentences["words"]), limit)
    ends = np.flatnonzero(pieces.truncated)
    first_cut = np.searchsorted(ends, pieces.first_word)
    following = np.append(ends, len(pieces.truncated))[first_cut]
    kept = np.minimum(following - pieces.first_word, pieces.sentence_words)
    cut = np.flatnonzero((kept < pieces.sentence_words) & (kept > 0))
    found = sentences.copy()
    for name in found.columns:
        values = list(found[name])
        for row in cut:
            if isinstance(values[row], list | np.ndarray):
                values[row] = _of_words(name, values[row], int(kept[row]))
        found[name] = pd.Series(values, index=found.index, dtype=sentences[name].dtype)
    return found


def _of_words(name: str, values: list | np.ndarray, count: int) -> list | np.ndarray:
    first = values[:count]
    if name != "head":
        return first
    heads = [head if head <= count else 0 for head in first]
    return np.array(heads) if isinstance(values, np.ndarray) else heads
