"""The taggers of a corpus: what they learn, how well, and what they make of other words."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ontogeny.measures.features import extract
from ontogeny.measures.taggers import (
    TaggedText,
    Tagger,
    TaggerTraining,
    read_tags,
    tagged_text,
    train_taggers,
)
from ontogeny.measures.taggers.tag_sets import NO_TAG, split_by_topic
from ontogeny.runs.checkpoints.loading import load_model, load_tokenizer
from ontogeny.runs.pretraining.tokenizers import train_tokenizer
from ontogeny.studies.similarity.tables import TAGGINGS
from ontogeny.studies.similarity.tagsets import SEMANTIC

SPLITS = ("train", "dev", "test")


def taggers_of(tagsets: Sequence[str], seed: int) -> list[Tagger]:
    """Return the taggers of some tag sets: of both taggings, of true and of shuffled tags."""
    return [
        Tagger(tagset, tagging, shuffled, seed)
        for tagset in tagsets
        for shuffled in (False, True)
        for tagging in TAGGINGS
    ]


def keys(tagger: Tagger) -> dict[str, Any]:
    """Return what a tagger is, as the tables of the study have it."""
    return {
        "tagset": tagger.tag_set,
        "tagging": tagger.tagging,
        "shuffled": int(tagger.shuffled),
    }


def train(
    sentences: pd.DataFrame,
    tagsets: Sequence[str],
    *,
    source: str,
    documents: int,
    training: TaggerTraining,
    lowercase: bool,
    least_count: int,
    seed: int,
    folder: str | os.PathLike[str],
    semantic: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Train all taggers of a corpus in lockstep, and leave each in a folder of its name.

    All learn the same text: the longest `documents` of `sentences`, the training split of `source`,
    each cut into parts to train on, to set the step size by and to test on (Saphra and Lopez 2019,
    section 3.1, for topics and coarse parts of speech). Words that come less often than
    `least_count` are unknown. `semantic` names the `file` that has the semantic tags and its
    columns. Returns the rows of the table of taggers, but for the domain.

    Raises `CorpusError` if the corpus lacks a tag set or long documents, `TrainingError` if a
    tagger diverges.
    """
    parts = split_by_topic(sentences, documents)
    words = [list(sentence) for sentence in parts[0]["words"]]
    tokenizer = train_tokenizer(
        words, kind="word", objective="causal", lowercase=lowercase, least_count=least_count
    )
    texts = tagged_text(parts, tokenizer, tagsets, source, semantic_tags(tagsets, semantic))
    taggers = taggers_of(tagsets, seed)
    scores = train_taggers(texts[0], texts[1], texts[2], tokenizer, taggers, training, folder)
    rows = []
    for tagger, score in zip(taggers, scores.to_dict("records"), strict=True):
        values = {
            "classes": score["classes"],
            "documents": parts[0]["document_id"].nunique(),
            "accuracy": score["accuracy"],
            "perplexity": score["perplexity"],
            **_counts(texts, tagger),
        }
        rows += [{**keys(tagger), "metric": name, "value": v} for name, v in values.items()]
    return pd.DataFrame(rows).astype({"value": float})


def semantic_tags(
    tagsets: Sequence[str], settings: Mapping[str, str] | None
) -> pd.DataFrame | None:
    """Return the semantic tags among `tagsets`, each a column of its name; None if none is."""
    asked = [name for name in SEMANTIC if name in tagsets]
    if not asked or settings is None:
        return None
    columns = [settings[SEMANTIC[name]] for name in asked]
    found = read_tags(settings["file"], list(dict.fromkeys(columns)))
    return pd.DataFrame({name: found[c] for name, c in zip(asked, columns, strict=True)})


def states(
    folder: str | os.PathLike[str], taggers: Sequence[Tagger], sentences: pd.DataFrame
) -> tuple[Tensor, Tensor]:
    """Return embeddings and hidden states of each word, (2, taggers, words, width), and which are.

    The second result, (words,) bool, is False for words that the taggers can't read.
    """
    found = []
    for tagger in taggers:
        place = Path(folder) / tagger.name
        model, tokenizer = load_model(place), load_tokenizer(place)
        found.append(extract(model, tokenizer, sentences, dtype=torch.float32))
    valid = torch.stack([features.valid for features in found]).all(0)
    return torch.stack([features.vectors for features in found], dim=1), valid


def _counts(texts: Sequence[TaggedText], tagger: Tagger) -> dict[str, float]:
    """Return how many words have a tag in each part, and how many of the test words the commonest.

    Shuffled tags are the same tags.
    """
    name, counts, tags = tagger.tag_set, {}, {}
    for split, text in zip(SPLITS, texts, strict=True):
        predicted = text.tags[name] if tagger.tagging == "input" else text.next_tags(name)
        tags[split] = predicted[predicted != NO_TAG]
        counts[f"{split}_words"] = float(len(tags[split]))
    commonest = np.bincount(tags["train"]).argmax()
    return {**counts, "majority_accuracy": float((tags["test"] == commonest).mean())}
