"""What a checkpoint's `config.json` tells of its model: what it is, and what it predicts.

Only what is certain: the rest is found out on the loaded model
(`ontogeny.runs.checkpoints.reading`).
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ontogeny.errors import CheckpointError

# Families of two stacks, whose config may leave out that they are (`is_encoder_decoder`); a decoder
# that was saved alone says `false`.
ENCODER_DECODERS = {
    *("bart", "bigbird_pegasus", "blenderbot", "blenderbot-small", "encoder-decoder", "fsmt"),
    *("led", "longt5", "m2m_100", "marian", "mbart", "mt5", "mvp", "nllb-moe", "pegasus"),
    *("pegasus_x", "plbart", "prophetnet", "switch_transformers", "t5", "t5gemma", "t5gemma2"),
    "umt5",
}
# Other families of which no study can be made, and why.
UNMEASURABLE = {
    "xlnet": "predicts words in an order drawn at random, neither masked nor causal",
    "funnel": "shortens the text between its layers",
    "canine": "reads characters, and shortens the text between its layers",
    "perceiver": "has other vectors in its layers than one for each token",
}
WITHOUT_ATTENTION = {
    *("fnet", "falcon_mamba", "mamba", "mamba2", "rwkv", "xlstm"),
    *("ontogeny_factored", "ontogeny_lstm"),  # the former's doesn't depend on words
}


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


def check_family(config: Mapping[str, Any], name: str | os.PathLike[str]) -> None:
    """Raise `CheckpointError` if a model of this config is of a family that can't be measured.

    The message calls the model `name`, and tells its class and `model_type`. A family that isn't
    known here is found out when a model of it is loaded and tried.
    """
    family = str(config.get("model_type"))
    if config.get("is_encoder_decoder", family in ENCODER_DECODERS):
        reason = "is an encoder-decoder, and an encoder or a decoder alone is what can be measured"
    elif family in UNMEASURABLE:
        reason = f"{UNMEASURABLE[family]}, which can't be measured"
    else:
        return
    raise CheckpointError(f"{name}: its model, {kind(config)}, {reason}. Leave the run out.")


def has_attention(config: Mapping[str, Any]) -> bool:
    """Say whether models of this config's family have attention between words, if that is known."""
    return str(config.get("model_type")) not in WITHOUT_ATTENTION


def kind(config: Mapping[str, Any]) -> str:
    """Return what to call the kind of a model in a message."""
    return f"{model_class(config) or 'model'} (model_type {config.get('model_type')})"


def model_class(config: Mapping[str, Any]) -> str:
    """Return the class that a model was saved as; empty if its config doesn't tell."""
    names = config.get("architectures") or [""]
    return str(names[0] if isinstance(names, list) else names)


def declared_objective(config: Mapping[str, Any]) -> str | None:
    """Return what a config says a model predicts, `masked` or `causal`; None if that stays open.

    By the class under `architectures`, if that has a language model's head of one kind; else by
    `model_type`, if all heads of the family are of one kind; else by `is_decoder` (XLM's key is
    `causal`), if that is true. It is open for an encoder's family, of which decoders can be made,
    if nothing says that this is one.
    """
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    causal, masked = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, MODEL_FOR_MASKED_LM_MAPPING_NAMES
    name, family = model_class(config), str(config.get("model_type"))
    # A class that somebody derived keeps to the endings, as a rule.
    by_class = (
        name in masked.values() or name.endswith(("ForMaskedLM", "ForPreTraining")),
        name in causal.values() or name.endswith("ForCausalLM"),
    )
    for is_masked, is_causal in (by_class, (family in masked, family in causal)):
        if is_masked != is_causal:
            return "masked" if is_masked else "causal"
    if family in causal and (config.get("is_decoder") or config.get("causal")):
        return "causal"
    return None
