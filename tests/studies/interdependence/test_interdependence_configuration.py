"""The study's configuration is refused before any job, and its files follow from it alone."""

import copy

import pytest

from ontogeny.errors import ConfigError
from ontogeny.planning.configuration import validate
from ontogeny.studies import STUDIES
from ontogeny.studies.interdependence import layout, resources
from ontogeny.studies.interdependence.study import INTERDEPENDENCE

RUN = {"kind": "pretrain", "architecture": "lstm", "corpus": "toyglish", "seeds": [0, 1]}
VALID = {
    "tier": "toy",
    "chunk": 2,
    "corpora": {
        "toyglish": {"kind": "grammar", "sentences": {"train": 9, "dev": 9, "test": 9}},
        "plain": {"kind": "text", "train": "a.txt", "dev": "b.txt", "test": "c.txt"},
    },
    "runs": {"mine": RUN | {"steps": [0, 10, 20]}},
    "studies": {
        "interdependence": {
            "runs": ["mine"],
            "corpora": ["toyglish"],
            "synthetic": {"seeds": [0, 1], "steps": [0, 100], "runs_per_job": 10},
        }
    },
}


def checked(rule=None, **changes):
    config = copy.deepcopy(VALID)
    study = config["studies"]["interdependence"]
    study["synthetic"] |= rule or {}
    study |= changes
    return validate(config, "mine.yaml", set(), STUDIES)


def test_the_defaults_are_the_published_corpora():
    settings = checked()["studies"]["interdependence"]["synthetic"]
    published = {"tokens": 1_000_000, "types": 1000, "rule_count": 1000, "phrases": 100}
    published |= {"outside": 1000, "width": 200, "learning_rate": 1.0, "batch_size": 20}
    assert {key: settings[key] for key in published} == published


def test_either_part_can_be_left_out():
    alone = checked(runs=[], corpora=[])
    assert layout.measured(alone) == layout.sweeps(alone) != []
    assert layout.verdicts(alone) == ["results/measurements/interdependence/synthetic/claims.tsv"]
    words = checked()
    words["studies"]["interdependence"]["synthetic"] = None
    assert layout.sweeps(words) == []
    assert len(layout.measured(words)) == 2 * 2  # seeds and chunks
    assert not [file for file in INTERDEPENDENCE.figure_files(words) if "rule" in file]
    assert layout.sweep_settings(words) == {}


def test_jobs_and_their_resources_follow_from_the_settings():
    config = checked()
    # Four settings, three lengths, two seeds, at most ten in a job.
    assert len(layout.sweeps(config)) == 3
    assert sum(len(layout.members(config, job)) for job in range(3)) == 24
    assert layout.sweep_settings(config)["steps"] == [0, 100]
    assert resources.sweep_runtime(config, 0) > 30
    assert resources.pairs_runtime(config, "mine", 0, attempt=2) > 60
    assert layout.compared_steps(config, "mine") == [0, 20]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"runs": []}, "studies.interdependence.corpora: words of a corpus are paired in runs"),
        ({"corpora": []}, "studies.interdependence.corpora: words of a corpus are paired in runs"),
        ({"corpora": ["plain"]}, "syntactic distance needs the annotation head"),
        ({"steps": [5]}, "run 'mine' has no checkpoint at step 5"),
        (
            {"runs": [], "corpora": [], "synthetic": None},
            "studies.interdependence.runs: is empty, and synthetic is left out",
        ),
        ({"farthest": 1}, "studies.interdependence.farthest: 1 is less than the minimum of 2"),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(changes, expected):
    with pytest.raises(ConfigError) as refused:
        checked(**changes)
    assert expected in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"tokens": 500_000}, "synthetic.tokens: is 500000, and scaffolds of 8 can't be placed"),
        ({"phrases": 300}, "synthetic.phrases: is 300; expected a divisor"),
        ({"types": 8}, "synthetic.phrases: is 100, but 8 types make only 64 phrases of 2"),
        ({"tokens": 1_000_001}, "synthetic.tokens: is 1000001; expected a multiple of batch_size"),
        ({"settings": ["known"]}, "synthetic.settings.0: is 'known'"),
        ({"steps": [3, 1]}, "synthetic.steps: 1 comes after 3"),
        ({"sequence_length": 60_000}, "synthetic.sequence_length: is 60000"),
    ],
)
def test_scaffolds_that_cannot_be_placed_are_refused_by_their_key(changes, expected):
    with pytest.raises(ConfigError) as refused:
        checked(rule=changes)
    assert expected in str(refused.value)
