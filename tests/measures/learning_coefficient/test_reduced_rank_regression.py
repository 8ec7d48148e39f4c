"""Reduced-rank regression has the learning coefficients that Aoyagi and Watanabe (2005) give it.

y = B A x with x of M, hidden H and y of N dimensions, x white, true map of rank r. Where the truth
can be reached at a point that is smooth on the set of minima and has the least coefficient, chains
start there (cases 2 to 4), else at the most singular point (case 1), at a lower temperature, which
the slow approach there needs.
"""

import pytest
import torch
from small_losses import coefficients
from torch import nn

pytestmark = pytest.mark.slow

COPIES = 32


class ReducedRank(nn.Module):
    """Copies of B A, and their mean loss over white inputs, from what it is at the start."""

    def __init__(self, a, b):
        super().__init__()
        self.a = nn.Parameter(a.expand(COPIES, *a.shape).clone())
        self.b = nn.Parameter(b.expand(COPIES, *b.shape).clone())
        self.register_buffer("true", b @ a)

    def forward(self):
        return (self.b @ self.a - self.true).square().sum() / 2


def theoretical(m, n, h, r):
    """Aoyagi and Watanabe (2005), main theorem."""
    if m + h < n + r:
        return (h * m - h * r + n * r) / 2
    if n + h < m + r:
        return (h * n - h * r + m * r) / 2
    if m + n < h + r:
        return m * n / 2
    sum_of_products = 2 * (h + r) * (m + n) + 2 * m * n - (h + r) ** 2 - m**2 - n**2
    return (sum_of_products + (m + n + h + r) % 2) / 8


def partial_identity(rows, columns, ones, at=(0, 0), scale=1.0):
    matrix = torch.zeros(rows, columns)
    for i in range(ones):
        matrix[at[0] + i, at[1] + i] = scale
    return matrix


SMOOTH = (1e-4, 10.0, 1e3, 2000)  # step size, localisation, inverse temperature, steps
SINGULAR = (2e-5, 1.0, 1e5, 3000)
ROOT = 0.05**0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "a", "b", "setting"),
    [
        ((3, 3, 2, 0), torch.zeros(2, 3), torch.zeros(3, 2), SINGULAR),
        (
            (3, 3, 2, 1),
            partial_identity(2, 3, 1, scale=ROOT),
            partial_identity(3, 2, 1, scale=ROOT),
            SINGULAR,
        ),
        ((1, 4, 2, 0), torch.zeros(2, 1), partial_identity(4, 2, 2), SMOOTH),
        ((2, 4, 2, 1), partial_identity(2, 2, 1), partial_identity(4, 2, 2), SMOOTH),
        ((4, 1, 2, 0), partial_identity(2, 4, 2), torch.zeros(1, 2), SMOOTH),
        ((2, 2, 5, 0), partial_identity(5, 2, 2), partial_identity(2, 5, 2, (0, 2)), SMOOTH),
    ],
    ids=["1, even", "1, odd", "2", "2, of rank 1", "3", "4"],
)
def test_reduced_rank_regression_follows_the_formula(sizes, a, b, setting):
    step_size, localisation, inverse_temperature, steps = setting
    found = coefficients(
        ReducedRank(a, b),
        [(step_size, localisation, inverse_temperature)],
        burn_in=steps,
        draws=steps,
    )
    assert found.coefficient.item() / COPIES == pytest.approx(theoretical(*sizes), rel=0.15)
