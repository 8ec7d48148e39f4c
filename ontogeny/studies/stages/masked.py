"""One trajectory of a masked language model: its loss, and the outputs that it gives."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ontogeny.ensemble import random_stream
from ontogeny.errors import CorpusError
from ontogeny.measures.learning_coefficient.examples import Examples
from ontogeny.measures.learning_coefficient.language_models import (
    NOTHING,
    masked_examples,
    masked_losses,
)
from ontogeny.runs.pretraining.batches import gather
from ontogeny.runs.pretraining.sequences import encode
from ontogeny.studies.stages.forms import Shown

BEFORE = 5  # tokens before a hidden one that are written where it is named


@dataclass(frozen=True)
class HiddenText:
    """Held-out sentences with the same words hidden at every checkpoint.

    The outputs for the hidden words of the first `shown` sentences are what essential dynamics
    follows.
    """

    examples: Examples
    shown: int

    def described(self, tokenizer: Any) -> Shown:
        """Return what the outputs are about: each hidden word of the sentences that are shown."""
        labels = self.examples.tensors["labels"][: self.shown]
        inputs = self.examples.tensors["inputs"][: self.shown]
        hidden = labels != NOTHING
        targets = labels[hidden]

        def losses(outputs: np.ndarray) -> np.ndarray:
            logits = torch.from_numpy(outputs).float().view(len(targets), -1)
            found: np.ndarray = cross_entropy(logits, targets, reduction="none").numpy()
            return found

        named = [tokenizer.convert_ids_to_tokens(row.tolist()) for row in inputs]
        places = hidden.nonzero().tolist()
        return Shown(
            losses,
            tokenizer.convert_ids_to_tokens(targets.tolist()),
            [" ".join(named[row][max(0, place - BEFORE) : place]) for row, place in places],
        )


def prepare(
    tokenizer: Any,
    held_out: Iterable[Sequence[str]],
    *,
    length: int,
    sequences: int,
    shown: int,
    mask_share: float,
    seed: int,
) -> HiddenText:
    """Return so many held-out sentences, each a sequence of at most `length` tokens.

    Of the tokens that aren't special, each is hidden with probability `mask_share`, once and for
    all. Raises `CorpusError` if there are fewer than two sentences.
    """
    found = encode(tokenizer, held_out, sequences="sentence", longest=length)
    if len(found) < 2:
        raise CorpusError(f"stages: {len(found)} held-out sentences; expected at least 2.")
    first = np.arange(min(sequences, len(found)))
    tokens, attended = map(torch.from_numpy, gather(found, first, tokenizer.pad_token_id))
    special = torch.zeros(len(tokenizer), dtype=torch.bool)
    special[tokenizer.all_special_ids] = True
    hideable = attended & ~special[tokens]
    # A sentence of unknown words alone has none that could be hidden.
    some = hideable.any(1)
    examples = masked_examples(
        tokens[some],
        attended[some],
        hideable[some],
        tokenizer.mask_token_id,
        mask_share,
        random_stream(seed, "hidden words"),
    )
    return HiddenText(examples, min(shown, len(examples)))


@torch.no_grad()
def behaviour(model: Any, text: HiddenText) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a checkpoint's loss, as rows of layer, head, metric and value, and its outputs.

    The outputs (features,) are the logits for the hidden words of the sentences that are shown,
    less their mean over the vocabulary, which changes no prediction.
    """
    sums, counts = masked_losses(model, dict(text.examples.tensors))
    shown = {name: values[: text.shown] for name, values in text.examples.tensors.items()}
    inputs = {"input_ids": shown["inputs"], "attention_mask": shown["attended"]}
    logits: Tensor = model(**inputs).logits[shown["labels"] != NOTHING].float()
    rows = [(None, None, "loss", float(sums.sum() / counts.sum()))]
    outputs = (logits - logits.mean(-1, keepdim=True)).flatten().numpy()
    return pd.DataFrame(rows, columns=["layer", "head", "metric", "value"]), outputs
