"""The eight probing tasks: what they need of a corpus, and their gold answers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ontogeny.corpora.corpus import require

WORD_LABEL_TASKS = ("upos", "xpos", "entity", "deprel", "phrase_start", "phrase_end")
TREE_TASKS = ("tree_depth", "tree_distance")
TASKS = WORD_LABEL_TASKS + TREE_TASKS

REQUIRED_COLUMN = {task: task if task in WORD_LABEL_TASKS else "head" for task in TASKS}


def check_tasks(sentences: pd.DataFrame, tasks: Sequence[str], source: str) -> None:
    """Raise `CorpusError`, naming the task and the column, if a task can't be served."""
    for task in tasks:
        column = REQUIRED_COLUMN[task]
        require(sentences, column, source, purpose=f"task {task}", remedy="Leave the task out")


def word_labels(sentences: pd.DataFrame, task: str, *, phrase_root: bool = False) -> np.ndarray:
    """Return the gold label of every word, sentence after sentence.

    Shape (words,), dtype object: strings, or None where the sentence lacks the annotation.
    `entity` gives the type without its IOB2 prefix, or "none"; `phrase_start` and `phrase_end`
    give "yes" where at least one constituent begins or ends at the word, else "no". With
    `phrase_root` the root counts as one, so that a sentence's first and last word always say "yes".
    """
    special: dict[str, Callable[[Any], str]] = {
        "entity": _entity_type,
        "phrase_start": _any,
        "phrase_end": _any,
    }
    convert = special.get(task, str)
    of_root = {"phrase_start": 0, "phrase_end": -1} if phrase_root else {}
    labels: list[str | None] = []
    for words, values in zip(sentences["words"], sentences[REQUIRED_COLUMN[task]], strict=True):
        own: list[str | None] = [None] * len(words)
        if values is not None:
            own[:] = map(convert, values)
        if values is not None and task in of_root:
            own[of_root[task]] = _any(1)
        labels.extend(own)
    return np.array(labels, dtype=object)


def _entity_type(tag: str) -> str:
    return "none" if tag == "O" else tag.split("-", 1)[1]


def _any(count: int) -> str:
    return "yes" if count > 0 else "no"


def tree_depths(heads: Sequence[int]) -> np.ndarray:
    """Return each word's number of edges to the root; shape (words,), the root has 0.

    `heads` is 1-based with 0 for the root. (Hewitt and Manning 2019, section 2.3, "parse depth".)
    """
    parents = np.asarray(heads, dtype=np.int64)
    depths = np.zeros(len(parents), dtype=np.int64)
    ancestors = parents.copy()
    while ancestors.any():
        depths[ancestors > 0] += 1
        ancestors = np.where(ancestors > 0, parents[ancestors - 1], 0)
    return depths


def tree_distances(heads: Sequence[int]) -> np.ndarray:
    """Return the number of edges between each two words of a tree; shape (words, words).

    `heads` is 1-based with 0 for the root. (Hewitt and Manning 2019, section 2.2.)
    """
    parents = np.asarray(heads, dtype=np.int64) - 1
    distances = np.zeros((len(parents), len(parents)), dtype=np.int64)
    # Parents first: a word's distances are its parent's plus one, to all words placed before it.
    placed: list[int] = []
    for word in np.argsort(tree_depths(heads), kind="stable"):
        if placed:
            row = distances[parents[word], placed] + 1
            distances[word, placed] = row
            distances[placed, word] = row
        placed.append(int(word))
    return distances
