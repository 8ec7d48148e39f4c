"""Random edges in place of syntactic ones: the control of an intervention in syntactic attention.

What is done to attention along syntactic edges is done to attention between words at all, most of
which are neighbours. So a sentence's control has as many edges, of the same lengths and directions;
only which words they join is random.
"""

from collections.abc import Sequence

import numpy as np

SWAPS = 20  # tried for each word of the longest sentence


def random_heads(
    sentences: Sequence[np.ndarray], generator: np.random.Generator
) -> list[np.ndarray]:
    """Return random heads for the words of each sentence that have one, at the same distances.

    Each sentence is (words,), the place of each word's head counted from 1, 0 for a root; the
    results likewise. The words that have a head keep having one, and among them the distances to
    their heads, positive to the right, are dealt out anew, so that no head falls out of the
    sentence: roots stay roots, and some edges are syntactic still, by chance.

    A Markov chain starts from the syntactic edges and swaps the distances of two words drawn at
    random wherever both can have the other's. A swap and its reverse are equally likely, so that
    all that can be reached becomes equally likely (Metropolis et al. 1953). It takes `SWAPS` steps
    for each word of the longest sentence, in all sentences together.
    """
    lengths = np.array([len(heads) for heads in sentences], dtype=np.int64)
    if not lengths.sum():
        return [np.array(heads, dtype=np.int64) for heads in sentences]
    flat = np.concatenate([np.asarray(heads, dtype=np.int64) for heads in sentences])
    starts = np.cumsum(lengths) - lengths
    place = np.arange(len(flat)) - np.repeat(starts, lengths)
    # The words with a head, sentence after sentence: their places and distances.
    attached = np.flatnonzero(flat > 0)
    distance = (flat - 1 - place)[attached]
    sentence = np.repeat(np.arange(len(lengths)), lengths)[attached]
    counts = np.bincount(sentence, minlength=len(lengths))
    firsts = np.cumsum(counts) - counts
    some = np.flatnonzero(counts > 1)
    for _ in range(SWAPS * int(counts.max(initial=0)) if len(some) else 0):
        drawn = (generator.random((2, len(some))) * counts[some]).astype(np.int64)
        one, other = firsts[some] + drawn
        new_head = [place[attached[at]] + distance[of] for at, of in ((one, other), (other, one))]
        fits = np.logical_and.reduce([(h >= 0) & (h < lengths[some]) for h in new_head])
        one, other = one[fits], other[fits]
        distance[one], distance[other] = distance[other], distance[one]
    flat[attached] = place[attached] + distance + 1
    return np.split(flat, starts[1:])
