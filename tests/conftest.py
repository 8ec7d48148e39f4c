"""What all tests need: the library, in the processes that they start as well."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples each time, however busy the machine is.
settings.register_profile("same", derandomize=True, deadline=None, database=None)
settings.load_profile("same")

ROOT = Path(__file__).parent.parent

# Modules that tests share lie beside the tests of what they are about; their names are all
# different.
sys.path += sorted({str(file.parent) for file in (ROOT / "tests").rglob("*.py")})

os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])
)
os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture
def threads():
    """A function that sets the number of PyTorch's threads, which are put back afterwards."""
    import torch

    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a tiny workflow of every study that has run to its end: to be looked at alone.

    Tests that use it are in the group `workflow`, so that one process runs it once.
    """
    from tiny_workflow import WHOLE, snakemake

    folder = tmp_path_factory.mktemp("finished")
    process = snakemake(folder, WHOLE, "--benchmark-extended")
    assert process.returncode == 0, process.stdout
    return folder
