"""One checkpoint's concentration, a row for each word."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from ontogeny.measures.concentration import Texts, concentration_by_token
from ontogeny.measures.concentration.by_token import ROLES
from ontogeny.studies.sparsity.words import (
    classes,
    frequencies,
    refuse_empty_classes,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class Vocabulary(NamedTuple):
    """How often each token stands for a word in the training text, and its class."""

    frequency: np.ndarray
    word_class: np.ndarray


def vocabulary(
    tokenizer: "PreTrainedTokenizerFast",
    training: Sequence[Sequence[str]],
    tagged: pd.DataFrame,
    least_tagged: int,
) -> Vocabulary:
    """Return what is known of each token: of its training text, and of a tagged one."""
    return Vocabulary(frequencies(tokenizer, training), classes(tokenizer, tagged, least_tagged))


def measure_checkpoint(
    model: Any,
    tokenizer: "PreTrainedTokenizerFast",
    objective: str,
    sentences: pd.DataFrame,
    known: Vocabulary,
    texts: Texts,
    *,
    occurrences: int,
    least_tagged: int,
) -> pd.DataFrame:
    """Return a row for each word that is input and target at least `occurrences` times.

    Columns: `word`, `frequency`, `word_class` and, for each quantity that was measured, a column
    `{site}.{layer}.{quantity}.{measure}.{role}` of the word's means; NaN where it has none. Raises
    `CorpusError` if no word of a class is left.
    """
    found = concentration_by_token(model, tokenizer, list(sentences["words"]), objective, texts)
    kept = np.flatnonzero((found.counts >= occurrences).all(0) & (known.frequency > 0))
    word_class = known.word_class[kept]
    refuse_empty_classes(word_class, least_tagged, occurrences)
    columns: dict[str, Any] = {
        "word": [str(tokenizer.decode(int(token))).strip() for token in kept],
        "frequency": known.frequency[kept],
        "word_class": word_class,
    }
    for measured, means in found.means.items():
        for role, values in zip(ROLES, means, strict=True):
            if not np.isnan(values[kept]).all():
                columns[column_name(*measured, role)] = values[kept]
    return pd.DataFrame(columns).drop_duplicates("word")


def column_name(site: str, layer: int | None, quantity: str, measure: str, role: str) -> str:
    """Return the name of a measured column."""
    return ".".join([site, "" if layer is None else str(layer), quantity, measure, role])
