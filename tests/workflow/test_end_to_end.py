"""A whole run of the workflow: what it makes, what it doesn't make twice, what a change costs."""

import ast
import re
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest
from tiny_workflow import (
    TINY,
    WHOLE,
    changed,
    job_counts,
    made_by_jobs,
    planned_jobs,
    snakemake,
    tiny,
)

from ontogeny.corpora.tasks import TASKS
from ontogeny.planning.configuration import validate
from ontogeny.planning.study import table_file
from ontogeny.results.claims import VERDICTS, read_claims
from ontogeny.results.tables import read_table
from ontogeny.studies import STUDIES

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workflow")]

LOCAL_STEPS = [0, 8, 32]
CONFIG = validate(WHOLE, "config.yaml", set(), STUDIES)


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_every_study_makes_its_tables_figures_and_claims(finished, study):
    for joined in study.tables:
        assert len(read_table(finished / table_file(joined.table), joined.table))
    for path in study.figure_files(CONFIG):
        for suffix in (".svg", ".png", ".pdf"):
            assert (finished / path).with_suffix(suffix).stat().st_size > 1000
    claims = read_claims(finished / "results/claims" / f"{study.name}.tsv")
    assert set(claims["study"]) == {study.name}


def test_every_claim_has_a_verdict(finished):
    claims = read_claims(finished / "results/claims.tsv")
    assert set(claims["study"]) == set(CONFIG["studies"])
    assert set(claims["verdict"]) <= set(VERDICTS)
    assert set(claims["tier"]) == {"toy"}


def test_no_figure_is_there_that_nobody_declared(finished):
    made = {str(path.relative_to(finished)) for path in finished.rglob("results/figures/**/*.svg")}
    of_studies = {path for study in STUDIES for path in study.figure_files(CONFIG)}
    others = {path for path in made if path.split("/")[2] in ("runs", "claims")}
    assert made == of_studies | others


def test_a_figure_is_drawn_again_with_those_that_read_the_same_tables_and_by_no_other_job(finished):
    """All are planned at once: what one of them needed would be planned for all."""
    targets, jobs = [], {}
    for study in STUDIES:
        targets += study.figure_files(CONFIG)
        for figures in study.figures_by_job():
            rule = f"{study.name}_{figures[0].name}_figure{'s' if figures[1:] else ''}"
            jobs[rule] = len(figures[0].shown(CONFIG))
    plan = snakemake(finished, WHOLE, "--dry-run", "--force", *targets)
    assert job_counts(plan) == jobs


def test_no_figure_takes_longer_than_a_quarter_of_a_minute(finished):
    for study in STUDIES:
        for figures in study.figures_by_job():
            stems = f"results/benchmarks/{study.name}/{figures[0].name}*.tsv"
            # Processor time, which other jobs don't lengthen as they do the clock's.
            times = [pd.read_csv(path, sep="\t")["cpu_time"].max() for path in finished.glob(stems)]
            assert max(times, default=0) < 15, figures


def test_the_page_is_there_and_shows_every_study(finished):
    page = (finished / "results/atlas/index.html").read_text(encoding="utf-8")
    assert all(f'<section id="{study.name}"' in page for study in STUDIES)
    for link in re.findall(r'href="(\.\./[^"]+)"', page):
        assert (finished / "results/atlas" / link).exists(), link


def test_features_are_gone_and_every_job_left_a_log_and_a_benchmark(finished):
    assert not list(finished.glob("results/features/**/*.safetensors"))
    benchmarks = {
        path.relative_to(finished / "results/benchmarks").with_suffix("")
        for path in (finished / "results/benchmarks").rglob("*.tsv")
    }
    logs = {
        path.relative_to(finished / "results/logs").with_suffix("")
        for path in (finished / "results/logs").rglob("*.log")
    }
    assert benchmarks == logs
    assert len(logs) > 15


def test_every_job_kept_well_within_what_it_asks_for(finished):
    benchmarks = list((finished / "results/benchmarks").rglob("*.tsv"))
    assert len(benchmarks) > 30
    for benchmark in benchmarks:
        used = pd.read_csv(benchmark, sep="\t").iloc[0]
        asked = ast.literal_eval(used["resources"])
        assert used["max_rss"] < 0.8 * asked["mem_mb"], benchmark
        assert used["s"] / 60 < 0.5 * asked["runtime"], benchmark


