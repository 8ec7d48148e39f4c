"""Corpora of random trees, for tests of what is measured on attention."""

import numpy as np
import pandas as pd

RELATIONS = ("nsubj", "obj", "det", "nmod:poss", "punct")


def random_corpus(generator, count, longest=9, words=None):
    """Random trees: each word hangs on an earlier one of a random order.

    The words are numbered, or drawn from `words`.
    """
    rows = []
    for _ in range(count):
        length = int(generator.integers(1, longest + 1))
        order = generator.permutation(length)
        head = np.zeros(length, dtype=int)
        for place in range(1, length):
            head[order[place]] = order[generator.integers(place)] + 1
        deprel = generator.choice(RELATIONS, length).tolist()
        deprel[order[0]] = "root"
        spelled = [f"w{k}" for k in range(length)]
        if words is not None:
            spelled = generator.choice(words, length).tolist()
        rows.append({"words": spelled, "head": head.tolist(), "deprel": deprel})
    return as_corpus(rows)


def as_corpus(rows):
    absent = ("upos", "xpos", "entity", "phrase_start", "phrase_end", "head", "deprel")
    frame = pd.DataFrame(rows)
    for name in absent:
        if name not in frame:
            frame[name] = pd.Series([None] * len(frame), dtype=object)
    return frame
