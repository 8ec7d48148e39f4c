"""Pickled weights, as old checkpoints have them, turned into safetensors once.

Run as a program for checkpoints of one's own: python -m ontogeny.runs.checkpoints.conversion
FOLDER...
"""

import json
import os
import pickle
import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from ontogeny.errors import CheckpointError, OntogenyError
from ontogeny.files import atomic_path
from ontogeny.runs.checkpoints.model_configs import read_config
from ontogeny.runs.checkpoints.weight_files import (
    PICKLE,
    PICKLE_INDEX,
    WEIGHTS,
    WEIGHTS_INDEX,
    shards,
)


def convert_checkpoint(folder: str | os.PathLike[str]) -> list[Path]:
    """Write the weights of a checkpoint's pickles as safetensors beside them; return the pickles.

    The pickles stay; whoever needs the space removes them. Tensors keep their names, types and
    values. Two names of one tensor that the architecture ties (an output layer and the embeddings)
    become the one that transformers keeps; others become two tensors. Names from before
    transformers 2 (`LayerNorm.gamma`) stay too: transformers maps them whenever it loads.
    No more memory is taken than one file's content. Raises `CheckpointError` as `read_pickle` does,
    and if there is no pickle or its index is damaged; then nothing is written.
    """
    folder = Path(folder)
    ties = _tied_names(folder)
    if (folder / PICKLE).is_file():
        with atomic_path(folder / WEIGHTS) as scratch:
            _save(read_pickle(folder / PICKLE), ties, folder / PICKLE, scratch)
        return [folder / PICKLE]
    if not (folder / PICKLE_INDEX).is_file():
        raise CheckpointError(f"{folder}: has neither {PICKLE} nor {PICKLE_INDEX}.")
    pickles = shards(folder / PICKLE_INDEX)
    weight_map: dict[str, str] = {}
    for number, file in enumerate(pickles, start=1):
        name = f"model-{number:05d}-of-{len(pickles):05d}.safetensors"
        with atomic_path(folder / name) as scratch:
            saved = _save(read_pickle(file), ties, file, scratch)
        weight_map.update(dict.fromkeys(saved, name))
    # The index comes last: without it the shards are no checkpoint.
    with atomic_path(folder / WEIGHTS_INDEX) as scratch:
        scratch.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}, indent=1))
    return [*pickles, folder / PICKLE_INDEX]


def read_pickle(file: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Return the tensors of a pickled file of weights, by name, without running code from it.

    PyTorch's restricted unpickler reads it (`torch.load` with `weights_only`), which makes tensors
    and plain containers and refuses everything else. The tensors of a file that PyTorch 1.6 or
    later wrote are mapped into memory and read when they are used.
    Raises `CheckpointError` if it holds anything but tensors with names, or isn't whole.
    """
    try:
        content = torch.load(
            file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file)
        )
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"refers to {found[1]}" if found else "is truncated, or no pickle of tensors"
        raise CheckpointError(
            f"{file}: {what}. Only pickles of tensors alone are read, since any other can run "
            "code. Ask its publisher for safetensors."
        ) from error
    # What a damaged pickle makes the unpickler, the reader of zip archives and PyTorch raise has no
    # class in common (IndexError, struct.error, AssertionError, BadZipFile...).
    except Exception as error:
        raise CheckpointError(
            f"{file}: can't be read as PyTorch's weights ({_first_line(error)}). It is truncated "
            "or damaged: copy or download it again."
        ) from error
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(
            f"{file}: holds {type(content).__name__}; expected tensors with names."
        )
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise CheckpointError(
                f"{file}: holds {type(value).__name__} under {name!r}; expected tensors with "
                "names. If the weights lie deeper in it, save them alone."
            )
        if value.layout is not torch.strided or value.is_quantized:
            raise CheckpointError(f"{file}: holds a sparse or quantised tensor under {name!r}.")
    return dict(content)


def _save(
    tensors: dict[str, Tensor], ties: Mapping[str, str], file: Path, target: Path
) -> list[str]:
    """Write tensors as safetensors; return their names."""
    kept = _unshared(tensors, ties)
    try:
        save_file(kept, target, metadata={"format": "pt"})
    except (ValueError, KeyError, RuntimeError, AttributeError) as error:
        raise CheckpointError(
            f"{file}: has tensors that safetensors can't hold ({_first_line(error)})."
        ) from error
    return list(kept)


def _unshared(tensors: Mapping[str, Tensor], ties: Mapping[str, str]) -> dict[str, Tensor]:
    """Return dense tensors of which no two share memory."""
    views: dict[tuple, list[str]] = {}
    for name, tensor in tensors.items():
        view = (tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
        views.setdefault(view, []).append(name)
    dropped = {
        name
        for names in views.values()
        for name in names
        if any(_is_tied(name, other, ties) for other in names)
    }
    kept: dict[str, Tensor] = {}
    taken: set[int] = set()
    for name in sorted(tensors):
        if name in dropped:
            continue
        tensor = tensors[name].contiguous()
        storage = tensor.untyped_storage().data_ptr()
        if storage in taken:
            tensor = tensor.clone()
        taken.add(storage)
        kept[name] = tensor
    return kept


def _is_tied(name: str, other: str, ties: Mapping[str, str]) -> bool:
    return any(
        re.fullmatch(target, name) and re.fullmatch(source, other)
        for target, source in ties.items()
    )


def _tied_names(folder: Path) -> dict[str, str]:
    """Return what the checkpoint's architecture ties: pattern of a name to that of the kept one."""
    import transformers

    names = read_config(folder).get("architectures") or [""]
    name = names[0] if isinstance(names, list) else names
    architecture: Any = getattr(transformers, str(name), None)
    tied = getattr(architecture, "_tied_weights_keys", None)
    return dict(tied) if isinstance(tied, Mapping) else {}


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def main(folders: Sequence[str]) -> None:
    """Convert the checkpoints in the given folders, one after the other."""
    if not folders:
        sys.exit("usage: python -m ontogeny.runs.checkpoints.conversion FOLDER...")
    for folder in folders:
        try:
            convert_checkpoint(folder)
        except OntogenyError as error:
            sys.exit(str(error))
        print(f"{folder}: converted; its pickles are still there")


if __name__ == "__main__":
    main(sys.argv[1:])
