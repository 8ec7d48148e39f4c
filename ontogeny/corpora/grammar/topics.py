"""Topics: in a document some content words are likelier than elsewhere.

Each entry of a class has one topic of its own. In documents of that topic its odds against the
entries of other topics are 1 + `topic_strength` times what they are in documents of any other
topic. The topics are fitted so that, over documents with topics drawn uniformly, each class keeps
its Zipfian distribution exactly: the table of topics and entries has given margins and given odds
ratios, and iterative proportional fitting finds the only such table (Deming and Stephan 1940).
"""

import itertools
import random

import numpy as np

from ontogeny.corpora.grammar.lexicon import Lexicon


def topic_weights(
    lexicon: Lexicon, *, seed: int, topics: int, topic_strength: float
) -> dict[str, np.ndarray]:
    """Return, for each class, the probability of each entry in each topic, (topics, entries).

    Rows sum to one; the mean of the rows is the class's Zipfian distribution.
    """
    rng = random.Random(f"{seed}/topics")
    weights = {}
    for name, zipf in lexicon.weights.items():
        home = _homes(rng, len(zipf), topics)
        own = home[None, :] == np.arange(topics)[:, None]
        weights[name] = _fit(np.where(own, 1.0 + topic_strength, 1.0), np.asarray(zipf))
    return weights


def _homes(rng: random.Random, entries: int, topics: int) -> np.ndarray:
    """The topic of each entry: of any `topics` neighbours in rank, one for each topic."""
    blocks = -(-entries // topics)
    dealt = (rng.sample(range(topics), topics) for _ in range(blocks))
    return np.array(list(itertools.chain.from_iterable(dealt)))[:entries]


def _fit(odds: np.ndarray, marginal: np.ndarray) -> np.ndarray:
    """Scale rows and columns of `odds` until rows sum to one and have `marginal` as their mean."""
    table = odds * marginal
    for _ in range(1000):
        table *= marginal / table.mean(axis=0)
        sums = table.sum(axis=1, keepdims=True)
        table /= sums
        if np.abs(sums - 1).max() < 1e-12:
            break
    return table
