"""Chains take the memory of their parameters and gradients, and little besides."""

import pytest
import torch
from torch import nn

from ontogeny.ensemble import modules
from ontogeny.ensemble.langevin import RMSProp
from ontogeny.measures.learning_coefficient import Condition, Examples, sample

SIZE = 200
COPY = 4 * SIZE**2  # bytes of the parameters


class Product(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(SIZE, SIZE, bias=False)

    def forward(self, x):
        return self.linear(x)


def squares(model, batch):
    sums = model(batch["x"]).square().sum(-1)
    return sums, torch.ones_like(sums)


def most_allocated(work):
    """The most bytes of tensors that there were at once, by PyTorch's own account."""
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        work()
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    level = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        level += event.nbytes()
        most = max(most, level)
    return most


@pytest.mark.parametrize(("preconditioner", "copies"), [(None, 2), (RMSProp(), 3)])
def test_a_chain_takes_its_parameters_gradients_and_preconditioner(
    monkeypatch, preconditioner, copies
):
    monkeypatch.setattr(modules, "LARGEST_GRAPH", COPY)  # as with a model too large for more

    def most(chains):
        return most_allocated(
            lambda: sample(
                [Product()],
                squares,
                Examples({"x": torch.randn(20, SIZE)}),
                [Condition(1e-6, 10.0, 10.0)],
                chains=chains,
                burn_in=2,
                draws=3,
                batch_size=2,
                seed=0,
                preconditioner=preconditioner,
                moves_to_a_check=1,
            )
        )

    few, many = most(4), most(12)
    assert (many - few) / (8 * COPY) == pytest.approx(copies, abs=0.1)
    # The centre's, those of the Metropolis check, and what is squared on the way.
    assert few < (4 * copies + 9) * COPY
