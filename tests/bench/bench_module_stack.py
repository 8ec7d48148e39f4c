"""Losses and gradients of many small modules in a stack, against a plain loop over the modules.

Three cases: GPT-2 with 2 layers, 4 heads and width 64, 1,000 types and batches of 32 sequences of
32 tokens, as the chains of a sampler have it; GPT-2 with width 32, 200 types and 8 sequences of 16
tokens; and a language model of one recurrent layer of width 64, 200 types and 20 sequences of 35
tokens, which in the plain loop is PyTorch's own kernel. The plain loop calls each module and
`backward`. Losses and gradients of both are compared first, then each side has a process of its
own, and repeats are interleaved. Printed are medians of model-steps per second, their ratio, and
the share of the peak that matrix products reach in the stack, the peak being that of a large
product in the same run.

Expected: what is in each step of GPT-2 is the same on both sides, the same products and the same
passes over memory, so a stack can't be faster than PyTorch at these. It saves what calls cost,
which is most of a tiny model's time and little of a large one's, and it gives each thread members
of its own, where the plain loop splits each small operation between threads that then wait for each
other. In the first case, on one core of the machine at hand, products take 14 of 24 ms (11 by their
1.05 billion operations at the core's 95 billion a second), the rest is passes over memory: the
softmax over the vocabulary and its gradient 2, gelu 2 (3 more if it is written out, as it is by
default in GPT-2), sums, copies and normalisation the rest. Plain operations of an LSTM make more
passes than PyTorch's kernel does: there one thread of the stack was behind, at 0.76 of the loop.
"""

import argparse
import os
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ontogeny.devices import default_device
from ontogeny.ensemble import ModuleStack
from ontogeny.runs.recurrence import lstm_layer
from tests.bench.side_by_side import Work, interleaved, large_product


class Case(NamedTuple):
    """Sizes of a model and of what each member reads in a step."""

    members: int
    width: int
    vocabulary: int
    sequences: int
    tokens: int


class Recurrent(nn.Module):
    """A language model with one layer of LSTM: PyTorch's own, or one in plain operations."""

    def __init__(self, case: Case, own: bool) -> None:
        super().__init__()
        self.words = nn.Embedding(case.vocabulary, case.width)
        self.layer = nn.LSTM(case.width, case.width, batch_first=True)
        self.output = nn.Linear(case.width, case.vocabulary)
        if not own:
            self.weights = nn.ParameterList(self.layer.parameters())
            del self.layer

    def forward(self, input_ids: Tensor) -> Tensor:
        vectors = self.words(input_ids)
        if hasattr(self, "layer"):
            return self.output(self.layer(vectors)[0])
        zero = vectors.new_zeros(len(vectors), vectors.shape[-1])
        return self.output(lstm_layer(vectors, (zero, zero), *self.weights)[0])


def gpt2(case: Case, own: bool) -> nn.Module:
    """Return a GPT-2, the same on both sides."""
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"n_layer": 2, "n_head": 4, "n_embd": case.width, "n_positions": case.tokens}
    ids = {"bos_token_id": None, "eos_token_id": None, "use_cache": False}
    return GPT2LMHeadModel(GPT2Config(vocab_size=case.vocabulary, **sizes, **ids))


def gpt2_operations(case: Case) -> int:
    """Return the operations in matrix products of one model's step."""
    layer = 24 * case.width**2 + 4 * case.tokens * case.width
    token = 2 * layer + 2 * case.width * case.vocabulary
    return 3 * token * case.sequences * case.tokens  # backwards costs twice as much as forwards


def recurrent_operations(case: Case) -> int:
    """Return the operations in matrix products of one model's step."""
    token = 16 * case.width**2 + 2 * case.width * case.vocabulary
    return 3 * token * case.sequences * case.tokens


CASES = {
    "GPT-2 of width 64": (Case(8, 64, 1_000, 32, 32), gpt2, gpt2_operations),
    "GPT-2 of width 32": (Case(16, 32, 200, 8, 16), gpt2, gpt2_operations),
    "LSTM of width 64": (Case(16, 64, 200, 20, 35), Recurrent, recurrent_operations),
}


