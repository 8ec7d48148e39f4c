"""Checkpoints: Hugging Face model folders, looked through without loading them, and loaded.

A checkpoint holds `config.json`, weights in safetensors (one file, or shards with an index), and a
tokenizer. Nothing here reaches the network, runs code from a checkpoint, or opens a pickle.
"""

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ontogeny.errors import CheckpointError
from ontogeny.runs.tokenizer_checks import check_loaded, refuse_older_form
from ontogeny.runs.tokenizer_files import check_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
PICKLE = "pytorch_model.bin"
PICKLE_INDEX = "pytorch_model.bin.index.json"
OTHER_FORMS = ("tf_model.h5", "flax_model.msgpack")
FLOATING_POINT = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}  # bytes of a number


def load_model(
    path: str | os.PathLike[str],
    device: "str | torch.device | None" = None,
    dtype: "torch.dtype | None" = None,
) -> "PreTrainedModel":
    """Load a checkpoint without its prediction head, ready to be evaluated.

    Called with `output_hidden_states=True` the model gives layers + 1 tensors of shape
    `(batch, tokens, width)`, the first being the embedding layer's output. `device` is by default
    a GPU if there is one, else the CPU; `dtype` is float32 whatever the checkpoint's own. A pooler
    (BERT's layer for sentence pairs) that the checkpoint lacks is left out, not made up.
    Raises `CheckpointError` if the checkpoint is incomplete, truncated, or not loadable.
    """
    from transformers import AutoModel

    from ontogeny.devices import default_device

    model, missing = _load(AutoModel, path, dtype)
    if any(name.startswith("pooler.") for name in missing):
        model.pooler = None
        missing = [name for name in missing if not name.startswith("pooler.")]
    _refuse_missing(path, missing)
    return model.to(device or default_device())


def load_language_model(
    path: str | os.PathLike[str],
    device: "str | torch.device | None" = None,
    dtype: "torch.dtype | None" = None,
) -> "PreTrainedModel":
    """Load a checkpoint with its prediction head: masked or causal, as `objective` says.

    The model gives logits of shape `(batch, tokens, vocabulary)`. Arguments and errors as
    `load_model`; a checkpoint without the weights of its head is refused.
    """
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    from ontogeny.devices import default_device

    masked = objective(path) == "masked"
    model, missing = _load(AutoModelForMaskedLM if masked else AutoModelForCausalLM, path, dtype)
    _refuse_missing(path, missing)
    return model.to(device or default_device())


def load_tokenizer(path: str | os.PathLike[str]) -> "PreTrainedTokenizerFast":
    """Load a checkpoint's tokenizer, which can map tokens to words (`word_ids`).

    Raises `CheckpointError` if the folder has none, or one that can't be loaded, can't do that, or
    isn't the one that its files tell of (`tokenizer_checks`).
    """
    from transformers import AutoTokenizer

    check_tokenizer(path)
    try:
        with _as_checkpoint_error(path, "tokenizer"):
            tokenizer: Any = AutoTokenizer.from_pretrained(
                Path(path), local_files_only=True, trust_remote_code=False
            )
    except CheckpointError as error:
        refuse_older_form(path, error)
        raise
    check_loaded(tokenizer, path)
    return tokenizer


def objective(path: str | os.PathLike[str]) -> str:
    """Return what a checkpoint was trained to predict: `masked` or `causal`.

    Read from the name of the class under `architectures` in its config. Raises `CheckpointError`
    if there is no readable config.
    """
    config = read_config(path)
    names = config.get("architectures") or [""]
    name = str(names[0] if isinstance(names, list) else names)
    return "masked" if name.endswith(("ForMaskedLM", "ForPreTraining")) else "causal"


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return a checkpoint's `config.json`.

    Raises `CheckpointError` if it is absent, not JSON, or not an object with keys.
    """
    file = Path(path) / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        found = "there is no such file" if file.parent.is_dir() else "there is no such folder"
        raise CheckpointError(
            f"{file}: {found}; expected a Hugging Face model folder with config.json, "
            "model.safetensors and a tokenizer."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{file}: not readable as JSON ({error}).") from error
    if not isinstance(config, dict):
        raise CheckpointError(
            f"{file}: holds {type(config).__name__} rather than keys and values; expected the "
            "config that transformers saves with a model."
        )
    return config


def weight_files(path: str | os.PathLike[str]) -> list[Path]:
    """Return a checkpoint's safetensors files; shards in the order of their names.

    Raises `CheckpointError` if there are none, or a shard of the index is missing. Where only a
    pickle is found, the message says how to convert it.
    """
    path = Path(path)
    if (path / WEIGHTS).is_file():
        return [path / WEIGHTS]
    if (path / WEIGHTS_INDEX).is_file():
        try:
            index = json.loads((path / WEIGHTS_INDEX).read_text(encoding="utf-8"))
            shards = sorted(set(index["weight_map"].values()))
            # os.path.isfile, unlike Path.is_file, takes a name that is too long for one of none.
            absent = [shard for shard in shards if not os.path.isfile(path / shard)]
        except (OSError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as e:
            raise CheckpointError(
                f"{path / WEIGHTS_INDEX}: not a readable index of shards ({e})."
            ) from e
        if absent or not shards:
            raise CheckpointError(
                f"{path}: shard {absent[0] if absent else '(none listed)'} of {WEIGHTS_INDEX} is "
                "missing. Copy the checkpoint again, whole."
            )
        return [path / shard for shard in shards]
    pickles = [name for name in (PICKLE, PICKLE_INDEX) if (path / name).exists()]
    if pickles:
        raise CheckpointError(
            f"{path}: has {pickles[0]} but no {WEIGHTS}; a pickle can run code, so none is "
            f"loaded. Convert it once: python -m ontogeny.runs.conversion {path} (which refuses "
            "whatever is no tensor)."
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


def check_weights(path: str | os.PathLike[str]) -> None:
    """Raise `CheckpointError` unless a checkpoint has a config and whole safetensors weights."""
    read_config(path)
    for file in weight_files(path):
        read_header(file)


def _load(auto: Any, path: str | os.PathLike[str], dtype: Any) -> "tuple[Any, list[str]]":
    """Return the model and the names of weights that the checkpoint lacks."""
    import torch

    check_weights(path)
    # Weights that are missing would be drawn from the global generator: leave that as it was.
    with torch.random.fork_rng(devices=[]), _as_checkpoint_error(path, "model"):
        model, info = auto.from_pretrained(
            Path(path),
            dtype=dtype or torch.float32,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    return model.eval(), sorted(info["missing_keys"])


def _refuse_missing(path: str | os.PathLike[str], missing: list[str]) -> None:
    if missing:
        raise CheckpointError(
            f"{path}: lacks {len(missing)} of the weights that its config calls for, for example "
            f"{missing[0]}. Save the whole model there."
        )


@contextmanager
def _as_checkpoint_error(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    try:
        with quiet_transformers():
            yield
    # What transformers and the libraries below it raise on a broken file has no class in common:
    # tokenizers raises a bare Exception.
    except Exception as error:
        raise CheckpointError(f"{path}: its {what} can't be loaded ({error}).") from error


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' progress bars and reports off in the block; its errors still come."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
