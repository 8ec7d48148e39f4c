"""Updates single sites of many chains, against a Python loop over sequences with the same model.

Factored attention of one and of four layers, on sequences of 20 tokens of 10 types: 2,000 chains at
once, drawn from the model's conditionals (Gibbs sampling). The loop reads one sequence at a time
with the site masked, as the model's `forward` does, and draws the token by `torch.multinomial`;
whether both give the same conditionals is looked at first, on the chains as they are after a sweep,
else it stops. Sides alternate; printed are medians, and the share that the products of matrices of
ours have of what a large product reaches on the same cores. Memory is looked at before and after
many sweeps.
"""

import argparse
import resource
import time
from statistics import median

import torch

from ontogeny.measures.interactions.conditionals import conditionals_of
from ontogeny.measures.interactions.sampling import Chains, Scheme, run_chains
from ontogeny.runs.architectures import configure, initialise

LENGTH, TYPES, HEADS, WIDTH, CHAINS = 20, 10, 4, 32, 2000
MASK = TYPES
CLAIMED = {1: 300, 4: 30}


def model_of(layers):
    """Return a model that isn't trained; what it costs doesn't depend on that."""
    sizes = {"layers": layers, "heads": HEADS, "width": WIDTH, "initial_deviation": 0.1}
    return initialise(configure("factored", TYPES + 1, positions=LENGTH, **sizes), 0).eval()


def chains_of(count):
    """Return chains that begin at random tokens."""
    everywhere = torch.ones(count, LENGTH, dtype=torch.bool)
    generator = torch.Generator().manual_seed(0)
    return Chains(
        torch.randint(TYPES, (count, LENGTH), generator=generator), everywhere, everywhere
    )


@torch.no_grad()
def loop(model, tokens, site):
    """Draw a site of each sequence, one sequence after the other."""
    for sequence in tokens:
        sequence[site] = MASK
        logits = model(sequence[None]).logits[0, site, :TYPES]
        sequence[site] = torch.multinomial(torch.softmax(logits, 0), 1)[0]


@torch.no_grad()
def check(model, tokens):
    """Stop unless kept sums and the model itself give the same logits."""
    fast = conditionals_of(model, MASK)
    fast.begin(tokens, torch.ones_like(tokens, dtype=torch.bool))
    for site in range(LENGTH):
        hidden = tokens.clone()
        hidden[:, site] = MASK
        torch.testing.assert_close(
            fast.at(site), model(hidden).logits[:, site], rtol=1e-3, atol=1e-4
        )
        fast.move(site, tokens[:, site])


def operations(layers):
    """Return the operations in products of matrices of one update of a chain."""
    projections = 2 * WIDTH * WIDTH
    if layers == 1:
        return 2 * WIDTH * (TYPES + 1)
    first = LENGTH * projections
    between = (layers - 2) * LENGTH * (2 * projections + 2 * LENGTH * WIDTH)
    last = 2 * HEADS * LENGTH * WIDTH + 2 * projections + 2 * WIDTH * (TYPES + 1)
    return first + between + last


def peak():
    """Return the operations a second of a large product of matrices."""
    size = 1536
    left, right = torch.randn(2, size, size)
    left @ right
    start = time.perf_counter()
    left @ right
    return 2 * size**3 / (time.perf_counter() - start)


def main():
    """Print updates a second of both sides, and their ratio, for one layer and for four."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--repeats", type=int, default=5)
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    allowed = torch.tensor([True] * TYPES + [False])
    for layers, claimed in CLAIMED.items():
        model, chains = model_of(layers), chains_of(CHAINS)
        conditionals = conditionals_of(model, MASK)

        def sweeps(count, conditionals=conditionals, chains=chains):
            start = time.perf_counter()
            done = run_chains(conditionals, chains, allowed, count, scheme=Scheme(), seed=0)
            return done, (count + 1) * CHAINS * LENGTH / (time.perf_counter() - start)

        check(model, sweeps(1)[0].tokens)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        ours, theirs, peaks = [], [], []
        few = chains_of(10 if layers > 1 else 25).tokens
        for _ in range(given.repeats):
            ours.append(sweeps(4)[1])
            start = time.perf_counter()
            for site in range(LENGTH):
                loop(model, few, site)
            theirs.append(few.numel() / (time.perf_counter() - start))
            peaks.append(peak())
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        ratio = median(ours) / median(theirs)
        share = median(ours) * operations(layers) / median(peaks)
        print(
            f"{layers} layer{'s' if layers > 1 else ''}: {median(ours):,.0f} updates/s, "
            f"loop {median(theirs):,.0f}/s: {ratio:.0f} times as many (at least {claimed}); "
            f"{share:.1%} of the peak of matrix products; memory "
            f"grew by {grown / 1024:.0f} MB over {given.repeats * 4} sweeps",
            flush=True,
        )


if __name__ == "__main__":
    main()
