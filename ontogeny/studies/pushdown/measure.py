"""One checkpoint measured: all probes on all its layers."""

from collections.abc import Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor

from ontogeny.corpora.tasks import TREE_TASKS, WORD_LABEL_TASKS
from ontogeny.errors import ConfigError
from ontogeny.measures.probes.logistic import L2
from ontogeny.measures.probes.trees import probe_trees
from ontogeny.measures.probes.word_labels import probe_word_labels


def measure(
    vectors: Mapping[str, Tensor],
    valid: Mapping[str, Tensor],
    sentences: Mapping[str, pd.DataFrame],
    tasks: Sequence[str],
    *,
    l2: Sequence[float] = L2,
    bias: bool = True,
    phrase_root: bool = False,
    rank: int | None = None,
    epochs: int = 30,
    seed: int,
    device: torch.device | str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Probe one checkpoint's features for the tasks; return `scores` and `answers`.

    The mappings have the keys `train`, `dev` and `test`: `vectors` (layers, words, width), `valid`
    (words,) bool, `sentences` in the form of a corpus split, whose words the vectors are. `l2`,
    `bias` and `phrase_root` serve the word-label tasks, `rank` and `epochs` the trees; `seed`
    serves both.

    `scores` has the columns layer, task, subset, metric, value and n, `answers` layer, task,
    subset, sentence (row in test), correct and n; the rows are those of `probe_word_labels` and
    `probe_trees`, which say more and raise `CorpusError`. Raises `ConfigError` if `tasks` is empty
    or names a task that doesn't exist.
    """
    unknown = [task for task in tasks if task not in WORD_LABEL_TASKS + TREE_TASKS]
    if unknown or not tasks:
        raise ConfigError(
            f"tasks: found {', '.join(unknown) or 'none'}; expected one or more of "
            f"{', '.join(WORD_LABEL_TASKS + TREE_TASKS)}."
        )
    word_label_tasks = [task for task in tasks if task in WORD_LABEL_TASKS]
    tree_tasks = [task for task in tasks if task in TREE_TASKS]
    parts = []
    if word_label_tasks:
        parts.append(
            probe_word_labels(
                vectors,
                valid,
                sentences,
                word_label_tasks,
                l2=l2,
                bias=bias,
                phrase_root=phrase_root,
                seed=seed,
                device=device,
            )
        )
    if tree_tasks:
        parts.append(
            probe_trees(
                vectors,
                valid,
                sentences,
                tree_tasks,
                rank=rank,
                epochs=epochs,
                seed=seed,
                device=device,
            )
        )
    scores, answers = zip(*parts, strict=True)
    return pd.concat(scores, ignore_index=True), pd.concat(answers, ignore_index=True)
