"""Checkpoints: Hugging Face model folders, looked through without loading them, and loaded.

A checkpoint holds `config.json`, weights in safetensors (one file, or shards with an index), and a
tokenizer. Nothing here reaches the network, runs code from a checkpoint, or opens a pickle.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ontogeny.errors import CheckpointError
from ontogeny.runs.architectures import register_own_models
from ontogeny.runs.checkpoints.model_configs import (
    ENCODER_DECODERS,
    check_family,
    declared_objective,
    kind,
    read_config,
)
from ontogeny.runs.checkpoints.tokenizer_checks import check_loaded, refuse_older_form
from ontogeny.runs.checkpoints.tokenizer_files import check_tokenizer
from ontogeny.runs.checkpoints.weight_files import read_header, weight_files

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


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
    Raises `CheckpointError` if the checkpoint is incomplete, truncated, or not loadable, and if its
    layers can't be measured (`refuse_unreadable`).
    """
    from transformers import AutoModel, AutoModelForCausalLM

    from ontogeny.devices import default_device
    from ontogeny.runs.checkpoints.reading import refuse_unreadable

    # Of a family with two stacks only a decoder that was saved alone is measured: as it was saved.
    alone = str(read_config(path).get("model_type")) in ENCODER_DECODERS
    model, missing = _load(AutoModelForCausalLM if alone else AutoModel, path, dtype)
    if any(name.startswith("pooler.") for name in missing):
        model.pooler = None
        missing = [name for name in missing if not name.startswith("pooler.")]
    _refuse_missing(path, missing, model)
    model = (model.base_model if alone else model).to(device or default_device())
    refuse_unreadable(model, str(path))
    return model


def load_language_model(
    path: str | os.PathLike[str],
    device: "str | torch.device | None" = None,
    dtype: "torch.dtype | None" = None,
) -> "PreTrainedModel":
    """Load a checkpoint with its prediction head: masked or causal, as `objective` says.

    The model gives logits of shape `(batch, tokens, vocabulary)`. Arguments and errors as
    `load_model`; a checkpoint without the weights of its head is refused, and one whose model reads
    as the other kind does: a masked one earlier tokens alone, or a causal one later ones too.
    """
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    from ontogeny.devices import default_device
    from ontogeny.runs.checkpoints.reading import direction, refuse_unreadable

    check_family(read_config(path), path)
    masked = objective(path) == "masked"
    model, missing = _load(AutoModelForMaskedLM if masked else AutoModelForCausalLM, path, dtype)
    _refuse_missing(path, missing, model)
    model = model.to(device or default_device())
    refuse_unreadable(model, str(path))
    _refuse_contradiction(path, masked, direction(model))
    return model


class Loaded(NamedTuple):
    """A checkpoint's model with its head, its tokenizer, and what it predicts: `objective`."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerFast"
    objective: str


def load_checkpoint(path: str | os.PathLike[str]) -> Loaded:
    """Load a checkpoint whole: `load_language_model`, `load_tokenizer` and `objective`."""
    return Loaded(load_language_model(path), load_tokenizer(path), objective(path))


def load_tokenizer(path: str | os.PathLike[str]) -> "PreTrainedTokenizerFast":
    """Load a checkpoint's tokenizer, which can map tokens to words (`word_ids`).

    Raises `CheckpointError` if the folder has none, or one that can't be loaded, can't do that, or
    isn't the one that its files tell of (`tokenizer_checks`).
    """
    from transformers import AutoTokenizer

    check_tokenizer(path)
    register_own_models()
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

    As its config declares it (`declared_objective`); where that leaves it open, as for a BERT
    without the key `architectures`, `masked` if its tokenizer has a mask token that the model
    knows. `load_language_model` holds it against what the model does. Raises `CheckpointError`,
    naming the key, if neither tells, and if there is no readable config.
    """
    config = read_config(path)
    declared = declared_objective(config)
    if declared is not None:
        return declared
    mask, known = load_tokenizer(path).mask_token_id, config.get("vocab_size")
    if mask is not None and isinstance(known, int) and mask < known:
        return "masked"
    raise CheckpointError(
        f"{path}/config.json: doesn't tell whether its model, {kind(config)}, is masked or causal, "
        "and the tokenizer has no mask token. Write the class that it was trained as under "
        '`architectures`: ["BertForMaskedLM"], say, or ["GPT2LMHeadModel"].'
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
    config = read_config(path)
    check_family(config, path)
    register_own_models()
    # A token that was added to the tokenizer alone: there is no embedding to keep at zero.
    padding, known = config.get("pad_token_id"), config.get("vocab_size")
    added = isinstance(padding, int) and isinstance(known, int) and padding >= known
    # Weights that are missing would be drawn from the global generator: leave that as it was.
    with torch.random.fork_rng(devices=[]), _as_checkpoint_error(path, "model"):
        model, info = auto.from_pretrained(
            Path(path),
            dtype=dtype or torch.float32,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **({"pad_token_id": None} if added else {}),
        )
    return model.eval(), sorted(info["missing_keys"])


def _refuse_missing(path: str | os.PathLike[str], missing: list[str], model: Any) -> None:
    if missing:
        raise CheckpointError(
            f"{path}: lacks {len(missing)} of the weights that its config calls for, for example "
            f"{missing[0]} of {type(model).__name__}; it was saved as {kind(read_config(path))}. "
            "Save the whole model there."
        )


def _refuse_contradiction(
    path: str | os.PathLike[str], masked: bool, direction: str | None
) -> None:
    """Raise `CheckpointError` if a model reads otherwise than its config says it does."""
    if direction == ("both" if masked else "forward") or direction is None:
        return
    named = kind(read_config(path))
    if masked:
        raise CheckpointError(
            f"{path}: its config.json says masked ({named}), but no token changes what the model "
            "says of earlier ones, as in a causal model. Correct `architectures`, or `is_decoder`."
        )
    raise CheckpointError(
        f"{path}: its config.json says causal ({named}), but later tokens change what the model "
        "says of earlier ones: it sees what it has to predict. Name a masked model's class under "
        "`architectures`, or, if it was trained as a causal one, write `is_decoder: true`."
    )


@contextmanager
def _as_checkpoint_error(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    try:
        with quiet_transformers():
            yield
    # What transformers and the libraries below it raise on a broken file has no class in common:
    # tokenizers raises a bare Exception.
    except Exception as error:
        from ontogeny.runs.checkpoints.reading import one_line

        raise CheckpointError(f"{path}: its {what} can't be loaded ({one_line(error)}).") from error


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
