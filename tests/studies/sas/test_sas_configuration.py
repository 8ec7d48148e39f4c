"""The settings of the study of syntactic attention, and the files that follow from them."""

import copy
from pathlib import Path

import pytest
import yaml

from ontogeny.errors import ConfigError
from ontogeny.planning import layout, resources
from ontogeny.planning.configuration import validate
from ontogeny.studies import STUDIES
from ontogeny.studies.sas import layout as sas_layout
from ontogeny.studies.sas import resources as sas_resources
from ontogeny.studies.sas.interventions import Intervention
from ontogeny.studies.sas.study import SAS

STAGED = {"kind": "syntactic_attention", "strength": 1.0, "until": 30}
TRAINED = {
    "kind": "pretrain",
    "architecture": "bert",
    "corpus": "toyglish",
    "seeds": [3, 4],
    "steps": {"spacing": "linear", "last": 60, "count": 7},
}
VALID = {
    "tier": "toy",
    "chunk": 3,
    "corpora": {
        "toyglish": {"kind": "grammar", "sentences": {"train": 100, "dev": 10, "test": 10}},
        "raw": {"kind": "text", "source": "wikitext-2"},
        "ewt": {"kind": "conllu", "source": "ud-ewt"},
    },
    "runs": {
        "plain": TRAINED,
        "brief": {**TRAINED, "regularizer": STAGED},
        "longer": {**TRAINED, "regularizer": STAGED | {"until": 40}},
        "down": {**TRAINED, "regularizer": STAGED | {"until": None}},
        "mine": {"kind": "local", "path": "/m/{step}", "seeds": [0], "steps": [0, 7]},
    },
    "studies": {
        "sas": {
            "runs": ["plain", "brief", "longer", "down", "mine"],
            "corpora": ["toyglish", "ewt"],
            "minimal_pairs": "toyglish",
        }
    },
}
SOURCES = {"ud-ewt", "wikitext-2", "blimp"}


def changed(**settings):
    config = copy.deepcopy(VALID)
    config["studies"]["sas"] |= settings
    return config


def checked(**settings):
    return validate(changed(**settings), "mine.yaml", SOURCES, STUDIES)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"corpora": ["raw"]}, "sas.corpora.raw: syntactic attention needs the annotation head"),
        ({"corpora": ["toyglsh"]}, "no corpus 'toyglsh'; did you mean 'toyglish'?"),
        ({"corpora": {"toyglish": "all"}}, "studies.sas.corpora: "),
        ({"runs": ["plian"]}, "no run 'plian'; did you mean 'plain'?"),
        ({"runs": []}, "studies.sas.runs: "),
        ({"steps": [0, 13]}, "run 'plain' has no checkpoint at step 13; it has 0, 10,"),
        ({"minimal_pairs": "ewt"}, "no minimal pairs 'ewt'; expected toyglish, blimp, a folder ("),
        ({"minimal_pairs": "./none"}, "sas.minimal_pairs: there is no folder './none'"),
        ({"words": 0}, "studies.sas.words: "),
        ({"points": 2}, "studies.sas.points: "),
        ({"fisher_draws": 9}, "studies.sas.fisher_draws: "),  # one is off by a fifth
        ({"bootstrap": 1}, "studies.sas.bootstrap: "),
        ({"tasks": "all"}, "studies.sas: unknown key 'tasks'"),
    ],
)
def test_wrong_settings_are_named_with_what_was_found_and_expected(settings, expected):
    with pytest.raises(ConfigError) as error:
        checked(**settings)
    assert expected in str(error.value)
    assert str(error.value).startswith("mine.yaml: ")


