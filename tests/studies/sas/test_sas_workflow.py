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
    assert "sas_structure_and_capability" not in more_draws
    for more in ({"words": 400}, {"pairs_per_paradigm": 3}):
        jobs = planned(finished, **more)
        assert "sas_structure_and_capability" in jobs
        assert "pretrain_tiny" not in jobs


@pytest.mark.parametrize(
    ("minimal_pairs", "expected"),
    [
        # 2 runs with 2 seeds: a job each, on the first corpus with the pairs, on the other without.
        ("toyglish", {"sas_structure_and_capability": "4", "sas_structure": "4"}),
        (None, {"sas_structure": "8"}),
    ],
)
def test_pairs_are_scored_where_the_first_corpus_is_measured(tmp_path, minimal_pairs, expected):
    config = changed(
        WHOLE,
        corpora__other=WHOLE["corpora"]["toyglish"],
        studies__sas__corpora=["toyglish", "other"],
        studies__sas__minimal_pairs=minimal_pairs,
    )
    counts = counts_of_plan(tmp_path, config)
    measuring = ("sas_structure_and_capability", "sas_structure", "sas_capability")
    assert {rule: counts[rule] for rule in measuring if rule in counts} == expected


def test_pairs_that_take_long_are_scored_by_themselves(tmp_path):
    """So that a change of what structure is measured on leaves them as they are."""
    large = {"kind": "hub", "repository": "org/large-{seed}-{step}", "steps": [0, 1]}
    config = changed(
        WHOLE,
        runs__large=large | {"seeds": [0, 1], "parameters": 400_000_000},
        studies__sas__runs=["tiny", "large"],
    )
    counts = counts_of_plan(tmp_path, config)
    assert counts["sas_structure_and_capability"] == "2"
    assert counts["sas_structure"] == counts["sas_capability"]
    assert int(counts["sas_capability"]) >= 2


def counts_of_plan(folder, config):
    plan = snakemake(folder, config, "--dry-run", "sas").stdout
    return dict(line.split() for line in plan.splitlines() if len(line.split()) == 2)
