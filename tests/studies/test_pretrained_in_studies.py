"""Whatever is trained here goes through every study: each architecture, with each tokenizer.

`strategies` trains models of its own, and reads no run; `similarity` reads the features that
`pushdown` does.
"""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from ontogeny.audit.trajectory import audit_trajectory
from ontogeny.corpora.corpus import read_split, write_split
from ontogeny.corpora.grammar import generate, minimal_pairs, write_minimal_pairs
from ontogeny.corpora.tasks import TREE_TASKS, WORD_LABEL_TASKS
from ontogeny.errors import CheckpointError
from ontogeny.measures.concentration import Texts as ReadTexts
from ontogeny.measures.concentration import concentration_by_token
from ontogeny.measures.features import extract
from ontogeny.measures.likelihood import read_minimal_pairs
from ontogeny.measures.trial import try_checkpoint
from ontogeny.results.measurements import measure_steps
from ontogeny.results.tables import check
from ontogeny.runs.architectures import ARCHITECTURES
from ontogeny.runs.checkpoints.loading import (
    load_checkpoint,
    load_language_model,
    load_model,
    load_tokenizer,
)
from ontogeny.runs.checkpoints.manifest import checkpoint_path
from ontogeny.runs.pretraining.launching import pretrain
from ontogeny.runs.pretraining.tokenizers import KINDS
from ontogeny.runs.recipes import SIZES as SIZES_OF_SOME
from ontogeny.runs.recipes import read_recipe
from ontogeny.studies.interdependence.measure import measure_pairs
from ontogeny.studies.interdependence.word_pairs import word_pairs
from ontogeny.studies.pushdown import measure as pushdown
from ontogeny.studies.pushdown.tables import PUSHDOWN
from ontogeny.studies.sas.attention_map import attention_map, best_head, shown_sentence
from ontogeny.studies.sas.measure import measure_capability, measure_structure
from ontogeny.studies.sas.tables import ATTENTION, SAS

pytestmark = pytest.mark.slow

STEPS = [0, 2]
PLACE = {"run": "tiny", "corpus": "toyglish", "seed": 0}
SIZES = {"layers": 2, "heads": 2, "width": 16, "batch_size": 8, "sequence_length": 64}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A corpus's splits by name, their folder, and minimal pairs."""
    folder = tmp_path_factory.mktemp("toyglish")
    for split, rows in generate({"train": 60, "dev": 15, "test": 15}).items():
        write_split(rows, folder / f"{split}.parquet")
    write_minimal_pairs(minimal_pairs(pairs_per_paradigm=2), folder / "pairs")
    splits = {name: read_split(folder / f"{name}.parquet") for name in ("train", "dev", "test")}
    return SimpleNamespace(folder=folder, splits=splits, pairs=read_minimal_pairs(folder / "pairs"))


@pytest.fixture(scope="module", params=[(a, k) for a in ARCHITECTURES for k in KINDS], ids="-".join)
def chosen(request):
    """An architecture and a kind of tokenizer, by their names."""
    return request.param


@pytest.fixture(scope="module")
def trained(chosen, corpus, tmp_path_factory):
    """The folder of a trajectory of two updates."""
    architecture, kind = chosen
    folder = tmp_path_factory.mktemp("run")
    vocabulary = {} if kind == "word" else {"vocabulary_size": 400}
    settings = {"architecture": architecture, "steps": STEPS, "tokenizer": kind, **vocabulary}
    without = set(SIZES_OF_SOME) - set(ARCHITECTURES[architecture].sizes)
    sizes = {name: size for name, size in SIZES.items() if name not in without}
    pretrain(
        read_recipe({**settings, **sizes}, "tiny"),
        run="tiny",
        seed=0,
        train=[corpus.folder / "train.parquet"],
        dev=[corpus.folder / "dev.parquet"],
        folder=folder,
        working=folder / ".unfinished",
        devices=1,
    )
    return folder


def test_its_audit_finds_no_more_than_that_it_has_no_attention(trained, chosen):
    findings = audit_trajectory(trained, run="tiny", seed=0, steps=STEPS).findings
    expected = [] if ARCHITECTURES[chosen[0]].attention else [("attention", "note")]
    assert [(finding.check, finding.severity) for finding in findings] == expected


def test_a_trial_measures_everything_but_attention_that_there_is_not(trained, chosen):
    outcomes = try_checkpoint(checkpoint_path(trained, 2))
    refused = [outcome.measure for outcome in outcomes if outcome.refusal]
    assert refused == ([] if ARCHITECTURES[chosen[0]].attention else ["attention"])


