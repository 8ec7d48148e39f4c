"""The conda environments hold what the rules' scripts import, in the versions that are pinned."""

import ast
import re
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from ontogeny.studies import STUDIES

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
RULE_FILES = sorted((ROOT / "rules").glob("*.smk"))

RULE = re.compile(r"^ *(?:rule|checkpoint)\b.*:$", re.M)
DIRECTIVE = r"^ +{}:\n +\"(.+)\"$"
# Where conda-forge's name is not the one of the Python Package Index.
CONDA_NAMES = {"torch": "pytorch", "huggingface-hub": "huggingface_hub"}
# What a library loads by itself, for something that is asked of it: no script imports it.
LOADED_BY = {"accelerate": "transformers", "protobuf": "transformers", "pyarrow": "pandas"}
# Imported by Snakemake's own preamble of a script, which brings it along.
BROUGHT_ALONG = {"snakemake"}


def normalised(name):
    """Return a distribution's name in the one form that its spellings share (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins():
    """Return the version that requirements.txt pins for each distribution."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return {
        normalised(name): version
        for name, version in (line.split("==") for line in lines if line and line[0] != "#")
    }


def packages(environment):
    """Return the packages of an environment with their versions, Python apart."""
    entries = yaml.safe_load(environment.read_text())["dependencies"]
    listed = dict(re.fullmatch(r"([\w.-]+) =([\w.]+)", entry).groups() for entry in entries)
    assert listed.pop("python") == "3.11"
    return listed


def rules():
    """Yield file, environment and script of every rule that has a script."""
    for file in RULE_FILES:
        blocks = RULE.split(file.read_text())[1:]
        assert blocks or file.name in ("checkout.smk", "common.smk"), file
        for block in blocks:
            environment, script = (
                re.search(DIRECTIVE.format(name), block, re.M) for name in ("conda", "script")
            )
            assert script, f"{file}: a rule without a script"
            assert environment, f"{file}: {script[1]} has no environment"
            # A rule that is generated for each study has a script of each.
            for name in [study.name for study in STUDIES if "{params.study}" in script[1]] or [""]:
                own = script[1].replace("{params.study}", name)
                yield file, file.parent / environment[1], file.parent / own


def imports(path):
    """Yield the modules that a file imports anywhere, for type checkers alone excepted."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and getattr(branch.test, "id", "") == "TYPE_CHECKING"
        for statement in branch.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield str(node.module)
            yield from (f"{node.module}.{name.name}" for name in node.names)


def own_files(module):
    """Return the files that importing a module of this library runs; none for another name."""
    parts = module.split(".")
    below = [ROOT.joinpath(*parts[: end + 1]) for end in range(len(parts))]
    places = [place / "__init__.py" for place in below] + [below[-1].with_suffix(".py")]
    return [place for place in places if place.is_file()]


@cache
def third_party(script):
    """Return the top-level packages that a script imports, through all of the library's modules."""
    seen, waiting, found = set(), [script], set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for module in imports(path):
            top = module.split(".")[0]
            if top == "ontogeny":
                waiting += own_files(module)
            elif top not in sys.stdlib_module_names:
                found.add(top)
    assert len(seen) > 1, f"{script}: imports nothing of the library"
    return frozenset(found - BROUGHT_ALONG)


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_has_the_versions_that_requirements_pin(environment):
    pinned = {CONDA_NAMES.get(name, name): version for name, version in pins().items()}
    wrong = {
        name: (version, pinned.get(name, pinned.get(normalised(name))))
        for name, version in packages(environment).items()
        if pinned.get(name, pinned.get(normalised(name))) != version
    }
    assert not wrong, f"{environment}: name: (its version, the pinned one) {wrong}"


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_comes_from_conda_forge_alone(environment):
    content = yaml.safe_load(environment.read_text())
    assert set(content) == {"channels", "dependencies"}
    assert content["channels"] == ["conda-forge", "nodefaults"]


def test_every_environment_serves_a_rule():
    assert {environment.resolve() for _, environment, _ in rules()} == set(ENVIRONMENTS)


def test_every_script_belongs_to_a_rule():
    assert {script.resolve() for _, _, script in rules()} == set(
        (ROOT / "workflow" / "scripts").rglob("*.py")
    )


@pytest.mark.slow
@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_holds_just_what_its_scripts_import(environment):
    distributions = packages_distributions()
    imported = {}  # package: a script that needs it
    for _, used, script in rules():
        if used.resolve() == environment:
            for top in third_party(script.resolve()):
                name = normalised(distributions[top][0])
                imported[CONDA_NAMES.get(name, name)] = script.name
    listed = set(packages(environment))
    absent = {name: script for name, script in imported.items() if name not in listed}
    assert not absent, f"{environment}: lacks what its scripts import: {absent}"
    idle = {name for name in listed - set(imported) if LOADED_BY.get(name, name) not in imported}
    assert not idle, f"{environment}: no script imports {idle}"


@pytest.mark.slow
def test_what_is_drawn_joined_or_judged_needs_no_model():
    scripts = {script.resolve() for _, _, script in rules()}
    readers = {script for script in scripts if "figure" in script.stem or "claims" in script.stem}
    readers |= {script for script in scripts if script.parent.name == "results"}
    assert len(readers) > 2 * len(STUDIES)
    for script in readers:
        assert not {"torch", "transformers"} & third_party(script), script
