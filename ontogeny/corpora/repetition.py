"""A corpus in which induction pays: invented words in bigrams, phrases, and repeated segments.

Its documents are made word by word, from three sources, so that there is something to learn for
each stage of "Stagewise Development in Neural Networks" (Hoogland et al. 2024):

- bigrams: each word type has a few likely successors, the k-th with weight 1 / k;
- n-grams: phrases of four words, which the last word or two tell more of than the last alone;
- repetition: a segment of the document comes again, wherever it was and whatever it holds, so that
  what follows is told by the context alone (Olsson et al. 2022). Bigrams that hold in one document
  only are what induction heads were shown to grow from (Bietti et al. 2023).

At each place that no phrase or segment fills already, one of these begins: a repeated segment, with
probability `repeated_share`; a phrase, with `phrase_share`; else a single word, which with
probability `bigram_share` is a successor of the one before, and else any, all being alike.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ontogeny.errors import ConfigError

PHRASE = 4  # words
SEGMENT = (4, 16)  # words that are repeated together, the fewest and the most
ONSETS, VOWELS = "bdfgklmnprstvz", "aeiou"


@dataclass(frozen=True)
class Source:
    """What the documents of a corpus are drawn from, words by their numbers."""

    words: tuple[str, ...]
    successors: tuple[tuple[int, ...], ...]
    phrases: tuple[tuple[int, ...], ...]


def generate(
    documents: Mapping[str, int],
    *,
    seed: int = 0,
    word_types: int = 24,
    words_per_document: int = 63,
    successors: int = 4,
    bigram_share: float = 0.4,
    phrases: int = 16,
    phrase_share: float = 0.2,
    repeated_share: float = 0.3,
) -> dict[str, list[dict]]:
    """Generate the splits of a corpus; return rows as `ontogeny.corpora.corpus.SCHEMA`.

    `documents` maps splits (`train`, `dev`, `test`) to their numbers of documents, each a row of
    `words_per_document` words. All splits share words, successors and phrases. A document has a
    random stream of its own. Raises `ConfigError` if there are fewer word types than `successors`,
    or shares that don't leave room for each other.
    """
    if not 1 <= successors <= word_types <= (len(ONSETS) * len(VOWELS)) ** 2:
        raise ConfigError(
            f"word_types: is {word_types}; expected at least the {successors} successors of a "
            f"word, and at most {(len(ONSETS) * len(VOWELS)) ** 2}."
        )
    if repeated_share + phrase_share > 1:
        raise ConfigError(
            f"repeated_share: is {repeated_share}, and phrase_share {phrase_share}; expected no "
            "more than 1 together."
        )
    source = source_of(seed, word_types, successors, phrases)
    cumulative = list(accumulate(1 / rank for rank in range(1, successors + 1)))
    rows: dict[str, list[dict]] = {}
    for split, count in documents.items():
        rows[split] = []
        for number in range(1, count + 1):
            name = f"{split}-{number:05d}"
            chances = random.Random(f"{seed}/{name}")
            drawn = _document(
                source, chances, words_per_document, cumulative,
                (repeated_share, phrase_share, bigram_share),
            )  # fmt: skip
            words = [source.words[word] for word in drawn]
            rows[split].append({"sentence_id": f"{name}-001", "document_id": name, "words": words})
    return rows


def source_of(seed: int, word_types: int, successors: int, phrases: int) -> Source:
    """Draw the words, their successors and the phrases that all documents have in common."""
    chances = random.Random(f"{seed}/source")
    syllables = [onset + vowel for onset in ONSETS for vowel in VOWELS]
    pairs = [first + second for first in syllables for second in syllables]
    words = tuple(sorted(chances.sample(pairs, word_types)))
    types = range(word_types)
    return Source(
        words,
        tuple(tuple(chances.sample(types, successors)) for _ in types),
        # Phrases begin with one of a few words: it takes two words to tell which phrase it is.
        tuple(
            (chances.randrange(max(1, word_types // 8)), *chances.choices(types, k=PHRASE - 1))
            for _ in range(phrases)
        ),
    )


def _document(
    source: Source,
    chances: random.Random,
    length: int,
    cumulative: list[float],
    shares: tuple[float, float, float],
) -> list[int]:
    repeated, phrase, bigram = shares
    words: list[int] = []
    while len(words) < length:
        drawn = chances.random()
        if drawn < repeated and len(words) >= SEGMENT[0]:
            words.extend(_segment(words, chances))
        elif source.phrases and repeated <= drawn < repeated + phrase:
            words.extend(chances.choice(source.phrases))
        elif words and chances.random() < bigram:
            words.append(chances.choices(source.successors[words[-1]], cum_weights=cumulative)[0])
        else:
            words.append(chances.randrange(len(source.words)))
    return words[:length]


def _segment(words: Sequence[int], chances: random.Random) -> Sequence[int]:
    """Return again what is in a document already, from anywhere in it."""
    start = chances.randrange(len(words) - SEGMENT[0] + 1)
    return words[start : start + chances.randint(*SEGMENT)]
