import importlib.util
import os
import subprocess
import sys

import pytest

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
        monkeypatch.setattr(compiling, "version", lambda package, version=version: version)
        doubled = doubled_from(tmp_path / "of_a_test.py")
        assert doubled(3.5) == 7
        hits.append(sum(doubled.stats.cache_hits.values()))
    assert hits == [0, 1, 0]


def test_what_an_interrupted_process_left_is_not_taken_for_another_version(tmp_path, monkeypatch):
    file = tmp_path / "of_a_test.py"
    monkeypatch.setattr(compiling, "version", lambda package: "these")
    assert doubled_from(file, "number * 2")(1.0) == 2
    monkeypatch.setattr(compiling, "version", lambda package: "others")
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
    sources = ["machine_code/a.py", "layers.py", "study/compiled/b.py", "study/sizes.py"]
    for source in (*sources, "other/c.py"):
        (tmp_path / source).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / source).write_text(source)
    monkeypatch.setattr(compiling, "__file__", str(tmp_path / "machine_code" / "a.py"))

    def version():
        return compiling.version(tmp_path / "study" / "compiled")

    found = [version()]
    for source in sources:
        (tmp_path / source).write_text("changed")
        found.append(version())
    monkeypatch.setattr(compiling, "get_host_cpu_name", lambda: "another")
    found.append(version())
    assert len(set(found)) == len(sources) + 2
    (tmp_path / "other" / "c.py").write_text("changed")
    assert version() == found[-1]


DIGESTS = """
import hashlib, numpy, torch
from ontogeny.ensemble.bert_layers import Layer
from ontogeny.ensemble import Batch, Bert, Stack, losses_and_gradients
from ontogeny.ensemble.compiled.member import loss_and_gradients
from ontogeny.measures.likelihood.compiled.layer import Constants, apply_layer, room_for

def say(numbers, function):
    print(hashlib.sha256(numbers).hexdigest(), sum(function.stats.cache_hits.values()))

torch.set_num_threads(1)
stack = Stack.initialise(Bert(300, layers=3), [0])
tokens = torch.randint(0, 300, (1, 32, 7), generator=torch.Generator().manual_seed(0))
losses_and_gradients(stack, Batch(tokens, torch.tensor([4, 5, 6]), tokens[..., 4:]))
say(stack.flat_gradients.numpy(), loss_and_gradients)

draw = numpy.random.default_rng(0).standard_normal
square, up, constants = (24, 24), (50, 24), Constants(3, *numpy.float32([.4, .1, .2]))
shapes = [square, 24] * 4 + [24, 24, up, 50, up[::-1], 24, 24, 24]
weights = Layer(*(draw(shape, numpy.float32) for shape in shapes))
x = draw((60, 24), numpy.float32)
apply_layer(weights, constants, x, room_for(60, 6, 3, weights), 6, False)
say(x, apply_layer)
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
    assert (compiled[1::2], found[1::2]) == (["0", "0"], ["1", "1"])
    assert len(set(compiled[::2])) == 2
    assert compiled[::2] == found[::2]
