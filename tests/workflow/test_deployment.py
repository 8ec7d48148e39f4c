"""The workflow away from its folder: as a module of another one, from GitHub, in any directory."""

import re
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from tiny_checkpoints import make, save
from tiny_workflow import ROOT, SMALL, command, copy_of_checkout, environment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployment")]

MODULE = """
module ontogeny:
    snakefile: {snakefile}
{more}

use rule * from ontogeny{names}
"""
# A parser of the user's own: every sentence is of three words that the tiny checkpoints know.
PARSER = r"""
import random, sys
random.seed(sys.argv[1])
word = "{}\t{}\t_\t{}\t_\t_\t{}\t{}\t_\t_"
for _ in range(60):
    print(word.format(1, random.choice(["cats", "dogs"]), "NOUN", 2, "nsubj"))
    print(word.format(2, random.choice(["sleep", "run"]), "VERB", 0, "root"))
    print(word.format(3, random.choice(["here", "there"]), "ADV", 2, "advmod"))
    print()
"""


def run(folder, *arguments, fails=False, **variables):
    """Start a workflow in a folder as a user does, and return what it says."""
    process = subprocess.run(
        ["snakemake", *arguments],
        cwd=folder,
        env=environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert (process.returncode != 0) == fails, process.stdout
    return process.stdout


def plan(folder, *arguments, **variables):
    """Return what a dry run says, in plain text."""
    return run(folder, "--dry-run", "--workflow-profile", "none", *arguments, **variables)


def jobs(output):
    """Return how many jobs of each rule a dry run lists."""
    table = re.search(r"^job\s+count\n-+\s+-+\n(.*?)\n\n", output, re.M | re.S)
    return {name: int(count) for name, count in map(str.split, table[1].splitlines())}


def module(folder, *, snakefile=None, names="", **more):
    """Write a workflow that has this one as a module."""
    folder.mkdir(exist_ok=True)
    (folder / "Snakefile").write_text(
        MODULE.format(
            snakefile=snakefile or repr(str(ROOT / "Snakefile")),
            more="\n".join(f"    {key}: {value!r}" for key, value in more.items()),
            names=names,
        )
    )
    return folder


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """The jobs of the default configuration, planned in a folder that is none of a checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    return jobs(plan(folder, "--snakefile", str(ROOT / "Snakefile")))


@pytest.fixture(scope="module")
def readme(tmp_path_factory):
    """The folder of the README's example of a module, after the command that stands there."""
    section = re.search(
        r"^## As a module of your own workflow\n(.*?)^## ",
        (ROOT / "README.md").read_text(),
        re.M | re.S,
    )[1]
    (snakefile,) = re.findall(r"^```python\n(.*?)^```$", section, re.M | re.S)
    (config,) = re.findall(r"^```yaml\n(.*?)^```$", section, re.M | re.S)
    above = tmp_path_factory.mktemp("projects")
    folder = above / "mine"
    folder.mkdir()
    (above / "ontogeny").symlink_to(ROOT)
    (folder / "Snakefile").write_text(snakefile)
    (folder / "config.yaml").write_text(config)
    (folder / "parse.py").write_text(PARSER)
    for seed, step in enumerate((0, 1000)):
        save(make("bert", seed), folder / f"checkpoints/step-{step}")
    (started,) = re.findall(r"^`snakemake (.*?)`", section, re.M)
    run(folder, *started.split())
    return folder


def test_the_module_of_the_readme_parses_measures_and_draws(readme):
    figure = readme / "results/figures/pushdown/heatmap.mine.treebank.svg"
    assert figure.stat().st_size > 1000
    assert (readme / "data/train.conllu").is_file()
    # What the workflow's own first rule asks for is made, and no more.
    assert not (readme / "results/claims.tsv").exists()


def test_the_report_of_the_importing_workflow_has_the_module_s_figures_and_captions(readme):
    run(readme, "--report", "report.html")
    page = (readme / "report.html").read_text()
    assert "heatmap.mine.treebank.svg" in page
    assert "Where and when each task can be read off." in page
    assert "How language models acquire structure" not in page  # the front page is not the module's


def test_the_default_configuration_is_planned_in_any_folder(planned):
    assert planned["pretrain_toy-bert"] == 2
    assert planned["strategies_sweep"] == 2
    assert planned["all"] == 1


def test_the_default_configuration_is_planned_in_the_directory_that_is_named(planned, tmp_path):
    named = ("--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path / "there"))
    assert jobs(plan(tmp_path, *named)) == planned
    assert not (tmp_path / "results").exists()


def test_a_module_without_a_configuration_takes_the_default_one(planned, tmp_path):
    assert jobs(plan(module(tmp_path))) == planned


def test_rules_of_a_module_may_have_a_prefix_and_its_results_another_place(planned, tmp_path):
    folder = module(
        tmp_path, names=" as syntax_*", config=SMALL, replace_prefix={"results/": "syntax/"}
    )
    second = MODULE.replace("ontogeny", "toy").format(
        snakefile=repr(str(ROOT / "Snakefile")),
        more="    prefix: 'toy'",
        names=" as toy_*",
    )
    with open(folder / "Snakefile", "a") as snakefile:
        snakefile.write(f"{second}\nrule both:\n    input: rules.syntax_all.input, ")
        snakefile.write("rules.toy_all.input\n    default_target: True\n")
    output = plan(folder)
    both = jobs(output)
    assert {name.removeprefix("toy_") for name in both if name.startswith("toy_")} == (
        planned.keys() - {"all", "total"}
    )
    assert both["syntax_features"] == 1
    assert both["syntax_pretrain_tiny"] == 1
    assert not re.search(r"(?<!toy/)results/", output)
    assert "localrules directive" not in output  # they have their new names too


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"config": {}}, ("the key 'tier' is missing.", "the key 'studies' is missing.")),
        ({"config": {"tier": "toy", "runs": {}}}, ("the key 'studies' is missing.",)),
    ],
)
def test_a_wrong_configuration_of_a_module_is_told_to_be_the_module_s(tmp_path, more, expected):
    told = plan(module(tmp_path, **more), fails=True)
    for part in expected:
        assert f"the config of the module ontogeny: the top level: {part}" in told
    assert "Traceback" not in told


