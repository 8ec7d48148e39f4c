"""The recurrent layers of an LSTM as the measures of this folder read them."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ontogeny.errors import CheckpointError

WEIGHT = re.compile(r"(?:.*\.)?weight_ih_l(\d+)$")
# What PyTorch's recurrent layers have beyond what is decomposed here.
REFUSED = {"_reverse": "reads backwards too", "weight_hr_l": "projects its hidden states"}


class RecurrentLayer(NamedTuple):
    """The weights of one layer of long short-term memory.

    `input_weight` (..., 4 * width, in), `recurrent_weight` (..., 4 * width, width) and `bias`
    (..., 4 * width), the sum of PyTorch's two: of the input gate, the forget gate, the candidate
    and the output gate, in the order of `torch.nn.LSTM`. The leading dimensions are those of many
    models of one shape, if there are many.
    """

    input_weight: Tensor
    recurrent_weight: Tensor
    bias: Tensor

    @property
    def width(self) -> int:
        """The width of a hidden state."""
        return self.recurrent_weight.shape[-1]


def recurrent_layers(
    parameters: Mapping[str, Tensor], name: str, dtype: torch.dtype = torch.float64
) -> list[RecurrentLayer]:
    """Return the recurrent layers among a model's parameters, from the lowest to the highest.

    `parameters` are named as `torch.nn.LSTM` names them, with any prefix; many models of one shape
    may share them, in a leading dimension. Double precision is the reference. Raises
    `CheckpointError`, calling the model `name`, if there is no such layer, or one that reads
    backwards or projects.
    """
    found = {}
    for parameter in parameters:
        for mark, fault in REFUSED.items():
            if mark in parameter:
                raise CheckpointError(
                    f"{name}: its recurrent layer {fault} ({parameter}); contextual decomposition "
                    "is of plain LSTMs that read forwards. Leave the run out."
                )
        if match := WEIGHT.match(parameter):
            found[int(match[1])] = parameter
    if not found:
        raise CheckpointError(
            f"{name}: has no recurrent layer (weight_ih_l0 of torch.nn.LSTM); contextual "
            "decomposition is of LSTMs. Measure other models by masking."
        )
    layers = []
    for number in sorted(found):
        parts = (
            parameters[found[number].replace("weight_ih", part)].detach().to(dtype)
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        input_weight, recurrent_weight, input_bias, recurrent_bias = parts
        layers.append(RecurrentLayer(input_weight, recurrent_weight, input_bias + recurrent_bias))
    return layers
