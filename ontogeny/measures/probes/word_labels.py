"""The word-label tasks: linear probes fitted, and scored on subsets of the test words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ontogeny.corpora.corpus import SPLITS
from ontogeny.corpora.tasks import WORD_LABEL_TASKS, check_tasks, word_labels
from ontogeny.errors import CorpusError
from ontogeny.measures.probes.control import NOT_COUNTED, control_labels, majority_label, subsets
from ontogeny.measures.probes.logistic import L2, fit

SCORE_COLUMNS = ("layer", "task", "subset", "metric", "value", "n")
ANSWER_COLUMNS = ("layer", "task", "subset", "sentence", "correct", "n")
ANSWER_SUBSETS = ("all", "seen", "unseen")


@dataclass(frozen=True)
class _Words:
    """One split's words that the model can read: type, sentence, and labels (tasks, words)."""

    types: NDArray[np.int64]
    sentence: NDArray[np.int64]
    labels: NDArray[np.int64]
    control: NDArray[np.int64]


def probe_word_labels(
    vectors: Mapping[str, Tensor],
    valid: Mapping[str, Tensor],
    sentences: Mapping[str, pd.DataFrame],
    tasks: Sequence[str] = WORD_LABEL_TASKS,
    *,
    l2: Sequence[float] = L2,
    bias: bool = True,
    phrase_root: bool = False,
    seed: int,
    device: torch.device | str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fit a probe and a control probe for each layer and task on train and dev; score on test.

    The mappings have the keys `train`, `dev` and `test`: `vectors` (layers, words, width) in any
    floating type, `valid` (words,) bool, `sentences` in the form of a corpus split. `tasks` is a
    subset of `WORD_LABEL_TASKS`. All probes are one problem, see
    `ontogeny.measures.probes.logistic.fit`, which explains `l2`, `bias` and `device` too;
    `phrase_root` is as `ontogeny.corpora.tasks.word_labels` has it, and `seed` draws the control
    tasks. A word counts for a task if it is valid and its sentence has the annotation.

    Returns `scores`, with the columns layer, task, subset, metric, value and n (test words), the
    metrics accuracy, majority_accuracy, control_accuracy and selectivity as the table `pushdown`
    declares them, the subsets as `ontogeny.measures.probes.control.subsets` does; a subset without
    a word has no row. And `answers`, with the columns layer, task, subset (all, seen, unseen),
    sentence (row in test), correct and n, for each sentence with a word that counts.

    Raises `CorpusError` if a split lacks a task's annotation or has no word that counts for it, or
    if vectors and sentences have different numbers of words.
    """
    for split in SPLITS:
        check_tasks(sentences[split], tasks, split)
        _check_lengths(vectors[split], valid[split], sentences[split], split)
    words = _words(valid, sentences, tasks, phrase_root, seed)
    features = {
        split: vectors[split] if bool(valid[split].all()) else vectors[split][:, valid[split]]
        for split in SPLITS
    }
    both = {
        split: torch.from_numpy(np.concatenate([words[split].labels, words[split].control]))
        for split in SPLITS
    }
    probes = fit(
        features["train"],
        both["train"],
        features["dev"],
        both["dev"],
        l2=l2,
        bias=bias,
        device=device,
    )
    right = (probes.predict(features["test"]) == both["test"]).numpy()
    scores: list[pd.DataFrame] = []
    answers: list[pd.DataFrame] = []
    train, test = words["train"], words["test"]
    for index, task in enumerate(tasks):
        labels = test.labels[index]
        majority = labels == majority_label(train.labels[index])
        members = subsets(train.types, train.labels[index], test.types, labels)
        for subset, member in members.items():
            if not member.any():
                continue
            own, control = right[:, index], right[:, len(tasks) + index]
            key = {"task": task, "subset": subset}
            scores.append(_scores(own, control, majority, member).assign(**key))
            if subset in ANSWER_SUBSETS:
                answers.append(_answers(own, member, test.sentence).assign(**key))
    return (
        pd.concat(scores, ignore_index=True)[list(SCORE_COLUMNS)],
        pd.concat(answers, ignore_index=True)[list(ANSWER_COLUMNS)],
    )


def _scores(
    own: NDArray[np.bool_],
    control: NDArray[np.bool_],
    majority: NDArray[np.bool_],
    member: NDArray[np.bool_],
) -> pd.DataFrame:
    """Score one task on one subset: `own` and `control` (layers, words), the others (words,)."""
    accuracy, control_accuracy = own[:, member].mean(1), control[:, member].mean(1)
    values = {
        "accuracy": accuracy,
        "majority_accuracy": np.full(len(own), majority[member].mean()),
        "control_accuracy": control_accuracy,
        "selectivity": accuracy - control_accuracy,
    }
    frame = pd.DataFrame(values).rename_axis("layer").reset_index()
    return frame.melt("layer", var_name="metric").assign(n=int(member.sum()))


def _answers(
    own: NDArray[np.bool_], member: NDArray[np.bool_], sentence: NDArray[np.int64]
) -> pd.DataFrame:
    """Count one task's right answers on one subset, for each layer and sentence."""
    present, place = np.unique(sentence[member], return_inverse=True)
    layers, shape = len(own), (len(own), len(present))
    cell = np.arange(layers)[:, None] * len(present) + place
    correct = np.bincount(cell[own[:, member]], minlength=layers * len(present))
    return pd.DataFrame(
        {
            "layer": np.repeat(np.arange(layers), len(present)),
            "sentence": np.broadcast_to(present, shape).ravel(),
            "correct": correct,
            "n": np.broadcast_to(np.bincount(place), shape).ravel(),
        }
    )


def _words(
    valid: Mapping[str, Tensor],
    sentences: Mapping[str, pd.DataFrame],
    tasks: Sequence[str],
    phrase_root: bool,
    seed: int,
) -> dict[str, _Words]:
    """Return the valid words of each split, with types and classes numbered over all splits."""
    forms = {split: np.concatenate([*sentences[split]["words"]]) for split in SPLITS}
    vocabulary = np.unique(np.concatenate([*forms.values()]))
    types = {split: np.searchsorted(vocabulary, forms[split]) for split in SPLITS}
    gold: dict[str, list[NDArray[np.int64]]] = {split: [] for split in SPLITS}
    control: dict[str, list[NDArray[np.int64]]] = {split: [] for split in SPLITS}
    for task in tasks:
        labels = _numbered(
            {
                split: word_labels(sentences[split], task, phrase_root=phrase_root)
                for split in SPLITS
            }
        )
        # From all training words, those that this model can't read too: the control task is then
        # the same for all models.
        drawn = control_labels(len(vocabulary), labels["train"], task, seed)
        for split in SPLITS:
            readable = valid[split].cpu().numpy()
            counted = np.where(readable, labels[split], NOT_COUNTED)
            if not (counted != NOT_COUNTED).any():
                raise CorpusError(
                    f"{split}: no word that the model can read has a label of task {task}; "
                    "expected at least one. Check the annotation and the tokenizer, or leave the "
                    "task out of the study."
                )
            gold[split].append(counted[readable])
            drawn_here = np.where(counted != NOT_COUNTED, drawn[types[split]], NOT_COUNTED)
            control[split].append(drawn_here[readable])
    words = {}
    for split in SPLITS:
        readable = valid[split].cpu().numpy()
        lengths = sentences[split]["words"].map(len).to_numpy()
        sentence = np.repeat(np.arange(len(lengths)), lengths)
        words[split] = _Words(
            types[split][readable],
            sentence[readable],
            np.stack(gold[split]),
            np.stack(control[split]),
        )
    return words


def _numbered(labels: Mapping[str, NDArray[np.object_]]) -> dict[str, NDArray[np.int64]]:
    """Number the labels of all splits in their alphabetical order; None becomes -1."""
    present = sorted({label for split in labels.values() for label in split if label is not None})
    number: dict[str | None, int] = {label: index for index, label in enumerate(present)}
    number[None] = NOT_COUNTED
    return {
        split: pd.Series(values, dtype=object).map(number.__getitem__).to_numpy(dtype=np.int64)
        for split, values in labels.items()
    }


def _check_lengths(vectors: Tensor, valid: Tensor, sentences: pd.DataFrame, split: str) -> None:
    words = int(sentences["words"].map(len).sum())
    if not vectors.shape[1] == len(valid) == words:
        raise CorpusError(
            f"{split}: features of {vectors.shape[1]} words, {len(valid)} of them marked valid or "
            f"not, for {words} words of the corpus; expected the same number. Features and corpus "
            "belong to different versions: run the workflow again from the features on."
        )
