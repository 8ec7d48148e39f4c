"""A language model's head that reads the vectors of chosen positions alone.

The head costs as much as several layers where the vocabulary is large, and most of what it would
say isn't asked for. Which module hands it the vectors isn't the same in all models, nor what comes
between: so each way to narrow what it reads is tried on a few tokens, and taken if the logits are
those that the model gives by itself.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ontogeny.errors import CheckpointError
from ontogeny.measures.likelihood.replaced_forward import computes, has_own_forward
from ontogeny.runs.checkpoints.model_configs import check_family
from ontogeny.runs.checkpoints.reading import few_tokens, one_line
from ontogeny.runs.checkpoints.token_batches import model_name

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Takes positions, (predictions,), that count through a batch (row * tokens + place). In the block
# the model gives logits of these alone, as those of one text: (1, predictions, vocabulary).
Narrowing = Callable[[Tensor], AbstractContextManager[None]]

ROWS = 2
TOLERANCE = 1e-4  # of the largest logit


def narrowing(model: "PreTrainedModel") -> Narrowing | None:
    """Return how to have a model's head read chosen positions; None if nothing was found to do it.

    BERT and its kin compute nothing else in all of the last layer that comes after attention.
    Raises `CheckpointError` if the model is of a family that can't be measured (`check_family`),
    can't read a text alone, or doesn't give logits of each token.
    """
    check_family(model.config.to_dict(), model_name(model))
    tokens = few_tokens(model, ROWS)
    called, expected = _own_logits(model, tokens)
    length = tokens.shape[1]
    # More of them than a text has tokens, out of order, and some twice.
    positions = torch.arange(ROWS * length, device=tokens.device).flip(0).repeat(2)
    wanted = expected.flatten(0, 1)[positions][None]
    last = _after_attention(model)
    ways = [partial(_narrowed_input, last)] if last is not None else []
    ways += [partial(_narrowed_output, module) for module in called]
    for way in ways:
        if _gives(model, tokens, way, positions, wanted):
            return way
    return None


def last_layer(model: "PreTrainedModel", way: Narrowing) -> torch.nn.Linear | None:
    """Return the linear layer, in single precision, whose outputs are a model's logits, if one is.

    None as well if somebody has put a function in front of it.
    """
    layer = model.get_output_embeddings()
    if not isinstance(layer, torch.nn.Linear) or has_own_forward(layer):
        return None
    if layer.weight.dtype != torch.float32:
        return None
    tokens = few_tokens(model)
    with torch.no_grad(), way(torch.arange(tokens.shape[1], device=tokens.device)):
        try:
            with gives_what_it_reads(layer) as read:
                found = model(input_ids=tokens).logits
        except Exception:  # as when a bias of the vocabulary's size is added afterwards
            return None
    return layer if len(read) == 1 and torch.equal(found, read[0]) else None


@contextmanager
def gives_what_it_reads(layer: Any) -> Iterator[list[Tensor]]:
    """Have a layer return a copy of its input; yields a list that its inputs come to lie in."""
    read: list[Tensor] = []

    def forward(vectors: Tensor) -> Tensor:
        read.append(vectors)
        return vectors.clone()

    with computes(layer, forward):
        yield read


def _own_logits(model: Any, tokens: Tensor) -> tuple[list[Any], Tensor]:
    """Return the modules that a model itself calls on tokens, in order, and its logits."""
    called: list[Any] = []
    open_calls: list[Any] = []

    def enter(module: Any, inputs: Any) -> None:
        if not open_calls:
            called.append(module)
        open_calls.append(module)

    def leave(module: Any, inputs: Any, outputs: Any) -> None:
        open_calls.pop()

    with ExitStack() as hooks, torch.no_grad():  # a hook's handle removes it on leaving
        for module in model.modules():
            if module is not model:
                hooks.enter_context(module.register_forward_pre_hook(enter))
                hooks.enter_context(module.register_forward_hook(leave))
        try:
            logits = getattr(model(input_ids=tokens), "logits", None)
        # What a model raises that misses an input of its own has no class in common.
        except Exception as error:
            raise CheckpointError(
                f"{model_name(model)}: its {type(model).__name__} can't read a text alone "
                f"({one_line(error)}); expected a masked or causal language model."
            ) from error
    if logits is None or logits.ndim != 3 or logits.shape[:2] != tokens.shape:
        found = "none" if logits is None else f"of shape {tuple(logits.shape)}"
        raise CheckpointError(
            f"{model_name(model)}: its {type(model).__name__} gives no logits of each token (of "
            f"{tuple(tokens.shape)} tokens {found}); expected a masked or causal language model."
        )
    return list({id(module): module for module in called}.values()), logits


def _gives(model: Any, tokens: Tensor, way: Narrowing, positions: Tensor, wanted: Tensor) -> bool:
    """Say whether a model gives these logits, (1, predictions, vocabulary), at these positions."""
    try:
        with torch.no_grad(), way(positions):
            found = model(input_ids=tokens).logits
    except Exception:  # anything, from modules that get other shapes than they expect
        return False
    if found.shape != wanted.shape:
        return False
    # A broken model's logits may be no numbers: what is asked of it then is told elsewhere.
    tolerance = TOLERANCE * float(wanted.abs().nan_to_num().max())
    return torch.allclose(found, wanted, rtol=0, atol=tolerance, equal_nan=True)


@contextmanager
def _narrowed_input(module: Any, positions: Tensor) -> Iterator[None]:
    """Have a module read all that it reads at these positions alone."""

    def narrow(module: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(_at(positions, states) for states in inputs)

    with module.register_forward_pre_hook(narrow):
        yield


@contextmanager
def _narrowed_output(module: Any, positions: Tensor) -> Iterator[None]:
    """Have a module give what it gives first, or alone, at these positions alone."""

    def choose(module: Any, inputs: Any, outputs: Any) -> Any:
        if isinstance(outputs, Tensor):
            return _at(positions, outputs)
        if isinstance(outputs, tuple):
            return (_at(positions, outputs[0]), *outputs[1:])
        outputs[next(iter(outputs.keys()))] = _at(positions, outputs[0])
        return outputs

    with module.register_forward_hook(choose):
        yield


def _at(positions: Tensor, states: Tensor) -> Tensor:
    return states.flatten(0, 1)[positions][None]


def _after_attention(model: Any) -> Any:
    """Return the module of the last layer from which on each position is computed by itself.

    BERT and its kin have one: it gets the attention's result and what the layer began with, and all
    that follows reads its output alone. None for other models.
    """
    layers = getattr(getattr(model.base_model, "encoder", None), "layer", None)
    attention = getattr(layers[-1], "attention", None) if layers else None
    output = getattr(attention, "output", None)
    return output if type(output).__name__.endswith("SelfOutput") else None
