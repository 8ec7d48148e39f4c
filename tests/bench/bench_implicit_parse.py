"""The implicit parse against the loop over heads that is published with Clark et al. (2019).

Both sides are given the attention between the tokens of 1,000 sentences, 12 layers of 12 heads, as
a model yields it; the model itself is not run, and the weights are random. Both make of it the
attention between words, and of that the share of words of each relation whose head is found, for
each head of attention in both directions. Ours starts from padded batches, as they come from a
model; the loop from a matrix for each sentence and head, cut to its length beforehand. It treats
one head after the other, so it is timed on some layers only, and its time multiplied. Stops with an
error if a share of ours isn't that of the loop.
"""

import argparse
import statistics
import sys
import time
from collections import Counter
from itertools import pairwise

import numpy as np
import torch

from ontogeny.measures.attention import WordAttention, attention_between_words
from ontogeny.measures.attention.edge_hits import Edges, edge_hits
from ontogeny.measures.attention.implicit_parse import implicit_parse
from ontogeny.runs.checkpoints.token_batches import batches_by_length

LAYERS = HEADS = 12
RELATIONS = 30
TOLERANCE = 1e-5  # of a share's size
# Quantiles 0, 5, ..., 100 per cent of the lengths of English EWT's training sentences.
LENGTHS = (
    *(1, 2, 3, 4, 6, 7, 9, 10, 11, 13, 14, 15, 17, 19, 20, 22),
    *(25, 28, 32, 39, 70),
)


def random_sentences(count: int, generator: np.random.Generator):
    """Return the pieces of each word of each sentence, and their edges."""
    drawn = np.interp(generator.random(count), np.linspace(0, 1, 21), LENGTHS)
    lengths = np.maximum(drawn.astype(int), 2)
    pieces = [generator.choice([1, 2, 3], n, p=[0.85, 0.1, 0.05]) for n in lengths]
    sentence = np.repeat(np.arange(count), lengths)
    dependent = np.concatenate([np.arange(n) for n in lengths])
    head = (dependent + generator.integers(1, lengths[sentence])) % lengths[sentence]
    relation = generator.integers(RELATIONS, size=len(sentence))
    return pieces, Edges(sentence, dependent, head, relation, tuple(map(str, range(RELATIONS))))


def random_attention(pieces, tokens_per_batch: int):
    """Yield batches: their sentences, each layer's attention, and the word of each token."""
    lengths = np.array([p.sum() + 2 for p in pieces])
    generator = torch.Generator().manual_seed(0)
    for batch in batches_by_length(lengths, tokens_per_batch):
        longest = int(lengths[batch].max())
        word = torch.full((len(batch), longest), -1)
        for row, sentence in enumerate(batch):
            owners = np.repeat(np.arange(len(pieces[sentence])), pieces[sentence])
            word[row, 1 : len(owners) + 1] = torch.from_numpy(owners)
        inside = torch.arange(longest) < torch.from_numpy(lengths[batch])[:, None]
        shape = (len(batch), HEADS, longest, longest)
        layers = []
        for _ in range(LAYERS):
            scores = 3 * torch.randn(shape, generator=generator)
            layers.append(scores.masked_fill(~inside[:, None, None], -torch.inf).softmax(-1))
        yield batch, layers, word


def ours(batches, pieces, edges) -> np.ndarray:
    def between_words():
        for batch, layers, word in batches:
            counts = np.array([len(pieces[sentence]) for sentence in batch])
            first = torch.zeros(len(batch), dtype=torch.long)
            weights = attention_between_words(layers, word, first, int(counts.max()))
            yield WordAttention(batch, weights, counts)

    return implicit_parse(edge_hits(between_words(), edges)).head_uas


