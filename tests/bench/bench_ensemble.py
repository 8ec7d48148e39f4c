"""The published synthetic-task model, many in lockstep, against a plain loop over transformers.

The model: BERT with 6 layers, one head each, width 64, feed-forward 128; 1,002 tokens, batches of
128 sequences of 7 tokens, the last 3 masked and predicted. The plain loop trains one
`BertForMaskedLM` with `torch.optim.AdamW`; the ensemble trains many, of which the first starts from
the same weights and reads the same batches: their losses are compared at every step. Both sides
have the same threads (or the GPU), and the batches lie ready on both. Repeats are interleaved;
printed are the medians of model-steps per second, their ratio, and the share of the peak that the
ensemble's matrix products reach, the peak being that of a large product in the same run.

Expected from counting: the ensemble does 0.90 billion operations in matrix products a model-step,
the plain loop 1.45, because the ensemble needs the head and the last layer at masked positions
alone and merges the products of weights in attention (ontogeny/ensemble/attention.py). At 75
billion a second and core (2.6 GHz, 32 a cycle) that is 12 ms of a core; element-wise passes, timed
one by one, add 5 ms. So two quiet cores should do about 115 model-steps a second.
"""

import argparse
import os
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from ontogeny.devices import default_device
from ontogeny.ensemble import AdamW, Batch, Bert, Stack, losses_and_gradients

SEQUENCES, TOKENS, MASKED, VOCABULARY = 128, 7, 3, 1_002
LEARNING_RATE = 1e-3


def draw(members: int, steps: int, device: torch.device) -> list[Batch]:
    """Batches of random tokens, the last of which are masked and to be predicted."""
    generator = torch.Generator().manual_seed(0)
    shape = steps, members, SEQUENCES, TOKENS
    tokens = torch.randint(0, VOCABULARY - 1, shape, generator=generator).to(device)
    positions = torch.arange(TOKENS - MASKED, TOKENS, device=device)
    labels = tokens[..., -MASKED:].clone()
    tokens[..., -MASKED:] = VOCABULARY - 1
    return [Batch(own, positions, right) for own, right in zip(tokens, labels, strict=True)]


def seconds(work: Callable[[], Tensor], device: torch.device) -> tuple[float, Tensor]:
    """Return how long the work took, and what it returned."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    result = work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start, result


def operations(architecture: Bert) -> float:
    """Floating-point operations in matrix products of the ensemble, for one model and update."""
    width, middle = architecture.width, architecture.feedforward
    row = 2 * width * width + 2 * width * middle + 2 * TOKENS * width
    rows = SEQUENCES * (TOKENS * (architecture.layers - 1) + MASKED)
    head = SEQUENCES * MASKED * width * (width + architecture.vocabulary)
    return 3 * 2 * (row * rows + head)  # backwards costs twice as much as forwards


def main() -> None:
    """Time both sides, interleaved, and print the ratio."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    parser = argparse.ArgumentParser(description=__doc__)
    device = default_device()
    on_gpu = device.type == "cuda"
    parser.add_argument("--members", type=int, default=64 if on_gpu else 8)
    parser.add_argument("--members-at-once", type=int, help="by default the engine's own choice")
    parser.add_argument("--steps", type=int, default=20 if on_gpu else 10, help="in each repeat")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    architecture = Bert(VOCABULARY)
    stack = Stack.initialise(architecture, range(arguments.members), device=device)
    model = stack.to_transformers(0).to(device).train()
    ours = AdamW(stack)
    theirs = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    batches = draw(arguments.members, arguments.steps, device)
    rates = [LEARNING_RATE] * arguments.members

    def ensemble() -> Tensor:
        found = []
        for batch in batches:
            losses = losses_and_gradients(stack, batch, None, arguments.members_at_once)
            ours.step(stack, rates)
            found.append(losses[0])
        return torch.stack(found)

    def plain_loop() -> Tensor:
        found = []
        for inputs, labels in plain:
            loss = model(input_ids=inputs, labels=labels).loss
            theirs.zero_grad()
            loss.backward()
            theirs.step()
            found.append(loss.detach())
        return torch.stack(found)

    plain = []
    for batch in batches:
        labels = torch.full_like(batch.inputs[0], -100)
        labels[:, -MASKED:] = batch.labels[0]
        plain.append((batch.inputs[0], labels))
    size = 8192 if on_gpu else 1536
    left, right = torch.randn(2, size, size, device=device)
    rate: dict[str, list[float]] = {"ensemble": [], "plain loop": [], "peak": []}
    difference = 0.0
    for repeat in range(arguments.repeats + 1):  # the first is to warm up
        time_ours, losses = seconds(ensemble, device)
        time_theirs, expected = seconds(plain_loop, device)
        time_peak, _ = seconds(lambda: left @ right, device)
        difference = max(difference, (losses - expected).abs().max().item())
        if repeat:
            rate["ensemble"].append(arguments.members * arguments.steps / time_ours)
            rate["plain loop"].append(arguments.steps / time_theirs)
            rate["peak"].append(2 * size**3 / time_peak)
    middle = {name: median(values) for name, values in rate.items()}
    ratios = [a / b for a, b in zip(rate["ensemble"], rate["plain loop"], strict=True)]
    share = middle["ensemble"] * operations(architecture) / middle["peak"]
    where = torch.cuda.get_device_name() if on_gpu else f"the CPU, threads: {arguments.threads}"
    print(
        f"ensemble of {arguments.members} on {where}: {middle['ensemble']:.1f} model-steps/s, "
        f"plain loop {middle['plain loop']:.1f}, ratio {median(ratios):.1f} ({min(ratios):.1f} to "
        f"{max(ratios):.1f}), losses differ by {difference:.1e} at most over "
        f"{(arguments.repeats + 1) * arguments.steps} updates"
    )
    print(
        f"matrix products: {operations(architecture) / 1e9:.2f} billion operations a model-step, "
        f"{share:.0%} of the measured peak of {middle['peak'] / 1e9:.0f} billion a second"
    )


if __name__ == "__main__":
    main()
