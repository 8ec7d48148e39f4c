import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ontogeny
from ontogeny.ensemble.machine_code import compiling


def doubled_from(path, source="number * 2"):
    """A kept function that a module of this source defines."""
    path.write_text(
        "from ontogeny.ensemble.machine_code.compiling import kept\n\n"
        f"@kept\ndef doubled(number):\n    return {source}\n"
    )
    os.utime(path, (1, 1))  # as if nothing had changed
    spec = importlib.util.spec_from_file_location("of_a_test", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.doubled


def test_machine_code_is_kept_as_long_as_the_version_is_the_same(tmp_path, monkeypatch):
    hits = []
    for version in ("these", "these", "others"):
        monkeypatch.setattr(compiling, "version", lambda version=version: version)
        doubled = doubled_from(tmp_path / "of_a_test.py")
        assert doubled(3.5) == 7
        hits.append(sum(doubled.stats.cache_hits.values()))
    assert hits == [0, 1, 0]


def test_what_an_interrupted_process_left_is_not_taken_for_another_version(tmp_path, monkeypatch):
    file = tmp_path / "of_a_test.py"
    monkeypatch.setattr(compiling, "version", lambda: "these")
    assert doubled_from(file, "number * 2")(1.0) == 2
    monkeypatch.setattr(compiling, "version", lambda: "others")
    killed = doubled_from(file, "number * 3")
    monkeypatch.setattr(killed._cache._impl, "reduce", lambda data: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        killed(1.0)
    assert doubled_from(file, "number * 3")(1.0) == 3


def test_machine_code_that_cannot_be_kept_is_made_anew(tmp_path, monkeypatch, caplog):
    full = doubled_from(tmp_path / "of_a_test.py")

    def no_room(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(full._cache._cache_file, "save", no_room)
    assert full(1.0) == 2
    assert "can't be kept" in caplog.text
    assert "No space left" in caplog.text

    def refuse(**options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(compiling, "njit", refuse)
    assert doubled_from(tmp_path / "of_a_test.py")(1.0) == 2


def test_the_version_depends_on_every_source_and_on_the_processor(tmp_path, monkeypatch):
    sources = ["ensemble/machine_code/a.py", "ensemble/stack.py", "ensemble/bert/layers.py"]
    for source in (*sources, "other/c.py"):
        (tmp_path / source).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / source).write_text(source)
    monkeypatch.setattr(compiling, "__file__", str(tmp_path / sources[0]))
    found = [compiling.version()]
    for source in sources:
        (tmp_path / source).write_text("changed")
        found.append(compiling.version())
    monkeypatch.setattr(compiling, "get_host_cpu_name", lambda: "another")
    found.append(compiling.version())
    assert len(set(found)) == len(sources) + 2
    (tmp_path / "other" / "c.py").write_text("changed")
    assert compiling.version() == found[-1]


@pytest.mark.slow
def test_numba_is_for_ensembles_alone():
    needs = re.compile(r"^ *(from|import) (numba|llvmlite|ontogeny\.ensemble\.machine_code)", re.M)
    library = Path(ontogeny.__file__).parent
    having = [file for file in library.rglob("*.py") if needs.search(file.read_text())]
    assert having
    assert {file.relative_to(library).parts[0] for file in having} == {"ensemble"}
    loaded = "import sys, ontogeny.ensemble, ontogeny.measures.likelihood; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert "ontogeny.ensemble.modules" in run.stdout.split()
    assert "numba" not in run.stdout.split()


DIGESTS = """
import hashlib, torch
from ontogeny.ensemble import Batch, Bert, BertStack
from ontogeny.ensemble.machine_code.member import loss_and_gradients

torch.set_num_threads(1)
stack = BertStack.initialise(Bert(300, layers=3), [0])
tokens = torch.randint(0, 300, (1, 32, 7), generator=torch.Generator().manual_seed(0))
stack.losses_and_gradients(Batch(tokens, torch.tensor([4, 5, 6]), tokens[..., 4:]))
digest = hashlib.sha256(stack.flat_gradients.numpy()).hexdigest()
print(digest, sum(loss_and_gradients.stats.cache_hits.values()))
"""


@pytest.mark.slow
def test_a_process_that_compiles_and_one_that_finds_it_done_have_the_same_numbers(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    compiled, found = (
        subprocess.run(
            [sys.executable, "-c", DIGESTS],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _ in range(2)
    )
    assert (compiled[1], found[1]) == ("0", "1")
    assert compiled[0] == found[0]
