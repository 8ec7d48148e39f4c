"""One checkpoint's measurement."""

import numpy as np
import pandas as pd
import pytest
import torch

from ontogeny.corpora.corpus import SCHEMA
from ontogeny.errors import ConfigError
from ontogeny.results.tables import check
from ontogeny.studies.pushdown import measure as library
from ontogeny.studies.pushdown.measure import measure
from ontogeny.studies.pushdown.protocol import completed
from ontogeny.studies.pushdown.tables import PUSHDOWN


def sentences(lengths, seed=0):
    """Sentences of random words, tags and right-branching trees, of the given lengths."""
    generator = np.random.default_rng(seed)
    rows = [
        {
            "sentence_id": str(index),
            "document_id": "d",
            "words": [f"w{word}" for word in generator.integers(0, 50, length)],
            "upos": generator.choice(["NOUN", "VERB"], length).tolist(),
            "head": list(range(length)),
        }
        for index, length in enumerate(lengths)
    ]
    return pd.DataFrame(rows).reindex(columns=SCHEMA.names).astype(object).replace({np.nan: None})


def features(seed=0):
    frames = {
        name: sentences(np.random.default_rng(seed).integers(3, 9, count), seed)
        for name, count in (("train", 40), ("dev", 10), ("test", 12))
    }
    generator = torch.Generator().manual_seed(seed)
    words = {name: int(frame["words"].map(len).sum()) for name, frame in frames.items()}
    vectors = {name: torch.randn(2, n, 8, generator=generator) for name, n in words.items()}
    valid = {name: torch.ones(n, dtype=torch.bool) for name, n in words.items()}
    return vectors, valid, frames


@pytest.mark.parametrize(
    "tasks", [["upos"], ["tree_depth"], ["tree_distance", "upos", "tree_depth"]]
)
def test_a_checkpoint_has_scores_and_answers_for_just_the_tasks_asked_for(tasks):
    scores, answers = measure(*features(), tasks, epochs=2, rank=4, seed=0)
    assert set(scores["task"]) == set(tasks)
    assert set(answers["task"]) == set(tasks)
    assert set(scores["layer"]) == {0, 1}
    check(scores.assign(run="r", corpus="c", seed=0, step=0), PUSHDOWN)


def test_every_setting_reaches_the_probes_it_is_for(monkeypatch):
    given = {}

    def record(name):
        def probe(vectors, valid, sentences, tasks, **settings):
            given[name] = settings
            return pd.DataFrame(), pd.DataFrame()

        return probe

    monkeypatch.setattr(library, "probe_word_labels", record("words"))
    monkeypatch.setattr(library, "probe_trees", record("trees"))
    tasks = ["upos", "tree_depth"]
    of_words = {"l2": (0.5,), "bias": False, "phrase_root": True}
    of_trees = {"rank": 3, "epochs": 7}
    shared = {"seed": 11, "device": "cpu"}
    measure({}, {}, {}, tasks, **of_words, **of_trees, **shared)
    assert given == {"words": of_words | shared, "trees": of_trees | shared}


def test_a_protocol_is_a_preset_of_keys_each_of_which_can_be_given():
    def settings(name, **keys):
        return completed({"protocol": name, "structural": {}, **keys})

    ours, released = settings("ours"), settings("released")
    assert {key for key in ours if ours[key] != released[key]} == {
        *("protocol", "normalised", "segment", "l2", "bias", "phrase_root", "structural"),
    }
    assert released["structural"] == {"rank": 64, "epochs": 4}
    mixed = settings("released", bias=True, structural={"epochs": 9})
    assert mixed == released | {"bias": True, "structural": {"rank": 64, "epochs": 9}}


@pytest.mark.parametrize("tasks", [[], ["upos", "sentiment"]])
def test_a_task_that_does_not_exist_is_refused_with_the_list_of_those_that_do(tasks):
    with pytest.raises(ConfigError, match=r"tasks: found .* expected one or more of upos"):
        measure(*features(), tasks, seed=0)
