"""How well projected word vectors give back gold trees, for many layers at once.

The measures are those of Hewitt and Manning (2019), section 4. Sentences of one size are scored
together: no loop runs over layers or sentences.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ontogeny.measures.probes.gold_trees import GoldTree
from ontogeny.measures.probes.structural import squared_distances, squared_norms

# Sentences with this many words that count enter Spearman's correlations.
SHORTEST, LONGEST = 5, 50

# Predictions that agree to this many decimals, in edges, are ties: else rounding orders them.
DECIMALS = 4


@dataclass(frozen=True)
class SentenceAnswers:
    """What was right in each sentence that counts, in the order of the corpus.

    `sentence`, (sentences,): row of the sentence. `correct`, (layers, sentences): how many of its
    `n`, (sentences,), answers are right. `baseline`, (sentences,): how many are without vectors.
    """

    sentence: np.ndarray
    correct: np.ndarray
    n: np.ndarray
    baseline: np.ndarray


def spanning_tree(distances: Tensor) -> Tensor:
    """Return the minimum spanning trees of complete graphs, rooted in their first node.

    `distances` is (..., n, n) and symmetric; the result, (..., n), is each node's parent, -1 for
    the first. (Prim 1957, with all graphs advancing by one node at a time.)
    """
    graphs = distances.flatten(0, -3)
    count, size = graphs.shape[:2]
    every = torch.arange(count, device=graphs.device)
    nearest = graphs[:, 0].clone()  # distance of each node outside to the tree so far
    parents = torch.zeros(count, size, dtype=torch.long, device=graphs.device)
    outside = torch.ones(count, size, dtype=torch.bool, device=graphs.device)
    parents[:, 0], outside[:, 0] = -1, False
    for _ in range(size - 1):
        added = nearest.masked_fill(~outside, torch.inf).argmin(1)
        outside[every, added] = False
        closer = outside & (graphs[every, added] < nearest)
        nearest = torch.where(closer, graphs[every, added], nearest)
        parents = torch.where(closer, added[:, None], parents)
    return parents.unflatten(0, distances.shape[:-2])


def spearman(predicted: Tensor, gold: Tensor) -> Tensor:
    """Return Spearman's rank correlation along the last dimension, ties sharing their mean rank.

    Shapes: `predicted` (layers, ..., n), `gold` (..., n), result (layers, ...). It is NaN where the
    gold is constant, and 0 where only the prediction is.
    """
    x, y = (_average_ranks(values.double()) for values in (predicted, gold))
    x, y = x - x.mean(-1, keepdim=True), y - y.mean(-1, keepdim=True)
    spread = (x.square().sum(-1) * y.square().sum(-1)).sqrt()
    correlation = (x * y).sum(-1) / torch.where(spread > 0, spread, 1.0)
    constant = (y == 0).all(-1).expand_as(correlation)
    return correlation.masked_fill(constant, torch.nan)


def _average_ranks(values: Tensor) -> Tensor:
    """Return ranks from 1 along the last dimension; equal values share the mean of their ranks."""
    values = values.contiguous()
    ordered = values.sort(-1).values
    below = torch.searchsorted(ordered, values)
    not_above = torch.searchsorted(ordered, values, right=True)
    return (below + not_above + 1) / 2


def found_edges(projected: Tensor, trees: Sequence[GoldTree]) -> SentenceAnswers:
    """Count the gold edges in the minimum spanning trees of predicted distances.

    `projected` is (layers, words, rank), all words of the corpus. Punctuation is left out of both
    trees, so a gold edge counts if neither of its ends is punctuation. The baseline joins each word
    that is left to the next. Sentences without a gold edge don't count.
    """
    parts = []
    for group in _groups(trees, lambda tree: len(tree.content)):
        size = len(group[0].content)
        rows = _stack([tree.rows[tree.content] for tree in group], projected)
        heads = _stack([tree.heads for tree in group], projected)
        neighbours = torch.arange(-1, size - 1, device=heads.device).expand(1, *heads.shape)
        parents = spanning_tree(squared_distances(projected[:, rows]))
        parts.append(
            (
                np.array([tree.sentence for tree in group]),
                _count_edges(parents, heads).cpu().numpy(),
                (heads >= 0).sum(-1).cpu().numpy(),
                _count_edges(neighbours, heads)[0].cpu().numpy(),
            )
        )
    return _join(parts, len(projected))


def _count_edges(parents: Tensor, heads: Tensor) -> Tensor:
    """Return how many edges two trees share: `parents` (layers, s, n), `heads` (s, n)."""
    parents, words = parents[..., 1:], torch.arange(1, heads.shape[-1], device=heads.device)
    heads = heads.expand(len(parents), *heads.shape)
    upwards = heads[..., 1:] == parents
    downwards = heads.gather(-1, parents) == words
    return (upwards | downwards).sum(-1)


def found_roots(
    projected: Tensor, trees: Sequence[GoldTree], train: Sequence[GoldTree]
) -> SentenceAnswers:
    """Say in which sentences the word of least predicted depth, punctuation left out, is the root.

    `projected` is (layers, words, rank), all words of the corpus. The baseline says the position
    among the words that are left, counted from the left, that is the root of most sentences of
    `train` (the first of equals). Sentences whose root is punctuation or isn't counted don't count.
    """
    positions = np.bincount([tree.root for tree in train if tree.root >= 0], minlength=1)
    parts = []
    for group in _groups([tree for tree in trees if tree.root >= 0], lambda t: len(t.content)):
        rows = _stack([tree.rows[tree.content] for tree in group], projected)
        roots = np.array([tree.root for tree in group])
        least = squared_norms(projected[:, rows]).argmin(-1).cpu().numpy()
        parts.append(
            (
                np.array([tree.sentence for tree in group]),
                (least == roots).astype(np.int64),
                np.ones_like(roots),
                (roots == positions.argmax()).astype(np.int64),
            )
        )
    return _join(parts, len(projected))


def mean_spearman(
    projected: Tensor, trees: Sequence[GoldTree], *, of_distances: bool
) -> tuple[np.ndarray, int]:
    """Return Spearman's correlation of predictions with the gold, (layers,), and its sentences.

    `projected` is (layers, words, rank), all words of the corpus. A sentence's correlation is that
    of its words' depths; or each word's distances to all others are correlated, and the mean over
    its words is taken (words at the same distance from all others have no correlation and are left
    out). Then the mean is taken over the sentences of each length from 5 to 50, and over lengths.
    Punctuation counts, as in the publication. Its code also counts each word's distance to itself,
    0 in both, which lifts a correlation over n words by chance to about 3 (n - 1) / (n (n + 1));
    here chance is 0. NaN and 0 where no sentence has such a length.
    """
    means, count = [], 0
    for group in _groups(trees, lambda tree: len(tree.rows)):
        if not SHORTEST <= len(group[0].rows) <= LONGEST:
            continue
        words = projected[:, _stack([tree.rows for tree in group], projected)]
        if of_distances:
            gold = _off_diagonal(_stack([tree.distances for tree in group], projected))
            predicted = _off_diagonal(squared_distances(words))
            correlation = spearman(predicted.round(decimals=DECIMALS), gold).nanmean(-1)
        else:
            gold = _stack([tree.depths for tree in group], projected)
            correlation = spearman(squared_norms(words).round(decimals=DECIMALS), gold)
        defined = ~correlation[0].isnan()
        if defined.any():
            means.append(correlation[:, defined].mean(-1))
            count += int(defined.sum())
    if not means:
        return np.full(len(projected), np.nan), 0
    return torch.stack(means).mean(0).cpu().numpy(), count


def _off_diagonal(square: Tensor) -> Tensor:
    """Return (..., n, n) without its diagonal: (..., n, n - 1)."""
    size = square.shape[-1]
    rest = square.flatten(-2)[..., 1:].unflatten(-1, (size - 1, size + 1))
    return rest[..., :-1].flatten(-2).unflatten(-1, (size, size - 1))


def _groups(trees: Sequence[GoldTree], size: Callable[[GoldTree], int]) -> Iterator[list[GoldTree]]:
    """Yield the trees of each size, smallest first, trees of size 0 left out."""
    groups: dict[int, list[GoldTree]] = defaultdict(list)
    for tree in trees:
        groups[size(tree)].append(tree)
    for key in sorted(groups.keys() - {0}):
        yield groups[key]


def _stack(arrays: Sequence[np.ndarray], like: Tensor) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).to(like.device)


def _join(parts: Sequence[tuple[np.ndarray, ...]], layers: int) -> SentenceAnswers:
    """Join the groups' sentences in corpus order; leave out those with nothing to say."""
    nothing = np.zeros(0, dtype=np.int64)
    empty = (nothing, nothing.reshape(1, 0).repeat(layers, 0), nothing, nothing)
    columns = zip(empty, *parts, strict=True)
    sentence, correct, n, baseline = (np.concatenate(column, axis=-1) for column in columns)
    order = np.argsort(sentence)
    order = order[n[order] > 0]
    return SentenceAnswers(sentence[order], correct[:, order], n[order], baseline[order])
