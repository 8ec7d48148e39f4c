"""BERT (Devlin et al. 2019), with its masked-word head and without sentence pairs."""

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
    from transformers import BertConfig

    return BertConfig(
        vocab_size=vocabulary_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_size=width,
        intermediate_size=feedforward or 4 * width,
        max_position_embeddings=positions,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        initializer_range=initial_deviation,
        architectures=["BertForMaskedLM"],
        **special_token_ids,
    )


BERT = Architecture("masked", SIZES, _config, weights)
