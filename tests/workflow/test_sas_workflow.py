"""The workflow on a configuration that measures syntactic attention, and intervenes in it."""

import pytest
from tiny_workflow import TINY, snakemake, tiny

from ontogeny.results.claims import read_claims
from ontogeny.results.tables import read_table
from ontogeny.studies.sas.tables import ATTENTION, ONSETS, SAS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("disturbed")]

STEPS = [0, 4, 8, 16, 24, 32]
RUN = {**TINY["runs"]["tiny"], "seeds": [3], "steps": STEPS, "learning_rate": 0.01}
SUPPRESSED = {"kind": "syntactic_attention", "strength": 10.0}
STUDY = {
    "runs": ["plain", "down"],
    "corpora": ["toyglish"],
    "minimal_pairs": "toyglish",
    **{"words": 300, "pairs_per_paradigm": 2, "points": 50, "fisher_sentences": 2},
    "bootstrap": 20,
}
CONFIG = tiny(
    chunk=len(STEPS),
    runs={"plain": RUN, "down": {**RUN, "regularizer": SUPPRESSED}},
    studies={"sas": STUDY},
)
TARGETS = (
    "results/claims.tsv",
    "results/tables/sas.parquet",
    "results/tables/sas_onsets.parquet",
    "results/measurements/sas/toyglish/down/attention.parquet",
    "results/figures/sas/interventions.plain.toyglish.svg",
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sas")
    process = snakemake(folder, CONFIG, *TARGETS)
    assert process.returncode == 0, process.stdout
    return folder


def planned(folder, **settings):
    """Return what a dry run says with changed settings of the study."""
    changed = tiny(**{**CONFIG, "studies": {"sas": {**STUDY, **settings}}})
    return snakemake(folder, changed, "--dry-run", *TARGETS).stdout


def test_every_checkpoint_is_measured_and_compared(measured):
    table = read_table(measured / "results/tables/sas.parquet", SAS)
    places = table[["run", "seed", "step"]].drop_duplicates()
    assert len(places) == 2 * len(STEPS)
    assert set(table["metric"]) == {metric.name for metric in SAS.metrics}
    assert set(table["layer"].dropna()) == {0, 1, 2}
    mass = table[(table["metric"] == "edge_mass") & (table["step"] == STEPS[-1])]
    by_run = mass.groupby("run")["value"].mean()
    assert by_run["down"] < 0.5 * by_run["plain"]
    onsets = read_table(measured / "results/tables/sas_onsets.parquet", ONSETS)
    assert set(onsets["run"]) == {"plain", "down"}
    attention = read_table(measured / TARGETS[3], ATTENTION)
    assert set(attention["step"]) == {0, 8, 16, 32}


def test_each_run_has_the_claims_about_its_kind(measured):
    claims = read_claims(measured / "results/claims.tsv")
    of_run = claims.groupby("run")["claim"].agg(set).to_dict()
    assert of_run["down"] == {"sas.3a", "sas.3b"}
    numbers = ("1a", "1b", "2", "6a", "6b", "6c", "6d")
    assert of_run["plain"] == {f"sas.{number}" for number in numbers}
    assert set(claims["verdict"]) == {"insufficient data"}  # of one seed


def test_a_finished_study_has_nothing_to_do_and_a_setting_reruns_what_it_is_for(measured):
    assert "Nothing to be done" in planned(measured)
    more_draws = planned(measured, bootstrap=30)
    assert "sas_resampling" in more_draws
    assert "sas_structure" not in more_draws
    more_words = planned(measured, words=400)
    assert "sas_structure" in more_words
    assert "sas_capability" not in more_words
    assert "pretrain" not in more_words
