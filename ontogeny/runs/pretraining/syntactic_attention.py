"""The syntactic attention of a batch: a quantity to be suppressed or promoted in training.

Chen et al. 2024 ("Sudden Drops in the Loss: Syntax Acquisition, Phase Transitions, and Simplicity
Bias in MLMs") add to the loss the attention between each word and its syntactic head, in both
directions, summed over all layers and heads of the model: the syntactic regularizer, in the code
published with the paper `reg_type` `uniform` of run_mlm_reg_depparse.py. They sum over the words of
a batch as well. Here it is their mean, so that a strength means the same at any batch size; it is
their coefficient times the number of words in a batch.

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
    to_head = head[:, :, None] == word[:, None, :]
    pieces = (word[:, :, None] == word[:, None, :]).sum(dim=2, keepdim=True)
    # From a word of n pieces, each piece's attention to any piece of the other counts 1 / n.
    return (to_head | to_head.transpose(1, 2)).float() / pieces


def syntactic_attention(layers: Iterable[Tensor], word: Tensor, head: Tensor) -> Tensor:
    """Return the attention along syntactic edges, summed over words, layers and heads; shape ().

    `layers` are a model's attentions, for each layer (batch, heads, tokens, tokens), rows attend to
    columns; in training they are those after dropout, which are what the model uses. `word` and
    `head` are as in `edge_weights`. Words without a syntactic head contribute nothing: roots, and
    all words of sentences without a parse.
    """
    weights = edge_weights(word, head).flatten()
    # Layer by layer, because all layers' attentions side by side would be held twice.
    sums = [attention.float().sum(dim=1).flatten() @ weights for attention in layers]
    return torch.stack(sums).sum()
