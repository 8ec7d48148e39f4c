"""How near a language model is to counts of n-grams."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ontogeny.errors import CorpusError


@dataclass(frozen=True)
class Bigrams:
    """Which token follows which: `probabilities` (vocabulary, vocabulary), rows by the first.

    A row that sums to 0 is of a token that nothing follows.
    """

    probabilities: Tensor

    @staticmethod
    def of(tokens: np.ndarray, vocabulary: int) -> "Bigrams":
        """Count sequences of tokens, (sequences, length), whole numbers below `vocabulary`."""
        flat = (tokens[:, :-1].astype(np.int64) * vocabulary + tokens[:, 1:]).ravel()
        counts = np.bincount(flat, minlength=vocabulary**2).reshape(vocabulary, vocabulary)
        totals = counts.sum(axis=1, keepdims=True)
        shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
        return Bigrams(torch.from_numpy(shares).float())


def bigram_divergence(logits: Tensor, tokens: Tensor, bigrams: Bigrams) -> Tensor:
    """Return how far predictions are from the bigrams', in nats, a scalar.

    The Kullback-Leibler divergence of the model's distribution from the empirical one of what
    follows a token, sum p log(p / q) with p the empirical one, averaged over the tokens of a text
    that were counted. `logits` are (sequences, length, vocabulary), `tokens` (sequences, length).
    """
    expected = bigrams.probabilities.to(logits.device)[tokens]
    known = expected.sum(-1) > 0
    log_ratio = torch.special.xlogy(expected, expected) - expected * logits.log_softmax(-1)
    return (log_ratio.sum(-1) * known).sum() / known.sum()


def ends_of_frequent_ngrams(
    tokens: np.ndarray, lengths: tuple[int, ...] = (3, 4), most: int = 1000
) -> np.ndarray:
    """Return where the most frequent n-grams end: bool, (sequences, length).

    For each of `lengths` the `most` frequent n-grams that come at least twice, by their counts in
    `tokens` (sequences, length); of equals those that sort first. Raises `CorpusError` if there are
    none.
    """
    ends = np.zeros(tokens.shape, dtype=bool)
    for length in lengths:
        if tokens.shape[1] < length:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(tokens, length, axis=1)
        flat = windows.reshape(-1, length)
        _, which, counts = np.unique(flat, axis=0, return_inverse=True, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:most]
        chosen = np.zeros(len(counts), dtype=bool)
        chosen[order[counts[order] > 1]] = True
        ends[:, length - 1 :] |= chosen[which.ravel()].reshape(windows.shape[:2])
    if not ends.any():
        raise CorpusError(
            f"n-grams: none of {' or '.join(map(str, lengths))} tokens comes twice in a text of "
            f"{tokens.size} tokens; expected a longer text."
        )
    return ends


def ngram_score(losses: Tensor, ends: Tensor) -> Tensor:
    """Return the mean loss over the loss on frequent n-grams' last tokens, a scalar.

    1 for a model that knows nothing of n-grams if their last tokens are as hard as others, and more
    as it learns them. `losses` and `ends` are (sequences, length); a sequence's first token, which
    nothing predicts, has no loss: NaN.
    """
    there = ~losses.isnan()
    return losses[there].mean() / losses[there & ends].mean()
