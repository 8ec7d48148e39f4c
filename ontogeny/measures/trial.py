"""Whether each measure works on a checkpoint, tried on a few sentences of its own words.

Run as a program, before a run of a new family is configured: python -m ontogeny.measures.trial
FOLDER...
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import torch

from ontogeny.errors import OntogenyError
from ontogeny.measures.attention import word_attention
from ontogeny.measures.complexity import fisher_trace, intrinsic_dimension, weight_norm
from ontogeny.measures.features import extract
from ontogeny.measures.likelihood import held_out_loss, log_likelihood, pseudo_log_likelihood
from ontogeny.runs.checkpoints.loading import (
    load_language_model,
    load_model,
    load_tokenizer,
    objective,
    quiet_transformers,
)
from ontogeny.runs.checkpoints.model_configs import check_family, kind, read_config

SENTENCES = 8
LENGTHS = (2, 6)  # words of a sentence: at least, at most
MEASURES = (
    *("features", "intrinsic dimension", "attention", "held-out loss", "sentence scores"),
    *("Fisher information", "weight norm"),
)


@dataclass(frozen=True)
class Outcome:
    """What came of one measure: `found`, in words, or why it was refused, `refusal`."""

    measure: str
    found: str = ""
    refusal: str = ""


def try_checkpoint(path: str | os.PathLike[str], seed: int = 0) -> list[Outcome]:
    """Try each measure on a checkpoint; return what came of each, in the order of `MEASURES`.

    The sentences are words of the tokenizer's vocabulary, drawn with `seed`. Raises
    `CheckpointError` if there is no readable checkpoint, or it is of a family of which nothing can
    be measured.
    """
    check_family(read_config(path), path)
    tokenizer = load_tokenizer(path)
    sentences = _sentences(tokenizer, seed)
    frame = pd.DataFrame({"words": sentences})
    texts = [" ".join(words) for words in sentences]
    model = cache(lambda: load_language_model(path))

    @cache
    def vectors() -> torch.Tensor:
        found = extract(load_model(path), tokenizer, frame, dtype=torch.float32)
        return found.vectors[:, found.valid]

    def features() -> str:
        layers, words, width = vectors().shape
        return f"{words} words, layers 0 to {layers - 1}, width {width}"

    def dimension() -> str:
        found = intrinsic_dimension(vectors())
        return f"by layer {', '.join(f'{value:.3g}' for value in found)}"

    def attention() -> str:
        batches = list(word_attention(model(), tokenizer, sentences))
        return "{1} layers, {2} heads".format(*batches[0].weights.shape)

    def loss() -> str:
        losses, counts = held_out_loss(model(), tokenizer, sentences, objective=objective(path))
        return f"{losses.sum() / counts.sum():.4g} nats a token, {counts.sum()} of them predicted"

    def scores() -> str:
        causal = objective(path) == "causal"
        score = log_likelihood if causal else pseudo_log_likelihood
        found = np.nanmean(score(model(), tokenizer, texts))
        return f"{'' if causal else 'pseudo-'}log-likelihood {found:.4g} nats a sentence"

    def fisher() -> str:
        found = fisher_trace(model(), tokenizer, sentences, objective=objective(path))
        return f"trace {found:.4g} a token"

    def norm() -> str:
        return f"{weight_norm(model()):.4g}"

    measures = (features, dimension, attention, loss, scores, fisher, norm)
    with quiet_transformers():
        return [_outcome(name, measure) for name, measure in zip(MEASURES, measures, strict=True)]


def _outcome(name: str, measure: Callable[[], str]) -> Outcome:
    try:
        return Outcome(name, found=measure())
    except OntogenyError as error:
        return Outcome(name, refusal=str(error))
    # A family that nobody has tried may fail in ways that no refusal foresees.
    except Exception as error:
        return Outcome(
            name, refusal=f"an error that should have a name, please report it: {error!r}"
        )


def _sentences(tokenizer: Any, seed: int) -> list[list[str]]:
    """Return sentences of words that the tokenizer knows, as it spells single tokens."""
    generator = np.random.default_rng(seed)
    special = set(tokenizer.all_special_ids)
    ids = [number for number in range(len(tokenizer)) if number not in special]
    spelt = [
        tokenizer.decode([number]).strip()
        for number in generator.permutation(ids)[: 100 * SENTENCES].tolist()
    ]
    words = [word for word in spelt if word.isalnum()] or [word for word in spelt if word]
    lengths = generator.integers(LENGTHS[0], LENGTHS[1] + 1, SENTENCES)
    return [generator.choice(words, length).tolist() for length in lengths]


def main(folders: Sequence[str]) -> None:
    """Try the checkpoints in the given folders, and say of each measure what came of it.

    The exit status is 1 if a measure was refused.
    """
    if not folders:
        sys.exit("usage: python -m ontogeny.measures.trial FOLDER...")
    refused = False
    for folder in folders:
        try:
            outcomes = try_checkpoint(folder)
        except OntogenyError as error:
            print(error)
            refused = True
            continue
        print(f"{folder}: {kind(read_config(folder))}")
        for outcome in outcomes:
            said = f"measured: {outcome.found}" if outcome.found else f"refused: {outcome.refusal}"
            print(f"  {outcome.measure}: {said}")
            refused |= bool(outcome.refusal)
    if refused:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
