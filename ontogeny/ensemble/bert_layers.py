"""The parameters of a layer of BERT and its kin, and where transformers keeps them."""

from typing import Any, Generic, NamedTuple, TypeVar

from torch import Tensor

Values = TypeVar("Values")

MODULES = (
    *("attention.self.query", "attention.self.key", "attention.self.value"),
    *("attention.output.dense", "attention.output.LayerNorm"),
    *("intermediate.dense", "output.dense", "output.LayerNorm"),
)
PARAMETERS = tuple(f"{module}.{kind}" for module in MODULES for kind in ("weight", "bias"))


class Layer(NamedTuple, Generic[Values]):
    """The parameters, or gradients, of one layer, in the order of `PARAMETERS`.

    Of some members of an ensemble they are tensors, (members, out, in) or (members, 1, out); of one
    model (out, in) or (out,), for machine code as arrays.
    """

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


def parameters_of(layer: Any) -> Layer[Tensor]:
    """Return the parameters of a layer of a model of transformers."""
    return Layer(*(layer.get_parameter(name) for name in PARAMETERS))
