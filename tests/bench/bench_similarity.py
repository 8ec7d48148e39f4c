"""SVCCA of all pairs of layers of a trajectory, 10,000 words x 200 each, against plain NumPy.

The other side does what one writes from the publication: for a pair, a singular value decomposition
of each centred matrix, the directions that hold 99% of its variance, and the singular values of
their product. It takes some of the pairs, in float64 as NumPy would, rounds of the two alternate,
with the same threads, and the seconds of a pair are compared. Stops with an error if a similarity
of ours isn't the other's.

How many axes hold 99% of a layer's variance decides how long a pair takes us. The standard
deviations of the matrices fall as 1 / k; `--decay 0` makes them flat: then all axes are kept, and
the wanted ratio is out of reach: the product of a pair alone takes a fortieth of NumPy's time.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

from ontogeny.measures.similarity import Correlations, Moments, svcca

WORDS, WIDTH = 10_000, 200
VARIANCE = 0.99
TOLERANCE = 1e-4
LIMIT = 60  # times faster, at least


def trajectory(layers: int, decay: float) -> Tensor:
    """Return matrices, (layers, words, width), that share more and more of what they hold.

    Their standard deviations along their axes fall as k to the power of minus `decay`.
    """
    generator = torch.Generator().manual_seed(0)
    deviation = torch.arange(1, WIDTH + 1) ** -decay
    shared = torch.randn(WORDS, WIDTH, generator=generator)
    matrices = []
    for layer in range(layers):
        own = torch.randn(WORDS, WIDTH, generator=generator)
        turn = torch.linalg.qr(torch.randn(WIDTH, WIDTH, generator=generator))[0]
        matrices.append((shared * layer / layers + own) * deviation @ turn)
    return torch.stack(matrices)


def plain(first: NDArray, second: NDArray, variance: float = VARIANCE) -> float:
    """Return the SVCCA of a pair, (words, width) each (Raghu et al. 2017, section 2)."""
    bases = []
    for matrix in (first, second):
        left, values, _ = np.linalg.svd(matrix - matrix.mean(0), full_matrices=False)
        held = np.cumsum(values**2) / np.sum(values**2)
        bases.append(left[:, : np.searchsorted(held, variance) + 1])
    return float(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False).mean())


def of_all_pairs(matrices: Tensor) -> Tensor:
    """Return the SVCCA of each pair of the matrices, (pairs,)."""
    moments = Moments()
    for block in matrices.split(512, 1):
        moments.add(block)
    correlations = Correlations(moments.principal("bench").reduced(VARIANCE))
    for block in matrices.split(512, 1):
        correlations.add(block)
    return svcca(correlations.cross(), variance=None)


def main() -> None:
    """Alternate the two sides and print the median seconds of a pair, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=45, help="3 layers at 15 checkpoints")
    parser.add_argument("--decay", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=2, help="that NumPy takes in a round")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    matrices = trajectory(arguments.layers, arguments.decay)
    pairs = torch.triu_indices(arguments.layers, arguments.layers, 1).T.tolist()
    chosen = np.random.default_rng(0).choice(len(pairs), (arguments.rounds, arguments.pairs))
    ours: list[float] = []
    theirs: list[float] = []
    with threadpool_limits(arguments.threads):
        for places in chosen:
            start = time.perf_counter()
            similarity = of_all_pairs(matrices)
            ours.append((time.perf_counter() - start) / len(pairs))
            for place in places:
                one, other = (matrices[layer].double().numpy() for layer in pairs[place])
                start = time.perf_counter()
                expected = plain(one, other)
                theirs.append(time.perf_counter() - start)
                if abs(similarity[place].item() - expected) > TOLERANCE:
                    raise SystemExit(f"{similarity[place].item()} isn't NumPy's {expected}")
    own, other_side = statistics.median(ours), statistics.median(theirs)
    print(
        f"SVCCA of {len(pairs)} pairs of layers, {WORDS} words x {WIDTH}, "
        f"{arguments.threads} threads: {own * 1e3:.2f} ms a pair, NumPy pair by pair "
        f"{other_side * 1e3:.0f} ms: {other_side / own:.0f} times (wanted: {LIMIT})"
    )


if __name__ == "__main__":
    main()
