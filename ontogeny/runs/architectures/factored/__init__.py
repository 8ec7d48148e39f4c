"""Factored attention: weights by position alone, squares between layers (Rende et al. 2024).

Depth bounds the order of the interactions among tokens that a model can represent, the token that
it predicts among them: 2 for one layer, 2^(n-1) + 1 for n (`order_of`). The publication trains 2, 4
and 6 layers on text, and 1, 2 and 3 on data of four-body interactions (SGD at 0.1, batches of 256).
"""

from typing import TYPE_CHECKING, Any

from ontogeny.runs.architectures.architecture import Architecture

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


def order_of(layers: int) -> int:
    """Return the highest order of interactions of so many layers: 2, 3, 5, 9, 17, 33, ..."""
    return 2 ** (layers - 1) + 1


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
    from ontogeny.runs.architectures.factored.models import FactoredConfig

    return FactoredConfig(
        vocab_size=vocabulary_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_size=width,
        max_position_embeddings=positions,
        initializer_range=initial_deviation,
        architectures=["FactoredForMaskedLM"],
        **special_token_ids,
    )


def _weights(
    *, vocabulary_size: int, positions: int, layers: int, heads: int, width: int, **_: Any
) -> int:
    """Return 2 d^2 + h L^2 for each layer, and 2 d + 1 for each word type."""
    return layers * (2 * width**2 + heads * positions**2) + vocabulary_size * (2 * width + 1)


def _register() -> None:
    from ontogeny.runs.architectures.factored.models import register

    register()


FACTORED = Architecture(
    "masked",
    sizes={"layers": 2, "heads": 4, "width": 64, "initial_deviation": 0.1},
    config=_config,
    weights=_weights,
    attention=False,  # none that depends on words
    register=_register,
)
