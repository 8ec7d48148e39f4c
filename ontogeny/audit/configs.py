"""Checks of what a checkpoint is: its configuration, the shapes of its tensors, its vocabulary."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ontogeny.audit.checks import Observation
from ontogeny.audit.tensor_blocks import StoredTensor
from ontogeny.audit.trajectory_weights import most_common
from ontogeny.errors import CheckpointError
from ontogeny.runs.checkpoints.model_configs import has_attention, kind
from ontogeny.runs.checkpoints.tokenizer_files import (
    SENTENCEPIECE_FILES,
    sentencepiece_alone,
    vocabulary_files,
)

# Keys of `config.json` that say who saved the model and how it is to be run, not what it is.
# Versions of transformers differ in them, and dropout plays no part once a model is measured.
BOOKKEEPING = {
    *("transformers_version", "torch_dtype", "dtype", "use_cache", "gradient_checkpointing"),
    *("output_attentions", "output_hidden_states", "return_dict", "chunk_size_feed_forward"),
    *("architectures", "initializer_range"),
}


def configuration_differences(
    config: Mapping[str, Any], reference: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """Return the keys in which two `config.json` contradict each other, with both values.

    Only keys that both have can: versions of transformers differ in which defaults they write.
    Keys that don't say what the model is are left out (`BOOKKEEPING`, dropout, those that begin
    with an underscore).
    """
    return {
        key: (config[key], reference[key])
        for key in _essential(config)
        if key in reference and config[key] != reference[key]
    }


def _essential(config: Mapping[str, Any]) -> list[str]:
    return [
        key
        for key in sorted(set(config) - BOOKKEEPING)
        if not key.startswith("_")
        and not any(word in key for word in ("dropout", "drop_prob", "pdrop"))
    ]


def vocabulary(path: str | os.PathLike[str]) -> str | None:
    """Return a SHA-256 of the vocabulary of a checkpoint's tokenizer, or None if it has none.

    Equal for a `tokenizer.json`, a `vocab.txt` and a `vocab.json` that give the same tokens the
    same numbers; of a SentencePiece model it is that of the file. Raises `CheckpointError` if the
    file can't be read.
    """
    files = vocabulary_files(path)
    try:
        return _vocabulary(files[0]) if files else None
    # A RuntimeError is what JSON raises that is nested too deeply (RecursionError).
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as e:
        raise CheckpointError(
            f"{files[0]}: not a readable vocabulary ({e!r}). Copy it again."
        ) from e


def _vocabulary(file: Path) -> str:
    if file.name in SENTENCEPIECE_FILES:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    if file.suffix == ".txt":
        lines = file.read_text(encoding="utf-8").split("\n")
        tokens = {token: number for number, token in enumerate(lines) if token}
    elif file.name == "vocab.json":
        tokens = dict(json.loads(file.read_text(encoding="utf-8")))
    else:
        tokenizer = json.loads(file.read_text(encoding="utf-8"))
        found = tokenizer["model"]["vocab"]
        if isinstance(found, list):  # unigram models list tokens with their log probabilities
            found = {entry[0]: number for number, entry in enumerate(found)}
        tokens = dict(found)
        for added in tokenizer.get("added_tokens") or []:
            tokens.setdefault(added["content"], added["id"])
    canonical = json.dumps(sorted(tokens.items(), key=lambda item: (item[1], item[0])))
    return hashlib.sha256(canonical.encode()).hexdigest()


def configuration_findings(
    configs: Sequence[Mapping[str, Any]], steps: Sequence[int]
) -> Iterator[Observation]:
    """Yield the checkpoints whose `config.json` contradicts that of most checkpoints."""
    essences = [
        json.dumps({key: config[key] for key in _essential(config)}, sort_keys=True)
        for config in configs
    ]
    usual = essences.index(most_common(essences))
    for index, config in enumerate(configs):
        different = configuration_differences(config, configs[usual])
        if different:
            shown = [f"{key} is {own!r}, not {other!r}" for key, (own, other) in different.items()]
            yield Observation(
                [index],
                "architecture",
                "warn",
                f"the config of step {steps[index]} differs from that of step {steps[usual]}: "
                f"{'; '.join(shown)}.",
                len(different),
                0,
            )


def attention_findings(configs: Sequence[Mapping[str, Any]]) -> Iterator[Observation]:
    """Yield the checkpoints of a family without attention: a note, but no study may ask for it."""
    without = [index for index, config in enumerate(configs) if not has_attention(config)]
    if without:
        yield Observation(
            without,
            "attention",
            "note",
            f"the model, {kind(configs[without[0]])}, has no attention between words, so no study "
            "can measure that.",
            "none",
            "attention, if a study measures it",
        )


def tensor_findings(
    checkpoints: Sequence[Mapping[str, StoredTensor]], steps: Sequence[int]
) -> Iterator[Observation]:
    """Yield the checkpoints whose tensors have other names or shapes than in most checkpoints.

    Of no consequence are vectors and single numbers that a checkpoint lacks or has in addition:
    versions of transformers differ in which buffers they save.
    """
    signatures = [
        frozenset((name, t.shape) for name, t in tensors.items() if t.is_floating)
        for tensors in checkpoints
    ]
    usual = most_common(signatures)
    for index, own in enumerate(signatures):
        if own == usual:
            continue
        lacks, adds = sorted(usual - own), sorted(own - usual)
        grave = any(sum(size > 1 for size in shape) > 1 for _, shape in [*lacks, *adds])
        shown = [
            f"{len(part)} {word} ({part[0][0]} of shape {list(part[0][1])})"
            for word, part in (("fewer", lacks), ("more", adds))
            if part
        ]
        yield Observation(
            [index],
            "architecture",
            "warn" if grave else "note",
            f"step {steps[index]} has other tensors than step {steps[signatures.index(usual)]}: "
            f"{', '.join(shown)}.",
            len(lacks) + len(adds),
            0,
        )


def storage_type(checkpoint: Mapping[str, StoredTensor]) -> str:
    """Return the floating-point type that most numbers of a checkpoint are stored in."""
    counts = Counter[str]()
    for tensor in checkpoint.values():
        if tensor.is_floating:
            counts[tensor.dtype] += tensor.bytes
    return counts.most_common(1)[0][0] if counts else "F32"


def storage_findings(dtypes: Sequence[str], steps: Sequence[int]) -> Iterator[Observation]:
    """Yield the checkpoints that are stored in another floating-point type than most."""
    usual = most_common(dtypes)
    for index, dtype in enumerate(dtypes):
        if dtype != usual:
            yield Observation(
                [index],
                "precision",
                "warn",
                f"step {steps[index]} is stored as {dtype}, step {steps[dtypes.index(usual)]} as "
                f"{usual}.",
                dtype,
                usual,
            )


def vocabulary_findings(
    paths: Sequence[str | os.PathLike[str]], steps: Sequence[int]
) -> Iterator[Observation]:
    """Yield the checkpoints whose tokenizer has another vocabulary than most.

    Those that have a SentencePiece model alone are compared with each other: its numbers become
    a tokenizer's by the rules of a class. Raises `CheckpointError` if a vocabulary can't be read.
    """
    hashes = [vocabulary(path) for path in paths]
    known: dict[bool, list[str]] = {True: [], False: []}
    for path, found in zip(paths, hashes, strict=True):
        if found is not None:
            known[sentencepiece_alone(path) is not None].append(found)
    for index, own in enumerate(hashes):
        alike = known[sentencepiece_alone(paths[index]) is not None]
        if own is not None and own != (usual := most_common(alike)):
            yield Observation(
                [index],
                "vocabulary",
                "warn",
                f"the vocabulary of step {steps[index]} is not that of step "
                f"{steps[hashes.index(usual)]}.",
                own[:12],
                usual[:12],
            )
