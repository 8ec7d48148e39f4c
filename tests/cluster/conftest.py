"""A cluster for the tests of this folder, run where it is named: `pytest tests/cluster`."""

from pathlib import Path

import one_node_slurm
import pytest

FOLDER = Path(__file__).parent


def pytest_ignore_collect(collection_path, config):
    """Leave the folder out of `pytest` and `pytest tests`: these tests start daemons, as root."""
    named = (
        Path(config.invocation_params.dir, argument.split("::")[0]) for argument in config.args
    )
    if not any(FOLDER in (path.resolve(), *path.resolve().parents) for path in named):
        return True
    return None


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A Slurm cluster of one node on this machine, for as long as the tests run."""
    with one_node_slurm.cluster(tmp_path_factory.mktemp("slurm")) as folder:
        yield folder
