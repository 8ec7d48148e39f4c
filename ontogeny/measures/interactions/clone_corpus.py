"""A corpus that is a clone of another: its sentences, as far as a masked model knows them."""

import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ontogeny.corpora.corpus import read_split
from ontogeny.corpora.splits import write_splits
from ontogeny.files import resumable_folder, sha256
from ontogeny.measures.interactions.cloned_sentences import chosen, clone_sentences, load_sampler
from ontogeny.runs.checkpoints.loading import Loaded
from ontogeny.runs.checkpoints.manifest import weights_sha256

AT_ONCE = 4096  # chains that move together, whose logits are in memory together

logger = logging.getLogger("ontogeny")


def write_clone(
    name: str,
    settings: Mapping[str, Any],
    checkpoint: str | os.PathLike[str],
    originals: Mapping[str, str | os.PathLike[str]],
    *,
    folder: str | os.PathLike[str],
    working: str | os.PathLike[str],
) -> None:
    """Sample a checkpoint from sentences of each split, and write the corpus that comes of it.

    `settings` is the clone's entry in the config, `originals` the splits of the corpus whose
    sentences are sampled, each of which gives the clone's split of that name. Sentences and
    documents keep their names and their order; annotations aren't those of the new words, and go.
    `statistics.tsv` has for each split `overlap` as well: the share of words that are those of the
    original.

    `working`, outside what the job makes, is where one that is killed left off; what lies there of
    other settings, weights or sentences is removed, and all of it when the corpus is written.
    Raises `CheckpointError` if the checkpoint gives no conditionals on both sides, and
    `CorpusError` if sentences don't fit into it, or fewer than two are of the lengths asked for.
    """
    made_of = {
        "settings": dict(settings),
        "weights": weights_sha256(checkpoint),
        "originals": {split: sha256(path) for split, path in originals.items()},
    }
    working = resumable_folder(working, made_of)
    loaded = load_sampler(checkpoint)
    splits, overlaps = {}, []
    for number, (split, path) in enumerate(originals.items()):
        asked = settings["sentences"][split]
        own = {**settings, "sentences": asked}
        begun = chosen(read_split(path), own, settings["seed"], str(path))
        if len(begun) < asked:
            logger.warning(
                "corpora: %s: %s: %d sentences, not %d: no more have %d to %d words",
                name, split, len(begun), asked, settings["shortest"], settings["longest"],
            )  # fmt: skip
        texts = list(_cloned(loaded, begun, own, number, working / split, str(path)))
        rows = begun[["sentence_id", "document_id"]].assign(words=pd.Series(texts))
        splits[split] = rows.to_dict("records")
        overlaps.append((split, "overlap", f"{_overlap(begun['words'], texts):.4f}"))
    write_splits(name, splits, folder, overlaps)
    shutil.rmtree(working)


def _cloned(
    loaded: Loaded,
    sentences: pd.DataFrame,
    settings: Mapping[str, Any],
    split: int,
    state: Path,
    source: str,
) -> Iterator[list[str]]:
    """Yield the words that each sentence has become; some sentences at a time.

    Each block of sentences has random numbers of its own, and a state of its own, which tells when
    it is done.
    """
    for block, start in enumerate(range(0, len(sentences), AT_ONCE)):
        seeds = np.random.SeedSequence([settings["seed"], split, block])
        found = clone_sentences(
            loaded,
            list(sentences["words"].iloc[start : start + AT_ONCE]),
            settings,
            int(seeds.generate_state(1)[0]),
            keep=[settings["sweeps"]],
            state=state.with_name(f"{state.name}-{block}.safetensors"),
            source=source,
        )
        logger.info(
            "%s, sentences from %d: score %.3f nats after 0 sweeps, %.3f after %d",
            state.name, start + 1, found.records[0]["score"], found.records[-1]["score"],
            settings["sweeps"],
        )  # fmt: skip
        yield from found.texts[settings["sweeps"]]


def _overlap(before: pd.Series, after: list[list[str]]) -> float:
    """Return the share of words that stand where they stood."""
    pairs = zip(before, after, strict=True)
    stayed = sum(a == b for old, new in pairs for a, b in zip(old, new, strict=False))
    return stayed / int(before.map(len).sum())
