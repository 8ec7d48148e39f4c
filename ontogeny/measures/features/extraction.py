"""One forward pass over a corpus: batches by token budget, words pooled on the device."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ontogeny.devices import default_device
from ontogeny.errors import CheckpointError, OntogenyError
from ontogeny.files import atomic_path
from ontogeny.measures.features.pieces import Pieces, as_written, cut_into_pieces
from ontogeny.runs.checkpoints.reading import (
    layer_states,
    most_positions,
    reads_padding,
    refuse_unreadable,
)
from ontogeny.runs.checkpoints.token_batches import (
    TOKENS_ON_ACCELERATOR,
    batches_by_length,
    model_name,
    padding_id,
    ready,
    refuse_unknown_tokens,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Pooling = Literal["mean", "first", "last"]

TOKENS_ON_CPU = 512

LOGGER = logging.getLogger("ontogeny")


@dataclass(frozen=True)
class Features:
    """The vectors of a corpus's words in every layer, and which of them are there.

    `vectors` has the shape (layers + 1, words, width) and the words of all sentences in corpus
    order; layer 0 is the embedding layer's output. `valid`, (words,) bool, is False for words that
    the tokenizer drops (it gives them no piece) and for words of which a piece falls past the
    model's length; their vectors are 0. `dropped` and `truncated` count the two kinds.
    """

    vectors: Tensor
    valid: Tensor
    dropped: int
    truncated: int
    pooling: Pooling


@torch.inference_mode()
def extract(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    sentences: pd.DataFrame,
    *,
    pooling: Pooling = "mean",
    normalised: bool = True,
    segment: int = 0,
    tokens_per_batch: int | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float16,
    autocast: torch.dtype | None = None,
) -> Features:
    """Return the vectors of all words of `sentences` in all layers of `model`.

    `model` is any encoder or decoder of transformers (a language model's head is not run) and
    `tokenizer` the one it was trained with. `sentences` has a column `words`, a list of strings in
    each row, as in a corpus split; the model reads them joined by spaces, as in pretraining.

    `pooling` makes a word's vector from those of its pieces: their mean, the first, or the last.
    Layer 0 is `hidden_states[0]` of transformers: the output of the embedding layer, positions
    (where they are added) and its normalisation (where it has one) included. Layer l is the output
    of the l-th block. In models with a layer normalisation after the last block (GPT-2, GPT-NeoX)
    the last layer is taken after it, all others before.

    Without `normalised` the tokenizer's own normalisation is left out: words aren't lower-cased and
    keep their accents, so that an uncased vocabulary doesn't know them. `segment` is the type of
    all tokens, for models that tell types apart (BERT); others aren't told any.

    Sentences are sorted by their number of tokens, and a batch takes as many as fit into
    `tokens_per_batch`, padding included (at least one); None means 512 on a CPU, whose caches they
    then fit, and 16384 on other devices. A model that doesn't pass over padding (`reads_padding`)
    gets sentences of one length alone in a batch. Words are pooled and converted to `dtype`
    on `device`; only their vectors leave it. `device` None means a CUDA device where there is one,
    else the CPU; the model is moved there and left in evaluation mode. `autocast` names a type for
    mixed precision (bfloat16 or float16), off by default. On a CPU the result is the same on every
    call.

    Raises `CheckpointError` if the tokenizer can't say where its pieces lie in the text or is not
    the model's, if the model's layers don't have a vector of one width for each token, if a vector
    is not finite, or if one doesn't fit into `dtype`, or if it has types of tokens, but not that of
    `segment`; `ValueError` for an unknown pooling.
    """
    if pooling not in get_args(Pooling):
        raise ValueError(f"pooling is {pooling!r}; expected one of {get_args(Pooling)}")
    device = default_device() if device is None else torch.device(device)
    if tokens_per_batch is None:
        tokens_per_batch = TOKENS_ON_CPU if device.type == "cpu" else TOKENS_ON_ACCELERATOR
    limit = maximum_length(model, tokenizer)
    reads = tokenizer if normalised else as_written(tokenizer)
    pieces = cut_into_pieces(reads, list(sentences["words"]), limit)
    refuse_unknown_tokens(model, tokenizer, pieces.ids)
    weights = torch.from_numpy(_pooling_weights(pieces, pooling))
    encoder = ready(model.base_model, device)
    refuse_unreadable(encoder, model_name(model))
    types = _token_types(encoder, segment, model_name(model))
    padding = padding_id(model, tokenizer)
    unpadded = reads_padding(encoder, padding)
    vectors, largest = torch.zeros(0), torch.zeros(0)
    for batch in batches_by_length(pieces.lengths, tokens_per_batch, unpadded=unpadded):
        tokens, is_token, pooler, is_word, words = _pad(pieces, weights, batch, padding)
        with torch.autocast(device.type, autocast, enabled=autocast is not None):
            output = encoder(
                input_ids=tokens.to(device),
                attention_mask=is_token.long().to(device),
                output_hidden_states=True,
                **types(tokens.to(device)),
            )
        states = layer_states(encoder, output, tokens, model_name(model))
        # (batch, 1, words, tokens) times (batch, layers, tokens, width): a mean over pieces is a
        # product with weights, the same on every run, which a scatter on a GPU would not be.
        pooled = pooler.to(device)[:, None] @ torch.stack(states, dim=1).float()
        pooled = pooled.transpose(0, 1)[:, is_word.to(device)]
        if not vectors.numel():
            shape = (len(pooled), len(pieces.counts), pooled.shape[-1])
            vectors, largest = torch.zeros(shape, dtype=dtype), pooled.new_zeros(len(pooled))
        largest = torch.maximum(largest, pooled.abs().amax(dim=(1, 2)))
        vectors[:, words] = pooled.to(dtype).cpu()
    if not vectors.numel():
        raise CheckpointError(
            f"{model_name(tokenizer)}: its tokenizer gives no piece for any of the "
            f"{len(pieces.counts)} words; expected the tokenizer that the model was trained with."
        )
    _check_finite(largest.cpu(), dtype, model_name(model))
    return _features(vectors, pieces, pooling)


def _token_types(
    encoder: "PreTrainedModel", segment: int, name: str
) -> Callable[[Tensor], dict[str, Tensor]]:
    """Return what makes the types of tokens, of which the model is told where it isn't the first.

    Raises `CheckpointError` if it has types of tokens, but not this one.
    """
    known = getattr(encoder.config, "type_vocab_size", 0)
    reads = segment > 0 and known > 0
    if reads and segment >= known:
        raise CheckpointError(
            f"{name}: has {known} types of tokens, so none is of segment {segment}; set segment: 0."
        )
    return lambda tokens: {"token_type_ids": torch.full_like(tokens, segment)} if reads else {}


def maximum_length(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int | None:
    """Return how many tokens the model can read, special tokens included; None: no bound.

    It is the lesser of the model's positions and the tokenizer's own bound.
    """
    positions = most_positions(model)
    # A tokenizer without a bound of its own says 10^30.
    bound = min(tokenizer.model_max_length, 10**30 if positions is None else positions)
    return int(bound) if bound < 10**9 else None


def write(features: Features, path: str | os.PathLike[str]) -> None:
    """Write features as safetensors, whole or not at all, the counts in the file's metadata."""
    metadata = {
        "pooling": features.pooling,
        "dropped": str(features.dropped),
        "truncated": str(features.truncated),
    }
    tensors = {"vectors": features.vectors.contiguous(), "valid": features.valid.contiguous()}
    with atomic_path(path) as scratch:
        save_file(tensors, scratch, metadata)


def open_features(path: str | os.PathLike[str], layers: slice | int | None = None) -> Features:
    """Open a file of `write`; its vectors are mapped into memory and read when they are used.

    `layers` picks some layers (a slice keeps the layers' dimension, a number drops it); None: all.
    Raises `OntogenyError` if the file is absent or isn't one that `write` finished.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            vectors = file.get_slice("vectors")[slice(None) if layers is None else layers]
            return Features(
                vectors=vectors,
                valid=file.get_tensor("valid"),
                dropped=int(metadata["dropped"]),
                truncated=int(metadata["truncated"]),
                pooling=metadata["pooling"],
            )
    except (OSError, SafetensorError, KeyError, IndexError, TypeError, ValueError) as error:
        raise OntogenyError(
            f"{path}: not a readable file of features ({error}). Delete it and run the workflow "
            "again."
        ) from error


def _features(vectors: Tensor, pieces: Pieces, pooling: Pooling) -> Features:
    dropped, truncated = int(pieces.dropped.sum()), int(pieces.truncated.sum())
    valid = torch.from_numpy(~(pieces.dropped | pieces.truncated))
    level = logging.WARNING if dropped or truncated else logging.INFO
    LOGGER.log(
        level,
        "features: %d words in %d layers; %d words dropped by the tokenizer, %d past the model's "
        "length",
        len(valid),
        len(vectors),
        dropped,
        truncated,
    )
    return Features(vectors, valid, dropped, truncated, pooling)


def _pooling_weights(pieces: Pieces, pooling: Pooling) -> np.ndarray:
    """Return the weight of each piece in its word's vector, (pieces,) float32.

    It is 0 for special tokens and for what is left of a word that was cut off.
    """
    inside = pieces.word >= 0
    word = pieces.word[inside]
    if pooling == "mean":
        share = 1 / pieces.counts[word]
    else:
        # A word's pieces are neighbours, so its first (last) is where the word changes.
        changes = np.concatenate([[True], word[1:] != word[:-1], [True]])
        share = changes[:-1] if pooling == "first" else changes[1:]
    weights = np.zeros(len(pieces.word), dtype=np.float32)
    weights[inside] = share * ~pieces.truncated[word]
    return weights


def _pad(
    pieces: Pieces, weights: Tensor, batch: np.ndarray, padding: int
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return a batch's tensors: token ids, which are tokens, pooler, which are words, their rows.

    Shapes: (batch, tokens), the same, (batch, words, tokens), (batch, words), (words of the batch,)
    """
    flat, is_token = _rows(pieces.starts[batch], pieces.lengths[batch])
    rows, is_word = _rows(pieces.first_word[batch], pieces.sentence_words[batch])
    tokens = torch.full(is_token.shape, padding)
    tokens[is_token] = torch.from_numpy(pieces.ids)[flat]
    weight = torch.zeros(is_token.shape)
    weight[is_token] = weights[flat]
    # A special token's place among the words does not matter: its weight is 0.
    place = torch.zeros(is_token.shape, dtype=torch.long)
    place[is_token] = torch.from_numpy(pieces.word)[flat]
    place = (place - torch.from_numpy(pieces.first_word[batch])[:, None]).clamp(min=0)
    place = place.clamp(max=is_word.shape[1] - 1)
    pooler = torch.zeros(len(batch), is_word.shape[1], is_token.shape[1])
    pooler.scatter_(1, place[:, None], weight[:, None])
    return tokens, is_token, pooler, is_word, rows


def _rows(starts: np.ndarray, lengths: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return the rows of a batch's sentences in a flat array, and where they stand when padded."""
    places = torch.arange(int(lengths.max()))
    mask = places < torch.from_numpy(lengths)[:, None]
    return (torch.from_numpy(starts)[:, None] + places)[mask], mask


def _check_finite(largest: Tensor, dtype: torch.dtype, name: str) -> None:
    """Raise `CheckpointError` unless the largest number of each layer is finite in `dtype`."""
    for layer, value in enumerate(largest.tolist()):
        if not np.isfinite(value):
            raise CheckpointError(
                f"{name}: the vectors of layer {layer} hold NaN or infinite values; expected "
                "finite ones. The checkpoint is broken or its training diverged: leave it out."
            )
        if value > torch.finfo(dtype).max:
            raise CheckpointError(
                f"{name}: layer {layer} holds {value:.3g}, more than {dtype} can; extract its "
                "features as float32."
            )