def test_sparsity_measures_states_and_gradients(trained, corpus):
    model, tokenizer, objective = load_checkpoint(checkpoint_path(trained, 2))
    words = list(corpus.splits["test"]["words"])
    found = concentration_by_token(model, tokenizer, words, objective, ReadTexts(streams=2))
    measured = {(key.layer, key.quantity) for key in found.means if key.measure == "chi"}
    assert measured >= {(layer, what) for layer in range(3) for what in ("activation", "gradient")}
    assert (found.counts > 0).any()
    for means in found.means.values():
        assert np.isfinite(means[~np.isnan(means)]).all()
        assert not np.isnan(means).all()


def test_interdependence_measures_pairs_of_words(trained, chosen, corpus):
    model, tokenizer, _ = load_checkpoint(checkpoint_path(trained, 2))
    test = corpus.splits["test"]
    counts = Counter(word.lower() for words in test["words"] for word in words)
    pairs = word_pairs(test, 2, counts, "toyglish")
    settings = {"least_cases": 1, "samples": 2, "seed": 0}
    if chosen[1] != "word":  # whose vocabulary here is too small for whole words
        with pytest.raises(CheckpointError, match="Give the run a word tokenizer"):
            measure_pairs(model, tokenizer, test, pairs, **settings)
        return
    rows, _, _ = measure_pairs(model, tokenizer, test, pairs, **settings)
    assert set(rows["layer"]) == {1, 2}
    assert np.isfinite(rows["value"]).all()


def test_pushdown_probes_every_task(trained, corpus):
    path = checkpoint_path(trained, 2)
    model, tokenizer = load_model(path, device="cpu"), load_tokenizer(path)
    found = {name: extract(model, tokenizer, rows) for name, rows in corpus.splits.items()}
    scores, _ = pushdown.measure(
        {name: features.vectors for name, features in found.items()},
        {name: features.valid for name, features in found.items()},
        corpus.splits,
        WORD_LABEL_TASKS + TREE_TASKS,
        l2=(0.1,),
        rank=4,
        epochs=1,
        seed=0,
        device="cpu",
    )
    check(scores.assign(**PLACE, step=2), PUSHDOWN)
    assert set(scores["layer"]) == {0, 1, 2}
    assert set(scores["task"]) == set(WORD_LABEL_TASKS + TREE_TASKS)


def test_sas_measures_structure_capability_and_a_map(trained, chosen, corpus, tmp_path):
    checkpoints = {step: checkpoint_path(trained, step) for step in STEPS}
    test = corpus.splits["test"]
    if not ARCHITECTURES[chosen[0]].attention:
        *model, objective = load_checkpoint(checkpoints[2])
        with pytest.raises(CheckpointError, match="attention"):
            measure_structure(*model, test, source="x", objective=objective, device="cpu")
        return

    def structure(step):
        *model, objective = load_checkpoint(checkpoints[step])
        sizes = {"points": 60, "fisher_sentences": 3, "device": "cpu"}
        return measure_structure(*model, test, source="x", objective=objective, **sizes)

    def capability(step):
        *model, objective = load_checkpoint(checkpoints[step])
        return measure_capability(*model, corpus.pairs, objective=objective, device="cpu")

    tables = {}
    for name, measure in (("structure", structure), ("capability", capability)):
        outputs = [tmp_path / f"{name}.parquet", tmp_path / f"{name}.rows.parquet"]
        measure_steps(measure, checkpoints, PLACE, dict.fromkeys(outputs))
        tables[name] = pd.read_parquet(outputs[0])
        check(tables[name], SAS)
        assert set(tables[name]["step"]) == set(STEPS)
    measured = set(tables["structure"]["metric"]) | set(tables["capability"]["metric"])
    # No relation has 100 words in so few.
    assert measured == {metric.name for metric in SAS.metrics} - {"uas_frequent"}
    head = best_head(tables["structure"], 2)
    loaded = [
        (step, load_language_model(path, device="cpu"), load_tokenizer(path))
        for step, path in checkpoints.items()
    ]
    rows = attention_map(loaded, shown_sentence(test, head.relation), head)
    check(rows.assign(**PLACE), ATTENTION)
    assert torch.isfinite(torch.tensor(rows["value"].to_numpy())).all()
