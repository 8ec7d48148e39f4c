"""What a language model predicts at chosen positions, its output head run at these alone."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ontogeny.errors import CheckpointError
from ontogeny.token_batches import model_name

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def logits_at(
    model: "PreTrainedModel", tokens: Tensor, attended: Tensor | None, positions: Tensor
) -> Tensor:
    """Return the model's logits at some positions, (predictions, vocabulary) float32.

    `tokens` and `attended`, (batch, tokens), are ids and which of them aren't padding (None: all);
    `positions`, (predictions,), count through the batch (row * tokens + place). The model is one
    with a language model's head, masked or causal. The head costs as much as several layers where
    the vocabulary is large, so it reads nothing but the chosen vectors. Gradients flow.

    Raises `CheckpointError` if the logits are not those of the chosen positions, as in a model
    whose head doesn't read the last layer.
    """
    with _head_reads(model, positions):
        # None where all is attended to: attention without a mask is faster, and the same.
        mask = {} if attended is None else {"attention_mask": attended}
        logits = model(input_ids=tokens, **mask).logits
    if logits.shape[:2] != (1, len(positions)):
        raise CheckpointError(
            f"{model_name(model)}: gave logits of shape {tuple(logits.shape)} for "
            f"{len(positions)} positions; expected a head over its last layer."
        )
    return logits[0].float()


def refuse_nan(numbers: Tensor, name: str) -> None:
    """Raise `CheckpointError`, naming the model, if a prediction is not a number."""
    if torch.isnan(numbers).any():
        raise CheckpointError(
            f"{name}: its predictions hold NaN; expected numbers. The checkpoint is broken or its "
            "training diverged: leave it out."
        )


@contextmanager
def _head_reads(model: Any, positions: Tensor) -> Iterator[None]:
    """Have the model's head read the last layer's vectors at `positions`, as one sequence.

    Where it is known how (`_after_attention`), the last layer itself computes no others.
    """

    def at_positions(states: Tensor) -> Tensor:
        return states.flatten(0, 1)[positions][None]

    def narrow(module: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(at_positions(states) for states in inputs)

    def choose(module: Any, inputs: Any, outputs: Any) -> Any:
        if last is None:
            outputs[next(iter(outputs.keys()))] = at_positions(outputs[0])
        return outputs

    last = _after_attention(model)
    with ExitStack() as hooks:  # a hook's handle removes it on leaving
        hooks.enter_context(model.base_model.register_forward_hook(choose))
        if last is not None:
            hooks.enter_context(last.register_forward_pre_hook(narrow))
        yield


def _after_attention(model: Any) -> Any:
    """Return the module of the last layer from which on each position is computed by itself.

    BERT and its kin have one: it gets the attention's result and what the layer began with, and all
    that follows reads its output alone. None for other models.
    """
    layers = getattr(getattr(model.base_model, "encoder", None), "layer", None)
    attention = getattr(layers[-1], "attention", None) if layers else None
    output = getattr(attention, "output", None)
    return output if type(output).__name__.endswith("SelfOutput") else None
