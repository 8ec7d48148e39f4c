"""What a language model is asked on a text: which tokens it has to predict, from what."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from ontogeny.errors import CheckpointError, CorpusError
from ontogeny.measures.likelihood.tokenised import Tokenised
from ontogeny.runs.checkpoints.token_batches import batches_by_length, model_name, padded
from ontogeny.runs.pretraining.batches import Masking, masked_batch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Batch:
    """Sentences to be read together, and what is to be predicted in them.

    `tokens` and `attended`, (sentences, longest); `rows`, (sentences,): which they are;
    `positions`, `targets` and `sentence`, (predictions,): where in the flat batch which token is to
    be predicted, and in which sentence of the text.
    """

    tokens: Tensor
    attended: Tensor
    rows: np.ndarray
    positions: Tensor
    targets: Tensor
    sentence: np.ndarray


@dataclass(frozen=True)
class Questions:
    """Tokens as the model sees them, (tokens,), and the answer asked for at each, -1 for none."""

    text: Tokenised
    shown: np.ndarray
    answers: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """How many predictions are asked for in each sentence, (sentences,)."""
        asked = np.append(0, np.cumsum(self.answers >= 0))
        counts = asked[self.text.starts + self.text.lengths] - asked[self.text.starts]
        return np.where(self.text.too_long, 0, counts)

    def batches(
        self, tokens_per_batch: int, padding: int, *, unpadded: bool = False
    ) -> Iterator[Batch]:
        """Yield all sentences in which something is asked, as `batches_by_length` batches them."""
        lengths = np.where(self.counts > 0, self.text.lengths, 0)
        for rows in batches_by_length(lengths, tokens_per_batch, unpadded=unpadded):
            yield self.batch(rows, padding)

    def batch(self, rows: np.ndarray, padding: int) -> Batch:
        """Return some sentences, (rows,), as one batch."""
        starts, lengths = self.text.starts[rows], self.text.lengths[rows]
        tokens, attended = padded(self.shown, starts, lengths, padding)
        answers, _ = padded(self.answers, starts, lengths, -1)
        row, place = (answers >= 0).nonzero(as_tuple=True)
        return Batch(
            tokens=tokens,
            attended=attended,
            rows=rows,
            positions=row * tokens.shape[1] + place,
            targets=answers[row, place],
            sentence=rows[row.numpy()],
        )


def ask(
    text: Tokenised,
    tokenizer: "PreTrainedTokenizerBase",
    *,
    objective: str,
    share: float = 0.15,
    seed: int = 0,
) -> Questions:
    """Return what has to be predicted: hidden tokens, or each token from those before it.

    Special tokens are never asked for. Arguments and errors as `held_out_loss`.
    """
    ordinary = text.word >= 0
    answers = np.full(len(text.ids), -1)
    shown = text.ids
    if objective == "masked":
        if tokenizer.mask_token_id is None:
            raise CheckpointError(
                f"{model_name(tokenizer)}: its tokenizer has no mask token; expected that of a "
                "masked language model."
            )
        known = np.ones(len(tokenizer), dtype=bool)
        known[tokenizer.all_special_ids] = False
        masking = Masking(share, int(tokenizer.mask_token_id), known)
        # All sentences as one: which tokens are hidden doesn't depend on how they are batched.
        hidden = masked_batch(text.ids[None], ordinary[None], masking, np.random.default_rng(seed))
        shown = hidden.tokens[0]
        answers[hidden.positions] = hidden.targets
    elif objective == "causal":
        first = np.zeros(len(ordinary), dtype=bool)
        first[text.starts[text.lengths > 0]] = True
        asked = np.flatnonzero(ordinary & ~first)
        answers[asked - 1] = text.ids[asked]
    else:
        raise ValueError(f"objective is {objective!r}; expected masked or causal")
    questions = Questions(text, shown, answers)
    if not questions.counts.any():
        raise CorpusError(
            f"held-out text: nothing to predict in its {len(text.lengths)} sentences, of which "
            f"{int(text.too_long.sum())} are longer than the model can read. Name another corpus."
        )
    return questions
