"""The atlas takes what is measured, whatever is switched off, and refuses what can't be."""

import copy
from pathlib import Path

import pytest
import yaml

from ontogeny.errors import ConfigError
from ontogeny.planning.configuration import validate
from ontogeny.runs.architectures import ARCHITECTURES
from ontogeny.studies import STUDIES
from ontogeny.studies.atlas.layout import shared_runs
from ontogeny.studies.atlas.study import ATLAS

TOY = yaml.safe_load((Path(__file__).parents[3] / "config" / "config.yaml").read_text())
OF_RUNS = [study for study in STUDIES if "runs" in (TOY["studies"].get(study.name) or {})]


def valid(config):
    return validate(config, "mine.yaml", set(), STUDIES)


def test_the_toy_tier_has_the_atlas_of_both_runs():
    assert shared_runs(valid(TOY)) == ["toy-bert", "toy-lstm"]


def test_a_run_has_a_timeline_if_two_studies_measure_it():
    config = copy.deepcopy(TOY)
    config["studies"] = {
        name: config["studies"][name] for name in ("pushdown", "sparsity", "atlas")
    }
    assert shared_runs(valid(config)) == ["toy-bert"]
    config["studies"]["sparsity"]["runs"] = ["toy-lstm"]
    assert shared_runs(valid(config)) == []
    assert ATLAS.figure_files(valid(config)) == []


def test_without_any_other_study_there_is_nothing_to_draw():
    config = valid({"tier": "toy", "studies": {"atlas": {}}})
    assert ATLAS.figure_files(config) == []
    assert ATLAS.targets(config)


@pytest.mark.parametrize("study", OF_RUNS, ids=lambda study: study.name)
@pytest.mark.parametrize("run", ["toy-bert", "toy-lstm"])
def test_a_pair_of_study_and_run_is_planned_or_refused_by_name(study, run):
    config = copy.deepcopy(TOY)
    config["studies"][study.name]["runs"] = [run]
    config["studies"][study.name].pop("steps", None)
    has_attention = ARCHITECTURES[config["runs"][run]["architecture"]].attention
    if study.reads_attention and not has_attention:
        with pytest.raises(ConfigError, match=rf"studies\.{study.name}\.runs: {run} is of"):
            valid(config)
    else:
        files = study.targets(valid(config))
        assert files


def test_every_study_whose_milestones_are_read_declares_the_tables_they_come_from():
    told = [study for study in STUDIES if study.milestones]
    assert {"pushdown", "sas", "similarity", "sparsity", "stages", "clones"} <= {
        s.name for s in told
    }
    for study in told:
        own = [joined.table for joined in study.tables]
        assert all(table in own for table in study.milestones.reads)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"together": 1}, "together"),
        ({"permutations": 5}, "permutations"),
        ({"map": {"states": 0}}, "states"),
        ({"runs": ["toy-bert"]}, "runs"),
    ],
)
def test_what_can_not_be_is_refused_by_name(change, message):
    config = copy.deepcopy(TOY)
    config["studies"]["atlas"] = change
    with pytest.raises(ConfigError, match=rf"mine\.yaml: .*atlas.*{message}"):
        valid(config)
