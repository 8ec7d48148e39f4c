"""What a language model predicts at chosen positions, its output head run at these alone."""

from collections.abc import Iterator
from contextlib import contextmanager
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
            f"{len(positions)} positions; expected a language model with a head over its last layer."
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
    """Have the model's head read the last layer's vectors at `positions`, as one sequence."""

    def choose(module: Any, inputs: Any, outputs: Any) -> Any:
        states = outputs[0]
        outputs[next(iter(outputs.keys()))] = states.flatten(0, 1)[positions][None]
        return outputs

    handle = model.base_model.register_forward_hook(choose)
    try:
        yield
    finally:
        handle.remove()
