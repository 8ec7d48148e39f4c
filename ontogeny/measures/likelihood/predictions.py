"""What a language model predicts at chosen positions, its output head run at these alone."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ontogeny.errors import CheckpointError
from ontogeny.measures.likelihood.chosen_positions import gives_what_it_reads, last_layer, narrowing
from ontogeny.runs.checkpoints.token_batches import model_name
from ontogeny.workers import in_parallel

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Logits that are computed together: on a CPU half a MiB, which stays in a core's caches.
LOGITS_AT_ONCE = {"cpu": 2**17, "cuda": 2**26}


class Logits:
    """A model's logits at some positions, for one batch after the other. Gradients flow."""

    def __init__(self, model: "PreTrainedModel") -> None:
        """Take a language model, masked or causal, and find out how its head is to be narrowed.

        Raises `CheckpointError` as `narrowing`.
        """
        self.model = model
        self.narrowing = narrowing(model)

    def __call__(self, tokens: Tensor, attended: Tensor | None, positions: Tensor) -> Tensor:
        """Return logits (predictions, vocabulary), float32.

        `tokens` and `attended`, (batch, tokens), are ids and which of them aren't padding (None:
        all); `positions`, (predictions,), count through the batch (row * tokens + place). The head
        reads nothing but the vectors at these, if a way to have it do so was found.
        """
        narrowed = nullcontext() if self.narrowing is None else self.narrowing(positions)
        with narrowed:
            # None where all is attended to: attention without a mask is faster, and the same.
            mask = {} if attended is None else {"attention_mask": attended.long()}
            logits = self.model(input_ids=tokens, **mask).logits
        if self.narrowing is None:
            return logits.flatten(0, 1)[positions].float()
        if logits.shape[:2] != (1, len(positions)):
            raise CheckpointError(
                f"{model_name(self.model)}: gave logits of shape {tuple(logits.shape)} for "
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
        """Take a language model, masked or causal. Raises `CheckpointError` as `Logits`."""
        self._logits = Logits(model)
        way = self._logits.narrowing
        self._last = None if way is None else last_layer(model, way)

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

        `tokens`, `attended` and `positions` are as `Logits` takes them. Of prediction i the token
        `targets[i]` is scored, at the position `positions[asked[i]]`; `asked` None stands for one
        prediction at each position, in order.
        """
        if asked is None:
            asked = torch.arange(len(positions), device=positions.device)
        if self._last is None:
            logits = self._logits(tokens, attended, positions)
            return torch.log_softmax(logits, dim=-1)[asked, targets]
        with gives_what_it_reads(self._last):
            vectors = self._logits(tokens, attended, positions)
        return _log_probabilities(self._last, vectors, asked, targets)


def refuse_nan(numbers: Tensor, name: str) -> None:
    """Raise `CheckpointError`, naming the model, if a prediction is not a number."""
    if torch.isnan(numbers).any():
        raise CheckpointError(
            f"{name}: its predictions hold NaN; expected numbers. The checkpoint is broken or its "
            "training diverged: leave it out."
        )


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
    """Return log sum exp(vectors @ weight.T + bias) over the vocabulary, (rows,).

    On a CPU each thread takes some of the rows, through one part of the vocabulary after the other.
    """
    at_once = LOGITS_AT_ONCE.get(weight.device.type, 2**26)

    @torch.inference_mode()
    def work(rows: Tensor) -> Tensor:
        size = max(at_once // max(len(rows), 1), 1)
        parts = zip(weight.split(size), bias.split(size), strict=True)
        sums = [torch.addmm(some, rows, words.T).logsumexp(1) for words, some in parts]
        return torch.logsumexp(torch.stack(sums), dim=0)

    threads = torch.get_num_threads() if weight.device.type == "cpu" else 1
    return torch.cat(in_parallel(work, vectors.chunk(threads), weight.device))
