"""A causal transformer of attention alone, without feed-forward layers (Elhage et al. 2021).

Positions are added to queries and keys alone, so heads can find the token before a like one by its
content (Olsson et al. 2022). Published in "Stagewise Development in Neural Networks" (Hoogland et
al. 2024): 2 layers of 8 heads, width 256, context 1,024, 5,000 types; AdamW at 0.001, weight decay
0.05, batches of 100, 50,000 updates.
"""

from typing import TYPE_CHECKING, Any

from ontogeny.runs.architectures.architecture import Architecture

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


def _config(
    *,
    vocabulary_size: int,
    layers: int,
    heads: int,
    width: int,
    positions: int,
    initial_deviation: float,
    **special_token_ids: Any,
) -> "PreTrainedConfig":
    from ontogeny.runs.architectures.attention_only.models import AttentionOnlyConfig

    return AttentionOnlyConfig(
        vocab_size=vocabulary_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_size=width,
        max_position_embeddings=positions,
        initializer_range=initial_deviation,
        architectures=["AttentionOnlyForCausalLM"],
        **special_token_ids,
    )


def _weights(*, vocabulary_size: int, positions: int, layers: int, width: int, **_: Any) -> int:
    """Return 4 d^2 for each layer and d for each place in it, and 2 d for each word type."""
    return layers * (4 * width**2 + positions * width) + 2 * vocabulary_size * width


def _register() -> None:
    from ontogeny.runs.architectures.attention_only.models import register

    register()


ATTENTION_ONLY = Architecture(
    "causal",
    sizes={"layers": 2, "heads": 8, "width": 256, "initial_deviation": 0.02},
    config=_config,
    weights=_weights,
    training={
        "sequences": "packed",
        "sequence_length": 1024,
        "batch_size": 100,
        "learning_rate": 1e-3,
        "weight_decay": 0.05,
    },
    register=_register,
)
