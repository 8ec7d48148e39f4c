"""The files that hold a checkpoint's weights: which they are, and whether they are whole.

Weights are safetensors, in one file or in shards with an index. Only headers are read here.
"""

import json
import math
import os
from pathlib import Path
from typing import Any

from ontogeny.errors import CheckpointError

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
PICKLE = "pytorch_model.bin"
PICKLE_INDEX = "pytorch_model.bin.index.json"
OTHER_FORMS = ("tf_model.h5", "flax_model.msgpack")
FLOATING_POINT = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}  # bytes of a number


def weight_files(path: str | os.PathLike[str]) -> list[Path]:
    """Return a checkpoint's safetensors files; shards in the order of their names.

    Raises `CheckpointError` if there are none, or a shard of the index is missing. Where only a
    pickle is found, the message says how to convert it.
    """
    path = Path(path)
    if (path / WEIGHTS).is_file():
        return [path / WEIGHTS]
    if (path / WEIGHTS_INDEX).is_file():
        return shards(path / WEIGHTS_INDEX)
    pickles = [name for name in (PICKLE, PICKLE_INDEX) if (path / name).exists()]
    if pickles:
        raise CheckpointError(
            f"{path}: has {pickles[0]} but no {WEIGHTS}; a pickle can run code, so none is "
            "loaded. Convert it once (which refuses whatever is no tensor): python -m "
            f"ontogeny.runs.checkpoints.conversion {path}"
        )
    others = [name for name in OTHER_FORMS if (path / name).exists()]
    if others:
        raise CheckpointError(
            f"{path}: has {others[0]} but no {WEIGHTS}; expected PyTorch's weights as safetensors. "
            "Save the model with save_pretrained there."
        )
    raise CheckpointError(
        f"{path}: has no weights; expected {WEIGHTS}, or {WEIGHTS_INDEX} and its shards."
    )


def shards(index: Path) -> list[Path]:
    """Return the files that weights are spread over, by their index, in the order of their names.

    Raises `CheckpointError` if the index can't be read, or names a file that isn't there.
    """
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        files = [index.with_name(name) for name in names]
        if not files:
            raise ValueError("it lists none")
    except (OSError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{index}: not a readable index of shards ({error}).") from error
    for file in files:
        # Unlike Path.is_file, this takes a name that is too long for one of none.
        if not os.path.isfile(file):
            raise CheckpointError(
                f"{file}: is named by {index.name}, but isn't there. Copy the checkpoint again."
            )
    return files


def read_header(file: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the header of a safetensors file: for each tensor its dtype, shape and offsets.

    Only the header is read. Raises `CheckpointError` if it is malformed, if a tensor has not as
    many bytes as its shape and type take, or if the file is not just as long as the header says.
    (The format: 8 bytes, the header's length, little-endian; the header in JSON; the tensors'
    bytes.)
    """
    file = Path(file)
    try:
        size = file.stat().st_size
        with open(file, "rb") as handle:
            length = int.from_bytes(handle.read(8), "little")
            if size < 8 or length > size - 8:
                raise ValueError(f"{size} bytes can't hold its header")
            header = json.loads(handle.read(length))
        header.pop("__metadata__", None)
        for name, tensor in header.items():
            _check_tensor(name, tensor)
        end = max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
    except OSError as error:
        raise CheckpointError(f"{file}: can't be read ({error}).") from error
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise CheckpointError(
            f"{file}: truncated or not a safetensors file ({error}). Copy or train it again."
        ) from error
    if size != 8 + length + end:
        raise CheckpointError(
            f"{file}: {size} bytes, but its header tells of {8 + length + end}; it is truncated "
            "or was not fully copied. Copy or train it again."
        )
    return header


def _check_tensor(name: str, tensor: Any) -> None:
    """Raise `ValueError` unless a tensor is described as the format wants it."""
    match tensor:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [first, after]} if all(
            type(number) is int and number >= 0 for number in (*shape, first, after)
        ):
            size = after - first
            wrong = dtype in FLOATING_POINT and size != FLOATING_POINT[dtype] * math.prod(shape)
            if wrong or size < 0:
                raise ValueError(f"tensor {name} has {size} bytes for {dtype} of shape {shape}")
        case _:
            raise ValueError(
                f"tensor {name} is described as {tensor}; expected dtype, shape and data_offsets"
            )


def count_parameters(path: str | os.PathLike[str]) -> int:
    """Return how many numbers a checkpoint's floating-point tensors hold, from headers alone.

    A tensor that several layers share is saved, and counted, once. Raises `CheckpointError` as
    `weight_files` and `read_header` do.
    """
    return sum(
        math.prod(tensor["shape"])
        for file in weight_files(path)
        for tensor in read_header(file).values()
        if tensor["dtype"] in FLOATING_POINT
    )
