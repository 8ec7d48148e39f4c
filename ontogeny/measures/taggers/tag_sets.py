"""Tag sets: the classes of words that taggers tell apart, and texts with a tag for each word."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ontogeny.corpora.corpus import require
from ontogeny.corpora.tasks import word_labels
from ontogeny.errors import CorpusError
from ontogeny.runs.pretraining.sequences import special_tokens_around

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

OF_COLUMNS = ("upos", "xpos", "deprel", "entity")
TOPIC = "topic"
TAG_SETS = (*OF_COLUMNS, TOPIC)  # beside columns of a TSV, each a tag set of its own name
NO_TAG = -100  # what PyTorch's cross entropy passes over
# Of a text whose topics are its documents: train, dev and test parts of each (section 3.1).
SHARES = (0.7, 0.1, 0.2)


@dataclass(frozen=True)
class TaggedText:
    """A text as one stream of tokens, with the tags of several tag sets.

    `tokens` is (tokens,); `tags` has for each tag set (tokens,) classes of the words that are read,
    `NO_TAG` for special tokens and for words without a tag. `classes` are each tag set's names.
    """

    tokens: np.ndarray
    tags: Mapping[str, np.ndarray]
    classes: Mapping[str, tuple[str, ...]]

    def next_tags(self, tag_set: str) -> np.ndarray:
        """Return, for each token, the tag of the next; `NO_TAG` after a sentence's last word."""
        return np.append(self.tags[tag_set][1:], NO_TAG)


def read_tags(path: str | os.PathLike[str], columns: Sequence[str]) -> pd.DataFrame:
    """Return tags of words from a TSV: indexed by `sentence_id` and `word` (1-based), as text.

    The file begins with the names of its columns: `sentence_id`, `word`, then any tag sets, such as
    the coarse and fine semantic tags of the Parallel Meaning Bank. Raises `CorpusError` if it can't
    be read or lacks a column.
    """
    try:
        frame = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, quoting=3)
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path}: not a readable table of tags ({error}).") from error
    for column in ("sentence_id", "word", *columns):
        if column not in frame:
            raise CorpusError(
                f"{path}: has no column {column!r}; it has {', '.join(frame.columns)}."
            )
    numbers = pd.to_numeric(frame["word"], errors="coerce")
    if numbers.isna().any():
        line = int(np.flatnonzero(numbers.isna())[0]) + 2
        raise CorpusError(f"{path}, line {line}: its word isn't a number; expected 1, 2, ...")
    frame["word"] = numbers.astype(int)
    return frame.set_index(["sentence_id", "word"])[list(columns)]


def labels(sentences: pd.DataFrame, tag_set: str, tags: pd.DataFrame | None, source: str) -> list:
    """Return the label of every word, sentence after sentence; None where it has none.

    `tag_set` is one of `TAG_SETS` or a column of `tags` (`read_tags`). `entity` is a type without
    its IOB2 prefix, `topic` a document. Raises `CorpusError`, naming `source`, if the corpus lacks
    the tag set.
    """
    if tag_set in OF_COLUMNS:
        purpose = f"tag set {tag_set}"
        require(sentences, tag_set, source, purpose=purpose, remedy="Leave the tag set out")
        return list(word_labels(sentences, tag_set))
    pairs = zip(sentences["sentence_id"], sentences["document_id"], sentences["words"], strict=True)
    if tag_set == TOPIC:
        return [document for _, document, words in pairs for _ in words]
    if tags is None or tag_set not in tags:
        known = ", ".join([*TAG_SETS, *(() if tags is None else tags)])
        raise CorpusError(f"{source}: has no tag set {tag_set!r}; expected one of {known}.")
    named = tags[tag_set].to_dict()
    found = [
        named.get((sentence, place)) or None
        for sentence, _, words in pairs
        for place in range(1, len(words) + 1)
    ]
    if not any(found):
        raise CorpusError(f"{source}: none of its words has a tag of the set {tag_set}.")
    return found


def split_by_topic(sentences: pd.DataFrame, documents: int) -> list[pd.DataFrame]:
    """Return parts to train on, to look at and to test, which have the same documents.

    Of the longest `documents` documents, in words, each is cut into `SHARES` of its sentences, in
    their order: a document that was never seen can't be recognised. Raises `CorpusError` if there
    are fewer than two documents of ten sentences.
    """
    lengths = sentences["words"].map(len).groupby(sentences["document_id"]).sum()
    counts = sentences["document_id"].value_counts()
    long = [name for name in lengths.index if counts[name] >= 10]
    chosen = sorted(long, key=lambda name: (-lengths[name], name))[:documents]
    if len(chosen) < 2:
        raise CorpusError(
            "tag set topic: the corpus has fewer than two documents of at least ten sentences; "
            "leave the tag set out."
        )
    parts: list[list[pd.DataFrame]] = [[], [], []]
    for name in chosen:
        rows = sentences[sentences["document_id"] == name]
        first = round(SHARES[0] * len(rows))
        second = first + max(round(SHARES[1] * len(rows)), 1)
        for part, chunk in zip(
            parts, (rows[:first], rows[first:second], rows[second:]), strict=True
        ):
            part.append(chunk)
    return [pd.concat(part) for part in parts]


def tagged_text(
    splits: Sequence[pd.DataFrame],
    tokenizer: "PreTrainedTokenizerFast",
    tag_sets: Sequence[str],
    source: str,
    tags: pd.DataFrame | None = None,
) -> list[TaggedText]:
    """Return the text of each split, the first of which says what classes there are.

    A sentence begins or ends with the special token that the tokenizer marks it by. A class that
    the first split doesn't have is no tag elsewhere. Raises `CorpusError` as `labels` does, and if
    the tokenizer has not one token for each word.
    """
    first, last = special_tokens_around(tokenizer)
    before, after = (first[:0], last) if len(last) else (first, last)
    classes: dict[str, tuple[str, ...]] = {}
    texts = []
    for sentences in splits:
        found = {name: labels(sentences, name, tags, source) for name in tag_sets}
        for name in tag_sets:
            classes.setdefault(name, tuple(sorted({tag for tag in found[name] if tag})))
        words = [list(words) for words in sentences["words"]]
        encoded = tokenizer.backend_tokenizer.encode_batch_fast(
            words, is_pretokenized=True, add_special_tokens=False
        )
        pieces, numbers, count = [], [], 0
        for sentence, text in zip(encoded, words, strict=True):
            if len(sentence.ids) != len(text):
                raise CorpusError(
                    f"{source}: the tokenizer makes {len(sentence.ids)} tokens of a sentence of "
                    f"{len(text)} words; taggers need one for each, of a tokenizer of kind word."
                )
            pieces += [before, np.array(sentence.ids), after]
            place = np.arange(count, count + len(text))
            numbers += [np.full(len(before), -1), place, np.full(len(after), -1)]
            count += len(text)
        word = np.concatenate(numbers)
        tagged = {}
        for name in tag_sets:
            number = {tag: place for place, tag in enumerate(classes[name])}
            values = np.array([number.get(tag, NO_TAG) for tag in found[name]] + [NO_TAG])
            tagged[name] = values[word]
        texts.append(TaggedText(np.concatenate(pieces).astype(np.int64), tagged, classes))
    return texts
