"""What a transformer that learns regression in context does, and which of its weights collapse."""

import torch
from torch import Tensor

NEAR_ZERO = 0.1


def prediction_norm(predictions: Tensor) -> Tensor:
    """Return the root mean square of predictions (contexts, K), a scalar.

    Near 0 for a model that knows the task prior alone: before an example, 0 is the best guess.
    """
    return predictions.square().mean().sqrt()


def regression_in_context_score(predictions: Tensor, y: Tensor) -> Tensor:
    """Return the mean squared error for the last example less that for the first, a scalar.

    Both are (contexts, K). 0 or so without learning in context, and below 0 with it.
    """
    errors = (predictions - y).square().mean(0)
    return errors[-1] - errors[0]


def error_over_prior(predictions: Tensor, y: Tensor) -> Tensor:
    """Return the mean squared error over that of predicting 0, a scalar.

    On inputs of another variance than the training's it says what is left of the gain there.
    """
    return (predictions - y).square().mean() / y.square().mean()


def effective_rank(weights: Tensor) -> Tensor:
    """Return how many directions a matrix (..., rows, columns) has to speak of, (...).

    The participation ratio of its squared singular values, (sum s^2)^2 / sum s^4: r for a matrix
    with r equal singular values, whatever its size. NaN for a matrix of zeros.
    """
    squares = torch.linalg.svdvals(weights).square()
    return squares.sum(-1).square() / squares.square().sum(-1)


def share_near_zero(weights: Tensor, below: float = NEAR_ZERO) -> Tensor:
    """Return the share of weights of any shape whose size is less than `below`, a scalar.

    Of a layer norm's, which begin at 1, those that have collapsed.
    """
    return (weights.abs() < below).float().mean()
