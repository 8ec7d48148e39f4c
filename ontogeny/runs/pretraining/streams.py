"""Text as streams side by side, which an update reads on where the one before stopped.

So a recurrent model is trained by truncated backpropagation through time: its state is carried from
update to update, gradients aren't.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ontogeny.errors import CorpusError
from ontogeny.runs.pretraining.batches import Batch

if TYPE_CHECKING:
    from ontogeny.runs.recurrence import State

STATE_FILE = "carried.safetensors"


class Streams:
    """The batches of a text that is cut into streams of the same length, side by side.

    What doesn't fill the streams, less than one token for each, is left out, as in PyTorch's
    example `word_language_model`.
    """

    def __init__(self, tokens: np.ndarray, rows: int, length: int) -> None:
        """Cut `tokens`, (tokens,), into `rows` streams, of which a batch has `length` tokens.

        There are fewer streams if the text is too short to let each predict a token. Raises
        `CorpusError` if it can't make one that does.
        """
        rows = min(rows, len(tokens) // 2)
        if rows == 0:
            raise CorpusError("text: has one token; expected at least two to make a stream.")
        columns = len(tokens) // rows
        self.tokens = tokens[: rows * columns].reshape(rows, columns)
        self.length = length

    @property
    def updates(self) -> int:
        """How many batches a pass over the text has; the last may be shorter."""
        return -(-(self.tokens.shape[1] - 1) // self.length)

    def batch(self, update: int) -> Batch:
        """Return the batch of an update, counted from 0 through all passes.

        Each token of (rows, length) has to predict the next of its stream.
        """
        start = update % self.updates * self.length
        stop = min(start + self.length, self.tokens.shape[1] - 1)
        tokens = self.tokens[:, start:stop].astype(np.int64)
        targets = self.tokens[:, start + 1 : stop + 1].astype(np.int64)
        return Batch(
            tokens, np.ones(tokens.shape, dtype=bool), np.arange(tokens.size), targets.ravel()
        )

    def batches(self) -> list[Batch]:
        """Return the batches of one pass."""
        return [self.batch(update) for update in range(self.updates)]


def save_state(state: "State | None", folder: Path) -> None:
    """Write a state that is carried into a folder; none, no file."""
    from safetensors.torch import save_file

    if state is not None:
        hidden, cell = (part.detach().cpu().contiguous() for part in state)
        save_file({"hidden": hidden, "cell": cell}, folder / STATE_FILE)


def load_state(folder: Path, device: Any) -> "State | None":
    """Return the state that `save_state` wrote, on the device."""
    from safetensors.torch import load_file

    if not (folder / STATE_FILE).is_file():
        return None
    parts = load_file(folder / STATE_FILE, device=str(device))
    return parts["hidden"], parts["cell"]
