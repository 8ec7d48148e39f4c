"""The published synthetic-task model, many in lockstep, against a plain loop over transformers.

The model: BERT with 6 layers, one head each, width 64, feed-forward 128; 1,002 tokens, batches of
128 sequences of 7 tokens, the last 3 masked and predicted. The plain loop trains one
`BertForMaskedLM` with `torch.optim.AdamW`, both as they come; the ensemble trains many, of which
the first starts from the same weights and reads the same batches: their losses are compared at
every step. Each side has a process of its own, the batches lie ready in both, repeats are
interleaved. Printed are the medians of model-steps per second, their ratio, and the share of the
peak that the ensemble's matrix products reach, the peak being that of a large product in the same
run.

A sweep runs as several jobs of one thread each. So, on a CPU, both sides are timed a second time
with a process for each thread: two plain loops, and two ensembles of half the members.

Expected from counting: the ensemble does 0.90 billion operations in matrix products a model-step,
the plain loop 1.45, because the ensemble needs the head and the last layer at masked positions
alone and merges the products of weights in attention (ontogeny/ensemble/bert/attention.py). At 95
billion a second, the most that a core of the machine at hand does, that is 9.5 ms of a core. The
rest, timed part by part, adds 3 ms: attention within a sequence 1.3, gelu 0.7, normalisation 0.7,
the cross-entropy 0.4; AdamW adds 0.3. So two quiet cores should do about 155 model-steps a second.
Measured were 106 to 120, 4.3 to 4.5 times the plain loop on two threads, at 84 to 90% of the
operations that the two cores do together in a large product, which is less than twice what one
does alone; and 108 to 129, 3.0 to 3.2 times two plain loops on one thread each, which don't wait
for each other either. In PyTorch alone, which `--in-pytorch` times, the ensemble does 75 to 90.
"""

import argparse
import os
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from ontogeny.devices import default_device
from ontogeny.ensemble import AdamW, Batch, Bert, BertStack
from tests.bench.side_by_side import interleaved, large_product

SEQUENCES, TOKENS, MASKED, VOCABULARY = 128, 7, 3, 1_002
LEARNING_RATE = 1e-3
ARCHITECTURE = Bert(VOCABULARY)


def draw(members: int, steps: int, device: torch.device) -> list[Batch]:
    """Batches of random tokens, the last of which are masked and to be predicted.

    Those of the first member don't depend on the number of members.
    """
    found = []
    for member in range(members):
        generator = torch.Generator().manual_seed(member)
        shape = steps, SEQUENCES, TOKENS
        found.append(torch.randint(0, VOCABULARY - 1, shape, generator=generator))
    tokens = torch.stack(found, 1).to(device)
    positions = torch.arange(TOKENS - MASKED, TOKENS, device=device)
    labels = tokens[..., -MASKED:].clone()
    tokens[..., -MASKED:] = VOCABULARY - 1
    return [Batch(own, positions, right) for own, right in zip(tokens, labels, strict=True)]


def ensemble(
    members: int, steps: int, at_once: int | None, in_machine_code: bool
) -> Callable[[], Tensor]:
    """Return a function that does some updates of all members; it returns the first's losses."""
    device = default_device()
    stack = BertStack.initialise(ARCHITECTURE, range(members), device=device)
    optimiser = AdamW(stack)
    batches = draw(members, steps, device)
    rates = [LEARNING_RATE] * members

    def work() -> Tensor:
        found = []
        for batch in batches:
            losses = stack.losses_and_gradients(
                batch, members_at_once=at_once, in_machine_code=in_machine_code
            )
            optimiser.step(stack, rates)
            found.append(losses[0])
        return torch.stack(found).cpu()

    return work


def plain_loop(steps: int) -> Callable[[], Tensor]:
    """Return a function that does some updates of transformers' model; it returns the losses."""
    device = default_device()
    model = BertStack.initialise(ARCHITECTURE, [0]).to_transformers(0).to(device).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    batches = []
    for batch in draw(1, steps, device):
        labels = torch.full_like(batch.inputs[0], -100)
        labels[:, -MASKED:] = batch.labels[0]
        batches.append((batch.inputs[0], labels))

    def work() -> Tensor:
        found = []
        for inputs, labels in batches:
            loss = model(input_ids=inputs, labels=labels).loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            found.append(loss.detach())
        return torch.stack(found).cpu()

    return work


def operations() -> float:
    """Floating-point operations in matrix products of the ensemble, for one model and update."""
    width, middle = ARCHITECTURE.width, ARCHITECTURE.feedforward
    row = 2 * width * width + 2 * width * middle + 2 * TOKENS * width
    rows = SEQUENCES * (TOKENS * (ARCHITECTURE.layers - 1) + MASKED)
    head = SEQUENCES * MASKED * width * (width + VOCABULARY)
    return 3 * 2 * (row * rows + head)  # backwards costs twice as much as forwards


def compare(processes: int, threads: int, arguments: argparse.Namespace) -> None:
    """Time both sides, interleaved, with so many processes of so many threads; print the ratio."""
    members = arguments.members // processes
    sides = {
        "ensemble": (
            *(ensemble, members, arguments.steps),
            *(arguments.members_at_once, not arguments.in_pytorch),
        ),
        "plain loop": (plain_loop, arguments.steps),
        "peak": (large_product, default_device()),
    }
    seconds, results = interleaved(sides, processes, threads, arguments.repeats)
    difference = max(
        (ours - theirs).abs().max().item()
        for pair in zip(results["ensemble"], results["plain loop"], strict=True)
        for ours, theirs in zip(*pair, strict=True)
    )
    ours = [processes * members * arguments.steps / taken for taken in seconds["ensemble"]]
    theirs = [processes * arguments.steps / taken for taken in seconds["plain loop"]]
    peak = processes * results["peak"][0][0].item() / median(seconds["peak"])
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else "the CPU"
    print(
        f"ensemble of {members} on {where}, processes: {processes}, threads of each: {threads}: "
        f"{median(ours):.1f} model-steps/s, plain loop {median(theirs):.1f}, ratio "
        f"{median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f}), losses differ by "
        f"{difference:.1e} at most over {(arguments.repeats + 1) * arguments.steps} updates\n"
        f"matrix products: {operations() / 1e9:.2f} billion operations a model-step, "
        f"{median(ours) * operations() / peak:.0%} of the measured peak of {peak / 1e9:.0f} "
        "billion a second",
        flush=True,
    )


def main() -> None:
    """Compare in one process, and on a CPU with a process for each thread too."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    parser = argparse.ArgumentParser(description=__doc__)
    on_gpu = default_device().type == "cuda"
    parser.add_argument("--members", type=int, default=64 if on_gpu else 8)
    parser.add_argument(
        "--in-pytorch", action="store_true", help="without the machine code for CPUs"
    )
    parser.add_argument(
        "--members-at-once", type=int, help="in PyTorch; by default the engine's own choice"
    )
    parser.add_argument("--steps", type=int, default=20 if on_gpu else 10, help="in each repeat")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    compare(1, arguments.threads, arguments)
    if not on_gpu and arguments.threads > 1:
        compare(arguments.threads, 1, arguments)


if __name__ == "__main__":
    main()
