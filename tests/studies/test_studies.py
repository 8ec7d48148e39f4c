"""Every study keeps to the house: it has its rooms on every floor, and declares what it makes."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_workflow import WHOLE

from ontogeny.planning.configuration import validate
from ontogeny.runs.tables import LOSS
from ontogeny.studies import STUDIES, table

ROOT = Path(__file__).parents[2]
of_each_study = pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)


@of_each_study
def test_a_study_has_the_same_name_on_every_floor(study):
    for place in (
        f"rules/{study.name}.smk",
        f"workflow/scripts/{study.name}/figures.py",
        f"ontogeny/studies/{study.name}/study.py",
        f"tests/studies/{study.name}",
        f"docs/studies/{study.name}.md",
        f"config/schema/{study.name}.yaml",
        f"report/{study.name}.rst",
    ):
        assert (ROOT / place).exists(), place


@of_each_study
def test_each_figure_that_is_declared_can_be_drawn_and_no_other(study):
    figures = importlib.import_module(f"ontogeny.studies.{study.name}.figures")
    assert list(figures.FIGURES) == [figure.name for figure in study.figures]


@of_each_study
def test_figures_read_tables_of_their_own_study_and_of_the_runs(study):
    own = [*(joined.table for joined in study.tables), LOSS]
    for figure in study.figures:
        assert figure.reads, figure.name
        assert all(read in own for read in figure.reads), figure.name


@of_each_study
def test_one_job_draws_the_figures_that_read_the_same_and_are_shown_for_the_same(study):
    config = validate(WHOLE, "config.yaml", set(), STUDIES)
    jobs = study.figures_by_job()
    assert sorted(figure.name for job in jobs for figure in job) == sorted(
        figure.name for figure in study.figures
    )
    for first, *others in jobs:
        for figure in others:
            assert figure.reads == first.reads
            assert figure.wildcards == first.wildcards
            assert figure.shown(config) == first.shown(config)
    declared = {(job[0].reads, job[0].wildcards, job[0].shown) for job in jobs}
    assert len(declared) == len(jobs)


def test_no_two_tables_have_the_same_name():
    names = [joined.table.name for study in STUDIES for joined in study.tables]
    assert len(names) == len(set(names))
    assert [table(name).name for name in names] == names


@of_each_study
def test_a_studys_tables_are_named_after_it(study):
    for joined in study.tables:
        assert joined.table.name.split("_")[0] == study.name


def test_the_tiny_workflow_has_every_study():
    assert set(WHOLE["studies"]) == {study.name for study in STUDIES}


def test_whoever_plans_a_run_needs_neither_torch_nor_matplotlib():
    code = (
        "import sys, ontogeny.studies\n"
        "print([m for m in ('torch', 'transformers', 'matplotlib') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
