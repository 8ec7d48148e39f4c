"""What the tiny workflow makes of the study, and what a changed setting costs."""

import pytest
from tiny_workflow import WHOLE, changed, planned_jobs, snakemake

from ontogeny.results.tables import read_table
from ontogeny.studies.similarity.tables import OTHERS, SIMILARITY, TAGGERS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]


def test_every_checkpoint_is_compared_with_everything(finished):
    table = read_table(finished / "results/tables/similarity.parquet", SIMILARITY)
    measured = table.groupby(["seed", "step"])["other"].unique()
    assert len(measured) == 2 * 6
    assert all(set(others) == set(OTHERS) for others in measured)
    assert set(table["domain"].dropna()) == {"toyglish"}
    last = table[(table["step"] == 32) & (table["other"] == "own_final")]
    assert (last.loc[last["metric"] == "svcca", "value"] > 0.999).all()


def test_the_table_of_taggers_has_true_and_shuffled_ones(finished):
    table = read_table(finished / "results/tables/similarity_taggers.parquet", TAGGERS)
    keys = table[["domain", "tagset", "tagging", "shuffled"]].drop_duplicates()
    assert len(keys) == 3 * 4


def test_new_draws_cost_no_measurement(finished):
    more = changed(WHOLE, studies__similarity__bootstrap=30)
    jobs = planned_jobs(snakemake(finished, more, "--dry-run"))
    assert "similarity_claims" in jobs
    assert not {"similarity_compare", "similarity_taggers", "features"} & jobs
