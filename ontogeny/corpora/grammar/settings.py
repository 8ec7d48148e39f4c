"""What the settings of a grammar corpus may be."""

import math
from collections.abc import Mapping

from ontogeny.corpora.corpus import SPLITS
from ontogeny.errors import ConfigError

# Fewer types leave classes of one or two words, in which nothing is Zipfian any more.
LEAST_WORD_TYPES = 400


def check_lexicon(
    seed: object, word_types: object, zipf_exponent: object, ambiguous_share: object
) -> None:
    """Raise `ConfigError`, naming the key, unless a lexicon can be built from these settings."""
    _check_integer("seed", seed, 0)
    _check_integer("word_types", word_types, LEAST_WORD_TYPES)
    _check_number("zipf_exponent", zipf_exponent)
    _check_number("ambiguous_share", ambiguous_share, highest=1.0)


def check_topics(topics: object, topic_strength: object) -> None:
    """Raise `ConfigError`, naming the key, unless the topics can be drawn."""
    _check_integer("topics", topics, 1)
    _check_number("topic_strength", topic_strength)


def check_documents(sentences: object, sentences_per_document: object) -> None:
    """Raise `ConfigError`, naming the key, unless the splits and documents have these sizes."""
    if not isinstance(sentences, Mapping) or not sentences:
        raise ConfigError(
            f"sentences is {sentences!r}; expected a number of sentences for each split, such as "
            "{train: 20000, dev: 2000, test: 2000}."
        )
    for split, count in sentences.items():
        if split not in SPLITS:
            raise ConfigError(f"sentences.{split}: no such split; expected {', '.join(SPLITS)}.")
        _check_integer(f"sentences.{split}", count, 1)
    _check_integer("sentences_per_document", sentences_per_document, 1)


def check_pairs(pairs_per_paradigm: object) -> None:
    """Raise `ConfigError` unless the number of minimal pairs is a positive integer."""
    _check_integer("pairs_per_paradigm", pairs_per_paradigm, 1)


def _check_integer(key: str, value: object, lowest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        raise ConfigError(f"{key} is {value!r}; expected an integer of at least {lowest}.")


def _check_number(key: str, value: object, highest: float = math.inf) -> None:
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    if not math.isfinite(number) or not 0 <= number <= highest:
        expected = "of at least 0" if highest == math.inf else f"from 0 to {highest:g}"
        raise ConfigError(f"{key} is {value!r}; expected a number {expected}.")