def test_minimal_pairs_are_of_a_grammar_a_source_or_a_folder(tmp_path):
    assert sas_layout.minimal_pairs(checked()) == (
        "toyglish",
        "results/corpora/toyglish/minimal_pairs",
    )
    assert sas_layout.minimal_pairs(checked(minimal_pairs="blimp")) == (
        "blimp",
        "results/sources/blimp",
    )
    (tmp_path / "own").mkdir()
    folder = f"{tmp_path}/own"
    assert sas_layout.minimal_pairs(checked(minimal_pairs=folder + "/")) == ("own", folder + "/")
    without = checked(minimal_pairs=None)
    assert sas_layout.minimal_pairs(without) is None
    assert sas_layout.capability(without, "pairs", ["plain"]) == []


def test_pairs_are_scored_once_whatever_the_number_of_corpora():
    config = checked()
    assert sas_layout.capability(config, "pairs", ["plain"]) == [
        f"results/measurements/sas/minimal_pairs/plain/seed-{seed}/chunk-{chunk}.pairs.parquet"
        for seed in (3, 4)
        for chunk in range(3)
    ]
    assert len(layout.measurements(config, "sas", "structure")) == 2 * (4 * 2 * 3 + 1)


def test_runs_are_compared_with_the_one_that_has_no_regularizer():
    config = checked()
    assert sas_layout.compared(config, "brief") == ["plain"]
    assert sas_layout.compared(config, "plain") == sas_layout.compared(config, "mine") == []
    assert sas_layout.interventions(config) == {"plain": ["brief", "longer", "down"]}
    figures = [file for file in SAS.figure_files(config) if "/onsets." in file]
    together = [file for file in SAS.figure_files(config) if "/interventions." in file]
    assert figures == [
        f"results/figures/sas/onsets.{run}.{corpus}.svg"
        for run in ("plain", "mine")
        for corpus in ("toyglish", "ewt")
    ]
    assert together == [
        f"results/figures/sas/interventions.plain.{corpus}.svg" for corpus in ("toyglish", "ewt")
    ]
    assert sorted(layout.forests(config, [SAS])) == sorted(
        f"results/figures/claims/forest.{run}.{corpus}.svg"
        for run in config["studies"]["sas"]["runs"]
        for corpus in ("toyglish", "ewt")
    )
    assert sas_layout.attention_maps(config) == [
        f"results/measurements/sas/{corpus}/{run}/attention.parquet"
        for run in ("plain", "mine")
        for corpus in ("toyglish", "ewt")
    ]
    assert sas_layout.intervention_labels(config, "plain") == {
        "plain": "baseline",
        "brief": "suppressed until 30, 1",
        "longer": "suppressed until 40, 1",
        "down": "suppressed throughout, 1",
    }
    rivals = {run: sas_layout.rivals(config, run) for run in config["studies"]["sas"]["runs"]}
    assert rivals == {"plain": 1, "brief": 2, "longer": 2, "down": 1, "mine": 1}
    assert Intervention(**sas_layout.intervention_settings(config, "longer")) == Intervention(
        "suppressed early", 40, strength=1.0
    )
    assert all(sas_layout.controls(config, run) == [] for run in rivals)


def test_a_run_with_random_edges_is_the_control_of_the_run_that_differs_in_nothing_else():
    config = checked()
    brief = config["runs"]["brief"]
    (stage,) = (
        brief["regularizer"] if isinstance(brief["regularizer"], list) else [brief["regularizer"]]
    )
    config["runs"]["random"] = {**brief, "regularizer": {**stage, "edges": "random"}}
    config["studies"]["sas"]["runs"] = [*config["studies"]["sas"]["runs"], "random"]
    assert sas_layout.controls(config, "brief") == ["random"]
    assert sas_layout.controls(config, "longer") == sas_layout.controls(config, "random") == []
    assert sas_layout.compared(config, "random") == ["plain"]
    assert sas_layout.rivals(config, "brief") == 2  # a control is none
    labels = sas_layout.intervention_labels(config, "plain")
    assert labels["random"] == labels["brief"] + ", random edges"


def test_a_baseline_that_the_study_does_not_measure_serves_no_comparison():
    config = checked(runs=["brief", "mine"])
    assert sas_layout.compared(config, "brief") == []
    assert sas_layout.interventions(config) == {}
    assert sas_layout.runs_shown_alone(config) == ["brief", "mine"]


