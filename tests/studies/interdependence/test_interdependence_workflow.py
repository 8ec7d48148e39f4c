"""What the tiny workflow makes of the study, and what a changed setting costs."""

import pytest
from tiny_workflow import WHOLE, changed, planned_jobs, snakemake

from ontogeny.results.claims import read_claims
from ontogeny.results.tables import read_table
from ontogeny.studies.interdependence.conditions import RUN, members
from ontogeny.studies.interdependence.tables import INTERDEPENDENCE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]


@pytest.fixture(scope="module")
def table(finished):
    return read_table(finished / "results/tables/interdependence.parquet", INTERDEPENDENCE)


def test_every_member_is_measured_in_both_domains(table):
    rules = table[table["run"] == RUN]
    keys = ["setting", "scaffold_length", "rule_count", "seed"]
    settings = WHOLE["studies"]["interdependence"]["synthetic"]
    settings = {"settings": ["unfamiliar", "familiar", "repeated", "elsewhere"]} | settings
    assert len(rules[keys].drop_duplicates()) == len(members(settings))
    assert set(rules["domain"]) == {"in", "out"}
    assert set(rules["step"]) == {0, 4, 8}


def test_lstms_are_measured_in_every_layer(table):
    words = table[table["run"] != RUN]
    assert set(words["run"]) == {"tiny-lstm"}
    assert set(words["layer"]) == {1, 2}
    assert set(words["metric"]) >= {"interdependence", "cases", "frequency_correlation"}
    assert words["seed"].nunique() == 2


def test_all_claims_are_judged(finished):
    claims = read_claims(finished / "results/claims/interdependence.tsv")
    by_run = claims.groupby("run")["claim"].nunique()
    assert by_run.to_dict() == {"tiny-lstm": 8, RUN: 19}


def test_new_draws_cost_no_measurement(finished):
    more = changed(WHOLE, studies__interdependence__bootstrap=30)
    jobs = planned_jobs(snakemake(finished, more, "--dry-run"))
    assert {"interdependence_pair_claims", "interdependence_rule_claims"} <= jobs
    assert not {"interdependence_pairs", "interdependence_sweep"} & jobs


def test_the_synthetic_part_needs_no_run_and_no_corpus(tmp_path):
    study = {"synthetic": WHOLE["studies"]["interdependence"]["synthetic"]}
    alone = {"tier": "toy", "studies": {"interdependence": study}}
    jobs = planned_jobs(snakemake(tmp_path, alone, "--dry-run"))
    made = {"interdependence_sweep", "interdependence_rule_claims", "table", "study_claims"}
    assert jobs == made | {"interdependence_rule_figures", "claims", "page"}
