"""What the tiny workflow makes of a sweep, and what a changed setting costs."""

import pytest
from tiny_workflow import WHOLE, changed, planned_jobs, snakemake

from ontogeny.results.tables import read_table
from ontogeny.studies.strategies.tables import EMBEDDINGS, STRATEGIES

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]


def test_every_member_is_measured(finished):
    table = read_table(finished / "results/tables/strategies.parquet", STRATEGIES)
    members = table[["alpha", "vocabulary", "ambiguity", "seed"]].drop_duplicates()
    assert len(members) == 2 * 2 * 2 * 2
    assert set(table["layer"].dropna()) == {0, 1}
    places = read_table(finished / "results/tables/strategies_embeddings.parquet", EMBEDDINGS)
    assert set(places["vocabulary"]) == {40, 60}
    assert not (finished / "results/measurements/strategies/.unfinished/job-0").exists()


def test_a_sweep_needs_no_run_and_no_corpus(tmp_path):
    alone = {"tier": "toy", "studies": {"strategies": WHOLE["studies"]["strategies"]}}
    jobs = planned_jobs(snakemake(tmp_path, alone, "--dry-run"))
    figures = {f"strategies_{name}" for name in ("curves_figures", "embeddings_figure")}
    figures |= {"strategies_switch_figures"}
    made = {"strategies_sweep", "strategies_claims", "table", "study_claims", "claims", "page"}
    assert jobs == figures | made


def test_new_draws_cost_no_training(finished):
    more = changed(WHOLE, studies__strategies__bootstrap=30)
    jobs = planned_jobs(snakemake(finished, more, "--dry-run"))
    assert "strategies_claims" in jobs
    assert "strategies_sweep" not in jobs
