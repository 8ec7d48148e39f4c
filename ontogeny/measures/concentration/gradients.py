"""Hidden states, and the gradients of the loss at them, for all positions in one backward pass."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ontogeny.runs.checkpoints.eager_attention import eager_attention
from ontogeny.runs.recurrence import State


class Reading(NamedTuple):
    """What a model made of a batch.

    `states` and `gradients` are (layers + 1, batch, tokens, width), the first of them embeddings.
    A gradient is that of the sum of all predictions' losses, in nats, at what a layer hands to the
    layer above it, or to the output. At the top of an LSTM that is W^T (p - onehot) of the
    position's own prediction, W being the output's weights. At lower layers later positions'
    predictions have a part, since the layers above remember; what a layer hands to itself at the
    next position is no part of its own gradient. In a transformer all positions that attend to it
    have a part, below the top.

    `probabilities` (predictions, vocabulary) are those of the predictions. `state` is what a
    recurrent model remembers at the end. `attentions`, if asked for, are for each layer (batch,
    heads, tokens, tokens).
    """

    states: Tensor
    gradients: Tensor
    probabilities: Tensor
    state: State | None
    attentions: tuple[Tensor, ...]


def read(
    model: Any,
    tokens: Tensor,
    attended: Tensor,
    positions: Tensor,
    targets: Tensor,
    state: State | None = None,
    *,
    attention: bool = False,
) -> Reading:
    """Have a language model predict, and return its states and their gradients.

    `tokens` and `attended` are (batch, tokens); at the flat positions (batch * tokens + place) of
    `positions`, (predictions,), the model predicts `targets`. `state` is a recurrent model's, from
    which it reads on. The model is in evaluation mode: nothing is dropped. Gradients of weights
    aren't computed, so this costs less than an update.
    """
    settings: dict[str, Any] = {"use_cache": False, "output_hidden_states": True}
    if attention:
        settings["output_attentions"] = True
    if state is not None:
        settings["state"] = state
    eager = eager_attention(model) if attention else nullcontext()
    with eager, torch.enable_grad(), _differentiable(model), _predicting_at(model, positions):
        output = model(input_ids=tokens, attention_mask=attended, **settings)
    logits = output.logits
    probabilities = logits.detach().float().softmax(-1)
    # The gradient at the logits is known, so the loss needn't be computed to be differentiated.
    at_logits = probabilities.clone()
    at_logits[torch.arange(len(targets), device=targets.device), targets] -= 1
    found = torch.autograd.grad(logits, output.hidden_states, at_logits.to(logits))
    carried = getattr(output, "state", None)
    attentions = getattr(output, "attentions", None) if attention else None
    return Reading(
        torch.stack([states.detach() for states in output.hidden_states]),
        torch.stack(found),
        probabilities,
        None if carried is None else (carried[0].detach(), carried[1].detach()),
        tuple(weights.detach() for weights in attentions or ()),
    )


@contextmanager
def _differentiable(model: Any) -> Iterator[None]:
    """Have the block's computation begin with the embeddings of words, and no weight."""
    wanted = [weights.requires_grad for weights in model.parameters()]
    hook = model.get_input_embeddings().register_forward_hook(
        lambda module, inputs, output: output.requires_grad_()
    )
    for weights in model.parameters():
        weights.requires_grad_(False)
    try:
        yield
    finally:
        hook.remove()
        for weights, before in zip(model.parameters(), wanted, strict=True):
            weights.requires_grad_(before)


@contextmanager
def _predicting_at(model: Any, positions: Tensor) -> Iterator[None]:
    """Have the model give logits (predictions, vocabulary) of these flat positions alone.

    They are the costliest part of a small model.
    """
    hook = model.get_output_embeddings().register_forward_pre_hook(
        lambda module, inputs: (inputs[0].flatten(0, 1)[positions],)
    )
    try:
        yield
    finally:
        hook.remove()
