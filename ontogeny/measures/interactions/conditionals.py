"""What a model says of one site of many chains at a time, given all their other tokens.

Chains are sequences of tokens; all are asked at the same site. A model of factored attention keeps
sums over tokens and changes them by the one token that moved; any other masked model reads the
chains anew.
"""

from typing import Any, Protocol

import torch
from torch import Tensor

from ontogeny.errors import CheckpointError
from ontogeny.runs.architectures.factored.models import FactoredForMaskedLM

TOKENS_AT_ONCE = 2**15  # that a model reads together, where it reads chains anew


class Conditionals(Protocol):
    """Conditionals of chains that change one site after the other."""

    def begin(self, tokens: Tensor, attended: Tensor) -> None:
        """Take chains, (chains, length), and where they have tokens, (chains, length) bool."""

    def at(self, site: int) -> Tensor:
        """Return logits of the token at a site, (chains, vocabulary), whatever stands there.

        At least one chain has a token there; the logits of those that have none mean nothing.
        """

    def move(self, site: int, tokens: Tensor) -> None:
        """Take the tokens, (chains,), that stand at a site from now on."""


def conditionals_of(model: Any, mask: int) -> Conditionals:
    """Return the conditionals of a masked model, the fastest way there is for it."""
    if isinstance(model, FactoredForMaskedLM):
        return FactoredConditionals(model, mask)
    return MaskedConditionals(model, mask)


class MaskedConditionals:
    """Of any masked model: it reads each chain with the site masked, as many as fit together."""

    def __init__(self, model: Any, mask: int) -> None:
        """Take a model whose `forward` gives logits, and the id of the mask token."""
        self.model, self.mask = model, mask

    def begin(self, tokens: Tensor, attended: Tensor) -> None:
        """As `Conditionals` says."""
        self.tokens, self.attended = tokens.clone(), attended.long()
        self.at_once = max(1, TOKENS_AT_ONCE // tokens.shape[1])

    @torch.no_grad()
    def at(self, site: int) -> Tensor:
        """As `Conditionals` says."""
        # Chains that end before the site aren't read.
        longer = self.attended[:, site].nonzero()[:, 0]
        read, there = self.tokens[longer], self.attended[longer]
        read[:, site] = self.mask
        parts = zip(read.split(self.at_once), there.split(self.at_once), strict=True)
        logits = torch.cat(
            [self.model(input_ids=ids, attention_mask=mask).logits[:, site] for ids, mask in parts]
        )
        if logits.isnan().any():
            raise CheckpointError("its logits aren't numbers; leave the checkpoint out.")
        found = logits.new_zeros(len(self.tokens), logits.shape[1])
        found[longer] = logits
        return found

    def move(self, site: int, tokens: Tensor) -> None:
        """As `Conditionals` says."""
        self.tokens[:, site] = tokens


class FactoredConditionals:
    """Of factored attention. Positions come first: what they took lies side by side in memory.

    `taken` (length, chains, width) is what each position takes from the tokens in the first layer,
    before the output map: it changes by one term when a token moves. With one layer, the logits at
    a site are a linear map of its row. With more, the layers between first and last are computed at
    all positions, the last at the site alone; the first only has the site's token replaced by the
    mask.
    """

    def __init__(self, model: FactoredForMaskedLM, mask: int) -> None:
        """Take a model, and the id of the mask token."""
        with torch.no_grad():
            self._prepare(model, mask)

    def _prepare(self, model: FactoredForMaskedLM, mask: int) -> None:
        layers: list[Any] = list(model.factored.layers)
        first, *self.further = layers
        embedding = model.factored.embedding.weight
        heads = len(first.weights)
        width = embedding.shape[1]
        # What each type hands on in the first layer, and what each site takes of it, for each unit.
        self.values = first.value(embedding).detach()
        self.weights = [layer.matrix(layer.weights.shape[-1]).detach() for layer in layers]
        spread = self.weights[0].permute(2, 1, 0).repeat_interleave(width // heads, dim=2)
        self.from_site = spread[:, :, None].contiguous()  # (from, to, 1, width)
        self.first_output = first.output.weight.detach().T.contiguous()
        self.mask_value = self.values[mask]
        self.head, self.bias = model.output.weight.detach().T.contiguous(), model.bias.detach()
        self.straight = self.first_output @ self.head if not self.further else None

    @torch.no_grad()
    def begin(self, tokens: Tensor, attended: Tensor) -> None:
        """As `Conditionals` says. Starting anew also sheds the rounding errors of many moves."""
        length = tokens.shape[1]
        self.length = length
        self.tokens = tokens.T.contiguous()
        self.there = attended.T[..., None].to(self.values.dtype)
        values = self.values[self.tokens] * self.there
        self.taken = torch.zeros_like(values)
        for site in range(length):
            self.taken.addcmul_(self.from_site[site, :length], values[site])

    @torch.no_grad()
    def at(self, site: int) -> Tensor:
        """As `Conditionals` says."""
        if self.straight is not None:  # no diagonal: the site's own token isn't in its row
            return torch.addmm(self.bias, self.taken[site], self.straight)
        change = (self.mask_value - self.values[self.tokens[site]]) * self.there[site]
        hidden = torch.addcmul(self.taken, self.from_site[site, : self.length], change)
        hidden = hidden @ self.first_output
        for number, layer in enumerate(self.further[:-1], start=1):
            hidden = hidden + self._everywhere(layer, self.weights[number], hidden)
        last = self._at_site(self.further[-1], self.weights[-1], hidden, site)
        return torch.addmm(self.bias, hidden[site] + last, self.head)

    @torch.no_grad()
    def move(self, site: int, tokens: Tensor) -> None:
        """As `Conditionals` says."""
        change = (self.values[tokens] - self.values[self.tokens[site]]) * self.there[site]
        self.taken.addcmul_(self.from_site[site, : self.length], change)
        self.tokens[site] = tokens

    def _everywhere(self, layer: Any, weights: Tensor, hidden: Tensor) -> Tensor:
        """Return what a layer adds at all positions to `hidden` (length, chains, width)."""
        length, chains, width = hidden.shape
        heads = len(weights)
        values = layer.value(hidden.square().mul_(self.there))
        by_head = values.view(length, chains, heads, width // heads).permute(2, 0, 1, 3)
        mixed = weights[:, :length, :length] @ by_head.reshape(heads, length, -1)
        mixed = mixed.view(heads, length, chains, -1).permute(1, 2, 0, 3)
        return layer.output(mixed.reshape(length, chains, width))

    def _at_site(self, layer: Any, weights: Tensor, hidden: Tensor, site: int) -> Tensor:
        """Return what a layer adds at one position, (chains, width).

        Sums over positions come before the value map, which then costs one product a chain and head
        instead of one a token.
        """
        length, chains, width = hidden.shape
        heads = len(weights)
        squares = hidden.square().mul_(self.there).view(length, -1)
        summed = (weights[:, site, :length] @ squares).view(heads, chains, width)
        maps = layer.value.weight.view(heads, width // heads, width)
        mixed = summed @ maps.transpose(1, 2)
        return layer.output(mixed.transpose(0, 1).reshape(chains, width))
