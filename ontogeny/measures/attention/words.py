"""Word-to-word attention of all layers and heads, batch by batch (Clark et al. 2019, section 4.1).

Attention to a word that is split into pieces is the sum over its pieces, attention from it their
mean. Special tokens and the diagonal (a word's attention to itself) are taken out, and what is left
is not scaled up: it is the share of a word's attention that goes to each other word.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ontogeny.devices import default_device
from ontogeny.errors import CheckpointError
from ontogeny.measures.features.extraction import maximum_length
from ontogeny.measures.features.pieces import Pieces, cut_into_pieces
from ontogeny.runs.checkpoints.eager_attention import eager_attention
from ontogeny.runs.checkpoints.reading import few_tokens, layer_states, reads_padding
from ontogeny.runs.checkpoints.token_batches import (
    batches_by_length,
    model_name,
    padded,
    padding_id,
    refuse_unknown_tokens,
    token_budget,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TOLERANCE = 1e-2  # of a sum of attention weights, as 16 bits may round it

LOGGER = logging.getLogger("ontogeny")


@dataclass(frozen=True)
class WordAttention:
    """The attention between the words of some sentences.

    `sentences`, (batch,): their rows in what was given. `weights`, (batch, layers, heads, words,
    words) float32, on the model's device: from the word of the last dimension but one to that of
    the last; 0 on the diagonal and where a sentence has no such word. `lengths`, (batch,): words.
    """

    sentences: np.ndarray
    weights: Tensor
    lengths: np.ndarray


class BetweenWords:
    """How much of their attention words give to other words, added up as batches go by.

    `total` is summed over layers and heads, special tokens and the word itself left out; `words`
    counts the words that attend.
    """

    def __init__(self, batches: Iterable[WordAttention]) -> None:
        """Take the batches of `word_attention`."""
        self.batches, self.total, self.words = batches, 0.0, 0

    def __iter__(self) -> Iterator[WordAttention]:
        """Yield the batches, and add up what they hold."""
        for batch in self.batches:
            self.total += float(batch.weights.sum(dtype=torch.float64))
            self.words += int(batch.lengths.sum())
            yield batch


def attention_between_words(
    layers: Sequence[Tensor], word: Tensor, first_word: Tensor, longest: int
) -> Tensor:
    """Return the attention between words, (batch, layers, heads, words, words) float32.

    `layers` are a model's attentions, for each layer (batch, heads, tokens, tokens), rows attend to
    columns. `word`, (batch, tokens): the word of each token, numbered anyhow but in a row, -1 for a
    token of none; `first_word`, (batch,): each sentence's first number; `longest`: how many words
    the result has room for. A word without pieces neither attends nor is attended to.
    """
    place = word - first_word[:, None]
    # (batch, tokens, words), 1 where the token is a piece of the word. A product with it sums over
    # pieces in the same order on every run, which adding by index on a GPU would not.
    numbers = torch.arange(longest, device=word.device)
    belongs = (place[:, :, None] == numbers) & (word >= 0).unsqueeze(-1)
    to_words = belongs.float()
    from_words = (to_words / to_words.sum(dim=1, keepdim=True).clamp(min=1)).transpose(1, 2)
    batch, tokens = word.shape
    heads = layers[0].shape[1]
    # The attending word comes right after the sentence, so that for all heads at once one product
    # makes the sums and one the means; and so that a word's row is one piece of memory.
    weights = torch.empty(batch, longest, len(layers), heads, longest, device=word.device)
    for number, attention in enumerate(layers):
        sums = attention.float().reshape(batch, heads * tokens, tokens) @ to_words
        sums = sums.view(batch, heads, tokens, longest).transpose(1, 2)
        means = from_words @ sums.reshape(batch, tokens, heads * longest)
        weights[:, :, number] = means.view(batch, longest, heads, longest)
    weights = weights.permute(0, 2, 3, 1, 4)
    weights.diagonal(dim1=-2, dim2=-1).zero_()
    return weights


@torch.inference_mode()
def word_attention(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    sentences: Sequence[Sequence[str]],
    *,
    tokens_per_batch: int | None = None,
    device: torch.device | str | None = None,
) -> Iterator[WordAttention]:
    """Yield the attention between the words of all sentences, some sentences at a time.

    `model` is any transformer of transformers (a prediction head is not run), `tokenizer` its own,
    `sentences` lists of words, which the model reads joined by spaces. Longest sentences come
    first; a batch has as many as fit into `tokens_per_batch`, padding included (by default as
    `token_budget`), or fewer, as in `extract`. A sentence longer than the model can read is left
    out, and the log says how many are. A causal model attends to earlier words alone; whoever wants
    the other direction of reading takes the transpose.

    `device` None means a CUDA device where there is one, else the CPU; the model is moved there and
    left in evaluation mode, its attention implementation as it was.

    Raises `CheckpointError` if the model has no attention weights to give, in each layer and for
    each pair of tokens, if one is not finite, or if the tokenizer can't say where its pieces lie in
    the text or is not the model's.
    """
    device = default_device() if device is None else torch.device(device)
    limit = maximum_length(model, tokenizer)
    pieces = cut_into_pieces(tokenizer, sentences, None)
    refuse_unknown_tokens(model, tokenizer, pieces.ids)
    whole = pieces.lengths if limit is None else pieces.lengths * (pieces.lengths <= limit)
    if too_long := int((whole < pieces.lengths).sum()):
        LOGGER.warning(
            "attention: %d of %d sentences are longer than the model's %s tokens and are left out",
            too_long,
            len(whole),
            limit,
        )
    encoder: Any = model.base_model.to(device).eval()
    padding = padding_id(model, tokenizer)
    budget = tokens_per_batch or token_budget(device)
    with eager_attention(encoder):
        _refuse_without_attention(encoder)
        unpadded = reads_padding(encoder, padding)
        for batch in batches_by_length(whole, budget, unpadded=unpadded):
            layers, word = _attend(encoder, pieces, batch, padding, device)
            weights = attention_between_words(
                layers,
                word,
                torch.from_numpy(pieces.first_word[batch]).to(device),
                int(pieces.sentence_words[batch].max()),
            )
            if not torch.isfinite(weights).all():
                raise CheckpointError(
                    f"{model_name(model)}: its attention weights hold NaN or infinite values; "
                    "expected finite ones. The checkpoint is broken or its training diverged: "
                    "leave it out."
                )
            yield WordAttention(batch, weights, pieces.sentence_words[batch])


def _attend(
    encoder: Any, pieces: Pieces, batch: np.ndarray, padding: int, device: torch.device
) -> tuple[Sequence[Tensor], Tensor]:
    """Return each layer's attention, and the word of each token, -1 for padding."""
    starts, lengths = pieces.starts[batch], pieces.lengths[batch]
    tokens, is_token = padded(pieces.ids, starts, lengths, padding)
    word, _ = padded(pieces.word, starts, lengths, -1)
    output = encoder(
        input_ids=tokens.to(device),
        attention_mask=is_token.long().to(device),
        output_attentions=True,
    )
    return _layers(encoder, output, tokens.shape[1]), word.to(device)


