"""The workflow on a configuration that has a sweep alone: no run, no corpus."""

import pytest
from tiny_workflow import snakemake

from ontogeny.results.claims import read_claims
from ontogeny.results.tables import read_table
from ontogeny.studies.strategies.tables import EMBEDDINGS, STRATEGIES

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]

SWEEP = {
    "tier": "toy",
    "studies": {
        "strategies": {
            "grid": {"alpha": [0, 1.5], "vocabulary": [40, 60], "ambiguity": [0, 0.1]},
            "seeds": [0, 1],
            "steps": [0, 4, 8, 12],
            **{"layers": 1, "width": 8, "feedforward": 8, "batch_size": 4, "held_out": 8},
            "evaluation": {"sequences": 10, "probe_train": 20, "probe_test": 10},
            "runs_per_job": 8,
            "bootstrap": 20,
        }
    },
}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept")
    process = snakemake(folder, SWEEP)
    assert process.returncode == 0, process.stdout
    return folder


def test_a_sweep_alone_makes_its_tables_claims_and_figures(swept):
    table = read_table(swept / "results/tables/strategies.parquet", STRATEGIES)
    members = table[["alpha", "vocabulary", "ambiguity", "seed"]].drop_duplicates()
    assert len(members) == 2 * 2 * 2 * 2
    assert set(table["layer"].dropna()) == {0, 1}
    places = read_table(swept / "results/tables/strategies_embeddings.parquet", EMBEDDINGS)
    assert set(places["vocabulary"]) == {40, 60}
    claims = read_claims(swept / "results/claims.tsv")
    assert set(claims["study"]) == {"strategies"}
    figures = swept / "results/figures/strategies"
    names = {path.stem for path in figures.glob("*.svg")}
    of_each = {f"{name}.{size}" for name in ("curves", "probes", "embeddings") for size in (40, 60)}
    assert names == of_each | {"switch", "unseen"}
    assert not (swept / "results/measurements/strategies/.unfinished/job-0").exists()


def test_a_finished_sweep_has_nothing_to_do_and_new_draws_cost_no_training(swept):
    assert "Nothing to be done" in snakemake(swept, SWEEP, "--dry-run").stdout
    study = {**SWEEP["studies"]["strategies"], "bootstrap": 30}
    process = snakemake(swept, {**SWEEP, "studies": {"strategies": study}}, "--dry-run")
    assert "strategies_claims" in process.stdout
    assert "strategies_sweep" not in process.stdout


def test_the_same_configuration_gives_the_same_bytes(swept, tmp_path):
    process = snakemake(tmp_path, SWEEP, "results/tables/strategies.parquet")
    assert process.returncode == 0, process.stdout
    for name in ("strategies", "strategies_embeddings"):
        path = f"results/tables/{name}.parquet"
        assert (tmp_path / path).read_bytes() == (swept / path).read_bytes()
