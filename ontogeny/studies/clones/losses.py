"""Checkpoints read on the original sentences and on each clone."""

import os
from collections.abc import Mapping, Sequence

import pandas as pd

from ontogeny.corpora.corpus import read_split
from ontogeny.errors import CorpusError
from ontogeny.measures.interactions.token_losses import token_losses
from ontogeny.runs.checkpoints.loading import load_checkpoint
from ontogeny.studies.clones.tables import ORIGINAL

Texts = Mapping[tuple[str, int], Sequence[Sequence[str]]]


def read_clones(
    files: Mapping[tuple[str, int], str | os.PathLike[str]], sentences: pd.DataFrame
) -> dict[tuple[str, int], Sequence[Sequence[str]]]:
    """Return the words of the original sentences and of their clones, by sampler and sweeps.

    Raises `CorpusError` if a clone isn't of these sentences.
    """
    texts: dict[tuple[str, int], Sequence[Sequence[str]]]
    texts = {ORIGINAL: list(sentences["words"])}
    for key, file in files.items():
        clone = read_split(file)
        if list(clone["sentence_id"]) != list(sentences["sentence_id"]):
            raise CorpusError(
                f"{file}: is a clone of other sentences. Delete it and run the workflow again."
            )
        texts[key] = list(clone["words"])
    return texts


def measure_checkpoint(
    path: str | os.PathLike[str], texts: Texts, *, places: int, seed: int
) -> tuple[pd.DataFrame]:
    """Return a row for each text and sentence: summed loss, right predictions, predictions."""
    model, tokenizer, objective = load_checkpoint(path)
    parts = []
    for (sampler, sweeps), sentences in texts.items():
        found = token_losses(
            model, tokenizer, sentences, objective=objective, places=places, seed=seed
        )
        parts.append(
            pd.DataFrame(found._asdict())
            .rename(columns={"predictions": "count"})
            .assign(
                sampler=sampler, sweeps=sweeps, sentence=range(len(sentences)), objective=objective
            )
        )
    return (pd.concat(parts, ignore_index=True),)
