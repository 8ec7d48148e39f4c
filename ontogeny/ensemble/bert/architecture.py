"""The shape of a BERT, and the names, shapes and order of its parameters in a stack."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from torch import Tensor

from ontogeny.errors import ConfigError

if TYPE_CHECKING:
    from transformers import BertConfig

Values = TypeVar("Values")

WORD_EMBEDDINGS = "bert.embeddings.word_embeddings.weight"
DECODER_BIAS = "cls.predictions.bias"


@dataclass(frozen=True)
class Bert:
    """The sizes of transformers' `BertForMaskedLM`, decoder tied to the token embeddings.

    `vocabulary`, `positions` and `token_types` count rows of the three embeddings (every token is
    of type 0), `width` is the size of a vector, `feedforward` that of the layer between. `dropout`
    is the share dropped of activations and of attention alike. `initial_deviation` is the standard
    deviation of the initial weights. Tokens equal to `padding_token` don't train their embedding by
    being read, as with `torch.nn.Embedding`'s `padding_idx`. Raises `ConfigError` that names the
    key if a size can't be.
    """

    vocabulary: int
    layers: int = 6
    heads: int = 1
    width: int = 64
    feedforward: int = 128
    positions: int = 7
    dropout: float = 0.0
    layer_norm_epsilon: float = 1e-12
    initial_deviation: float = 0.02
    token_types: int = 2
    padding_token: int | None = None

    def __post_init__(self) -> None:
        """Refuse sizes that can't be."""
        for key in (
            *("vocabulary", "layers", "heads", "width", "feedforward", "positions"),
            "token_types",
        ):
            size = getattr(self, key)
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ConfigError(f"{key}: is {size!r}; expected a whole number of at least 1.")
        if self.width % self.heads:
            raise ConfigError(
                f"width: is {self.width}, which {self.heads} heads can't share evenly; expected a "
                "multiple of heads."
            )
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout: is {self.dropout!r}; expected a share from 0 to below 1.")

    @staticmethod
    def of(config: "BertConfig") -> "Bert":
        """Return the sizes that a transformers configuration tells of.

        Raises `ConfigError` if it asks for what isn't computed here: another activation than gelu,
        a decoder of its own, causal attention, or two different dropouts.
        """
        for key, expected in (
            ("model_type", "bert"),
            ("hidden_act", "gelu"),
            ("tie_word_embeddings", True),
            ("is_decoder", False),
            ("attention_probs_dropout_prob", config.hidden_dropout_prob),
        ):
            if getattr(config, key) != expected:
                raise ConfigError(
                    f"{key}: is {getattr(config, key)!r}; an ensemble expects {expected!r}."
                )
        return Bert(
            vocabulary=config.vocab_size,
            layers=config.num_hidden_layers,
            heads=config.num_attention_heads,
            width=config.hidden_size,
            feedforward=config.intermediate_size,
            positions=config.max_position_embeddings,
            dropout=config.hidden_dropout_prob,
            layer_norm_epsilon=config.layer_norm_eps,
            initial_deviation=config.initializer_range,
            token_types=config.type_vocab_size,
            padding_token=config.pad_token_id,
        )

    def config(self, vocabulary: int | None = None) -> "BertConfig":
        """Return the configuration for transformers, with another vocabulary if one is given."""
        from transformers import BertConfig

        return BertConfig(
            vocab_size=vocabulary or self.vocabulary,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            hidden_size=self.width,
            intermediate_size=self.feedforward,
            max_position_embeddings=self.positions,
            hidden_dropout_prob=self.dropout,
            attention_probs_dropout_prob=self.dropout,
            layer_norm_eps=self.layer_norm_epsilon,
            initializer_range=self.initial_deviation,
            type_vocab_size=self.token_types,
            pad_token_id=self.padding_token,
            architectures=["BertForMaskedLM"],
        )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return each parameter's shape under its name in transformers; matrices come first."""
        width, up = (self.width,), (self.feedforward,)
        matrix = self.width, self.width
        embeddings = [(rows, self.width) for rows in self._rows()]
        layer = [matrix, width] * 4 + [width, width]
        layer += [up + width, up, width + up, width, width, width]
        head = [matrix, width, width, width, (self.vocabulary,)]
        shapes = dict(zip(EMBEDDING_NAMES, [*embeddings, width, width], strict=True))
        for number in range(self.layers):
            shapes |= dict(zip(layer_names(number), layer, strict=True))
        shapes |= dict(zip(HEAD_NAMES, head, strict=True))
        return dict(sorted(shapes.items(), key=lambda item: len(item[1]) == 1))

    def size(self) -> int:
        """Return how many parameters a model has."""
        return sum(math.prod(shape) for shape in self.shapes().values())

    def _rows(self) -> tuple[int, int, int]:
        return self.vocabulary, self.positions, self.token_types


class Embeddings(NamedTuple, Generic[Values]):
    """The parameters, or gradients, of the embedding layer.

    Of some members they are tensors, (members, rows, columns), with one row for what is a vector;
    of one member, in machine code, arrays (rows, columns) or (columns,). So are those below.
    """

    words: Values
    positions: Values
    types: Values
    gain: Values
    shift: Values


class Layer(NamedTuple, Generic[Values]):
    """The parameters, or gradients, of one layer, in the order of `layer_names`."""

    query: Values
    query_bias: Values
    key: Values
    key_bias: Values
    value: Values
    value_bias: Values
    output: Values
    output_bias: Values
    middle_gain: Values
    middle_shift: Values
    up: Values
    up_bias: Values
    down: Values
    down_bias: Values
    gain: Values
    shift: Values


class Head(NamedTuple, Generic[Values]):
    """The parameters, or gradients, of the masked-word head, but for the tied embeddings."""

    dense: Values
    dense_bias: Values
    gain: Values
    shift: Values
    bias: Values


class Weights(NamedTuple):
    """All parameters, or gradients, of some members."""

    embeddings: Embeddings[Tensor]
    layers: list[Layer[Tensor]]
    head: Head[Tensor]


EMBEDDING_NAMES = (
    WORD_EMBEDDINGS,
    "bert.embeddings.position_embeddings.weight",
    "bert.embeddings.token_type_embeddings.weight",
    "bert.embeddings.LayerNorm.weight",
    "bert.embeddings.LayerNorm.bias",
)
LAYER_MODULES = (
    *("attention.self.query", "attention.self.key", "attention.self.value"),
    *("attention.output.dense", "attention.output.LayerNorm"),
    *("intermediate.dense", "output.dense", "output.LayerNorm"),
)
HEAD_NAMES = (
    "cls.predictions.transform.dense.weight",
    "cls.predictions.transform.dense.bias",
    "cls.predictions.transform.LayerNorm.weight",
    "cls.predictions.transform.LayerNorm.bias",
    DECODER_BIAS,
)


def layer_names(layer: int) -> list[str]:
    """Return the names in transformers of a layer's parameters, in the order of `Layer`."""
    return [
        f"bert.encoder.layer.{layer}.{module}.{kind}"
        for module in LAYER_MODULES
        for kind in ("weight", "bias")
    ]


def as_weights(architecture: Bert, named: dict[str, Tensor]) -> Weights:
    """Arrange tensors that go by their names in transformers as the computation needs them."""
    return Weights(
        Embeddings(*(named[name] for name in EMBEDDING_NAMES)),
        [
            Layer(*(named[name] for name in layer_names(number)))
            for number in range(architecture.layers)
        ],
        Head(*(named[name] for name in HEAD_NAMES)),
    )
