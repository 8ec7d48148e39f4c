"""The sets of tags that taggers learn, and the tags of words."""

import csv
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ontogeny.corpora.tasks import word_labels
from ontogeny.errors import CorpusError

# Those that a corpus annotates, word by word.
ANNOTATED = ("upos", "xpos", "deprel", "entity")
# Those of a file of the user's own, by the key that names its column.
SEMANTIC = {"semantic_coarse": "coarse", "semantic_fine": "fine"}
# A word's tag is the document that it stands in.
TOPIC = "topic"
TAGSETS = (*ANNOTATED, *SEMANTIC, TOPIC)

# Two sets of tags for the same thing, the coarse one first.
COARSE_AND_FINE = (("upos", "xpos"), tuple(SEMANTIC))


def word_tags(sentences: pd.DataFrame, tagset: str, semantic: Mapping | None = None) -> np.ndarray:
    """Return the tag of every word, sentence after sentence: (words,), strings, or None.

    `sentences` is a corpus split, or part of one. `semantic` is what `read_semantic` returns, which
    the semantic tag sets need.
    """
    if tagset in ANNOTATED:
        return word_labels(sentences, tagset)
    lengths = sentences["words"].map(len)
    if tagset == TOPIC:
        return np.repeat(sentences["document_id"].to_numpy(dtype=object), lengths)
    assert semantic is not None
    column = SEMANTIC[tagset]
    tags = [tag for words in sentences["words"] for tag in semantic[column][tuple(words)]]
    return np.array(tags, dtype=object)


def read_semantic(settings: Mapping[str, Any], sentences: pd.DataFrame) -> dict[str, dict]:
    """Read the tags of sentences from a tab-separated file with a line for each word.

    The file begins with a line of column names; a blank line ends a sentence. `settings` are its
    path (`file`), the column that holds the word (`words`), and those of the tags (`coarse`, `fine`
    or both). A sentence is found by its words, so the file may hold others, in any order. Returns
    the tags of sentences, by the key of the column and the sentence's words.

    Raises `CorpusError`, naming the file and the line or the sentence, if a column isn't there, a
    line has too few fields, or one of `sentences` isn't in the file.
    """
    path = settings["file"]
    columns = {key: settings[key] for key in ("words", *SEMANTIC.values()) if settings.get(key)}
    found: dict[str, dict] = {key: {} for key in columns if key != "words"}
    for words, tags in _sentences(path, columns):
        for key, values in tags.items():
            found[key][words] = values
    any_column = next(iter(found.values()))
    for identifier, words in zip(sentences["sentence_id"], sentences["words"], strict=True):
        if tuple(words) not in any_column:
            raise CorpusError(
                f"{path}: has no tags for sentence {identifier} ({' '.join(words[:6])} ...); "
                "expected its words, one a line. Add it, or leave semantic tags out of the study."
            )
    return found


def _sentences(path: str | os.PathLike[str], columns: Mapping[str, str]) -> Any:
    """Yield the words of each sentence and their tags, by key."""
    with open(path, encoding="utf-8", newline="") as file:
        lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        header = next(lines, [])
        for name in columns.values():
            if name not in header:
                raise CorpusError(
                    f"{path}: has no column {name!r} (its first line names "
                    f"{', '.join(header) or 'none'}); correct the study's key `semantic`."
                )
        places = {key: header.index(name) for key, name in columns.items()}
        held: dict[str, list[str]] = {key: [] for key in columns}
        for number, fields in enumerate([*lines, []], start=2):
            if not any(fields):
                if held["words"]:
                    words = tuple(held.pop("words"))
                    yield words, held
                held = {key: [] for key in columns}
                continue
            if len(fields) <= max(places.values()):
                raise CorpusError(
                    f"{path}, line {number}: has {len(fields)} fields; expected {len(header)}, as "
                    "the first line has. A blank line ends a sentence."
                )
            for key, place in places.items():
                held[key].append(fields[place])