def build(name: str, own: bool) -> tuple[list[nn.Module], Tensor]:
    """Return the modules of a case, and token ids (members, sequences, tokens) for them."""
    case, make, _ = CASES[name]
    modules = []
    for member in range(case.members):
        torch.manual_seed(member)
        modules.append(make(case, own).eval().to(default_device()))
    shape = case.members, case.sequences, case.tokens
    tokens = torch.randint(case.vocabulary, shape, generator=torch.Generator().manual_seed(0))
    return modules, tokens.to(default_device())


def loss(model: Callable, tokens: Tensor) -> Tensor:
    """Return the mean cross-entropy of the next words."""
    output = model(input_ids=tokens)
    logits = output if isinstance(output, Tensor) else output.logits
    # The last word has no next one. To say so is cheaper than to copy the other logits.
    labels = nn.functional.pad(tokens[:, 1:], (0, 1), value=-100)
    return cross_entropy(logits.flatten(0, 1), labels.flatten())


def stack_of(name: str) -> tuple[ModuleStack, Tensor]:
    """Return the stack of a case, and its batch."""
    modules, tokens = build(name, own=False)
    return ModuleStack.of(modules, loss, default_device()), tokens


def in_a_stack(name: str, steps: int) -> Work:
    """Return a function that computes some steps of all members; it returns the losses."""
    stack, tokens = stack_of(name)

    def work() -> Tensor:
        for _ in range(steps):
            losses = stack.losses_and_gradients(tokens)
        return losses.cpu()

    return work


def in_a_loop(name: str, steps: int) -> Work:
    """Return a function that does the same module by module."""
    modules, tokens = build(name, own=True)

    def work() -> Tensor:
        for _ in range(steps):
            losses = [_step(module, own) for module, own in zip(modules, tokens, strict=True)]
        return torch.stack(losses).cpu()

    return work


def _step(module: nn.Module, tokens: Tensor) -> Tensor:
    module.zero_grad()
    value = loss(module, tokens)
    value.backward()
    return value.detach()


def gradients_differ_by(name: str) -> float:
    """Return the largest difference between gradients of the two sides, of the largest gradient."""
    stack, tokens = stack_of(name)
    stack.losses_and_gradients(tokens)
    modules, _ = build(name, own=True)
    largest = 0.0
    for member, (module, own) in enumerate(zip(modules, tokens, strict=True)):
        _step(module, own)
        ours = [values[member].flatten() for values in stack.gradients.values()]
        theirs = torch.cat([values.grad.flatten() for values in _in_order(module)])
        difference = (torch.cat(ours) - theirs).abs().max() / theirs.abs().max()
        largest = max(largest, difference.item())
    return largest


def _in_order(module: nn.Module) -> list[nn.Parameter]:
    """Return a module's parameters in the order of those in the stack."""
    named = dict(module.named_parameters())
    layer = [name for name in named if name.startswith("layer.")]
    return [named[name] for name in (*(n for n in named if n not in layer), *layer)]


def main() -> None:
    """Compare both sides in each case."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=4, help="in each repeat")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    for name, (case, _, operations) in CASES.items():
        difference = gradients_differ_by(name)
        sides = {
            "stack": (in_a_stack, name, arguments.steps),
            "loop": (in_a_loop, name, arguments.steps),
            "peak": (large_product, default_device()),
        }
        seconds, results = interleaved(sides, 1, arguments.threads, arguments.repeats)
        both = zip(results["stack"], results["loop"], strict=True)
        if difference > 1e-3 or not all(torch.allclose(a, b, atol=1e-4) for (a,), (b,) in both):
            raise SystemExit(f"{name}: losses or gradients differ, gradients by {difference:.1e}")
        done = case.members * arguments.steps
        ours = done / median(seconds["stack"])
        ratios = [a / b for a, b in zip(seconds["loop"], seconds["stack"], strict=True)]
        peak = results["peak"][0][0].item() / median(seconds["peak"])
        print(
            f"{case.members} of {name}, threads: {arguments.threads}: {ours:.0f} model-steps/s, "
            f"plain loop {done / median(seconds['loop']):.0f}, ratio {median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}), gradients differ by {difference:.0e} of "
            f"the largest; matrix products at {ours * operations(case) / peak:.0%} of the measured "
            f"peak of {peak / 1e9:.0f} billion operations a second",
            flush=True,
        )


if __name__ == "__main__":
    main()
