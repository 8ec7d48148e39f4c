"""The syntactic attention of a batch: a quantity to be suppressed or promoted in training.

Chen et al. 2024 ("Sudden Drops in the Loss: Syntax Acquisition, Phase Transitions, and Simplicity
Bias in MLMs") add to the loss the attention between each word and its syntactic head, in both
directions: the syntactic regularizer. In their code (run_mlm_reg_depparse.py) what counts of an
edge is either its attention summed over all layers and heads (`reg_type` `uniform`) or the greatest
of them (`max`, which the published command takes, with a coefficient of 0.001). It is summed over
the tokens of a device's share of the batch. Here it is the mean over words, so that a strength
means the same at any batch size; it is their coefficient times the number of words on a device, so
that 0.001 with 64 sequences of 512 tokens is a strength of about 25 on the greatest.

Words are what they are in `ontogeny.measures.attention`: attention to a word is the sum over its
pieces, attention from it the mean over them.
"""

from collections.abc import Iterable

import torch
from torch import Tensor


def edge_weights(word: Tensor, head: Tensor) -> Tensor:
    """Return by how much each attention between tokens counts, (batch, tokens, tokens) float32.

    `word` and `head`, (batch, tokens), are numbers of words: the one of which a token is a piece
    (-1: none), and the syntactic head of that word (-2: none). Rows attend to columns. The
    attention between the tokens of one head of one layer, weighted so and summed, is the sum over
    words with a syntactic head of the attention from the word to that head and back. A causal model
    has no attention in one of the directions.
    """
    to_head = _to_head(word, head)
    # From a word of n pieces, each piece's attention to any piece of the other counts 1 / n.
    return (to_head | to_head.transpose(1, 2)).float() / _pieces(word)


def syntactic_attention(
    layers: Iterable[Tensor], word: Tensor, head: Tensor, reduce: str = "sum"
) -> Tensor:
    """Return the attention along syntactic edges, summed over words and both directions; shape ().

    `layers` are a model's attentions, for each layer (batch, heads, tokens, tokens), rows attend to
    columns; in training they are those after dropout, which are what the model uses. `word` and
    `head` are as in `edge_weights`. Of each edge and direction counts the `sum` over all layers and
    heads, or the greatest, `max`. Words without a syntactic head contribute nothing: roots, and all
    words of sentences without a parse.
    """
    if reduce == "max":
        return _greatest(layers, word, head)
    weights = edge_weights(word, head).flatten()
    # Layer by layer, because all layers' attentions side by side would be held twice.
    sums = [attention.float().sum(dim=1).flatten() @ weights for attention in layers]
    return torch.stack(sums).sum()


def _greatest(layers: Iterable[Tensor], word: Tensor, head: Tensor) -> Tensor:
    """Return the sum over words and directions of the greatest attention in any layer and head."""
    to_head = _to_head(word, head).float()
    there = to_head / _pieces(word)
    back = to_head / _pieces(word).transpose(1, 2)
    # A word's tokens are added up in the place of its first, (batch, tokens, tokens).
    begins = torch.diff(word, dim=1, prepend=torch.full_like(word[:, :1], -1)) != 0
    belongs = ((word[:, :, None] == word[:, None, :]) & begins[:, None, :]).float()
    greatest = []
    for attention in layers:
        along = (
            torch.einsum("bhij,bij->bhi", attention.float(), there),
            torch.einsum("bhji,bij->bhi", attention.float(), back),
        )
        greatest.append(torch.stack(along) @ belongs)
    # (layers, directions, batch, heads, words)
    return torch.stack(greatest).amax(dim=(0, 3)).sum()


def _to_head(word: Tensor, head: Tensor) -> Tensor:
    """Return whether a token's word has another's as its head, (batch, tokens, tokens)."""
    return head[:, :, None] == word[:, None, :]


def _pieces(word: Tensor) -> Tensor:
    """Return how many pieces the word of each token has, (batch, tokens, 1)."""
    return (word[:, :, None] == word[:, None, :]).sum(dim=2, keepdim=True)
