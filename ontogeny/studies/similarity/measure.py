"""The checkpoints of one run measured on one corpus: all seeds of a chunk of steps."""

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ontogeny.corpora.corpus import SPLITS
from ontogeny.corpora.tasks import word_labels
from ontogeny.errors import CorpusError
from ontogeny.measures.features import Features
from ontogeny.measures.probes.control import NOT_COUNTED
from ontogeny.measures.probes.diagnostic import fit
from ontogeny.measures.taggers import Tagger
from ontogeny.studies.similarity import taggers as tagging_networks
from ontogeny.studies.similarity.comparisons import Others, Side, join, measure, side
from ontogeny.studies.similarity.tables import TAGGINGS
from ontogeny.studies.similarity.tagsets import ANNOTATED

LOGGER = logging.getLogger("ontogeny")

# Returns the features of a seed's checkpoint in one split.
Read = Callable[[int, int, str], Features]
# For each corpus that taggers were trained on, the folder that holds them, and what they are.
Domains = Mapping[str, tuple[str | os.PathLike[str], Sequence[Tagger]]]


def measure_run(
    read: Read,
    steps: Iterable[int],
    seeds: Sequence[int],
    last_step: int,
    sentences: Mapping[str, pd.DataFrame],
    domains: Domains,
    tagsets: Sequence[str],
    settings: Mapping[str, Any],
    seed: int,
) -> pd.DataFrame:
    """Compare each checkpoint with all that it is compared with, and fit diagnostic classifiers.

    `sentences` are the corpus's, by split; similarity is measured on test. `tagsets` are those that
    diagnostic classifiers learn, of those that the corpus annotates. `settings` are the study's.
    Returns the rows of the table of the study, but for run and corpus.

    Raises `CheckpointError`, naming the checkpoint, if a layer has the same vector for all words,
    and `CorpusError` if the words that all checkpoints can read are no more than the dimensions.
    """
    finals = {each: read(each, last_step, "test") for each in seeds}
    valid = torch.stack([final.valid for final in finals.values()]).all(0)
    states = {}
    for domain, (folder, taggers) in domains.items():
        states[domain], read_by_taggers = tagging_networks.states(
            folder, taggers, sentences["test"]
        )
        valid &= read_by_taggers
    sample = _sample(int(valid.sum()), settings["distances"], seed)
    others = Others(
        {
            each: side(final.vectors[:, valid], sample, f"seed {each}, step {last_step}")
            for each, final in finals.items()
        },
        *_tagger_sides(states, domains, valid, sample),
    )
    forms = {"variance": settings["variance"], "mass": settings["mass"]}
    labels = _labels(sentences, [name for name in tagsets if name in ANNOTATED])
    frames = []
    for step in steps:
        LOGGER.info("step %d", step)
        for each in seeds:
            features = {split: read(each, step, split) for split in SPLITS}
            checkpoint = side(
                features["test"].vectors[:, valid], sample, f"seed {each}, step {step}"
            )
            found = [measure(checkpoint, each, others, **forms)]
            if labels and settings["diagnostics"]["epochs"]:
                found.append(diagnose(features, labels, settings["diagnostics"], seed))
            frames += [rows.assign(seed=each, step=step) for rows in found]
    return pd.concat(frames, ignore_index=True)


def diagnose(
    features: Mapping[str, Features],
    labels: Mapping[tuple[str, str], Mapping[str, np.ndarray]],
    settings: Mapping[str, Any],
    seed: int,
) -> pd.DataFrame:
    """Fit a diagnostic classifier for each layer and kind of tag on train, and score it on test.

    `labels` are numbers by split, by tag set and tagging; words that the model can't read don't
    count. Returns the columns of `comparisons.measure`.
    """
    gold = {
        split: torch.from_numpy(np.stack([labels[name][split] for name in labels]))[
            :, features[split].valid
        ]
        for split in ("train", "test")
    }
    classes = [int(max(parts[split].max() for split in SPLITS)) + 1 for parts in labels.values()]
    vectors = {split: features[split].vectors[:, features[split].valid] for split in gold}
    classifiers = fit(vectors["train"], gold["train"], classes, seed=seed, **settings)
    right = classifiers.predict(vectors["test"]) == gold["test"]
    rows = []
    for place, (tagset, tagging) in enumerate(labels):
        counted = gold["test"][place] != NOT_COUNTED
        trained = gold["train"][place]
        majority = trained[trained != NOT_COUNTED].bincount().argmax()
        for layer in range(len(right)):
            values = {
                "accuracy": right[layer, place, counted].double().mean().item(),
                "majority_accuracy": (gold["test"][place, counted] == majority)
                .double()
                .mean()
                .item(),
            }
            rows += [
                {"layer": layer, "tagset": tagset, "tagging": tagging, "metric": name, "value": v}
                for name, v in values.items()
            ]
    return pd.DataFrame(rows).assign(other="diagnostic", shuffled=0)


def _labels(
    sentences: Mapping[str, pd.DataFrame], tagsets: Sequence[str]
) -> dict[tuple[str, str], dict[str, np.ndarray]]:
    """Return the numbers of each word's tag and the next word's, by tag set and tagging."""
    found = {}
    for tagset in tagsets:
        named = {split: word_labels(sentences[split], tagset) for split in SPLITS}
        there = {tag for part in named.values() for tag in part if tag is not None}
        names = pd.Index(sorted(there))
        own = {split: names.get_indexer(named[split]) for split in SPLITS}
        for tagging in TAGGINGS:
            found[tagset, tagging] = {
                split: own[split] if tagging == "input" else following(own[split], sentences[split])
                for split in SPLITS
            }
    return found


def following(tags: np.ndarray, sentences: pd.DataFrame) -> np.ndarray:
    """Return the tag of the next word, `NOT_COUNTED` for the last word of a sentence; (words,)."""
    ends = np.cumsum(sentences["words"].map(len).to_numpy()) - 1
    found = np.roll(tags, -1)
    found[ends] = NOT_COUNTED
    return found


def _tagger_sides(
    states: Mapping[str, Tensor], domains: Domains, valid: Tensor, sample: Tensor
) -> tuple[Side, Side, list[dict[str, Any]]]:
    """Return embeddings and hidden states of all taggers at the words, and what the taggers are."""
    embeddings: list[Side] = []
    hidden: list[Side] = []
    keys: list[dict[str, Any]] = []
    for domain, (_, taggers) in domains.items():
        for vectors, found in zip(states[domain], (embeddings, hidden), strict=True):
            found.append(side(vectors[:, valid], sample, f"taggers of {domain}"))
        keys += [{"domain": domain, **tagging_networks.keys(tagger)} for tagger in taggers]
    return join(*embeddings), join(*hidden), keys


def _sample(words: int, wanted: int, seed: int) -> Tensor:
    """Draw the words whose distances are compared, in the order of the corpus."""
    if words < 3:
        raise CorpusError(
            f"test: model and taggers can read {words} of the words; expected more words than "
            "dimensions. Take the tokenizer that the model was trained with."
        )
    order = np.random.default_rng(seed).permutation(words)[:wanted]
    return torch.from_numpy(np.sort(order))
