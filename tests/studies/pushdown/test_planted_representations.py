"""From word vectors to push-down numbers: what was planted in known layers is found in just those.

The eight tasks have answers that are independent of each other, and each arrives in layers of its
own at steps of its own. Where an answer isn't planted, the vectors hold one that was shuffled, so
that they look alike everywhere.
"""

import numpy as np
import pandas as pd
import pytest
import torch

from ontogeny.corpora.corpus import SCHEMA
from ontogeny.corpora.tasks import TASKS, TREE_TASKS, WORD_LABEL_TASKS, tree_depths, word_labels
from ontogeny.studies.pushdown.answers import count_answers
from ontogeny.studies.pushdown.measure import measure
from ontogeny.studies.pushdown.migration import migration
from ontogeny.studies.pushdown.resampling import resample

SENTENCES = {"train": 350, "dev": 60, "test": 60}
LONGEST, LAYERS, WIDTH = 9, 4, 32
STEPS = (0, 10, 100)

# The step at which a layer begins to hold a task's answer. Words whose distances lie in a layer
# have their depths there too: the root is one of them.
ARRIVALS = {
    "upos": {1: 100, 2: 10, 3: 10},
    "xpos": {3: 0},
    "entity": {0: 100, 1: 10, 2: 10},
    "deprel": {2: 100, 3: 100},
    "phrase_start": {0: 10, 3: 10},
    "phrase_end": {0: 0, 1: 0, 2: 0, 3: 0},
    "tree_depth": {1: 100, 2: 10, 3: 10},
    "tree_distance": {2: 100, 3: 10},
}
LABELS = {
    "upos": ["ADJ", "NOUN", "VERB"],
    "xpos": ["JJ", "NN", "NNS", "VB"],
    "entity": ["O", "B-PER", "B-LOC"],
    "deprel": ["nsubj", "obj", "obl"],
    "phrase_start": [0, 1],
    "phrase_end": [0, 2],
}


@pytest.fixture(autouse=True)
def one_thread():
    """Matrices this small are slower on two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def sentences(count, generator):
    """Sentences whose words, labels and trees are drawn independently of each other."""
    rows = []
    for number, size in enumerate(generator.integers(2, LONGEST + 1, count)):
        order = generator.permutation(size)
        head = np.zeros(size, dtype=int)
        for place in range(1, size):
            head[order[place]] = order[generator.integers(max(0, place - 3), place)] + 1
        row = {task: generator.choice(labels, size).tolist() for task, labels in LABELS.items()}
        words = [f"w{word}" for word in generator.integers(0, 400, size)]
        identity = {"sentence_id": str(number), "document_id": "d", "words": words}
        rows.append(row | identity | {"head": head.tolist()})
    return pd.DataFrame(rows).reindex(columns=SCHEMA.names)


def edges_to_the_root(frame):
    """Each word is the sum of the unit vectors of the edges between it and the root."""
    vectors = []
    for head in frame["head"]:
        for word in range(len(head)):
            vector = np.zeros(LONGEST)
            while head[word]:
                vector[word] = 1
                word = head[word] - 1
            vectors.append(vector)
    return np.array(vectors)


def represent(frame, step, generator):
    """Vectors (layers, words, width) that hold, in each layer, the answers that arrived there."""
    depths = np.concatenate([tree_depths(head) for head in frame["head"]])
    depth = np.zeros((len(depths), LONGEST))
    depth[:, 0] = np.sqrt(depths)
    layers = []
    for layer in range(LAYERS):
        holds = [task for task in TASKS if ARRIVALS[task].get(layer, np.inf) <= step]
        parts = []
        for task in WORD_LABEL_TASKS:
            labels = word_labels(frame, task)
            labels = labels if task in holds else generator.permutation(labels)
            parts.append(labels[:, None] == np.unique(labels))
        if "tree_distance" in holds:
            parts.append(edges_to_the_root(frame))
        elif "tree_depth" in holds:
            parts.append(depth)
        else:
            parts.append(generator.permutation(edges_to_the_root(frame)))
        together = np.concatenate(parts, axis=1)
        missing = WIDTH - together.shape[1]
        layers.append(np.pad(together.astype(float), ((0, 0), (0, missing))))
    turn = np.linalg.qr(np.random.default_rng(99).normal(size=(WIDTH, WIDTH)))[0]
    noise = generator.normal(scale=0.05, size=(LAYERS, len(depths), WIDTH))
    return torch.tensor(np.array(layers) @ turn.T + noise, dtype=torch.float16)


@pytest.fixture(scope="module")
def found():
    """What the study makes of it: the migration table of one trajectory."""
    generator = np.random.default_rng(0)
    frames = {split: sentences(count, generator) for split, count in SENTENCES.items()}
    words = {split: int(frame["words"].map(len).sum()) for split, frame in frames.items()}
    # Words that a model can't read hold anything at all, and count nowhere.
    valid = {split: torch.tensor(generator.random(n) < 0.95) for split, n in words.items()}
    measured = []
    for step in STEPS:
        vectors = {split: represent(frame, step, generator) for split, frame in frames.items()}
        for split in frames:
            vectors[split][:, ~valid[split]] = 1000
        pair = measure(vectors, valid, frames, TASKS, seed=0, device="cpu")
        measured.append([t.assign(run="run", corpus="corpus", seed=0, step=step) for t in pair])
    scores, answers = (pd.concat(tables) for tables in zip(*measured, strict=True))
    return migration(resample(scores, count_answers(answers), draws=20, seed=0))


def values(found, metric, task, index):
    rows = found[(found["metric"] == metric) & (found["task"] == task)]
    rows = rows[(rows["subset"] == "all") & (rows["seed"] == 0)]
    return dict(zip(rows[index], rows["value"], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_planted_task_arrives_in_just_the_layers_and_at_just_the_steps_planted(found, task):
    assert values(found, "arrival_step", task, "layer") == ARRIVALS[task]


@pytest.mark.parametrize("task", TASKS)
def test_the_shallowest_sufficient_layer_is_the_lowest_planted_at_each_step(found, task):
    planted = {
        step: min(layer for layer, arrival in ARRIVALS[task].items() if arrival <= step)
        for step in STEPS
        if min(ARRIVALS[task].values()) <= step
    }
    assert values(found, "shallowest_sufficient_layer", task, "step") == planted


def test_the_trees_are_the_only_tasks_without_word_types(found):
    subsets = found.groupby("task")["subset"].agg(set)
    assert all(subsets[task] == {"all"} for task in TREE_TASKS)
    assert all({"all", "seen", "unseen"} <= subsets[task] for task in WORD_LABEL_TASKS)
