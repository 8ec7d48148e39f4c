import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from small_berts import random_batch
from threadpoolctl import threadpool_info

from ontogeny.ensemble import NO_LABEL, Batch, Bert, Stack, compiled, losses_and_gradients
from ontogeny.ensemble.compiled import machine_code
from ontogeny.ensemble.compiled.functions import exponential, gelu, gelu_backward
from ontogeny.ensemble.compiled.products import PLAIN, TRANSPOSED, multiply


def single(*numbers):
    return np.array(numbers, np.float32)


def test_the_exponential_is_that_of_numpy_as_far_as_single_precision_goes():
    for x in np.linspace(-87, 88, 5001).astype(np.float32):
        assert exponential(x) == pytest.approx(np.exp(np.float64(x)), rel=3e-7)
    assert exponential(np.float32(-1000)) == pytest.approx(np.exp(-87.0), rel=1e-5)
    assert exponential(np.float32(0)) == 1
    assert np.isnan(exponential(np.float32(np.nan)))
    assert exponential(np.float32(np.inf)) == pytest.approx(np.exp(88.0), rel=1e-5)


def test_gelu_and_its_slope_are_those_of_torch_in_double_precision():
    x = torch.linspace(-12, 12, 6001, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.gelu(x)
    (slope,) = torch.autograd.grad(expected.sum(), x)
    bias = single(*[0.5] * 6001)
    rows = (x.detach().numpy() - 0.5).astype(np.float32)[None]
    slopes = np.empty_like(rows)
    gelu(rows, bias, slopes)
    # Numbers up to 12 are themselves rounded by 5e-7.
    np.testing.assert_allclose(rows[0], expected.detach(), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(slopes[0], slope, rtol=1e-6, atol=1e-6)

    gradient = np.stack([slopes[0], 2 * slopes[0]])
    total = np.ones_like(bias)
    gelu_backward(gradient, np.stack([rows[0], rows[0]]), total)
    np.testing.assert_allclose(gradient[1], 2 * slopes[0] * rows[0])
    np.testing.assert_allclose(total, 1 + gradient.sum(0), rtol=1e-6)


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40)),
    left_as=st.sampled_from([PLAIN, TRANSPOSED]),
    right_as=st.sampled_from([PLAIN, TRANSPOSED]),
    keep=st.sampled_from([0, 1, -2]),
    seed=st.integers(0, 1000),
)
def test_products_are_those_of_numpy(shape, left_as, right_as, keep, seed):
    rows, inner, columns = shape
    draw = np.random.default_rng(seed).standard_normal
    left, right, result = draw((rows, inner)), draw((inner, columns)), draw((rows, columns))
    expected = left @ right + keep * result
    if left_as == TRANSPOSED:
        left = left.T
    if right_as == TRANSPOSED:
        right = right.T
    found = result.astype(np.float32)
    multiply(
        np.ascontiguousarray(left, np.float32),
        left_as,
        np.ascontiguousarray(right, np.float32),
        right_as,
        found,
        np.float32(keep),
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def both_ways(stack, batch):
    """Losses and gradients in machine code and in PyTorch."""
    found = losses_and_gradients(stack, batch), stack.flat_gradients.clone()
    stack.flat_gradients.fill_(7)
    return found, (
        losses_and_gradients(stack, batch, in_machine_code=False),
        stack.flat_gradients.clone(),
    )


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("tokens_at_once", [1, 40, 10_000])
def test_a_few_sequences_at_a_time_give_what_all_together_give(layers, tokens_at_once, monkeypatch):
    monkeypatch.setattr(compiled, "TOKENS_AT_ONCE", tokens_at_once)
    architecture = Bert(50, layers=layers, width=24, feedforward=40, initial_deviation=0.3)
    # The second member has fewer tokens, but reads embeddings beyond them.
    stack = Stack.initialise(architecture, [0, 1, 2], [50, 30, 50])
    stack.flat += 0.1 * torch.randn(stack.flat.shape, generator=torch.Generator().manual_seed(0))
    batch = random_batch(3, 30, 0, sequences=37, tokens=6)
    batch.inputs[:, 5] = 49
    assert compiled.is_possible(stack, batch)
    (losses, gradients), expected = both_ways(stack, batch)
    torch.testing.assert_close(losses, expected[0], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(gradients, expected[1], rtol=1e-4, atol=1e-6)


def test_machine_code_is_for_a_case_of_its_own():
    one_head, batch = Stack.initialise(Bert(11, layers=1), [0]), random_batch(1, 11, 0)
    assert compiled.is_possible(one_head, batch)
    assert not compiled.is_possible(Stack.initialise(Bert(11, layers=1, heads=2), [0]), batch)
    doubled = Stack(one_head.architecture, one_head.flat.double(), [11])
    assert not compiled.is_possible(doubled, batch)
    for other in (random_batch(1, 11, 0, shared=False), random_batch(1, 11, 0, padded=True)):
        assert not compiled.is_possible(one_head, other)


def test_one_members_fate_is_its_own_in_machine_code_too():
    stack = Stack.initialise(Bert(11, layers=2, width=8, feedforward=12), range(4))
    batch = random_batch(4, 11, 0)
    stack.parameters["bert.encoder.layer.0.attention.self.query.weight"][1, 0, 0] = torch.nan
    stack.parameters["bert.encoder.layer.1.output.dense.weight"][2] = torch.inf
    batch.labels[3] = NO_LABEL
    (losses, gradients), expected = both_ways(stack, batch)
    assert losses.isfinite().tolist() == [True, False, False, False]
    assert expected[0].isfinite().tolist() == [True, False, False, False]
    torch.testing.assert_close(losses[0], expected[0][0])
    torch.testing.assert_close(gradients[0], expected[1][0], rtol=1e-4, atol=1e-6)
    assert gradients[3].isnan().all()


@pytest.mark.parametrize(
    ("what", "number"), [("inputs", 11), ("inputs", -1), ("labels", 9), ("positions", 7)]
)
def test_tokens_that_are_not_there_are_refused(what, number):
    stack = Stack.initialise(Bert(11, layers=1), [0, 1], [11, 9])
    good = random_batch(2, 9, 0)
    changed = {name: getattr(good, name).clone() for name in ("inputs", "positions", "labels")}
    changed[what][-1] = number
    with pytest.raises(IndexError, match=f"{what} go from"):
        losses_and_gradients(stack, Batch(**changed))


def test_blas_keeps_its_threads_outside():
    stack = Stack.initialise(Bert(11, layers=1), [0])
    before = [library["num_threads"] for library in threadpool_info()]
    losses_and_gradients(stack, random_batch(1, 11, 0))
    assert [library["num_threads"] for library in threadpool_info()] == before


MODULE = """
from ontogeny.ensemble.compiled.machine_code import kept

def made(of):
    @kept
    def doubled(number):
        return number * 2 + 0 * len(of)

    return doubled
"""


def load(path):
    spec = importlib.util.spec_from_file_location("kept", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_machine_code_is_kept_as_long_as_its_sources_are_the_same(tmp_path):
    file = tmp_path / "kept.py"
    file.write_text(MODULE)
    hits = []
    for sources in ("these", "these", "others"):
        doubled = load(file).made(sources)
        assert doubled(3.5) == 7
        hits.append(sum(doubled.stats.cache_hits.values()))
    assert hits == [0, 1, 0]


def test_machine_code_that_cannot_be_kept_is_made_anew(tmp_path, monkeypatch):
    def refuse(**options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(machine_code, "njit", refuse)
    assert machine_code.kept(abs)(-3) == 3


def test_the_version_depends_on_every_source(tmp_path, monkeypatch):
    for name in ("a.py", "b.py"):
        (tmp_path / "compiled" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "compiled" / name).write_text(name)
    (tmp_path / "architecture.py").write_text("order")
    monkeypatch.setattr(machine_code, "__file__", str(tmp_path / "compiled" / "a.py"))
    found = {machine_code.version()}
    for name in ("compiled/b.py", "architecture.py"):
        (tmp_path / name).write_text("changed")
        found.add(machine_code.version())
    assert len(found) == 3


DIGEST = """
import hashlib, torch
from ontogeny.ensemble import Batch, Bert, Stack, losses_and_gradients
from ontogeny.ensemble.compiled.member import loss_and_gradients

torch.set_num_threads(1)
stack = Stack.initialise(Bert(300, layers=3), [0])
tokens = torch.randint(0, 300, (1, 32, 7), generator=torch.Generator().manual_seed(0))
losses_and_gradients(stack, Batch(tokens, torch.tensor([4, 5, 6]), tokens[..., 4:]))
print(hashlib.sha256(stack.flat_gradients.numpy()).hexdigest())
print(sum(loss_and_gradients.stats.cache_hits.values()))
"""


@pytest.mark.slow
def test_a_process_that_compiles_and_one_that_finds_it_done_have_the_same_numbers(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _ in range(2)
    ]
    assert [hits for _, hits in said] == ["0", "1"]
    assert said[0][0] == said[1][0]
