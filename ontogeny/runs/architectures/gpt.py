"""GPT-2 (Radford et al. 2019)."""

from typing import TYPE_CHECKING, Any

from ontogeny.runs.architectures.architecture import Architecture
from ontogeny.runs.architectures.transformer_sizes import SIZES, weights

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


def _config(
    *,
    vocabulary_size: int,
    layers: int,
    heads: int,
    width: int,
    feedforward: int | None,
    positions: int,
    dropout: float,
    initial_deviation: float,
    **special_token_ids: Any,
) -> "PreTrainedConfig":
    from transformers import GPT2Config

    # GPT2Config's own defaults for these are ids of the published vocabulary.
    ids = {"bos_token_id": None, "eos_token_id": None} | special_token_ids
    return GPT2Config(
        vocab_size=vocabulary_size,
        n_layer=layers,
        n_head=heads,
        n_embd=width,
        n_inner=feedforward or 4 * width,
        n_positions=positions,
        resid_pdrop=dropout,
        embd_pdrop=dropout,
        attn_pdrop=dropout,
        initializer_range=initial_deviation,
        architectures=["GPT2LMHeadModel"],
        **ids,
    )


GPT = Architecture("causal", SIZES, _config, weights)
