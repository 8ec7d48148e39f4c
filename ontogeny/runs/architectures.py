"""The architectures that can be trained here, by name.

An architecture is a function that makes a configuration, and what it is trained to predict. Its
model belongs to the Auto classes, so nothing else in the project knows its name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ontogeny.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


@dataclass(frozen=True)
class Architecture:
    """What `configure` needs to know of an architecture.

    `objective` is `masked` (words hidden at random are predicted from both sides) or `causal`
    (each word is predicted from those before it).
    """

    objective: str
    config: Callable[..., Any]


def configure(
    architecture: str,
    vocabulary_size: int,
    *,
    layers: int,
    heads: int,
    width: int,
    positions: int,
    feedforward: int | None = None,
    dropout: float = 0.1,
    initial_deviation: float = 0.02,
    **special_token_ids: Any,
) -> "PreTrainedConfig":
    """Return the configuration of a model that is not yet trained.

    `width` is the size of a word's vector, `feedforward` that of the hidden layer between two
    attentions (4 * width by default), `positions` the longest sequence in tokens, `dropout` the
    share of activations dropped in training, `special_token_ids` for example `pad_token_id`.
    Raises `ConfigError` that names the key if the architecture is unknown or a size can't be.
    """
    if architecture not in ARCHITECTURES:
        raise ConfigError(
            f"architecture: is {architecture!r}; expected one of {', '.join(ARCHITECTURES)}."
        )
    feedforward = 4 * width if feedforward is None else feedforward
    sizes = {
        "vocabulary_size": vocabulary_size,
        "layers": layers,
        "heads": heads,
        "width": width,
        "positions": positions,
        "feedforward": feedforward,
    }
    for key, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ConfigError(f"{key}: is {size!r}; expected a whole number of at least 1.")
    if width % heads:
        raise ConfigError(
            f"width: is {width}, which {heads} heads can't share evenly; expected a multiple of "
            "heads."
        )
    if not 0 <= dropout < 1:
        raise ConfigError(f"dropout: is {dropout!r}; expected a share from 0 to below 1.")
    if not initial_deviation > 0:
        raise ConfigError(
            f"initial_deviation: is {initial_deviation!r}; expected a number above 0."
        )
    return ARCHITECTURES[architecture].config(
        vocabulary_size=vocabulary_size,
        layers=layers,
        heads=heads,
        width=width,
        feedforward=feedforward,
        positions=positions,
        dropout=dropout,
        initial_deviation=initial_deviation,
        **special_token_ids,
    )


def initialise(config: "PreTrainedConfig", seed: int) -> "PreTrainedModel":
    """Return a model with its prediction head and random weights, in float32, on the CPU.

    The weights depend on `config` and `seed` alone; the global generator is left as it was.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    names = config.architectures or [""]
    auto = AutoModelForMaskedLM if names[0].endswith("ForMaskedLM") else AutoModelForCausalLM
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return auto.from_config(config, dtype=torch.float32)


def _bert(
    *,
    vocabulary_size: int,
    layers: int,
    heads: int,
    width: int,
    feedforward: int,
    positions: int,
    dropout: float,
    initial_deviation: float,
    **special_token_ids: Any,
) -> "PreTrainedConfig":
    """BERT (Devlin et al. 2019), with its masked-word head and without sentence pairs."""
    from transformers import BertConfig

    return BertConfig(
        vocab_size=vocabulary_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_size=width,
        intermediate_size=feedforward,
        max_position_embeddings=positions,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        initializer_range=initial_deviation,
        architectures=["BertForMaskedLM"],
        **special_token_ids,
    )


def _gpt(
    *,
    vocabulary_size: int,
    layers: int,
    heads: int,
    width: int,
    feedforward: int,
    positions: int,
    dropout: float,
    initial_deviation: float,
    **special_token_ids: Any,
) -> "PreTrainedConfig":
    """GPT-2 (Radford et al. 2019)."""
    from transformers import GPT2Config

    # GPT2Config's own defaults for these are ids of the published vocabulary.
    ids = {"bos_token_id": None, "eos_token_id": None} | special_token_ids
    return GPT2Config(
        vocab_size=vocabulary_size,
        n_layer=layers,
        n_head=heads,
        n_embd=width,
        n_inner=feedforward,
        n_positions=positions,
        resid_pdrop=dropout,
        embd_pdrop=dropout,
        attn_pdrop=dropout,
        initializer_range=initial_deviation,
        architectures=["GPT2LMHeadModel"],
        **ids,
    )


ARCHITECTURES = {
    "bert": Architecture("masked", _bert),
    "gpt": Architecture("causal", _gpt),
}