def test_the_attention_of_its_runs_alone_is_measured():
    config = checked(runs=["plain", "mine"])
    reading = [run for run in config["runs"] if layout.attention_read_by(config, [SAS], run)]
    assert reading == ["plain", "mine"]
    assert layout.attention_read_by(config, [], "plain") == []


def test_attention_is_shown_at_the_first_and_last_step_and_two_between():
    config = checked()
    assert sas_layout.shown_steps(config, "plain") == [0, 20, 40, 60]
    assert sas_layout.shown_steps(config, "mine") == [0, 7]
    assert layout.last_measurements(config, "sas", "structure", "plain", "ewt") == (
        "results/measurements/sas/ewt/plain/seed-3/chunk-2.structure.parquet"
    )


def test_jobs_of_larger_models_ask_for_more_and_no_job_for_more_than_a_week():
    config = checked(minimal_pairs="blimp")
    config["runs"]["mine"]["parameters"] = 400_000_000
    for amount in (
        sas_resources.structure_runtime,
        sas_resources.capability_runtime,
        sas_resources.structure_and_capability_runtime,
    ):
        small, large = (amount(config, run, 0) for run in ("plain", "mine"))
        assert small < large <= resources.WEEK
        assert amount(config, "plain", 0, attempt=2) == 2 * small
    # Weights, and gradients of them, in 32 bits.
    assert sas_resources.structure_memory(config, "mine") > 2 * 4 * 400 + 1500


PAPER = yaml.safe_load((Path(__file__).parents[3] / "config/paper.yaml").read_text())
# On one core of a busy machine, with random weights, extrapolated from hundreds of pairs and words
# to 67,000 and 8,000: hours of minimal pairs, minutes of structure, and MB of memory at the peak.
# The minutes were measured with one draw of the Fisher information, which has ten now.
MEASURED = {
    "multiberts": (9.0, 3.0, 1881),
    "pythia-70m": (0.6, 1.6, 1382),
    "pythia-160m": (1.6, 3.7, 2642),
    "pythia-410m": (4.4, 12.7, 4894),
}


@pytest.mark.parametrize("run", MEASURED)
def test_jobs_of_the_paper_tier_keep_well_within_what_they_ask_for(run):
    config = validate(PAPER | {"chunk": 1}, "paper.yaml", {"ud-ewt", "gum", "blimp"}, STUDIES)
    assert run in config["studies"]["sas"]["runs"]
    assert config["studies"]["sas"]["minimal_pairs"] == "blimp"
    hours, minutes, memory = MEASURED[run]
    structure = sas_resources.structure_runtime(config, run, 0)
    both = sas_resources.structure_and_capability_runtime(config, run, 0)
    assert 2 * minutes < structure < 240
    assert 2 * (60 * hours + minutes) < both < resources.WEEK
    assert 2 * 60 * hours < sas_resources.capability_runtime(config, run, 0) < both
    assert 1.5 * memory < sas_resources.structure_memory(config, run) < 8000


def test_pairs_have_jobs_of_their_own_where_they_take_long():
    small = checked(minimal_pairs="blimp", pairs_per_paradigm=10)
    runs = list(small["studies"]["sas"]["runs"])
    runs.remove("mine")  # it may be large: its configuration doesn't say
    assert sas_resources.runs_with_quick_pairs(small) == runs
    config = validate(PAPER, "paper.yaml", {"ud-ewt", "gum", "blimp"}, STUDIES)
    assert sas_resources.runs_with_quick_pairs(config) == []


def test_a_gpu_shortens_the_scoring_of_minimal_pairs():
    times = []
    for gpus in (0, 1):
        config = validate(
            PAPER | {"chunk": 1, "gpus": gpus}, "paper.yaml", {"ud-ewt", "gum", "blimp"}, STUDIES
        )
        times.append(sas_resources.structure_and_capability_runtime(config, "multiberts", 0))
    assert times[1] < times[0] / 20
