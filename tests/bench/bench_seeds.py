"""Two seeds of a small model trained in lockstep, against a process for each.

The models are those of the toy tier: a BERT of 4 layers and width 64 on 64 sentences of 14 words,
2,005 types; and a transformer of attention alone, 2 layers of width 32, on 24 sequences of 96
tokens, 27 types. An update is loss, gradient, clipping and AdamW on both sides, of the same weights
and tokens; losses after some updates are compared. In lockstep a thread takes each seed through the
model, in one process; else each seed has a process of one thread, as Snakemake runs the jobs that
pretrain them. Repeats are interleaved; printed are medians of updates per second over both seeds,
and their ratio.

Expected: an update is arithmetic nearly all through, so a stack has little to save, and its calls
pass through Python one thread at a time. Where processes are faster, seeds are best pretrained as
jobs of their own, as the workflow does; that lets a cluster spread them, too.
"""

import argparse
import os
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ontogeny.ensemble import AdamW, ModuleStack, additive_mask
from ontogeny.runs.architectures import configure, initialise
from tests.bench.side_by_side import Work, interleaved

SEEDS = (0, 1)
RATE, DECAY, LONGEST_GRADIENT = 1e-3, 0.01, 1.0
CASES: dict[str, dict[str, Any]] = {
    "bert": {
        "shape": (64, 14),
        "vocabulary": 2_005,
        "sizes": {"layers": 4, "heads": 4, "width": 64, "dropout": 0.0},
    },
    "attention_only": {
        "shape": (24, 96),
        "vocabulary": 27,
        "sizes": {"layers": 2, "heads": 2, "width": 32},
    },
}


def build(architecture: str, seed: int) -> tuple[nn.Module, dict[str, Tensor]]:
    """Return a model, and a batch for it: tokens (sequences, tokens), none of them padding."""
    case = CASES[architecture]
    shape, types = case["shape"], case["vocabulary"]
    config = configure(architecture, types, positions=shape[1], pad_token_id=0, **case["sizes"])
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(1, types, shape, generator=generator)
    mask = torch.ones_like(tokens)
    # An encoder looks at other masks' numbers, which can't be done for many models at once.
    attended = additive_mask(mask) if architecture == "bert" else mask
    return initialise(config, seed), {"tokens": tokens, "attended": attended}


def loss(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """Return the mean cross-entropy of all tokens, each predicted where it stands."""
    logits = model(input_ids=batch["tokens"], attention_mask=batch["attended"]).logits
    return cross_entropy(logits.flatten(0, 1), batch["tokens"].flatten())


def in_lockstep(architecture: str, updates: int) -> Work:
    """Return a function that trains both seeds some updates on; it returns their losses."""
    models, batches = zip(*(build(architecture, seed) for seed in SEEDS), strict=True)
    stack = ModuleStack.of(models, loss)
    batch = {name: torch.stack([own[name] for own in batches]) for name in batches[0]}
    optimiser = AdamW(stack, weight_decay=DECAY, max_gradient_norm=LONGEST_GRADIENT)

    def work() -> Tensor:
        for _ in range(updates):
            losses = stack.losses_and_gradients(batch)
            optimiser.step(stack, [RATE] * len(SEEDS))
        return losses

    return work


def alone(architecture: str, updates: int) -> Work:
    """Return a function that trains the first seed some updates on; it returns its loss."""
    model, batch = build(architecture, SEEDS[0])
    weights = list(model.parameters())
    optimiser = torch.optim.AdamW(weights, RATE, weight_decay=DECAY)

    def work() -> Tensor:
        for _ in range(updates):
            value = loss(model, batch)
            optimiser.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(weights, LONGEST_GRADIENT)
            optimiser.step()
        return value.detach()[None]

    return work


def main() -> None:
    """Compare both sides for each architecture."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=10, help="in each repeat")
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    processes = {"lockstep": 1, "processes": len(SEEDS)}
    threads = {"lockstep": len(SEEDS), "processes": 1}
    for architecture in CASES:
        sides = {
            "lockstep": (in_lockstep, architecture, arguments.updates),
            "processes": (alone, architecture, arguments.updates),
        }
        seconds, results = interleaved(sides, processes, threads, arguments.repeats)
        first = torch.stack([found[0][0] for found in results["lockstep"]])
        same = torch.stack([found[0][0] for found in results["processes"]])
        if not torch.allclose(first, same, rtol=0.02):
            raise SystemExit(f"{architecture}: losses differ: {first} and {same}")
        done = len(SEEDS) * arguments.updates
        rates = {side: done / median(values) for side, values in seconds.items()}
        pairs = zip(seconds["processes"], seconds["lockstep"], strict=True)
        ratios = [apart / together for apart, together in pairs]
        print(
            f"{len(SEEDS)} seeds of {architecture}: in lockstep {rates['lockstep']:.0f} updates/s, "
            f"in a process each {rates['processes']:.0f}; ratio {median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
