"""The floors of the library: what may import what."""

import ast
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parent.parent / "ontogeny"
# From the ground up. Modules that lie in no folder are the ground.
FLOORS = (
    "",
    "results",
    "figures",
    "page",
    "corpora",
    "runs",
    "audit",
    "ensemble",
    "measures",
    "planning",
    "studies",
)
MODULES = sorted(LIBRARY.rglob("*.py"))


def imported(file):
    """The modules of the library that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def rooms(module):
    """The floor of a dotted name of the library, and the room on it."""
    _, *parts = module.split(".")
    if parts and parts[0] in FLOORS:
        return parts[0], parts[1] if len(parts) > 1 else ""
    return "", parts[0] if parts else ""


def test_every_folder_is_a_floor():
    folders = {path.name for path in LIBRARY.iterdir() if (path / "__init__.py").exists()}
    assert folders == set(FLOORS) - {""}


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(LIBRARY)))
def test_no_arrow_runs_upward_and_no_study_imports_another(file):
    name = ".".join(file.relative_to(LIBRARY.parent).with_suffix("").parts)
    floor, room = rooms(name)
    for module in imported(file):
        if not module.startswith("ontogeny"):
            continue
        below, other = rooms(module)
        assert FLOORS.index(below) <= FLOORS.index(floor), module
        if floor == below == "studies" and room not in ("", "__init__"):
            assert other == room, module