@pytest.fixture
def hosted(tmp_path):
    """What has git take a repository of this checkout for `OWNER/ontogeny` on GitHub, tagged v1."""
    folder = copy_of_checkout(tmp_path / "hosts" / "OWNER" / "ontogeny")
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for arguments in (("init",), ("add", "."), (*author, "commit", "-m", "all"), ("tag", "v1")):
        subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True)
    return {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{tmp_path}/hosts/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
    }


def test_a_module_comes_from_github_with_its_library(tmp_path, hosted):
    folder = module(
        tmp_path / "mine",
        snakefile='github("OWNER/ontogeny", path="workflow/Snakefile", tag="v1")',
        config=SMALL,
    )
    # Without this checkout on Python's path: the library comes from there as well.
    target = "results/corpora/toyglish/train.parquet"
    run(folder, "--cores", "1", target, **hosted, PYTHONPATH="")
    assert (folder / target).is_file()
    output = plan(folder, **hosted, PYTHONPATH="")
    assert jobs(output)["everything"] == 1
    assert jobs(output)["pretrain_tiny"] == 1


def test_a_place_without_the_library_is_refused_by_name(tmp_path):
    handler = partial(SimpleHTTPRequestHandler, directory=str(ROOT))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        folder = module(tmp_path / "mine", snakefile=repr(f"{url}/Snakefile"))
        told = plan(folder, fails=True)
        server.shutdown()
    assert f"{url}: the library can't be read from there. Name the Snakefile by its path" in told


@pytest.fixture(scope="module")
def spaced(tmp_path_factory):
    """A folder with a space in its path, and in it a checkout with a small default."""
    folder = tmp_path_factory.mktemp("my drive")
    copy_of_checkout(folder / "a checkout")
    (folder / "a checkout/config/config.yaml").write_text(yaml.safe_dump(SMALL))
    return folder


def test_below_a_path_with_a_space_the_default_configuration_is_measured(spaced):
    figure = "results/figures/runs/loss.tiny.svg"
    place = ("--snakefile", "a checkout/Snakefile", "--directory", "some where")
    run(spaced, figure, "--cores", "2", *place)
    assert (spaced / "some where" / figure).stat().st_size > 1000


def test_an_interpreter_below_a_path_with_a_space_is_refused_before_any_job(tmp_path):
    # What tells Python where an environment is stands beside the folder of the interpreter.
    (tmp_path / "my drive").symlink_to(sys.prefix)
    python = tmp_path / "my drive/bin/python"
    process = subprocess.run(
        [str(python), *command(tmp_path, SMALL)[1:]],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode != 0
    assert f"{python}: no job can be started by an interpreter with ' ' in its path" in (
        process.stderr
    )
    assert "Traceback" not in process.stderr
    assert not (tmp_path / "results").exists()


def make_there(folder, *arguments):
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment(), capture_output=True, text=True
    )


def test_make_refuses_a_path_with_a_space_before_it_installs_anything(spaced):
    checkout = spaced / "a checkout"
    process = make_there(checkout, "atlas", f"PYTHON={sys.executable}")
    assert process.returncode != 0
    assert f"{checkout}/.venv/bin/python: no job can be started" in process.stderr
    assert not (checkout / ".venv").exists()


def test_make_takes_names_with_spaces_and_an_environment_elsewhere(spaced, tmp_path):
    programs = tmp_path / "environment/bin"
    programs.mkdir(parents=True)
    (tmp_path / "environment/.ready").touch()
    for name in ("snakemake", "python"):
        (programs / name).write_text('#!/bin/sh\nprintf "<%s>" "$@"\necho\n')
        (programs / name).chmod(0o755)
    chosen = (f"VENV={tmp_path}/environment", "CONFIG=my own.yaml")
    process = make_there(spaced / "a checkout", "--silent", "atlas", *chosen)
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert lines[0] == "<--configfile><my own.yaml><--cores><all>"
    assert lines[1] == "<--configfile><my own.yaml><--report><results/report.html>"


def test_the_workflow_catalogue_finds_what_its_rules_ask_for():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    deployment = usage["software-stack-deployment"]
    assert [method for method, works in deployment.items() if works] == ["conda"]
    assert usage["report"] is True
    words = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in words
    assert "workflow" in words
    assert (ROOT / "config/README.md").is_file()
    # A folder of this name has to hold the entrance, and its rules, if any, in `*.smk`.
    assert (ROOT / "workflow/Snakefile").is_file()
    assert not (ROOT / "workflow/rules").exists()
