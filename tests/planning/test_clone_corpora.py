"""Clones that can't be are refused by name before anything runs."""

import pytest
from tiny_workflow import tiny

from ontogeny.errors import ConfigError
from ontogeny.planning import layout, resources
from ontogeny.planning.configuration import annotations, validate
from ontogeny.planning.samplers import MASKED
from ontogeny.runs.architectures import ARCHITECTURES
from ontogeny.studies import STUDIES

CLONE = {
    "kind": "clone",
    "corpus": "toyglish",
    "sampler": "tiny",
    "sweeps": 2,
    "sentences": {"train": 50, "dev": 10, "test": 10},
}


def run(corpus, **changes):
    return {
        "kind": "pretrain", "architecture": "bert", "corpus": corpus, "seeds": [0], "steps": [0, 4],
    } | changes  # fmt: skip


def config(**changes):
    given = tiny(corpora__clone=dict(CLONE), runs__student=run("clone"))
    for path, value in changes.items():
        *parents, last = path.split("__")
        entry = given
        for key in parents:
            entry = entry[key]
        entry[last] = value
    return given


def validated(**changes):
    return validate(config(**changes), "mine.yaml", set(), STUDIES)


def test_a_clone_has_defaults_no_annotations_and_a_run_to_be_trained_on_it():
    filled = validated()
    clone = filled["corpora"]["clone"]
    assert (clone["seed"], clone["shortest"], clone["longest"]) == (0, 4, 30)
    assert (clone["proposals"], clone["order"], clone["temperature"]) == (
        "conditional", "random", 1.0,
    )  # fmt: skip
    assert annotations(clone) == ()
    assert layout.clones(filled) == ["clone"]
    assert layout.last_checkpoint(filled, "tiny") == "results/runs/tiny/seed-0/step-40"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"corpora__clone__corpus": "toyglsh"}, "corpora.clone.corpus: there is no corpus 'toyg"),
        ({"corpora__clone__sampler": "tini"}, "corpora.clone.sampler: there is no run 'tini'; did"),
        (
            {"runs__tiny__architecture": "gpt"},
            "corpora.clone.sampler: tiny is of the architecture gpt, which predicts each word",
        ),
        (
            {"runs__tiny__sequence_length": 31},
            "corpora.clone.longest: sentences of 30 words and 2 special tokens don't fit into tiny",
        ),
        ({"corpora__clone__shortest": 31}, "corpora.clone.shortest: is 31, more than longest, 30"),
        ({"corpora__clone__sweeps": 0}, "corpora.clone.sweeps"),
        ({"corpora__clone__temperature": 0}, "corpora.clone.temperature"),
        ({"corpora__clone__sentences": {"train": 9}}, "corpora.clone.sentences"),
        (
            {"corpora__clone__corpus": "clone"},
            "corpora.clone: is made from itself: corpora.clone needs corpora.clone. Name another",
        ),
        (
            {"corpora__clone__sampler": "student"},
            "corpora.clone: is made from itself: corpora.clone needs runs.student needs "
            "corpora.clone. Name another",
        ),
        (
            {"studies__pushdown__corpora": {"clone": ["upos"]}},
            "studies.pushdown.corpora.clone: task upos needs the annotation upos, which this "
            "corpus does not have (it has none)",
        ),
        (
            {"runs__student__regularizer": {"kind": "syntactic_attention", "strength": 1}},
            "runs.student.regularizer: needs the annotation head, which no corpus of the run "
            "(clone) has",
        ),
    ],
)
def test_what_cannot_be_sampled_is_refused(changes, message):
    with pytest.raises(ConfigError) as error:
        validated(**changes)
    assert message in str(error.value)


def test_architectures_that_can_be_sampled_are_those_that_are_masked():
    masked = {name for name, made in ARCHITECTURES.items() if made.objective == "masked"}
    assert set(MASKED) == masked


def test_a_circle_through_other_clones_is_found_and_so_is_each_of_several():
    """And nothing is taken for one that isn't: `second` needs `clone` by two ways."""
    second = CLONE | {"corpus": "clone", "sampler": "student"}
    assert layout.clones(validated(corpora__second=second)) == ["clone", "second"]
    with pytest.raises(ConfigError) as error:
        validated(
            corpora__second=second,
            runs__grandchild=run(["toyglish", "second"]),
            corpora__clone__sampler="grandchild",
            corpora__own=CLONE | {"corpus": "own"},
        )
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert "corpora.own needs corpora.own" in str(error.value)
    (longer,) = (line for line in lines if "grandchild" in line)
    assert "corpora.clone needs runs.grandchild needs corpora.second needs" in longer
    assert longer.endswith("needs corpora.clone. Name another corpus or sampler.")


def test_sampling_takes_longer_with_more_sweeps_and_sentences():
    base, sweeps, sentences = (
        resources.cloning_runtime(validated(**changes), "clone")
        for changes in (
            {},
            {"corpora__clone__sweeps": 200},
            {"corpora__clone__sentences": {"train": 5000, "dev": 1000, "test": 1000}},
        )
    )
    assert 30 < base < sweeps
    assert (sweeps - 30) / 100 == pytest.approx(base - 30, abs=1)
    assert (sentences - 30) / 100 == pytest.approx(base - 30, abs=1)


def test_streams_of_one_initialisation_without_dropout_are_refused():
    """They would be one and the same: only data in another order, or dropout, tells seeds apart."""
    lstm = {"architecture": "lstm", "initial_seed": 0, "dropout": 0.0, "seeds": [0, 1]}
    with pytest.raises(ConfigError, match=r"runs\.student\.initial_seed: streams are read in one"):
        validated(runs__student=run("toyglish", **lstm))
    for change in ({"dropout": 0.1}, {"seeds": [0]}, {"sequences": "packed", "decay": "linear"}):
        validated(runs__student=run("toyglish", **lstm | change))
