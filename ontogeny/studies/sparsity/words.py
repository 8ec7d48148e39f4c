"""Words: how often they come, what class they are of, and samples of matched frequency."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ontogeny.errors import CorpusError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# Chapter 6, footnotes 1 and 2. Other tags (NUM, PUNCT, SYM, X) are of neither.
OPEN = frozenset({"ADJ", "ADV", "INTJ", "NOUN", "PROPN", "VERB"})
CLOSED = frozenset({"ADP", "AUX", "CCONJ", "DET", "PART", "PRON", "SCONJ"})


def frequencies(
    tokenizer: "PreTrainedTokenizerFast", sentences: Iterable[Sequence[str]]
) -> np.ndarray:
    """Return how often each token of the vocabulary stands for a whole word of a text.

    Words that the tokenizer splits count for none. Shape (vocabulary,).
    """
    counts: Counter[str] = Counter()
    for words in sentences:
        counts.update(words)
    found = np.zeros(len(tokenizer), dtype=np.int64)
    types = list(counts)
    for word, token in zip(types, whole_tokens(tokenizer, types), strict=True):
        if token >= 0:
            found[token] += counts[word]
    return found


def classes(
    tokenizer: "PreTrainedTokenizerFast", sentences: pd.DataFrame, least: int
) -> np.ndarray:
    """Return the class of each token of the vocabulary: `open`, `closed` or None, (vocabulary,).

    A word is of the class of a part of speech that more than half of its occurrences in
    `sentences` have, and at least `least` (chapter 6, section 3). `sentences` have the columns
    `words` and `upos`, which may be None for some.
    """
    tags: Counter[tuple[str, str]] = Counter()
    for words, upos in zip(sentences["words"], sentences["upos"], strict=True):
        if upos is not None:
            tags.update(zip(words, upos, strict=True))
    types = sorted({word for word, _ in tags})
    token_of = dict(zip(types, whole_tokens(tokenizer, types), strict=True))
    by_token: dict[int, Counter[str]] = {}
    for (word, tag), count in tags.items():
        by_token.setdefault(token_of[word], Counter())[tag] += count
    found = np.full(len(tokenizer), None, dtype=object)
    for token, counts in by_token.items():
        tag, count = counts.most_common(1)[0]
        if token >= 0 and count >= least and 2 * count > counts.total():
            found[token] = "open" if tag in OPEN else "closed" if tag in CLOSED else None
    return found


def whole_tokens(tokenizer: "PreTrainedTokenizerFast", types: Sequence[str]) -> list[int]:
    """Return the token that each word is, -1 for words that it splits or doesn't know."""
    unknown = tokenizer.unk_token_id if tokenizer.unk_token else -1
    encoded = tokenizer.backend_tokenizer.encode_batch_fast(
        [[word] for word in types], is_pretokenized=True, add_special_tokens=False
    )
    return [
        entry.ids[0] if len(entry.ids) == 1 and entry.ids[0] != unknown else -1 for entry in encoded
    ]


def matched(
    frequency: np.ndarray, word_class: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return places of `size` open and of `size` closed words with a similar mean frequency.

    Each is a range of its class sorted by frequency (chapter 6, section 3). Of all pairs of ranges,
    those whose mean frequencies differ least in ratio; of equals, the most frequent. `frequency`
    and `word_class` (`open`, `closed`, None) are (words,). Raises `CorpusError`, naming the class
    and the setting, if a class has fewer words.
    """
    ranges = []
    for name in ("open", "closed"):
        places = np.flatnonzero(word_class == name)
        if len(places) < size:
            raise CorpusError(
                f"studies.sparsity.matched: is {size}, but {len(places)} words of {name} classes "
                "come often enough to be measured; expected at most as many. (tagged and "
                "occurrences say how often a word has to come.)"
            )
        places = places[np.argsort(-frequency[places], kind="stable")]
        sums = np.concatenate([[0], np.cumsum(frequency[places], dtype=np.float64)])
        ranges.append((places, (sums[size:] - sums[:-size]) / size))
    (opened, open_means), (closed, closed_means) = ranges
    distance = np.abs(np.log(open_means)[:, None] - np.log(closed_means)[None])
    first, second = np.unravel_index(distance.argmin(), distance.shape)
    return opened[first : first + size], closed[second : second + size]


def refuse_empty_classes(word_class: np.ndarray, least: int, occurrences: int) -> None:
    """Raise `CorpusError` if no word is of open classes, or none of closed ones."""
    for name in ("open", "closed"):
        if not (word_class == name).any():
            raise CorpusError(
                f"studies.sparsity: no word of {name} classes comes {least} times in the tagged "
                f"text and {occurrences} times in the text that is measured; lower tagged (now "
                f"{least}), occurrences (now {occurrences}), or raise words."
            )
