"""A bounded part of a corpus, drawn as whole sentences."""

import numpy as np
import pandas as pd


def sample(sentences: pd.DataFrame, words: int, seed: int) -> pd.DataFrame:
    """Draw whole sentences at random until they hold at least `words` words, or all there are.

    `sentences` is a corpus split. The sentences keep their order and are numbered
    from 0. With the same seed a larger sample contains a smaller one.
    """
    order = np.random.default_rng(seed).permutation(len(sentences))
    lengths = sentences["words"].map(len).to_numpy()[order]
    before = np.cumsum(lengths) - lengths
    return sentences.iloc[np.sort(order[before < words])].reset_index(drop=True)
