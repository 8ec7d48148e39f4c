"""A run's checkpoint sampled from test sentences: its clones, and what sampling was like."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ontogeny.corpora.corpus import write_split
from ontogeny.files import remove_folder, resumable_folder
from ontogeny.measures.interactions.cloned_sentences import clone_sentences, load_sampler
from ontogeny.runs.architectures.factored import order_of
from ontogeny.runs.checkpoints.manifest import weights_sha256

FACTORED = "ontogeny_factored"


def sample(
    checkpoint: str | os.PathLike[str],
    sentences: pd.DataFrame,
    settings: Mapping[str, Any],
    seed: int,
    clones: Mapping[int, str | os.PathLike[str]],
    working: str | os.PathLike[str],
    source: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write a clone for each number of sweeps, and return rows of both tables, keys of runs apart.

    `clones` maps numbers of sweeps to files, which get the form of a corpus's split. `working`
    is a folder where a job that is killed leaves off; it goes when all is done, and what lies there
    of another checkpoint, other sentences or settings goes before. `source` is what messages call
    the sentences' file. Raises `CheckpointError` if the checkpoint gives no conditionals on both
    sides, `CorpusError` if sentences don't fit into it.
    """
    loaded, words = load_sampler(checkpoint), list(sentences["words"])
    begun_with = {"settings": dict(settings), "seed": seed, "sweeps": sorted(clones)}
    begun_with |= {"weights": weights_sha256(checkpoint), "sentences": list(map(list, words))}
    working = resumable_folder(working, begun_with)
    shown: list[dict[str, Any]] = []
    found = clone_sentences(
        loaded,
        words,
        settings,
        seed,
        keep=sorted(clones),
        source=source,
        state=working / "chains.safetensors",
    )
    # Not before the end: files of a job that is killed are removed, what its state has kept isn't.
    for sweeps, texts in found.texts.items():
        clone = sentences[["sentence_id", "document_id"]].assign(words=pd.Series(texts))
        write_split(clone, clones[sweeps], source=str(checkpoint))
        shown.extend(_before_and_after(words, texts, sweeps, settings["shown"]))
    remove_folder(working)
    layers, order = depth_of(loaded.model.config)
    rows = [
        {"sweeps": sweep, "metric": metric, "value": value, "layers": layers, "order": order}
        for sweep, record in enumerate(found.records)
        for metric, value in record.items()
        if not np.isnan(value)
    ]
    return pd.DataFrame(rows).assign(part="sampling"), pd.DataFrame(shown)


def depth_of(config: Any) -> tuple[int | None, int | None]:
    """Return how many layers a model has, and the highest order that it can represent, if any."""
    layers: int | None = getattr(config, "num_hidden_layers", None)
    bounded = config.model_type == FACTORED and layers is not None
    return layers, order_of(layers) if bounded and layers else None


def _before_and_after(
    words: Sequence[Sequence[str]], texts: Sequence[Sequence[str]], sweeps: int, shown: int
) -> list[dict[str, Any]]:
    return [
        {
            "sweeps": sweeps,
            "sentence": number + 1,
            "metric": "overlap",
            "value": float(np.mean([a == b for a, b in zip(before, after, strict=False)])),
            "before": " ".join(before),
            "after": " ".join(after),
        }
        for number, (before, after) in enumerate(zip(words[:shown], texts[:shown], strict=True))
    ]
