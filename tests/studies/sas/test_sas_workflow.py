"""What the tiny workflow makes of syntactic attention, and what a changed setting costs."""

import pytest
from tiny_workflow import WHOLE, changed, planned_jobs, snakemake

from ontogeny.results.claims import read_claims
from ontogeny.results.tables import read_table
from ontogeny.studies.sas.tables import ATTENTION, ONSETS, SAS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]

STEPS = WHOLE["runs"]["tiny"]["steps"]


def planned(folder, **settings):
    """The jobs of the study that a changed setting of it would run again."""
    changes = {f"studies__sas__{key}": value for key, value in settings.items()}
    return planned_jobs(snakemake(folder, changed(WHOLE, **changes), "--dry-run", "sas"))


def test_every_checkpoint_is_measured_and_compared(finished):
    table = read_table(finished / "results/tables/sas.parquet", SAS)
    places = table[["run", "seed", "step"]].drop_duplicates()
    assert len(places) == 2 * 2 * len(STEPS)
    # No relation has 100 words in so few.
    assert set(table["metric"]) == {metric.name for metric in SAS.metrics} - {"uas_frequent"}
    assert set(table["layer"].dropna()) == {0, 1, 2}
    mass = table[(table["metric"] == "edge_mass") & (table["step"] == STEPS[-1])]
    by_run = mass.groupby("run")["value"].mean()
    assert by_run["down"] < 0.5 * by_run["tiny"]
    onsets = read_table(finished / "results/tables/sas_onsets.parquet", ONSETS)
    assert set(onsets["run"]) == {"tiny", "down"}
    attention = read_table(finished / "results/tables/sas_attention.parquet", ATTENTION)
    assert set(attention["run"]) == {"tiny"}  # the other is drawn beside it
    assert set(attention["step"]) == {0, 8, 16, 32}


def test_each_run_has_the_claims_about_its_kind(finished):
    claims = read_claims(finished / "results/claims/sas.tsv")
    of_run = claims.groupby("run")["claim"].agg(set).to_dict()
    assert of_run["down"] == {"sas.3a", "sas.3b", "sas.3c"}
    numbers = ("1a", "1b", "2", "6a", "6b", "6c", "6d", "7a", "7b")
    assert of_run["tiny"] == {f"sas.{number}" for number in numbers}


def test_a_setting_reruns_what_it_is_for(finished):
    assert planned(finished) == set()
    more_draws = planned(finished, bootstrap=30)
    assert "sas_resampling" in more_draws
    assert "sas_structure" not in more_draws
    more_words = planned(finished, words=400)
    assert "sas_structure" in more_words
    assert "sas_capability" not in more_words
    assert "pretrain_tiny" not in more_words
