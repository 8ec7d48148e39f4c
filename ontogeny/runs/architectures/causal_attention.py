"""Causal self-attention in plain operations, which any number of models can share by `vmap`."""

import math

import torch
from torch import Tensor, nn


class CausalAttention(nn.Module):
    """Attention of several heads, each token to itself and those before it.

    With `positions`, vectors for that many places are added to what queries and keys are made of,
    and to nothing else: values, and so all that layers hand on, know nothing of the place (Press et
    al. 2021, "Shortformer", section 5.1, position-infused attention; there sinusoids, here learned
    as all else).
    """

    def __init__(self, width: int, heads: int, positions: int | None = None) -> None:
        """Make room for the weights, all linear maps without biases."""
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.position = None if positions is None else nn.Embedding(positions, width)

    def forward(self, inputs: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is attended to, as `inputs` (batch, tokens, width), and the weights.

        `mask` is added to the scores, (batch or 1, 1, tokens, tokens). The weights are (batch,
        heads, tokens, tokens): of which each token in the last but one dimension reads the last.
        """
        placed = inputs
        if self.position is not None:
            placed = inputs + self.position.weight[: inputs.shape[-2]]
        query, key = self._by_head(self.query(placed)), self._by_head(self.key(placed))
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        weights = torch.softmax(scores + mask, dim=-1)
        mixed = (weights @ self._by_head(self.value(inputs))).transpose(-2, -3).flatten(-2)
        return self.output(mixed), weights

    def _by_head(self, values: Tensor) -> Tensor:
        """Return (batch, heads, tokens, width of a head) of (batch, tokens, width)."""
        return values.unflatten(-1, (self.heads, -1)).transpose(-2, -3)


def causal_mask(inputs: Tensor, attended: Tensor | None = None) -> Tensor:
    """Return what is added to the scores of `inputs` (batch, tokens, width), lowest where hidden.

    Later tokens are hidden, and those where `attended` (batch, tokens) is 0; a token sees itself
    whatever it says. The result is (batch or 1, 1, tokens, tokens).
    """
    tokens = inputs.shape[-2]
    seen = torch.ones(tokens, tokens, dtype=torch.bool, device=inputs.device).tril()[None, None]
    if attended is not None:
        itself = torch.eye(tokens, dtype=torch.bool, device=inputs.device)
        seen = seen & (attended.bool()[:, None, None, :] | itself)
    lowest = torch.finfo(inputs.dtype).min
    return torch.zeros(seen.shape, dtype=inputs.dtype, device=inputs.device).masked_fill(
        ~seen, lowest
    )
