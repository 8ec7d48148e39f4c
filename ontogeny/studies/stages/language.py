"""One trajectory of a causal language model: what its stages are made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ontogeny.errors import CorpusError
from ontogeny.measures.in_context.induction import (
    in_context_score,
    prefix_matching_by_chance,
    prefix_matching_score,
    previous_token_score,
    repeated_tokens,
)
from ontogeny.measures.in_context.ngrams import (
    Bigrams,
    bigram_divergence,
    ends_of_frequent_ngrams,
    ngram_score,
)
from ontogeny.measures.learning_coefficient.examples import Examples
from ontogeny.measures.learning_coefficient.language_models import causal_examples
from ontogeny.runs.checkpoints.eager_attention import eager_attention
from ontogeny.runs.pretraining.sequences import encode
from ontogeny.studies.stages.forms import Shown

EARLY, LATE = 1 / 8, 3 / 4  # of the context: what ends the early part, and begins the late one
REPEATED = 16  # sequences of random tokens that come twice
BEFORE = 5  # tokens before one that are written where it is named


@dataclass(frozen=True)
class Text:
    """What is read at every checkpoint.

    `tokens` (sequences, length) are held out, and `ends` marks where frequent n-grams end in them;
    `bigrams` are the training text's; `repeated` are random tokens, twice; the first `shown` of
    `tokens` give the outputs that essential dynamics follows.
    """

    tokens: Tensor
    ends: Tensor
    bigrams: Bigrams
    repeated: Tensor
    shown: int

    @property
    def examples(self) -> Examples:
        """The held-out sequences, as chains read them."""
        return causal_examples(self.tokens, torch.ones_like(self.tokens, dtype=torch.bool))

    def described(self, tokenizer: Any) -> Shown:
        """Return what the outputs are about: each token but the first of sequences, by name."""
        tokens = self.tokens[: self.shown]
        named = [tokenizer.convert_ids_to_tokens(row.tolist()) for row in tokens]

        def losses(outputs: np.ndarray) -> np.ndarray:
            logits = torch.from_numpy(outputs).float().view(*tokens.shape, -1)
            found: np.ndarray = token_losses(logits, tokens)[:, 1:].flatten().numpy()
            return found

        places = [(row, place) for row in named for place in range(1, len(row))]
        return Shown(
            losses,
            [row[place] for row, place in places],
            [" ".join(row[max(0, place - BEFORE) : place]) for row, place in places],
        )


def prepare(
    tokenizer: Any,
    training: Iterable[Sequence[str]],
    held_out: Iterable[Sequence[str]],
    *,
    length: int,
    sequences: int,
    shown: int,
    seed: int,
) -> Text:
    """Return the text of a study, packed into sequences of `length` tokens.

    Raises `CorpusError` if there are fewer than two held-out sequences, or no n-gram comes twice.
    """
    train, test = (_packed(tokenizer, words, length) for words in (training, held_out))
    if len(test) < 2:
        raise CorpusError(
            f"stages: {len(test)} held-out sequences of {length} tokens; expected at least 2. Take "
            "a larger corpus, or a smaller sequence_length."
        )
    tokens = test[:sequences]
    special = set(tokenizer.all_special_ids)
    known = torch.tensor([t for t in np.unique(train) if int(t) not in special])
    generator = torch.Generator().manual_seed(seed)
    return Text(
        torch.from_numpy(tokens),
        torch.from_numpy(ends_of_frequent_ngrams(tokens)),
        Bigrams.of(train, len(tokenizer)),
        repeated_tokens(generator, REPEATED, length // 2, known),
        min(shown, len(tokens)),
    )


def _packed(tokenizer: Any, words: Iterable[Sequence[str]], length: int) -> np.ndarray:
    found = encode(tokenizer, words, sequences="packed", longest=length)
    whole = found.lengths == length
    starts = found.offsets[:-1][whole]
    return found.tokens[starts[:, None] + np.arange(length)].astype(np.int64)


@torch.no_grad()
def behaviour(model: Any, text: Text) -> tuple[pd.DataFrame, np.ndarray]:
    """Return what a checkpoint does, rows of layer, head, metric and value, and its outputs.

    The outputs (features,) are the logits for the sequences that are shown, less their mean over
    the vocabulary, which changes no prediction.
    """
    with eager_attention(model):
        mask = torch.ones_like(text.tokens)
        logits = model(input_ids=text.tokens, attention_mask=mask).logits.float()
        losses = token_losses(logits, text.tokens)
        length = text.tokens.shape[1]
        early = slice(1, max(2, int(EARLY * length)))
        rows: list[tuple[int | None, int | None, str, float]] = [
            (None, None, "loss", losses[:, 1:].mean().item()),
            (None, None, "bigram_kl", bigram_divergence(logits, text.tokens, text.bigrams).item()),
            (None, None, "ngram_score", ngram_score(losses, text.ends).item()),
            (None, None, "icl_score",
             in_context_score(losses, early, slice(int(LATE * length), length)).item()),
            (None, None, "prefix_chance", prefix_matching_by_chance(text.repeated)),
        ]  # fmt: skip
        found = model(
            input_ids=text.repeated,
            attention_mask=torch.ones_like(text.repeated),
            output_attentions=True,
        )
        attention = torch.stack(tuple(found.attentions))
        for metric, scores in (
            ("previous_token_score", previous_token_score(attention)),
            ("prefix_score", prefix_matching_score(attention, text.repeated)),
        ):
            rows += [
                (layer + 1, head + 1, metric, min(1.0, score.item()))
                for layer, heads in enumerate(scores)
                for head, score in enumerate(heads)
            ]
        without = _without_positions(model, text)
    if without is not None:
        rows.append((None, None, "loss_without_positions", without))
    shown = logits[: text.shown]
    outputs = (shown - shown.mean(-1, keepdim=True)).flatten().numpy()
    return pd.DataFrame(rows, columns=["layer", "head", "metric", "value"]), outputs


def token_losses(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return the loss at each token, in nats, (sequences, length); NaN at the first."""
    losses = torch.nn.functional.cross_entropy(
        logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none"
    )
    return torch.nn.functional.pad(losses, (1, 0), value=float("nan"))


def _without_positions(model: Any, text: Text) -> float | None:
    """Return the mean loss with all vectors of positions at 0, if the model has such vectors."""
    named = {
        name: values
        for name, values in model.named_parameters()
        if name.endswith(("position.weight", "wpe.weight", "position_embeddings.weight"))
    }
    if not named:
        return None
    nothing = {name: torch.zeros_like(values) for name, values in named.items()}
    inputs = {"input_ids": text.tokens, "attention_mask": torch.ones_like(text.tokens)}
    logits = torch.func.functional_call(model, nothing, (), inputs).logits.float()
    return float(token_losses(logits, text.tokens)[:, 1:].mean())
