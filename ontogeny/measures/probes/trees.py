"""The two tree tasks: structural probes fitted, their trees and depths held against the gold."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ontogeny.corpora.corpus import SPLITS
from ontogeny.corpora.tasks import TREE_TASKS, check_tasks
from ontogeny.errors import CorpusError
from ontogeny.measures.probes.gold_trees import GoldTree, gold_trees
from ontogeny.measures.probes.structural import TreeVectors, fit_probes
from ontogeny.measures.probes.tree_scores import found_edges, found_roots, mean_spearman
from ontogeny.measures.probes.word_labels import ANSWER_COLUMNS, SCORE_COLUMNS


def probe_trees(
    vectors: Mapping[str, Tensor],
    valid: Mapping[str, Tensor],
    sentences: Mapping[str, pd.DataFrame],
    tasks: Sequence[str] = TREE_TASKS,
    *,
    rank: int | None = None,
    epochs: int = 40,
    seed: int = 0,
    batch_size: int = 40,
    learning_rate: float = 0.1,
    device: torch.device | str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fit structural probes on train and dev, and score them on test, in all layers at once.

    The mappings have the keys `train`, `dev` and `test`: `vectors` (layers, words, width) in any
    floating type, `valid` (words,) bool, `sentences` in the form of a corpus split. `tasks` is a
    subset of `TREE_TASKS`. The settings are those of `fit_probes`.

    Returns `scores`, with the columns layer, task, subset ("all"), metric, value and n (edges or
    sentences), metrics and baselines as the table `pushdown` declares them; and `answers`, with the
    columns layer, task, subset, sentence (row in test), correct and n: for `tree_distance` the gold
    edges that were found and their number, for `tree_depth` whether the root was found and 1. A
    sentence without gold edges between words that count, or whose root is punctuation or doesn't
    count, has no answer; a metric that no sentence serves has no score.

    Raises `CorpusError` if a split has no heads, or no sentence of which a word counts.
    """
    trees = {}
    for split in SPLITS:
        check_tasks(sentences[split], tasks, split)
        trees[split] = gold_trees(sentences[split], valid[split].cpu().numpy())
        if not trees[split]:
            raise CorpusError(
                f"{split}: no sentence with heads has a word that the model can read; the tasks "
                f"{', '.join(tasks)} need at least one. Check the corpus and the tokenizer."
            )
    scores, answers = [], []
    for task in tasks:
        probes = fit_probes(
            _tree_vectors(vectors["train"], trees["train"], task),
            _tree_vectors(vectors["dev"], trees["dev"], task),
            rank=rank,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            seed=seed,
            device=device,
        )
        weights = probes.weights
        projected = vectors["test"].to(weights.device, torch.float32) @ weights
        task_scores, task_answers = score_trees(projected, trees["test"], trees["train"], task)
        scores.append(task_scores)
        answers.append(task_answers)
    return pd.concat(scores, ignore_index=True), pd.concat(answers, ignore_index=True)


def score_trees(
    projected: Tensor, test: Sequence[GoldTree], train: Sequence[GoldTree], task: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score projected words, (layers, words, rank), against the trees of test.

    The trees of train serve the baseline of `tree_depth`. Returns the scores and answers of one
    task, as `probe_trees` does.
    """
    correlations, sentences = mean_spearman(projected, test, of_distances=task == "tree_distance")
    if task == "tree_distance":
        share, baseline, correlation = "uuas", "baseline_uuas", "distance_spearman"
        found = found_edges(projected, test)
    else:
        share, baseline, correlation = "root_accuracy", "baseline_root_accuracy", "depth_spearman"
        found = found_roots(projected, test, train)
    layers, total = len(projected), int(found.n.sum())
    columns = {
        share: (found.correct.sum(1) / max(total, 1), total),
        baseline: (np.full(layers, found.baseline.sum() / max(total, 1)), total),
        correlation: (correlations, sentences),
    }
    scores = [
        pd.DataFrame({"layer": np.arange(layers), "metric": metric, "value": values, "n": n})
        for metric, (values, n) in columns.items()
    ]
    measured = pd.concat(scores)
    answers = pd.DataFrame(
        {
            "layer": np.repeat(np.arange(layers), len(found.n)),
            "sentence": np.tile(found.sentence, layers),
            "correct": found.correct.ravel(),
            "n": np.tile(found.n, layers),
        }
    )
    return _complete(measured[measured["n"] > 0], task, SCORE_COLUMNS), _complete(
        answers, task, ANSWER_COLUMNS
    )


def _complete(frame: pd.DataFrame, task: str, columns: Sequence[str]) -> pd.DataFrame:
    return frame.assign(task=task, subset="all")[list(columns)]


def _tree_vectors(vectors: Tensor, trees: Sequence[GoldTree], task: str) -> TreeVectors:
    """Return the words of some trees with what the probe of this task is to predict."""
    rows = [tree.rows for tree in trees]
    if task == "tree_distance":
        return TreeVectors(vectors, rows, [tree.distances for tree in trees])
    return TreeVectors(vectors, rows, [tree.depths for tree in trees])
