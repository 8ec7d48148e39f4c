"""Tiny workflows that are run once and looked at by many tests."""

import os
import shutil

import pytest
from tiny_workflow import SMALL, SMALL_TARGETS, in_storage, make_mortal, snakemake

# What the plugin `fs` asks of rsync, for machines without it: it calls
# `rsync --recursive --times --copy-links SOURCE TARGET`, a folder's name with a slash behind it.
STAND_IN = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
if [ -d "$1" ]; then mkdir -p "$2" && cp -RLp "$1/." "$2"; else cp -Lp "$1" "$2"; fi
"""


@pytest.fixture(scope="session")
def rsync(tmp_path_factory):
    """A program named rsync on the path, where there is none."""
    with pytest.MonkeyPatch.context() as patch:
        if shutil.which("rsync") is None:
            folder = tmp_path_factory.mktemp("path")
            (folder / "rsync").write_text(STAND_IN)
            (folder / "rsync").chmod(0o755)
            patch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{folder}")
        yield


@pytest.fixture(scope="session")
def stored(tmp_path_factory, rsync):
    """The folder of a small workflow that ran with a storage provider, and the provider's."""
    folder, storage = tmp_path_factory.mktemp("stored"), tmp_path_factory.mktemp("far")
    process = snakemake(folder, SMALL, *in_storage(storage, *SMALL_TARGETS))
    assert process.returncode == 0, process.stdout
    return folder, storage


@pytest.fixture(scope="session")
def killed(tmp_path_factory, stored):
    """The folder of that workflow on a plain disk, its jobs killed, and a folder with their deaths.

    It has checkpoints of the user's own beside, so that jobs of their rule die too.
    """
    folder, deaths = tmp_path_factory.mktemp("killed"), tmp_path_factory.mktemp("deaths")
    there = str(stored[1] / "results/runs/tiny/seed-{seed}/step-{step}")
    local = {"kind": "local", "path": there, "seeds": [0, 1], "steps": [0]}
    with pytest.MonkeyPatch.context() as patch:
        make_mortal(patch, tmp_path_factory.mktemp("path"), deaths)
        process = snakemake(
            folder,
            SMALL | {"runs": SMALL["runs"] | {"mine": local}},
            *("--retries", "2", "results/runs/mine/seed-0/manifest.tsv", *SMALL_TARGETS),
        )
    assert process.returncode == 0, process.stdout
    return folder, deaths
