"""The text that taggers learn: whole documents, cut into parts, with tags of several sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ontogeny.corpora.corpus import SPLITS
from ontogeny.errors import CorpusError
from ontogeny.studies.similarity.tables import TAGGINGS
from ontogeny.studies.similarity.tagsets import word_tags

# Of each ten sentences of a document so many are trained on, and the one after them sets the step
# size; the others test (Saphra and Lopez 2019, section 3.1: 70/10/20).
TRAIN, DEV = 7, 1
NO_TAG = -1


@dataclass(frozen=True)
class Member:
    """What one tagger learns."""

    tagset: str
    tagging: str
    shuffled: int


@dataclass(frozen=True)
class TaggedText:
    """Sentences of some documents, with the tags that each tagger has to predict at each word.

    `parts` has the sentences of each split; `tags` (members, words) of each split the number of
    the tag, sentence after sentence, or `NO_TAG`. `classes` (members,) says how many tags there
    are.
    """

    parts: dict[str, pd.DataFrame]
    members: tuple[Member, ...]
    tags: dict[str, NDArray[np.int64]]
    classes: tuple[int, ...]


def longest_documents(sentences: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the sentences of the `count` documents that have most words, in their order.

    The first of equally long ones come first. Raises `CorpusError` if there are fewer than two
    documents of at least ten sentences, since such are needed to train, tune and test a tagger.
    """
    lengths = sentences["words"].map(len).groupby(sentences["document_id"], sort=False).sum()
    enough = sentences["document_id"].value_counts()
    lengths = lengths[enough[lengths.index].to_numpy() >= 10]
    if len(lengths) < 2:
        raise CorpusError(
            f"train: {len(lengths)} of {len(enough)} documents have ten sentences; taggers need "
            "two such documents at least, to train, to set the step size and to test. Take a "
            "corpus with longer documents."
        )
    chosen = lengths.sort_values(ascending=False, kind="stable").index[:count]
    return sentences[sentences["document_id"].isin(chosen)].reset_index(drop=True)


def cut(sentences: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Cut sentences into splits, each document by turns of ten sentences: seven, one and two."""
    turn = sentences.groupby("document_id", sort=False).cumcount() % 10
    split = np.select([turn < TRAIN, turn < TRAIN + DEV], SPLITS[:2], SPLITS[2])
    return {name: sentences[split == name].reset_index(drop=True) for name in SPLITS}


def tagged_text(
    sentences: pd.DataFrame,
    tagsets: Sequence[str],
    *,
    seed: int,
    semantic: Mapping | None = None,
) -> TaggedText:
    """Return whole documents of a corpus, in `sentences`, with the tags of all taggers.

    For each tag set there are four taggers: of the next word's tag and the word's own, each also
    with the tags of a split's words drawn in another order (Zhang et al. 2017, as Saphra and Lopez
    2019, section 4.1, have it).
    """
    parts = cut(sentences)
    members: list[Member] = []
    classes: list[int] = []
    tags: dict[str, list[NDArray[np.int64]]] = {split: [] for split in SPLITS}
    for tagset in tagsets:
        named = {split: word_tags(parts[split], tagset, semantic) for split in SPLITS}
        names = pd.Index(
            sorted({tag for part in named.values() for tag in part if tag is not None})
        )
        own = {split: names.get_indexer(named[split]) for split in SPLITS}
        for shuffled in (0, 1):
            if shuffled:
                own = {split: _shuffled(own[split], (tagset, split), seed) for split in SPLITS}
            for tagging in TAGGINGS:
                members.append(Member(tagset, tagging, shuffled))
                classes.append(len(names))
                for split in SPLITS:
                    last = last_of_sentence(parts[split])
                    tags[split].append(
                        own[split] if tagging == "input" else following(own[split], last)
                    )
    stacked = {split: np.stack(rows) for split, rows in tags.items()}
    return TaggedText(parts, tuple(members), stacked, tuple(classes))


def following(tags: NDArray[np.int64], last: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the tag of the next word, `NO_TAG` for the `last` word of a sentence; (words,)."""
    return np.where(last, NO_TAG, np.roll(tags, -1))


def last_of_sentence(sentences: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which words are the last of their sentence; (words,)."""
    lengths = sentences["words"].map(len).to_numpy()
    last = np.zeros(lengths.sum(), dtype=bool)
    last[np.cumsum(lengths) - 1] = True
    return last


def _shuffled(tags: NDArray[np.int64], names: tuple[str, str], seed: int) -> NDArray[np.int64]:
    """Return the tags that are there in a random order, drawn for this tag set and split."""
    stream = np.random.default_rng([seed, *"/".join(names).encode()])
    drawn = tags.copy()
    there = tags != NO_TAG
    drawn[there] = stream.permutation(tags[there])
    return drawn
