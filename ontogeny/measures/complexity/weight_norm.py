"""The norm of a model's weights."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def weight_norm(model: "nn.Module") -> float:
    """Return the Euclidean norm of all parameters taken as one vector.

    All count: embeddings, biases and normalisations too; one that several layers share counts once.
    """
    squares = [float(p.detach().double().square().sum()) for p in model.parameters()]
    return math.sqrt(math.fsum(squares))
