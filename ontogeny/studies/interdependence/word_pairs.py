"""The pairs of words of a treebank: how far apart, in sequence and in syntax, and of what class."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import shortest_path

from ontogeny.errors import CheckpointError, CorpusError
from ontogeny.measures.features.pieces import cut_into_pieces
from ontogeny.runs.checkpoints.token_batches import model_name

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

OPEN = frozenset({"ADJ", "ADV", "INTJ", "NOUN", "PROPN", "VERB"})
CLOSED = frozenset({"ADP", "AUX", "CCONJ", "DET", "PART", "PRON", "SCONJ"})
CLASSES = ("open", "closed", "mixed", "other")  # of both words, of one each, of neither


@dataclass(frozen=True)
class WordPairs:
    """Pairs of words of the same sentence, in corpus order; each array is (pairs,).

    `sentence` and `first`, the earlier word's number in it; `sequential`, how many words further
    the later one is; `syntactic`, how many edges of the tree lie between them; `word_class` is one
    of `CLASSES`. `frequencies` (pairs, 2) are those of the two words.
    """

    sentence: np.ndarray
    first: np.ndarray
    sequential: np.ndarray
    syntactic: np.ndarray
    word_class: np.ndarray
    frequencies: np.ndarray

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.sentence)

    def take(self, kept: np.ndarray) -> "WordPairs":
        """Return the pairs at some places, or where `kept` is True."""
        return WordPairs(*(getattr(self, name)[kept] for name in self.__dataclass_fields__))


def word_pairs(
    sentences: pd.DataFrame, farthest: int, counts: Counter[str], source: str
) -> WordPairs:
    """Return all pairs of words up to `farthest` apart.

    `sentences` is in the form of a corpus split; `counts` are the frequencies of lower-cased words.
    Raises `CorpusError`, calling the corpus `source`, if it has no tags or no trees, or if no pair
    is of two open, or of two closed classes.
    """
    for column in ("upos", "head"):
        if sentences[column].isna().any():
            raise CorpusError(
                f"{source}: has sentences without {column}; interdependence by syntactic distance "
                "and word class needs it for all. Leave the corpus out."
            )
    found: list[list[np.ndarray]] = [[] for _ in range(6)]
    for number, (words, tags, heads) in enumerate(
        zip(sentences["words"], sentences["upos"], sentences["head"], strict=True)
    ):
        long = len(words)
        first, second = np.triu_indices(long, 1)
        near = second - first <= farthest
        first, second = first[near], second[near]
        kind = np.array([0 if tag in OPEN else 1 if tag in CLOSED else 2 for tag in tags])
        kinds = kind[first], kind[second]
        same = kinds[0] == kinds[1]
        of_pair = np.where(same, kinds[0] + (kinds[0] == 2), np.where(sum(kinds) == 1, 2, 3))
        frequency = np.array([counts[word.lower()] for word in words])
        parts = (
            np.full(len(first), number),
            first,
            second - first,
            tree_distances(heads)[first, second],
            of_pair,
            np.stack([frequency[first], frequency[second]], 1),
        )
        for collected, part in zip(found, parts, strict=True):
            collected.append(part)
    sentence, first, sequential, syntactic, of_pair, frequencies = map(np.concatenate, found)
    for code, tags in ((0, OPEN), (1, CLOSED)):
        if not (of_pair == code).any():
            raise CorpusError(
                f"{source}: the {CLASSES[code]} word class is empty: no two words up to {farthest} "
                f"apart are both tagged {', '.join(sorted(tags))}. Measure more words, or another "
                "corpus."
            )
    names = np.array(CLASSES)[of_pair]
    return WordPairs(sentence, first, sequential, syntactic, names, frequencies)


def tree_distances(tree: Sequence[int]) -> np.ndarray:
    """Return how many edges lie between any two words, (words, words), of a tree by its heads."""
    heads = np.asarray(tree)
    edges = np.zeros((len(heads), len(heads)))
    below = np.flatnonzero(heads > 0)
    edges[below, heads[below] - 1] = 1
    return shortest_path(edges, directed=False, unweighted=True).astype(np.int64)


@dataclass(frozen=True)
class Texts:
    """Sentences as a model reads them: `tokens` of each.

    `first` and `words` (sentences,) are the place of a sentence's first word, and how many it has.
    `pairs` are those whose words the tokenizer knows, each as a single token.
    """

    tokens: list[np.ndarray]
    first: np.ndarray
    words: np.ndarray
    pairs: WordPairs


def as_texts(
    tokenizer: "PreTrainedTokenizerBase",
    sentences: Sequence[Sequence[str]],
    pairs: WordPairs,
    longest: int | None,
) -> Texts:
    """Return sentences as tokens, with the pairs that can be measured.

    Sentences with a word of several tokens or of none are left out, and those that are too long for
    the model; so are pairs with a word that the tokenizer doesn't know. Raises `CheckpointError` if
    no pair is left.
    """
    pieces = cut_into_pieces(tokenizer, sentences, longest)
    single = (pieces.counts == 1) & ~pieces.truncated
    whole = np.logical_and.reduceat(single, pieces.first_word)
    # Of each sentence the first token that is a piece of a word.
    begins = np.append(np.flatnonzero(pieces.word >= 0), len(pieces.word))
    first = begins[np.searchsorted(begins, pieces.starts)] - pieces.starts
    known = pieces.ids != (-1 if tokenizer.unk_token_id is None else tokenizer.unk_token_id)
    place = (pieces.starts + first)[pairs.sentence] + pairs.first
    kept = whole[pairs.sentence]
    ends = np.stack([place, place + pairs.sequential])[:, kept]
    kept[kept] = known[ends].all(0)
    if not kept.any():
        raise CheckpointError(
            f"{model_name(tokenizer)}: cuts or doesn't know a word of each pair; expected words "
            "that are one token each. Give the run a word tokenizer."
        )
    tokens = np.split(pieces.ids, np.cumsum(pieces.lengths)[:-1])
    return Texts(tokens, first, pieces.sentence_words, pairs.take(kept))


def word_counts(sentences: pd.DataFrame) -> Counter[str]:
    """Return how often each word comes in the sentences of a corpus split, lower-cased."""
    return Counter(word.lower() for words in sentences["words"] for word in words)
