"""Whatever is trained here goes through every study: each architecture, with each tokenizer.

`strategies` trains models of its own, and reads no run.
"""

from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from ontogeny.audit.trajectory import audit_trajectory
from ontogeny.corpora.corpus import read_split, write_split
from ontogeny.corpora.grammar import generate, minimal_pairs, write_minimal_pairs
from ontogeny.corpora.tasks import TREE_TASKS, WORD_LABEL_TASKS
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
from ontogeny.runs.recipes import read_recipe
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
def trained(request, corpus, tmp_path_factory):
    """The folder of a trajectory of two updates."""
    architecture, kind = request.param
    folder = tmp_path_factory.mktemp("run")
    vocabulary = {} if kind == "word" else {"vocabulary_size": 400}
    settings = {"architecture": architecture, "steps": STEPS, "tokenizer": kind, **vocabulary}
    pretrain(
        read_recipe({**settings, **SIZES}, "tiny"),
        run="tiny",
        seed=0,
        train=[corpus.folder / "train.parquet"],
        folder=folder,
        working=folder / ".unfinished",
        devices=1,
    )
    return folder


def test_its_audit_finds_nothing(trained):
    assert audit_trajectory(trained, run="tiny", seed=0, steps=STEPS).findings == ()


def test_a_trial_measures_everything(trained):
    outcomes = try_checkpoint(checkpoint_path(trained, 2))
    assert [outcome.refusal for outcome in outcomes if outcome.refusal] == []


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


def test_sas_measures_structure_capability_and_a_map(trained, corpus, tmp_path):
    checkpoints = {step: checkpoint_path(trained, step) for step in STEPS}
    test = corpus.splits["test"]

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