def test_a_finished_workflow_has_nothing_to_do(finished):
    process = snakemake(finished, WHOLE, "--dry-run")
    assert "Nothing to be done" in process.stdout


def test_a_deleted_figure_is_drawn_again_and_none_of_other_tables(finished):
    figure = finished / "results/figures/pushdown/heatmap.tiny.toyglish.svg"
    before = figure.read_bytes()
    figure.unlink()
    assert planned_jobs(snakemake(finished, WHOLE, "--dry-run")) == {"pushdown_heatmap_figures"}
    start = time.perf_counter()
    process = snakemake(finished, WHOLE, "--benchmark-extended")
    assert process.returncode == 0, process.stdout
    assert time.perf_counter() - start < 30  # 15 s on a quiet machine
    assert figure.read_bytes() == before


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_a_study_is_made_alone_by_its_name(finished, study, tmp_path):
    process = snakemake(tmp_path, WHOLE, study.name, "--dry-run")
    assert process.returncode == 0, process.stdout
    others = {other.name for other in STUDIES} - {study.name}
    if study.name == "atlas":  # which reads those that tell milestones
        others -= {other.name for other in STUDIES if other.milestones}
    # Rules of a study begin with its name; the claims of all aren't asked for.
    jobs = planned_jobs(process)
    assert {job for job in jobs if job.split("_")[0] in others} == set()
    assert any(job.split("_")[0] == study.name for job in jobs)
    assert "claims" not in jobs


@pytest.mark.parametrize(
    ("changes", "rerun", "kept"),
    [
        (
            {"corpora__toyglish__zipf_exponent": 1.2},
            {"corpus", "minimal_pairs", "sample", "pretrain_tiny", "features", "claims"},
            set(),
        ),
        (
            {"studies__pushdown__share": 0.9},
            {"pushdown_resampling", "table", "study_claims", "claims"},
            {
                *("corpus", "sample", "pretrain_tiny", "features", "pushdown_probe"),
                "sas_structure_and_capability",
            },
        ),
        (
            {"studies__pushdown__l2": [0.01]},
            {"features", "pushdown_probe", "table"},
            {"corpus", "sample", "pretrain_tiny", "loss"},
        ),
        (
            {"runs__tiny__learning_rate": 0.002},
            {"pretrain_tiny", "features", "pushdown_probe", "loss"},
            {"corpus", "sample", "minimal_pairs"},
        ),
    ],
)
def test_a_changed_parameter_reruns_what_depends_on_it_alone(finished, changes, rerun, kept):
    jobs = planned_jobs(snakemake(finished, changed(WHOLE, **changes), "--dry-run"))
    assert rerun <= jobs
    assert not kept & jobs


def test_another_seed_leaves_the_seeds_that_are_there(finished):
    process = snakemake(finished, changed(WHOLE, runs__tiny__seeds=[0, 1, 2]), "--dry-run")
    counts = job_counts(process)
    assert counts["pretrain_tiny"] == 1
    for job in ("pushdown_probe", "sas_structure_and_capability", "sparsity_concentration"):
        assert counts[job] == 1
    # Push-down wants those of the new seed. Similarity compares seeds with one another: of all 3.
    assert counts["features"] == 4


def test_one_seed_and_one_job_of_a_sweep_give_the_same_bytes_from_the_start(finished, tmp_path):
    """What comes of one trajectory, or of one job of a sweep, is made anew in an empty folder."""
    made = {str(file.relative_to(finished)) for file in finished.glob("results/measurements/**/*")}
    targets = {path for path in made if re.search(r"/(seed|job)-0[/.].*\.", path)}
    # Two runs of one architecture are measured alike: one of them is trained alone.
    targets = {path for path in targets if "/down/" not in path}
    targets |= {f"results/runs/{run}/seed-0/manifest.tsv" for run in WHOLE["runs"]}
    process = snakemake(tmp_path, WHOLE, *sorted(targets))
    assert process.returncode == 0, process.stdout
    again = made_by_jobs(tmp_path)
    assert again.keys() >= targets
    for name, content in again.items():
        assert (finished / name).read_bytes() == content, name


