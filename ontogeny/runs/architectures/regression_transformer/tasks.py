"""Linear regression in context: tasks without end, and the exact Bayes predictor of them.

y = t . x + noise, with t ~ N(0, I) of D dimensions, one for each context, and x ~ N(0, gain I).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Tasks:
    """How contexts are drawn: D `dimensions`, K `examples`, the noise's variance, x's variance."""

    dimensions: int = 4
    examples: int = 8
    noise_variance: float = 0.125
    gain: float = 1.0

    def draw(self, generators: Sequence[torch.Generator], contexts: int) -> dict[str, Tensor]:
        """Return `x` (members, contexts, K, D) and `y` (members, contexts, K), on their device.

        Each member's come from its own generator.
        """
        device = generators[0].device
        sizes = ((1, self.dimensions), (self.examples, self.dimensions), (self.examples,))
        drawn: list[list[Tensor]] = [[], [], []]
        for generator in generators:
            for parts, size in zip(drawn, sizes, strict=True):
                shape = (contexts, *size)
                parts.append(torch.randn(shape, generator=generator, device=device))
        task, x, noise = (torch.stack(parts) for parts in drawn)
        x = x * self.gain**0.5
        return {"x": x, "y": (task * x).sum(-1) + self.noise_variance**0.5 * noise}


def bayes_predictions(x: Tensor, y: Tensor, noise_variance: float) -> Tensor:
    """Return the mean of each y given its x and the examples before it, (..., K).

    `x` is (..., K, D), `y` (..., K). The task being normal, it is ridge regression with the noise's
    variance as the penalty (Raventos et al. 2023, equation 5); 0 for the first.
    """
    precision, moment = _sums(x, y, noise_variance)
    task = torch.linalg.solve(precision, moment[..., None])[..., 0]
    return (task * x).sum(-1)


def bayes_losses(x: Tensor, noise_variance: float) -> Tensor:
    """Return the squared error that is expected of `bayes_predictions` given all x, (..., K).

    The noise's variance times 1 + x^T (noise variance I + X^T X)^-1 x, with X the inputs before.
    """
    precision, _ = _sums(x, torch.zeros_like(x[..., 0]), noise_variance)
    return noise_variance * (1 + (x * torch.linalg.solve(precision, x[..., None])[..., 0]).sum(-1))


def _sums(x: Tensor, y: Tensor, noise_variance: float) -> tuple[Tensor, Tensor]:
    """Return the noise's variance on the diagonal plus X^T X, and X^T y, of those before each."""
    products = (x[..., :, None] * x[..., None, :]).cumsum(-3)
    moments = (x * y[..., None]).cumsum(-2)
    before = torch.zeros_like(products[..., :1, :, :])
    products = torch.cat([before, products[..., :-1, :, :]], dim=-3)
    moments = torch.cat([torch.zeros_like(moments[..., :1, :]), moments[..., :-1, :]], dim=-2)
    penalty = noise_variance * torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    return products + penalty, moments
