"""Concentration of a model's states and gradients, averaged for each word."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ontogeny.measures.concentration.gradients import Reading, read
from ontogeny.measures.concentration.indices import (
    INDICES,
    concentration,
    entropy_of_attention,
    gini,
    hoyer,
    norms,
    norms_of_logit_gradients,
)
from ontogeny.measures.concentration.texts import TextBatch, Texts, is_recurrent

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

ROLES = ("input", "target")


class Measured(NamedTuple):
    """One quantity at one site: `layer` is 0 for embeddings, None for logits.

    `site` is `embedding`, `recurrent` or `residual` (the stream between a transformer's layers),
    `logits` or `attention`; `quantity` is `activation` or `gradient`; `measure` one of `INDICES`
    or `entropy`.
    """

    site: str
    layer: int | None
    quantity: str
    measure: str


class ByToken(NamedTuple):
    """Means over the occurrences of each token of the vocabulary, as input and as target.

    `counts` are (roles, vocabulary); `means` has for each measured quantity (roles, vocabulary),
    NaN where the token doesn't come, or has no value; `roles` as in `ROLES`.
    """

    counts: np.ndarray
    means: dict[Measured, np.ndarray]


def concentration_by_token(
    model: Any,
    tokenizer: "PreTrainedTokenizerFast",
    sentences: Sequence[Sequence[str]],
    objective: str,
    texts: Texts,
) -> ByToken:
    """Return the mean concentration of each token's states and gradients.

    `sentences` are sequences of words, `objective` is `masked` or `causal`. A state stands for the
    word that is read there (`input`) and for the word that is predicted there (`target`). At the
    logits, where a word is read and none predicted, there is no value. The mean is of the index,
    never of its reciprocal.
    """
    sums: dict[Measured, Tensor] = {}
    found: dict[Measured, Tensor] = {}
    vocabulary = len(tokenizer)
    counts = torch.zeros(len(ROLES), vocabulary, dtype=torch.float64)
    state = None
    for batch in texts.batches(model, tokenizer, sentences, objective):
        reading = read(
            model,
            *batch[:4],
            state if is_recurrent(model) else None,
            attention=not is_recurrent(model),
        )
        state = reading.state
        roles = _roles(batch)
        for role, (_, tokens, _) in enumerate(roles):
            counts[role] += torch.bincount(tokens, minlength=vocabulary).cpu().double()
        for measured, values in _values(model, batch, reading, objective).items():
            for role, (positions, tokens, of_predictions) in enumerate(roles):
                if measured.site == "logits":
                    if of_predictions is None:
                        continue
                    there = values[of_predictions]
                else:
                    there = values[positions]
                total = sums.setdefault(measured, torch.zeros(2, vocabulary, dtype=torch.float64))
                seen = found.setdefault(measured, torch.zeros_like(total))
                known = ~there.isnan()
                chosen = tokens[known].cpu()
                total[role].index_add_(0, chosen, there[known].cpu().double())
                seen[role] += torch.bincount(chosen, minlength=vocabulary)
    means = {
        measured: np.where(seen > 0, total / np.maximum(seen, 1), np.nan)
        for (measured, total), seen in zip(
            ((key, values.numpy()) for key, values in sums.items()),
            (values.numpy() for values in found.values()),
            strict=True,
        )
    }
    return ByToken(counts.numpy(), means)


def _roles(batch: TextBatch) -> list[tuple[Tensor, Tensor, Tensor | None]]:
    """Return for each of `ROLES` flat positions, tokens, and which predictions they are of."""
    counted = batch.counted.nonzero()[:, 0]
    flat = batch.tokens.flatten()
    # Of a causal model, the prediction made where a word is read.
    place = torch.full((flat.numel(),), -1, device=flat.device)
    place[batch.positions] = torch.arange(len(batch.positions), device=flat.device)
    of_inputs = place[batch.inputs]
    return [
        (batch.inputs, flat[batch.inputs], of_inputs if bool((of_inputs >= 0).all()) else None),
        (batch.positions[counted], batch.targets[counted], counted),
    ]


def _values(
    model: Any, batch: TextBatch, reading: Reading, objective: str
) -> dict[Measured, Tensor]:
    """Return each quantity at each flat position, or, at the logits, of each prediction."""
    layers = "recurrent" if is_recurrent(model) else "residual"
    values: dict[Measured, Tensor] = {}
    for quantity, vectors in (("activation", reading.states), ("gradient", reading.gradients)):
        flat = vectors.flatten(1, 2).float()
        for index, found in _indices(flat).items():
            for layer, row in enumerate(found):
                site = layers if layer else "embedding"
                values[Measured(site, layer, quantity, index)] = row
    at_logits = norms_of_logit_gradients(reading.probabilities, batch.targets)
    for index, row in (
        ("chi", concentration(at_logits)),
        ("hoyer", hoyer(at_logits)),
        ("l1", at_logits.one),
    ):
        values[Measured("logits", None, "gradient", index)] = row
    seen = batch.attended[:, None, :].expand(-1, batch.attended.shape[1], -1)
    if objective == "causal":
        seen = seen.tril()
    for layer, weights in enumerate(reading.attentions, start=1):
        row = entropy_of_attention(weights, seen).flatten()
        values[Measured("attention", layer, "activation", "entropy")] = row
    return values


def _indices(vectors: Tensor) -> dict[str, Tensor]:
    found = norms(vectors)
    values = (concentration(found), hoyer(found), gini(vectors), found.one)
    return dict(zip(INDICES, values, strict=True))
