"""Gold syntax trees over the words that a model has vectors for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ontogeny.corpora.tasks import tree_depths, tree_distances


@dataclass(frozen=True)
class GoldTree:
    """The tree of a sentence, over the words that count: those with a vector.

    `sentence` is the row of the sentence, `rows`, (n,), where its words stand among all words of
    the corpus. `depths`, (n,), and `distances`, (n, n), are in edges of the whole tree. `content`,
    (k,), lists the words that are not punctuation; `heads`, (k,), gives for each of these its
    head's place among them, or -1 if the head is the root, punctuation, or doesn't count; `root` is
    the root's place among them, or -1.
    """

    sentence: int
    rows: np.ndarray
    depths: np.ndarray
    distances: np.ndarray
    content: np.ndarray
    heads: np.ndarray
    root: int


def gold_trees(sentences: pd.DataFrame, valid: np.ndarray) -> list[GoldTree]:
    """Return the trees of all sentences that have heads and at least one word that counts.

    `valid`, (words,) bool, says of every word of the corpus whether it counts. Words that don't
    are left out as if the sentence had never had them, except that the tree's edges through them
    still make their neighbours' distances.
    """
    trees, first = [], 0
    upos = sentences["upos"] if "upos" in sentences else [None] * len(sentences)
    columns = zip(sentences["words"], sentences["head"], upos, strict=True)
    for sentence, (words, head, tags) in enumerate(columns):
        counted = np.flatnonzero(valid[first : first + len(words)])
        if head is not None and len(counted):
            punctuation = is_punctuation(words, tags)
            content = counted[~punctuation[counted]]
            place = np.full(len(words) + 1, -1)  # of a word, 1-based, among the content words
            place[content + 1] = np.arange(len(content))
            heads = np.asarray(head, dtype=np.int64)
            trees.append(
                GoldTree(
                    sentence=sentence,
                    rows=first + counted,
                    depths=tree_depths(head)[counted],
                    distances=tree_distances(head)[np.ix_(counted, counted)],
                    content=np.searchsorted(counted, content),
                    heads=place[heads[content]],
                    root=int(place[1 + np.flatnonzero(heads == 0)[0]]),
                )
            )
        first += len(words)
    return trees


def is_punctuation(words: Sequence[str], upos: Sequence[str] | None) -> np.ndarray:
    """Return which words are punctuation, (n,) bool: by UPOS, or if it is null, by their letters.

    Without UPOS a word is punctuation if none of its characters is a letter or a digit.
    """
    if upos is None:
        return np.array([not any(c.isalnum() for c in word) for word in words])
    return np.array([tag == "PUNCT" for tag in upos])
