"""The architectures that can be trained here, by name.

Each has a module of its own, which says what its models are made of and how they are configured
(`Architecture`). Models belong to transformers' Auto classes: those of transformers itself do
anyhow, and those that are written here once `register_own_models` was called. So nothing else in
the project knows an architecture's name.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from ontogeny.errors import ConfigError
from ontogeny.runs.architectures.architecture import Architecture, check_sizes
from ontogeny.runs.architectures.attention_only import ATTENTION_ONLY
from ontogeny.runs.architectures.bert import BERT
from ontogeny.runs.architectures.factored import FACTORED
from ontogeny.runs.architectures.gpt import GPT
from ontogeny.runs.architectures.lstm import LSTM

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "configure",
    "initialise",
    "number_of_weights",
    "register_own_models",
]

ARCHITECTURES = {
    "bert": BERT,
    "gpt": GPT,
    "lstm": LSTM,
    "attention_only": ATTENTION_ONLY,
    "factored": FACTORED,
}


def configure(
    architecture: str, vocabulary_size: int, *, positions: int, **sizes_and_special_tokens: Any
) -> "PreTrainedConfig":
    """Return the configuration of a model that is not yet trained.

    `positions` is the longest sequence in tokens. By name follow the architecture's own sizes,
    which otherwise have its defaults, such as `layers`, `heads`, `width` (the size of a word's
    vector), `feedforward` (that of the hidden layer between two attentions; None: 4 * width),
    `dropout` (the share of activations dropped in training); and ids of special tokens, such as
    `pad_token_id`. Raises `ConfigError` that names the key if the architecture is unknown, if it
    has no such size, or if a size can't be.
    """
    sizes, special = _sizes(architecture, vocabulary_size, positions, sizes_and_special_tokens)
    register_own_models()
    return ARCHITECTURES[architecture].config(**sizes, **special)


def number_of_weights(architecture: str, vocabulary_size: int, positions: int, **sizes: Any) -> int:
    """Return how many parameters a model has, about; arguments and errors as `configure`."""
    sizes, _ = _sizes(architecture, vocabulary_size, positions, sizes)
    return ARCHITECTURES[architecture].weights(**sizes)


def initialise(config: "PreTrainedConfig", seed: int) -> "PreTrainedModel":
    """Return a model with its prediction head and random weights, in float32, on the CPU.

    The weights depend on `config` and `seed` alone; the global generator is left as it was.
    """
    import torch
    from transformers import (
        AutoModelForCausalLM,
        AutoModelForMaskedLM,
        AutoModelForTokenClassification,
    )

    register_own_models()
    heads = {
        "ForMaskedLM": AutoModelForMaskedLM,
        "ForTokenClassification": AutoModelForTokenClassification,
    }
    name = (config.architectures or [""])[0]
    auto: Any = next(
        (model for ending, model in heads.items() if name.endswith(ending)), AutoModelForCausalLM
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model: PreTrainedModel = auto.from_config(config, dtype=torch.float32)
    return model


@cache
def register_own_models() -> None:
    """Tell transformers' Auto classes of the models that are written here.

    Whatever loads or makes a model calls this first; a second call does nothing.
    """
    for architecture in ARCHITECTURES.values():
        if architecture.register is not None:
            architecture.register()
    # It reads numbers, and isn't trained on a text.
    from ontogeny.runs.architectures.regression_transformer.models import register

    register()


def _sizes(
    architecture: str, vocabulary_size: int, positions: int, given: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a model's sizes, with defaults and checked, and the ids of special tokens."""
    if architecture not in ARCHITECTURES:
        raise ConfigError(
            f"architecture: is {architecture!r}; expected one of {', '.join(ARCHITECTURES)}."
        )
    special = {key: value for key, value in given.items() if key.endswith("_token_id")}
    known = ARCHITECTURES[architecture].sizes
    sizes = {**known, **{key: value for key, value in given.items() if key not in special}}
    for key in sizes:
        if key not in known:
            raise ConfigError(
                f"{key}: means nothing to {architecture}; its sizes are {', '.join(known)}."
            )
    sizes = {"vocabulary_size": vocabulary_size, "positions": positions, **sizes}
    check_sizes(sizes)
    return sizes, special
