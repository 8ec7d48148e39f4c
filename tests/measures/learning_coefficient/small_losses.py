"""Losses of a few parameters, many copies side by side, so that one chain is as good as many."""

import numpy as np
import torch
from torch import nn

from ontogeny.measures.learning_coefficient import Condition, Examples, estimate, sample

NOTHING = Examples({"nothing": torch.zeros(4)})


class Copies(nn.Module):
    """`function` of (copies, dimensions) parameters gives each copy's loss; theirs is the sum."""

    def __init__(self, function, start):
        super().__init__()
        self.function = function
        self.w = nn.Parameter(start.clone())

    def forward(self):
        return self.function(self.w).sum()


def example_losses(model, batch):
    """The loss is the same for every example."""
    ones = torch.ones_like(batch["nothing"])
    return model() * ones, ones


def coefficients(module, conditions, *, chains=2, burn_in, draws, seed=0, **options):
    """The estimates around one module, which has no data."""
    traces = sample(
        [module],
        example_losses,
        NOTHING,
        [Condition(*condition) for condition in conditions],
        chains=chains,
        burn_in=burn_in,
        draws=draws,
        batch_size=1,
        seed=seed,
        **options,
    )
    return estimate(traces, np.array([condition[2] for condition in conditions]))


def by_quadrature(function, dimensions, localisation, inverse_temperature, points=4001):
    """The coefficient of a loss around 0 with minimum 0 there, by the sum over a grid."""
    reach = 8 / np.sqrt(localisation)
    # Grid lines stand closer together towards 0, where the density is.
    line = np.linspace(-1, 1, points)
    line, weight = reach * line**3, 3 * reach * line**2
    grids = np.meshgrid(*[line] * dimensions, indexing="ij")
    weights = np.prod(np.meshgrid(*[weight] * dimensions, indexing="ij"), axis=0)
    loss = function(torch.tensor(np.stack(grids, axis=-1))).numpy()
    squares = sum(grid**2 for grid in grids)
    density = weights * np.exp(-inverse_temperature * loss - localisation / 2 * squares)
    return inverse_temperature * (density * loss).sum() / density.sum()