def word_level(attention: np.ndarray, words_to_tokens: list[list[int]]) -> np.ndarray:
    """As `get_word_word_attention` of the published code: columns summed, rows averaged."""
    result = np.array(attention)
    not_first = [token for word in words_to_tokens for token in word[1:]]
    for word in words_to_tokens:
        result[:, word[0]] = result[:, word].sum(axis=-1)
    result = np.delete(result, not_first, -1)
    for word in words_to_tokens:
        result[word[0]] = np.mean(result[word], axis=0)
    return np.delete(result, not_first, 0)


def loop(attention, pieces, edges, layers: int) -> np.ndarray:
    """Score head after head; `attention` maps a sentence to (layers, heads, tokens, tokens)."""
    words_to_tokens = []
    for counts in pieces:
        ends = 1 + np.cumsum(counts)
        words_to_tokens.append(
            [list(range(end - n, end)) for end, n in zip(ends, counts, strict=True)]
        )
    bounds = np.searchsorted(edges.sentence, np.arange(len(pieces) + 1))
    heads = [edges.head[a:b].tolist() for a, b in pairwise(bounds)]
    relations = [edges.relation[a:b].tolist() for a, b in pairwise(bounds)]
    scores = np.full((len(edges.relations), layers, HEADS, 2), np.nan)  # where nothing is scored
    for layer in range(layers):
        for head in range(HEADS):
            right: tuple[Counter, Counter] = (Counter(), Counter())
            seen: Counter = Counter()
            for sentence, words in enumerate(words_to_tokens):
                weights = word_level(attention[sentence][layer, head], words)[1:-1, 1:-1]
                np.fill_diagonal(weights, 0)
                for direction, read in enumerate((weights, weights.T)):
                    predicted = np.argmax(read, axis=-1)
                    for p, y, r in zip(
                        predicted, heads[sentence], relations[sentence], strict=True
                    ):
                        if p == y:
                            right[direction][r] += 1
                        if not direction:
                            seen[r] += 1
            for r, count in seen.items():
                for direction in (0, 1):
                    scores[r, layer, head, direction] = right[direction][r] / count
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--loop-layers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    pieces, edges = random_sentences(arguments.sentences, np.random.default_rng(0))
    batches = list(random_attention(pieces, 1024))
    by_sentence = {}
    for batch, layers, word in batches:
        for row, sentence in enumerate(batch):
            length = int((word[row] >= 0).sum()) + 2
            whole = [layer[row, :, :length, :length] for layer in layers[: arguments.loop_layers]]
            by_sentence[sentence] = torch.stack(whole).numpy().copy()
    times: list[tuple[float, float, float, float]] = []
    for _ in range(arguments.repeats):
        clocks = [(time.perf_counter(), time.process_time())]
        found = ours(batches, pieces, edges)
        clocks.append((time.perf_counter(), time.process_time()))
        expected = loop(by_sentence, pieces, edges, arguments.loop_layers)
        clocks.append((time.perf_counter(), time.process_time()))
        (a, a_cpu), (b, b_cpu), (c, c_cpu) = clocks
        whole = LAYERS / arguments.loop_layers
        times.append((b - a, (c - b) * whole, b_cpu - a_cpu, (c_cpu - b_cpu) * whole))
    found = found[:, : arguments.loop_layers]
    difference = np.nanmax(np.abs(found - expected))
    fast, slow = (statistics.median(t[side] for t in times) for side in (0, 1))
    ratio = statistics.median(t[1] / t[0] for t in times)
    processor = statistics.median(t[3] / t[2] for t in times)
    print(
        f"{arguments.sentences} sentences, {len(edges.sentence)} words, {LAYERS} layers of {HEADS} "
        f"heads, {arguments.threads} threads; the loop timed on {arguments.loop_layers} layers"
    )
    print(
        f"implicit parse: ours {fast:.2f} s, loop over heads {slow:.1f} s, ratio {ratio:.1f} (of "
        f"processor time {processor:.1f}; max difference {difference:.1e})"
    )
    if not np.allclose(found, expected, rtol=TOLERANCE, atol=0, equal_nan=True):
        sys.exit(f"implicit parse: shares differ by more than {TOLERANCE:g} of their size")


if __name__ == "__main__":
    main()
