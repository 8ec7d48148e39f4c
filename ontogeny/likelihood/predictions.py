"""What a language model predicts at chosen positions, its output head run at these alone."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ontogeny.errors import CheckpointError
from ontogeny.likelihood.replaced_forward import computes, has_own_forward
from ontogeny.token_batches import model_name

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LOGITS_AT_ONCE = 2**26  # 256 MiB


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


class LogProbabilities:
    """Log probabilities of tokens under a model, for one batch after the other, without gradients.

    Where the model's logits are what a linear output layer gives, as in nearly all models, that
    layer and the normalisation over the vocabulary are computed here, for a part of the vocabulary
    at a time: logits of a whole batch don't fit the caches of a CPU.
    """

    def __init__(self, model: "PreTrainedModel") -> None:
        """Take a language model, masked or causal."""
        self.model = model
        layer = model.get_output_embeddings()
        linear = isinstance(layer, torch.nn.Linear) and not has_own_forward(layer)
        self._last = layer if linear and layer.weight.dtype == torch.float32 else None

    @torch.inference_mode()
    def __call__(
        self,
        tokens: Tensor,
        attended: Tensor | None,
        positions: Tensor,
        targets: Tensor,
        asked: Tensor | None = None,
    ) -> Tensor:
        """Return log probabilities (predictions,), float32, in nats.

        `tokens`, `attended` and `positions` as in `logits_at`, which says what is raised. Of
        prediction i the token `targets[i]` is scored, at the position `positions[asked[i]]`;
        `asked` None stands for one prediction at each position, in order.
        """
        if asked is None:
            asked = torch.arange(len(positions), device=positions.device)
        if self._last is not None:
            with _gives_what_it_reads(self._last) as read:
                found = logits_at(self.model, tokens, attended, positions)
            if len(read) == 1 and torch.equal(found, read[0][0]):
                return _log_probabilities(self._last, found, asked, targets)
            self._last = None  # something comes after that layer, or it isn't called
        logits = logits_at(self.model, tokens, attended, positions)
        return torch.log_softmax(logits, dim=-1)[asked, targets]


def refuse_nan(numbers: Tensor, name: str) -> None:
    """Raise `CheckpointError`, naming the model, if a prediction is not a number."""
    if torch.isnan(numbers).any():
        raise CheckpointError(
            f"{name}: its predictions hold NaN; expected numbers. The checkpoint is broken or its "
            "training diverged: leave it out."
        )


@contextmanager
def _gives_what_it_reads(layer: Any) -> Iterator[list[Tensor]]:
    """Have a layer return a copy of its input; yields a list that its inputs come to lie in."""
    read: list[Tensor] = []

    def forward(vectors: Tensor) -> Tensor:
        read.append(vectors)
        return vectors.clone()

    with computes(layer, forward):
        yield read


def _log_probabilities(
    layer: torch.nn.Linear, vectors: Tensor, asked: Tensor, targets: Tensor
) -> Tensor:
    """Return log softmax(layer(vectors))[asked, targets]."""
    weight, bias = layer.weight, layer.bias
    if bias is None:
        bias = vectors.new_zeros(layer.out_features)
    right = (vectors[asked] * weight[targets]).sum(1) + bias[targets]
    return right - _log_normalisers(vectors, weight, bias)[asked]


def _log_normalisers(vectors: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return log sum exp(vectors @ weight.T + bias) over the vocabulary, (rows,)."""
    if weight.device.type == "cpu" and weight.is_contiguous() and bias.is_contiguous():
        # What machine code needs is loaded where it is needed.
        from ontogeny.likelihood.compiled.normaliser import log_normalisers

        return log_normalisers(vectors.contiguous(), weight, bias)
    size = max(LOGITS_AT_ONCE // max(len(vectors), 1), 1)
    parts = zip(weight.split(size), bias.split(size), strict=True)
    sums = [torch.addmm(some, vectors, rows.T).logsumexp(1) for rows, some in parts]
    return torch.logsumexp(torch.stack(sums), dim=0)


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
