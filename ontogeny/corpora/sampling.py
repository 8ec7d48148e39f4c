"""A bounded part of a corpus, drawn as whole sentences."""

import numpy as np
import pandas as pd


def sample(sentences: pd.DataFrame, words: int, seed: int) -> pd.DataFrame:
    """Draw whole sentences at random until they hold at least `words` words, or all there are.

    `sentences` is a corpus split. The sentences keep their order. With the same seed a larger
    sample contains a smaller one.
    """
    order = np.random.default_rng(seed).permutation(len(sentences))
    lengths = sentences["words"].map(len).to_numpy()[order]
    count = int(np.searchsorted(np.cumsum(lengths), words)) + 1
    return sentences.iloc[np.sort(order[:count])].reset_index(drop=True)
