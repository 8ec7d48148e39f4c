"""The batches of a training: what they hold depends on the seed and the update's number alone.

So a training that resumes, or runs on another number of devices, sees the same batches with the
same words hidden.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ontogeny.runs.pretraining.parsed_text import NO_HEAD, NO_WORD
from ontogeny.runs.pretraining.sequences import Sequences

# Streams of random numbers, told apart by what they decide.
ORDER, BLOCK, HIDE, DROP, DEV = range(5)
BATCHES_IN_BLOCK = 50


@dataclass(frozen=True)
class Masking:
    """How words are hidden (Devlin et al. 2019, section 3.1 and appendix A.1).

    `ordinary` has shape (vocabulary,) and is False for special tokens. An ordinary token is chosen
    with probability `share`; of the chosen, 80% become the token `mask`, 10% an ordinary token
    drawn at random, and 10% stay.
    """

    share: float
    mask: int
    ordinary: np.ndarray


@dataclass(frozen=True)
class Batch:
    """A batch, and what is to be predicted in it.

    `tokens` and `attended` (False where padded) have shape (sequences, longest); `positions` and
    `targets` have shape (predictions,): at the flat position (sequence * longest + place) the model
    has to predict the target token. `word` and `head`, (sequences, longest), tell of the syntax of
    the tokens, hidden ones included, where that is needed
    (`ontogeny.runs.pretraining.parsed_text`).
    """

    tokens: np.ndarray
    attended: np.ndarray
    positions: np.ndarray
    targets: np.ndarray
    word: np.ndarray | None = None
    head: np.ndarray | None = None

    @property
    def edges(self) -> int:
        """How many words have a syntactic head in their sequence."""
        if self.word is None or self.head is None:
            return 0
        begins = np.diff(self.word, axis=1, prepend=NO_WORD) != 0
        return int((begins & (self.head != NO_HEAD)).sum())

    def share(self, part: int, parts: int) -> "Batch":
        """Return every `parts`-th sequence, from the `part`-th on."""
        length = self.tokens.shape[1]
        row = self.positions // length
        mine = row % parts == part
        positions = (row[mine] // parts) * length + self.positions[mine] % length
        return Batch(
            self.tokens[part::parts],
            self.attended[part::parts],
            positions,
            self.targets[mine],
            None if self.word is None else self.word[part::parts],
            None if self.head is None else self.head[part::parts],
        )


class BatchOrder:
    """Which sequences make up the batch of each update.

    Every sequence comes once in each pass over the text, in a random order; batches run across the
    end of a pass, so that all have `batch_size` sequences. Within a block of batches, sequences of
    similar length come together, so that little is padded; the batches of a block come in a random
    order.
    """

    def __init__(self, lengths: np.ndarray, batch_size: int, seed: int) -> None:
        """Set the order for sequences with the given lengths; shape (sequences,)."""
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self._block = (-1, np.empty((0, 0), dtype=np.int64))
        self._pass = (-1, np.empty(0, dtype=np.int64))

    def batch(self, update: int) -> np.ndarray:
        """Return the sequences of an update's batch, counted from 0; shape (batch_size,)."""
        number, place = divmod(update, BATCHES_IN_BLOCK)
        if self._block[0] != number:
            self._block = (number, self._make_block(number))
        return self._block[1][place]

    def _make_block(self, number: int) -> np.ndarray:
        """Return a block's sequences, shape (BATCHES_IN_BLOCK, batch_size)."""
        size = BATCHES_IN_BLOCK * self.batch_size
        sequences = self._stream(number * size, (number + 1) * size)
        by_length = sequences[np.argsort(self.lengths[sequences], kind="stable")]
        batches = by_length.reshape(BATCHES_IN_BLOCK, self.batch_size)
        return batches[generator(self.seed, BLOCK, number).permutation(BATCHES_IN_BLOCK)]

    def _stream(self, start: int, stop: int) -> np.ndarray:
        """Return what lies from start to stop in the endless stream of passes."""
        count = len(self.lengths)
        parts = []
        for number in range(start // count, (stop - 1) // count + 1):
            if self._pass[0] != number:
                order = generator(self.seed, ORDER, number).permutation(count)
                self._pass = (number, order)
            begin = number * count
            parts.append(self._pass[1][max(start - begin, 0) : stop - begin])
        return np.concatenate(parts)


def generator(*seeds: int) -> np.random.Generator:
    """Return a generator of its own for each tuple of numbers."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seeds)))


def gather(sequences: Sequences, chosen: np.ndarray, pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sequences as one padded array, and where it isn't padding.

    Both have shape (len(chosen), longest of the chosen), int64 and bool.
    """
    lengths = sequences.lengths[chosen]
    attended = np.arange(lengths.max()) < lengths[:, None]
    return _gather(sequences.tokens, sequences.offsets[chosen], attended, pad), attended


def with_syntax(batch: Batch, sequences: Sequences, chosen: np.ndarray) -> Batch:
    """Return the batch made of the chosen sequences with their words and heads, if they have any.

    Padding is of no word and has no head.
    """
    if sequences.word is None or sequences.head is None:
        return batch
    starts = sequences.offsets[chosen]
    return replace(
        batch,
        word=_gather(sequences.word, starts, batch.attended, NO_WORD),
        head=_gather(sequences.head, starts, batch.attended, NO_HEAD),
    )


def _gather(flat: np.ndarray, starts: np.ndarray, there: np.ndarray, pad: int) -> np.ndarray:
    """Return rows of a flat array that start at `starts` and go as far as `there` is True."""
    rows = np.full(there.shape, pad, dtype=np.int64)
    rows[there] = flat[(starts[:, None] + np.arange(there.shape[1]))[there]]
    return rows


def masked_batch(
    tokens: np.ndarray, attended: np.ndarray, masking: Masking, random: np.random.Generator
) -> Batch:
    """Return a batch in which some words are hidden, and have to be predicted.

    `tokens` and `attended` have shape (sequences, longest). At least one is hidden if any can be.
    """
    hideable = np.flatnonzero(attended & masking.ordinary[tokens])
    chosen = hideable[random.random(len(hideable)) < masking.share]
    if len(hideable) and not len(chosen):
        chosen = hideable[random.integers(len(hideable), size=1)]
    targets = tokens.ravel()[chosen]
    fate = random.random(len(chosen))
    drawn = random.choice(np.flatnonzero(masking.ordinary), len(chosen))
    replaced = np.where(fate < 0.9, drawn, targets)
    hidden = tokens.copy()
    hidden.ravel()[chosen] = np.where(fate < 0.8, masking.mask, replaced)
    return Batch(hidden, attended, chosen, targets)


def causal_batch(tokens: np.ndarray, attended: np.ndarray) -> Batch:
    """Return a batch in which each token has to be predicted from those before it."""
    followed = np.zeros_like(attended)
    followed[:, :-1] = attended[:, 1:]
    positions = np.flatnonzero(followed)
    return Batch(tokens, attended, positions, tokens.ravel()[positions + 1])


def as_tensors(batch: Batch) -> dict[str, torch.Tensor]:
    """Return a batch's arrays as tensors on the CPU, by their names."""
    arrays = {name: array for name, array in vars(batch).items() if array is not None}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
