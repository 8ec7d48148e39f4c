"""What all tests need: the library, in the processes that they start as well."""

import os
from pathlib import Path

from hypothesis import settings

# The same examples each time, however busy the machine is.
settings.register_profile("same", derandomize=True, deadline=None, database=None)
settings.load_profile("same")

ROOT = Path(__file__).parent.parent

os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])
)
os.environ["HF_HUB_OFFLINE"] = "1"
