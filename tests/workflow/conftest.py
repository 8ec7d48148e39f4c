"""A tiny workflow that is run once and looked at by many tests."""

import pytest
from tiny_workflow import SMALL, SMALL_TARGETS, TINY, snakemake


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a tiny workflow that has run to its end."""
    folder = tmp_path_factory.mktemp("finished")
    process = snakemake(folder, TINY)
    assert process.returncode == 0, process.stdout
    return folder


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The folder of a workflow with one job of each kind, to hold disturbed ones against."""
    folder = tmp_path_factory.mktemp("undisturbed")
    process = snakemake(folder, SMALL, *SMALL_TARGETS)
    assert process.returncode == 0, process.stdout
    return folder
