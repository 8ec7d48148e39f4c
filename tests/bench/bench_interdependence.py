"""Interdependence of all pairs of words of sentences against a decomposition for each pair.

An LSTM of one layer of 400, as published for natural language, with random weights, on sentences of
40 words, the 95th percentile of English EWT. Both sides find DI for the pairs of each sentence up
to 10 apart, in double precision: ours all of them at once, the other by a call of
`decompose` for each pair, with three rows (the first word in focus, the second, both) of the
sentence up to the second word. It is timed on some pairs, drawn at random, and its time multiplied.
Stops with an error if an interdependence of ours isn't that of the other.
"""

import argparse
import statistics
import sys
import time

import torch

from ontogeny.measures.decomposition import (
    decompose,
    interdependence,
    pair_interdependence,
    recurrent_layers,
)

WIDTH, ROWS, TOKENS, FARTHEST = 400, 16, 40, 10
TOLERANCE = 1e-9


def pair_by_pair(layers, inputs, pairs):
    """Return DI at the top layer for each (row, left, right), a call each."""
    found = []
    for row, left, right in pairs:
        focus = torch.zeros(3, right + 1, dtype=torch.bool)
        focus[[0, 1, 2, 2], [left, right, left, right]] = True
        texts = inputs[row, : right + 1].expand(3, -1, -1)
        parts = decompose(layers, texts, focus).hidden.relevant[-1, :, -1]
        found.append(interdependence(parts[2], parts[0], parts[1]))
    return torch.stack(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sampled", type=int, default=40)
    parser.add_argument("--tokens", type=int, default=TOKENS)
    parser.add_argument("--farthest", type=int, default=FARTHEST)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(WIDTH, WIDTH, dtype=torch.float64)
    layers = recurrent_layers(dict(lstm.named_parameters()), "lstm")
    inputs = torch.randn(ROWS, arguments.tokens, WIDTH, dtype=torch.float64)
    every = [
        (row, left, left + distance)
        for row in range(ROWS)
        for distance in range(1, arguments.farthest + 1)
        for left in range(arguments.tokens - distance)
    ]
    chosen = [every[i] for i in torch.randperm(len(every))[: arguments.sampled]]
    times = []
    for _ in range(arguments.repeats):
        clocks = [(time.perf_counter(), time.process_time())]
        found = pair_interdependence(layers, inputs, arguments.farthest)
        clocks.append((time.perf_counter(), time.process_time()))
        expected = pair_by_pair(layers, inputs, chosen)
        clocks.append((time.perf_counter(), time.process_time()))
        (a, a_cpu), (b, b_cpu), (c, c_cpu) = clocks
        share = len(every) / len(chosen)
        times.append((b - a, (c - b) * share, b_cpu - a_cpu, (c_cpu - b_cpu) * share))
    own = torch.stack([found[-1, row, left, right - left - 1] for row, left, right in chosen])
    difference = float((own - expected).abs().max())
    fast, slow = (statistics.median(t[side] for t in times) for side in (0, 1))
    ratio = statistics.median(t[1] / t[0] for t in times)
    processor = statistics.median(t[3] / t[2] for t in times)
    print(
        f"{len(every)} pairs in {ROWS} sentences of {arguments.tokens} words, width {WIDTH}, "
        f"{arguments.threads} threads; pair by pair timed on {len(chosen)}"
    )
    print(
        f"interdependence: ours {fast:.2f} s, pair by pair {slow:.1f} s, ratio {ratio:.0f} (of "
        f"processor time {processor:.0f}; max difference {difference:.1e})"
    )
    if difference > TOLERANCE:
        sys.exit(f"interdependence: differs by more than {TOLERANCE:g}")


if __name__ == "__main__":
    main()
