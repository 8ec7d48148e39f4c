"""A study is added by its own rooms and its line in `studies/__init__.py`, as CONTRIBUTING says."""

import re
import shutil

import pandas as pd
import pytest
from tiny_workflow import ROOT, copy_of_checkout, snakemake, tiny

from ontogeny.results.claims import read_claims

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployment")]

SKELETON = ROOT / "tests" / "planning" / "skeleton"
LISTED = "from ontogeny.studies.norms.study import NORMS"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the project with one more study in it."""
    folder = tmp_path_factory.mktemp("skeleton") / "checkout"
    copy_of_checkout(folder)
    shutil.copytree(SKELETON, folder, dirs_exist_ok=True)
    listing = folder / "ontogeny/studies/__init__.py"
    text = listing.read_text()
    text, found = re.subn(r"^\)$", "    NORMS,\n)", text, count=1, flags=re.M)
    assert found == 1  # the end of STUDIES
    text = text.replace(
        "from ontogeny.studies.pushdown", f"{LISTED}\nfrom ontogeny.studies.pushdown", 1
    )
    listing.write_text(text)
    return folder


def test_contributing_names_every_room_of_a_study():
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"^  - `([^`]+)`", contributing, re.M))
    rooms = {
        re.sub(r"norms(?=[/._]|$)", "{study}", str(file.relative_to(SKELETON)))
        for file in SKELETON.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    for room in rooms:
        assert any(room.startswith(name.split("{figure}")[0]) for name in named), room
    for name in named - {"tests/studies/{study}/"}:  # the skeleton has no tests of its own
        assert any(room.startswith(name.split("{figure}")[0]) for room in rooms), name


def test_the_new_study_runs_to_its_figure_and_claim(checkout, tmp_path):
    steps, tables = [0, 2, 5, 10], tmp_path / "results/tables"
    studies = {"norms": {"runs": ["tiny"]}, "atlas": {}}
    config = tiny(runs__tiny__steps=steps, studies=studies, tier="toy")
    timeline = "results/tables/atlas_timeline.parquet"
    process = snakemake(tmp_path, config, "norms", timeline, checkout=checkout)
    assert process.returncode == 0, process.stdout
    table = pd.read_parquet(tables / "norms.parquet")
    assert set(table["step"]) == set(steps)
    milestones = pd.read_parquet(tables / "atlas_timeline.parquet")
    assert set(milestones["study"]) == {"norms"}
    assert (tmp_path / "results/figures/norms/growth.tiny.svg").stat().st_size > 1000
    (claim,) = read_claims(tmp_path / "results/claims/norms.tsv").itertuples()
    assert (claim.claim, claim.run, claim.seeds) == ("norms.1", "tiny", 2)


def test_a_misspelt_key_of_the_new_study_is_refused(checkout, tmp_path):
    config = tiny(studies={"norms": {"runs": ["tiny"], "stpes": [0]}})
    process = snakemake(tmp_path, config, "--dry-run", checkout=checkout)
    assert "studies.norms: unknown key 'stpes'; did you mean 'steps'?" in process.stdout