def test_what_seeds_and_jobs_come_to_together_has_the_same_bytes_when_made_again(
    finished, tmp_path
):
    """All but what the test above makes goes from a copy, and comes back: of figures, a few."""
    folder = tmp_path / "copy"

    def to_be_made_again(path, names):
        path = Path(path).relative_to(finished)
        if path == Path("results"):
            return {"figures", "tables", "claims", "claims.tsv"}
        if path.parts[:2] != ("results", "measurements"):
            return ()
        files = {name: f"/{path / name}" for name in names if (finished / path / name).is_file()}
        return [name for name in files if not re.search(r"/(seed|job)-\d+[/.]", files[name])]

    shutil.copytree(finished, folder, ignore=to_be_made_again)
    for path in sorted(folder.glob("results/measurements/**/"), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()  # or a folder that a job makes would seem to be there
    kept = made_by_jobs(folder).keys()
    figures = [study.figure_files(CONFIG)[0] for study in STUDIES]
    figures += [f"results/figures/{name}.tiny.svg" for name in ("runs/loss", "runs/audit")]
    figures += ["results/figures/claims/forest.tiny.toyglish.svg"]
    tables = [str(table.relative_to(finished)) for table in finished.glob("results/tables/*")]
    process = snakemake(folder, WHOLE, *tables, *figures, "results/claims.tsv")
    assert process.returncode == 0, process.stdout
    again = made_by_jobs(folder)
    assert again.keys() - kept >= {*tables, *figures, "results/claims.tsv"}
    for name, content in again.items():
        assert (finished / name).read_bytes() == content, name


def test_the_report_holds_every_figure_with_its_caption(finished):
    process = snakemake(finished, WHOLE, "--report", "results/report.html")
    assert process.returncode == 0, process.stdout
    page = (finished / "results/report.html").read_text()
    for study in STUDIES:
        assert study.title in page
        for path in study.figure_files(CONFIG):
            assert path in page
    assert "loss.tiny.svg" in page
    assert "audit.tiny.svg" in page
    assert "results/audit.tsv" in page
    assert "forest.tiny.toyglish.svg" in page
    assert "How long it took" in page
    times = (finished / "results/benchmarks/rules.rst").read_text()
    for rule in ("pretrain_tiny", "sas_structure_and_capability", "pushdown_heatmap_figures"):
        assert f"   {rule}, " in times


def test_how_often_a_training_keeps_a_state_is_no_reason_to_train_again(finished):
    process = snakemake(finished, changed(WHOLE, runs__tiny__state_every=7), "--dry-run")
    assert "Nothing to be done" in process.stdout, process.stdout


@pytest.fixture(scope="module")
def local_and_causal(finished, tmp_path_factory):
    """The folder and table of a workflow on checkpoints that lie somewhere, and on a causal model.

    The checkpoints are some of one seed of the finished workflow, in chunks of another size.
    """
    folder = tmp_path_factory.mktemp("other_runs")
    local = {
        "kind": "local",
        "path": str(finished / "results/runs/tiny/seed-{seed}/step-{step}"),
        "seeds": [1],
        "steps": LOCAL_STEPS,
    }
    causal = TINY["runs"]["tiny"] | {"architecture": "gpt", "seeds": [0], "steps": [0, 10]}
    config = tiny(
        chunk=2,
        runs={"tiny": local, "causal": causal},
        studies__pushdown__runs=["tiny", "causal"],
    )
    table = "results/tables/pushdown.parquet"
    process = snakemake(folder, config, table)
    assert process.returncode == 0, process.stdout
    return folder, pd.read_parquet(folder / table)


def test_a_causal_model_is_probed_in_the_same_way(local_and_causal):
    _, table = local_and_causal
    causal = table[table["run"] == "causal"]
    assert set(causal["task"]) == set(TASKS)
    assert set(causal["layer"]) == {0, 1, 2}
    assert set(causal["step"]) == {0, 10}


def test_checkpoints_that_lie_somewhere_give_the_same_numbers_in_chunks_of_any_size(
    finished, local_and_causal
):
    folder, table = local_and_causal
    expected = pd.read_parquet(finished / "results/tables/pushdown.parquet")
    pd.testing.assert_frame_equal(
        table[table["run"] == "tiny"].reset_index(drop=True),
        expected[(expected["seed"] == 1) & expected["step"].isin(LOCAL_STEPS)].reset_index(
            drop=True
        ),
    )
    chunks = folder / "results/measurements/pushdown/toyglish/tiny/seed-1"
    assert len(list(chunks.glob("chunk-*.scores.parquet"))) == 2
    # The checkpoints themselves are left as they were.
    assert not list(finished.glob("results/runs/tiny/*/*/step-*/step-*"))
