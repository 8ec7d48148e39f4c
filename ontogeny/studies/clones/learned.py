"""What a training on interactions of known orders came to."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Learned:
    """What was measured.

    `rows` of the table of clones, keys of run and corpus left out; `layers` and the `orders` that
    so many can represent; `losses` (layers, seeds, held-out sequences) after the last update, at
    one place of each; `optima` by order and `truth`, (held-out sequences), at the same places;
    `displacement` (seeds, steps, layers) of the deepest models; `steps`.
    """

    rows: pd.DataFrame
    layers: tuple[int, ...]
    orders: tuple[int, ...]
    seeds: tuple[int, ...]
    steps: tuple[int, ...]
    losses: np.ndarray
    optima: dict[int, np.ndarray]
    truth: np.ndarray
    displacement: np.ndarray
