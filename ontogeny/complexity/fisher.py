"""The trace of a language model's Fisher information, from per-example gradients."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

from ontogeny.attention.eager import eager_attention
from ontogeny.devices import default_device
from ontogeny.errors import CheckpointError
from ontogeny.likelihood.predictions import logits_at, refuse_nan
from ontogeny.likelihood.questions import Batch, ask
from ontogeny.likelihood.tokenised import tokenise
from ontogeny.token_batches import model_name, ready

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

CELLS_AT_ONCE = 2**27  # of gradients held at once: 512 MiB
NONE = -1


def fisher_trace(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    sentences: Sequence[Sequence[str]],
    *,
    objective: str,
    labels: str = "model",
    seed: int = 0,
    share: float = 0.15,
    device: torch.device | str | None = None,
) -> float:
    """Return the trace of the Fisher information of all parameters, for each prediction.

    It is the mean squared norm of the gradient of a prediction's log probability. With `labels`
    "model" the predicted token is drawn from the model's own distribution: then it is the Fisher
    information, as in Chen et al. (2024). With "data" it is the text's token, which gives the
    "empirical Fisher": another quantity, that goes to 0 where the model fits the text (Kunstner et
    al. 2019).

    What is predicted in the sentences is as in `held_out_loss`. A sentence's predictions share
    their context and are drawn independently, so the squared norm of their summed gradient has the
    expectation of the sum of squared norms: one gradient for each sentence serves, and the sum over
    sentences is divided by the number of predictions. (With "data" this doesn't hold, and the
    gradients of a sentence's predictions count with their correlation.)

    Raises as `held_out_loss`, and `CheckpointError` if a gradient is not finite.
    """
    if labels not in ("model", "data"):
        raise ValueError(f"labels is {labels!r}; expected model or data")
    device = default_device() if device is None else torch.device(device)
    model = ready(model, device)
    texts = [" ".join(words) for words in sentences]
    text = tokenise(model, tokenizer, texts, begin=objective == "causal")
    questions = ask(text, tokenizer, objective=objective, share=share, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    size = max(1, CELLS_AT_ONCE // sum(p.numel() for p in parameters.values()))
    total = 0.0
    lengths = np.where(questions.counts > 0, text.lengths, 0)
    # Sentences of one length need no mask, and a mask's shape would hang on what it holds.
    for length in np.unique(lengths[lengths > 0])[::-1]:
        rows = np.flatnonzero(lengths == length)
        for start in range(0, len(rows), size):
            batch = questions.batch(rows[start : start + size], 0)
            answers = _answers(model, batch, labels, generator).to(device)
            tokens = batch.tokens.to(device)
            with eager_attention(model):
                squares = _squared_norms(model, parameters, tokens, answers)
            total += float(squares.double().sum())
    if not math.isfinite(total):
        raise CheckpointError(
            f"{model_name(model)}: the gradients of its log probabilities hold NaN or infinite "
            "values. The checkpoint is broken or its training diverged: leave it out."
        )
    return total / int(questions.counts.sum())


def squared_gradient_norms(
    log_likelihood: Callable[..., Tensor], parameters: dict[str, Tensor], *examples: Tensor
) -> Tensor:
    """Return the squared norm of each example's gradient, (examples,).

    `log_likelihood(parameters, *example)` gives a number for a single example; each of `examples`
    has them as its first dimension. The gradient is with respect to all `parameters`.
    """

    def squared_norm(*example: Tensor) -> Tensor:
        gradients = grad(log_likelihood)(parameters, *example)
        return torch.stack([g.float().square().sum() for g in gradients.values()]).sum()

    return vmap(squared_norm)(*examples)


@torch.inference_mode()
def _answers(
    model: "PreTrainedModel", batch: Batch, labels: str, generator: torch.Generator
) -> Tensor:
    """Return the token whose log probability is differentiated at each place, -1 for none."""
    answers = torch.full(batch.tokens.shape, NONE)
    targets = batch.targets
    if labels == "model":
        positions = batch.positions.to(model.device)
        logits = logits_at(model, batch.tokens.to(model.device), None, positions)
        refuse_nan(logits, model_name(model))
        # On the CPU, whose random numbers are the same on every machine.
        probabilities = torch.softmax(logits, dim=-1).cpu()
        targets = torch.multinomial(probabilities, 1, generator=generator)[:, 0]
    answers.view(-1)[batch.positions] = targets
    return answers


def _squared_norms(
    model: "PreTrainedModel", parameters: dict[str, Tensor], tokens: Tensor, answers: Tensor
) -> Tensor:
    """Return the squared norm of the gradient of each sentence's answers, (sentences,).

    `tokens` and `answers` have shape (sentences, length).
    """

    def log_likelihood(weights: dict[str, Tensor], sentence: Tensor, answer: Tensor) -> Tensor:
        inputs = {"input_ids": sentence[None]}
        logits = functional_call(model, weights, (), inputs).logits[0]
        # Written out, since cross_entropy can't leave out places under vmap.
        log = torch.log_softmax(logits.float(), dim=-1)
        chosen = log.gather(-1, answer.clamp(min=0)[:, None])[:, 0]
        return (chosen * (answer != NONE)).sum()

    return squared_gradient_norms(log_likelihood, parameters, tokens, answers)
