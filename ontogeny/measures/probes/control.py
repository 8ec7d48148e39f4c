"""What a probe's accuracy is held against: control tasks, the majority label, kinds of words."""

import zlib

import numpy as np
from numpy.typing import NDArray

NOT_COUNTED = -1


def control_labels(
    types: int, labels: NDArray[np.int64], task: str, seed: int
) -> NDArray[np.int64]:
    """Return the label of each word type in the control task of `task`, shape (types,).

    `types` is the number of word types of all splits together; `labels` (words,) are the class
    numbers of the task's training words, -1 where a word has none. Each type gets one label, drawn
    independently from the empirical distribution of `labels` (Hewitt and Liang 2019, section 2.1).
    The result depends on the seed and the task's name, and not on which other tasks there are.
    """
    counts = np.bincount(labels[labels != NOT_COUNTED])
    generator = np.random.default_rng([seed, zlib.crc32(task.encode())])
    return generator.choice(len(counts), size=types, p=counts / counts.sum()).astype(np.int64)


def majority_label(labels: NDArray[np.int64]) -> int:
    """Return the class that most words bear, of equal ones the first; -1 doesn't count."""
    return int(np.bincount(labels[labels != NOT_COUNTED]).argmax())


def subsets(
    train_types: NDArray[np.int64],
    train_labels: NDArray[np.int64],
    test_types: NDArray[np.int64],
    test_labels: NDArray[np.int64],
) -> dict[str, NDArray[np.bool_]]:
    """Return which test words belong to each subset of one task; each has the shape (test words,).

    Types are numbers from 0, labels class numbers, -1 where a word doesn't count for the task; such
    a word is in no subset, and lends its type nothing. `all`: every word that counts. `seen` and
    `unseen`: its type occurs, or doesn't, among the training words that count. `ambiguous`: among
    the training words that count, its type bears at least two labels of this task.
    """
    counts_in_train = train_labels != NOT_COUNTED
    highest = max(train_types.max(initial=0), test_types.max(initial=0)) + 1
    pairs = np.unique(
        np.stack([train_types[counts_in_train], train_labels[counts_in_train]]), axis=1
    )
    labels_of_type = np.bincount(pairs[0], minlength=highest)[test_types]
    counted = test_labels != NOT_COUNTED
    return {
        "all": counted,
        "seen": counted & (labels_of_type > 0),
        "unseen": counted & (labels_of_type == 0),
        "ambiguous": counted & (labels_of_type > 1),
    }
