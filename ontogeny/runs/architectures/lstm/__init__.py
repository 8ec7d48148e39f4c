"""A language model of long short-term memory: embedding, stacked recurrent layers, output.

As PyTorch's example `word_language_model` has it, from which the code of "Training dynamics of
neural language models" (Saphra 2021) comes: the layers are as wide as the embedding, all of them
and the output read what dropout leaves, and embedding and output share no weights. Published sizes:
2 layers of 200 (chapters 4 and 6), 1 of 400 (chapter 5, natural language), 1 of 200 (chapter 5,
synthetic).

The defaults of training are those of chapters 4 and 6: learning rate 20 (chapter 6), quartered when
the dev loss fails to improve, gradients clipped at 0.25, batches of 40, 35 tokens.
"""

from typing import TYPE_CHECKING, Any

from ontogeny.runs.architectures.architecture import Architecture

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


def _config(
    *,
    vocabulary_size: int,
    layers: int,
    width: int,
    dropout: float,
    positions: int,
    **special_token_ids: Any,
) -> "PreTrainedConfig":
    from ontogeny.runs.architectures.lstm.models import LstmConfig

    return LstmConfig(
        vocab_size=vocabulary_size,
        num_hidden_layers=layers,
        hidden_size=width,
        dropout=dropout,
        architectures=["LstmForCausalLM"],
        **special_token_ids,
    )


def _weights(*, vocabulary_size: int, layers: int, width: int, **_: Any) -> int:
    """Return 8 d^2 for each layer, and 2 d for each word type; biases are left out."""
    return layers * 8 * width**2 + 2 * vocabulary_size * width


def _register() -> None:
    from ontogeny.runs.architectures.lstm.models import register

    register()


LSTM = Architecture(
    "causal",
    sizes={"layers": 2, "width": 200, "dropout": 0.2},
    config=_config,
    weights=_weights,
    training={
        "sequences": "stream",
        "sequence_length": 35,
        "batch_size": 40,
        "optimizer": "sgd",
        "learning_rate": 20.0,
        "warmup": 0.0,
        "decay": "plateau",
        "weight_decay": 0.0,
        "max_gradient_norm": 0.25,
    },
    attention=False,
    recurrent=True,
    register=_register,
)
