"""The trace of a language model's Fisher information, from per-example gradients."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

from ontogeny.devices import default_device
from ontogeny.errors import CheckpointError
from ontogeny.measures.likelihood.predictions import Logits, refuse_nan
from ontogeny.measures.likelihood.questions import Batch, ask
from ontogeny.measures.likelihood.tokenised import tokenise
from ontogeny.runs.checkpoints.eager_attention import eager_attention
from ontogeny.runs.checkpoints.reading import one_line
from ontogeny.runs.checkpoints.token_batches import model_name, ready, refuse_unknown_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

CELLS_AT_ONCE = 2**27  # of gradients held at once: 512 MiB
NONE = -1
TOLERANCE = 1e-3  # relative; of squared norms in single precision

LOGGER = logging.getLogger("ontogeny")

# Takes a log likelihood, parameters and examples, as `squared_gradient_norms` does.
Norms = Callable[..., Tensor]


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
    """Return the trace of the Fisher information for each prediction, from one draw of tokens.

    It is `fisher_traces` with one draw, and as noisy: on 58 predictions its standard deviation was
    a fifth of the trace.
    """
    settings: dict[str, Any] = {"labels": labels, "seed": seed, "share": share, "device": device}
    return float(
        fisher_traces(model, tokenizer, sentences, objective=objective, draws=1, **settings)[0]
    )


def fisher_traces(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    sentences: Sequence[Sequence[str]],
    *,
    objective: str,
    draws: int,
    labels: str = "model",
    seed: int = 0,
    share: float = 0.15,
    device: torch.device | str | None = None,
) -> np.ndarray:
    """Return estimates of the trace of the Fisher information of all parameters, (draws,).

    The mean of the draws estimates the trace for each prediction, and their standard deviation over
    the root of their number is its standard error, as far as it comes from drawing tokens.

    It is the mean squared norm of the gradient of a prediction's log probability. With `labels`
    "model" each draw takes the predicted tokens from the model's own distribution: then it is the
    Fisher information, as in Chen et al. (2024). With "data" they are the text's tokens, in each
    draw the same, which gives the "empirical Fisher": another quantity, that goes to 0 where the
    model fits the text (Kunstner et al. 2019).

    What is predicted in the sentences is as in `held_out_loss`. A sentence's predictions share
    their context and are drawn independently, so the squared norm of their summed gradient has the
    expectation of the sum of squared norms: one gradient for each sentence serves, and the sum over
    sentences is divided by the number of predictions. (With "data" this doesn't hold, and the
    gradients of a sentence's predictions count with their correlation.)

    The gradients of many sentences are taken together, if the model can be read so; else one by
    one, which gives the same, and the log says so.

    Raises as `held_out_loss`, and `CheckpointError` if the model gives no gradients or one is not
    finite.
    """
    if labels not in ("model", "data"):
        raise ValueError(f"labels is {labels!r}; expected model or data")
    device = default_device() if device is None else torch.device(device)
    model = ready(model, device)
    texts = [" ".join(words) for words in sentences]
    text = tokenise(model, tokenizer, texts, begin=objective == "causal")
    questions = ask(text, tokenizer, objective=objective, share=share, seed=seed)
    refuse_unknown_tokens(model, tokenizer, questions.shown)
    logits = Logits(model)
    norms: Norms | None = None
    generator = torch.Generator().manual_seed(seed)
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    size = max(1, CELLS_AT_ONCE // sum(p.numel() for p in parameters.values()))
    totals = torch.zeros(draws, dtype=torch.float64)
    lengths = np.where(questions.counts > 0, text.lengths, 0)
    # Sentences of one length need no padding.
    for length in np.unique(lengths[lengths > 0])[::-1]:
        rows = np.flatnonzero(lengths == length)
        for start in range(0, len(rows), size):
            batch = questions.batch(rows[start : start + size], 0)
            answers = _answers(logits, batch, labels, draws, generator).to(device)
            tokens = batch.tokens.to(device)
            with eager_attention(model):
                # Tried on the longest sentence, which comes first.
                norms = norms or _fitting(model, parameters, tokens[:1], answers[0, :1])
                squares = [
                    _squared_norms(norms, model, parameters, *examples)
                    for examples in zip(
                        tokens.repeat(draws, 1).split(size),
                        answers.flatten(0, 1).split(size),
                        strict=True,
                    )
                ]
            totals += torch.cat(squares).double().cpu().view(draws, -1).sum(dim=1)
    if not torch.isfinite(totals).all():
        raise CheckpointError(
            f"{model_name(model)}: the gradients of its log probabilities hold NaN or infinite "
            "values. The checkpoint is broken or its training diverged: leave it out."
        )
    return totals.numpy() / int(questions.counts.sum())


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


def squared_gradient_norms_one_by_one(
    log_likelihood: Callable[..., Tensor], parameters: dict[str, Tensor], *examples: Tensor
) -> Tensor:
    """Return what `squared_gradient_norms` does, in a loop: for models that can't be vectorised."""
    leaves = {name: values.detach().requires_grad_() for name, values in parameters.items()}
    squares = []
    for example in zip(*examples, strict=True):
        with torch.enable_grad():
            found = torch.autograd.grad(
                log_likelihood(leaves, *example), list(leaves.values()), allow_unused=True
            )
        squares.append(
            torch.stack([g.float().square().sum() for g in found if g is not None]).sum()
        )
    return torch.stack(squares)


@torch.inference_mode()
def _answers(
    logits_at: Logits, batch: Batch, labels: str, draws: int, generator: torch.Generator
) -> Tensor:
    """Return the token whose log probability is differentiated at each place, -1 for none.

    The result has shape (draws, sentences, length).
    """
    answers = torch.full((draws, *batch.tokens.shape), NONE)
    targets = batch.targets.expand(draws, -1)
    if labels == "model":
        device = logits_at.model.device
        logits = logits_at(batch.tokens.to(device), None, batch.positions.to(device))
        refuse_nan(logits, model_name(logits_at.model))
        # On the CPU, whose random numbers are the same on every machine.
        probabilities = torch.softmax(logits, dim=-1).cpu()
        targets = torch.multinomial(
            probabilities, draws, replacement=True, generator=generator
        ).T.contiguous()
    answers.view(draws, -1)[:, batch.positions] = targets
    return answers


def _fitting(
    model: "PreTrainedModel", parameters: dict[str, Tensor], tokens: Tensor, answers: Tensor
) -> Norms:
    """Return the faster of the two ways to take gradients that is right for a model.

    `tokens` and `answers`, (1, length), are what it is tried on. A model can't be read many times
    at once if it looks at a number, say, or has gradients of its own making.
    """
    tried = model, parameters, tokens, answers
    try:
        alone = _squared_norms(squared_gradient_norms_one_by_one, *tried)
    except torch.OutOfMemoryError:
        raise
    # What a model raises that is made for reading alone has no class in common.
    except Exception as error:
        raise CheckpointError(
            f"{model_name(model)}: the gradients of its {type(model).__name__} can't be taken "
            f"({one_line(error)}). Leave this run out of the study that asks for them."
        ) from error
    reason = "it gives other gradients then"
    try:
        together = _squared_norms(squared_gradient_norms, *tried)
        if torch.allclose(together, alone, rtol=TOLERANCE, atol=0, equal_nan=True):
            return squared_gradient_norms
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # likewise
        reason = one_line(error)
    LOGGER.info(
        "Fisher information: gradients are taken one sentence at a time, since %s can't be read "
        "many times at once: %s",
        type(model).__name__,
        reason,
    )
    return squared_gradient_norms_one_by_one


def _squared_norms(
    norms: Norms,
    model: "PreTrainedModel",
    parameters: dict[str, Tensor],
    tokens: Tensor,
    answers: Tensor,
) -> Tensor:
    """Return the squared norm of the gradient of each sentence's answers, (sentences,).

    `tokens` and `answers` have shape (sentences, length).
    """
    # No token is padding. Without being told so, transformers looks for padding among them.
    attended = torch.ones_like(tokens[:1])

    def log_likelihood(weights: dict[str, Tensor], sentence: Tensor, answer: Tensor) -> Tensor:
        inputs = {"input_ids": sentence[None], "attention_mask": attended}
        logits = functional_call(model, weights, (), inputs).logits[0]
        # Written out, since cross_entropy can't leave out places under vmap.
        log = torch.log_softmax(logits.float(), dim=-1)
        chosen = log.gather(-1, answer.clamp(min=0)[:, None])[:, 0]
        return (chosen * (answer != NONE)).sum()

    return norms(log_likelihood, parameters, tokens, answers)
