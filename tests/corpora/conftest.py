"""Tests on real data are collected only where a mirror of the sources is at hand."""

import os
from pathlib import Path

import pytest

MIRROR = Path(
    os.environ.get("ONTOGENY_MIRROR", Path(__file__).parents[3] / "shared" / "data")
).resolve()

collect_ignore = [] if MIRROR.is_dir() else ["test_real_treebanks.py"]


@pytest.fixture(scope="session")
def mirror() -> Path:
    return MIRROR
