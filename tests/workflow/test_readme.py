"""What the README shows, done word for word."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from test_deployment import PARSER
from tiny_checkpoints import make, save
from tiny_workflow import ROOT, copy_of_checkout, environment

from ontogeny.results.claims import read_claims

README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.M | re.S)[1]


def blocks(text, language):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    return [block for name, block in found if name == language]


def lines(text):
    """The commands of a block without a language."""
    (block,) = blocks(text, "")
    return [line.split("  #")[0].strip() for line in block.splitlines() if line]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout with an environment that is ready, as `make` leaves it."""
    folder = copy_of_checkout(tmp_path_factory.mktemp("readme") / "checkout")
    environment = Path(sys.prefix)
    assert (environment / ".ready").exists(), "run the tests by `make`, which makes the environment"
    (folder / ".venv").symlink_to(environment)
    for file in folder.glob("requirements*.txt"):
        os.utime(file, (0, 0))
    return folder


def do(folder, command):
    process = subprocess.run(
        shlex.split(command),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout
    return process.stdout.replace("_", " ")  # as the rich logger writes the names of rules


@pytest.mark.slow
@pytest.mark.xdist_group("readme")
def test_checkpoints_and_a_treebank_of_ones_own_are_measured_as_it_says(checkout):
    example = section("Your own checkpoints and treebank")
    (config,) = blocks(example, "yaml")
    (checkout / "mine.yaml").write_text(config)
    (checkout / "data").mkdir()
    for split in ("train", "dev", "test"):
        text = subprocess.run(
            [sys.executable, "-c", PARSER, split], capture_output=True, check=True, text=True
        ).stdout
        (checkout / f"data/{split}.conllu").write_text(text)
    for seed in (0, 1):
        for step in (0, 100, 1000):
            save(make("bert", step + seed), checkout / f"checkpoints/seed-{seed}/step-{step}")
    plan, whole = lines(example)
    assert "pushdown probe" in do(checkout, plan)
    assert "The page of all studies is" in do(checkout, whole)
    results = checkout / "results"
    assert (results / "figures/pushdown/heatmap.mine.treebank.svg").stat().st_size > 1000
    assert (results / "figures/sas/onsets.mine.treebank.svg").stat().st_size > 1000
    assert set(read_claims(results / "claims.tsv")["study"]) == {"pushdown", "sas"}
    assert "Push-down" in (results / "atlas/index.html").read_text(encoding="utf-8")
    assert (results / "report.html").is_file()


def test_one_figure_is_planned_as_it_says(checkout):
    (command,) = lines(section("Rebuild one figure"))
    plan = do(checkout, f"{command} --dry-run --quiet rules")
    assert "pushdown heatmap figures" in plan
    assert "pushdown selectivity figure" not in plan
    assert "sas" not in plan


def test_what_is_asked_for_most_is_found_from_the_first_screen():
    head = README[: README.index("## ")]
    assert "docs/heatmap.png" in head
    assert "make atlas" in head
    titles = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^## (.*)$", README, re.M)
    }
    assert set(re.findall(r"\]\(#(.*?)\)", README)) <= titles


def test_files_that_it_links_to_are_there():
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README):
        assert (ROOT / link).exists(), link
