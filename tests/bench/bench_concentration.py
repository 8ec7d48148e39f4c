"""Concentration of all gradients in one pass, beside one ordinary training step on the same text.

The same batch, the same model, the same core, taken in turn. What is measured is chi of states and
gradients at every layer and position, and at the logits; the gradients are held to autograd's.
"""

import statistics
import time

import torch
from torch.nn.functional import cross_entropy

from ontogeny.measures.concentration import read
from ontogeny.measures.concentration.indices import (
    concentration,
    norms,
    norms_of_logit_gradients,
)
from ontogeny.runs.architectures import configure, initialise

LIMIT = 1.3
REPEATS = 15
SIZES = {"layers": 2, "width": 200, "dropout": 0.2}
VOCABULARY, STREAMS, TOKENS = 5000, 40, 35


def main() -> None:
    """Print seconds and their ratio, and fail beyond the limit."""
    torch.set_num_threads(1)
    model = initialise(configure("lstm", VOCABULARY, positions=TOKENS, **SIZES), 0)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    draw = torch.Generator().manual_seed(0)
    tokens = torch.randint(VOCABULARY, (STREAMS, TOKENS), generator=draw)
    targets = torch.randint(VOCABULARY, (STREAMS * TOKENS,), generator=draw)
    attended, positions = torch.ones_like(tokens), torch.arange(tokens.numel())

    def step() -> None:
        model.train()
        optimiser.zero_grad()
        cross_entropy(model(input_ids=tokens).logits.flatten(0, 1), targets).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimiser.step()

    def measure() -> tuple[torch.Tensor, ...]:
        model.eval()
        found = read(model, tokens, attended, positions, targets)
        return (
            concentration(norms(found.states)),
            concentration(norms(found.gradients)),
            concentration(norms_of_logit_gradients(found.probabilities, targets)),
        )

    model.eval()
    output = model(input_ids=tokens, output_hidden_states=True)
    loss = cross_entropy(output.logits.flatten(0, 1), targets, reduction="sum")
    expected = torch.stack(torch.autograd.grad(loss, output.hidden_states))
    torch.testing.assert_close(measure()[1], concentration(norms(expected)), rtol=1e-4, atol=1e-6)

    seconds: dict[str, list[float]] = {"step": [], "measure": []}
    for _ in range(REPEATS):
        for name, work in (("step", step), ("measure", measure)):
            start = time.process_time()
            work()
            seconds[name].append(time.process_time() - start)
    once = {name: statistics.median(times) for name, times in seconds.items()}
    ratio = once["measure"] / once["step"]
    print(
        f"concentration at {tokens.numel()} positions of an LSTM of {SIZES['layers']} layers of "
        f"{SIZES['width']}, {VOCABULARY} types: {once['measure'] * 1e3:.0f} ms; a training step "
        f"{once['step'] * 1e3:.0f} ms; ratio {ratio:.2f} (at most {LIMIT})"
    )
    assert ratio <= LIMIT, f"{ratio:.2f} is more than {LIMIT}"


if __name__ == "__main__":
    main()