def _layers(encoder: Any, output: Any, tokens: int) -> Sequence[Tensor]:
    """Return the attention of each layer, or raise `CheckpointError` if there is none."""
    layers = getattr(output, "attentions", None)
    # What some models without attention call by that name has another shape.
    square = (tokens, tokens)
    if not layers or any(
        layer is None or layer.ndim != 4 or layer.shape[2:] != square for layer in layers
    ):
        raise CheckpointError(
            f"{model_name(encoder)}: the model gives no attention weights; expected a transformer "
            "with softmax attention. Leave this run out of studies of attention."
        )
    return layers


def _refuse_without_attention(encoder: Any) -> None:
    """Raise `CheckpointError` unless a model, on a few tokens, gives what is to be measured.

    A layer without attention may just be missing in what a model gives, and the others would be
    counted wrongly. Weights that are shares of a whole are positive, and sum up to 1, or to less
    where some of it goes to no token.
    """
    tokens = few_tokens(encoder)
    output = encoder(input_ids=tokens, output_attentions=True, output_hidden_states=True)
    layers = _layers(encoder, output, tokens.shape[1])
    blocks = len(layer_states(encoder, output, tokens, model_name(encoder))) - 1
    if len(layers) != blocks:
        raise CheckpointError(
            f"{model_name(encoder)}: the model gives attention weights of {len(layers)} of its "
            f"{blocks} layers; expected those of each. Leave this run out of studies of attention."
        )
    if any((layer < 0).any() or (layer.sum(dim=-1) > 1 + TOLERANCE).any() for layer in layers):
        raise CheckpointError(
            f"{model_name(encoder)}: what the model gives as attention weights are no shares of a "
            "whole; expected softmax attention. Leave this run out of studies of attention."
        )
