import importlib.util
import os
import subprocess
import sys
import threading
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from small_berts import random_batch
from threadpoolctl import threadpool_info, threadpool_limits

from ontogeny.ensemble import NO_LABEL, Batch, Bert, Stack, compiled, losses_and_gradients
from ontogeny.ensemble.compiled import machine_code, products
from ontogeny.ensemble.compiled.functions import exponential, gelu, gelu_backward
from ontogeny.ensemble.compiled.member import loss_and_gradients
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


@settings(max_examples=60)
@given(
    vocabularies=st.lists(st.integers(4, 20), min_size=1, max_size=3),
    layers=st.integers(1, 3),
    width=st.integers(4, 24),
    tokens=st.integers(1, 9),
    targets=st.integers(1, 14),
    sequences=st.integers(1, 9),
    padding_token=st.sampled_from([None, 0, 3]),
    token_types=st.integers(1, 3),
    tokens_at_once=st.sampled_from([1, 20, 10_000]),
    seed=st.integers(0, 2**31),
)
def test_any_case_gives_what_pytorch_gives_in_double_precision(
    vocabularies,
    layers,
    width,
    tokens,
    targets,
    sequences,
    padding_token,
    token_types,
    tokens_at_once,
    seed,
):
    architecture = Bert(
        max(vocabularies) + 2,
        layers=layers,
        width=width,
        feedforward=2 * width + 1,
        positions=tokens + 1,
        token_types=token_types,
        padding_token=padding_token,
        initial_deviation=0.3,
    )
    stack = Stack.initialise(architecture, range(len(vocabularies)), vocabularies)
    generator = torch.Generator().manual_seed(seed)
    stack.flat += 0.1 * torch.randn(stack.flat.shape, generator=generator)
    # Positions come twice where there are more of them than tokens.
    batch = random_batch(
        len(vocabularies),
        min(vocabularies),
        seed,
        sequences=sequences,
        tokens=tokens,
        targets=targets,
    )
    batch.inputs[:, 0, 0] = max(vocabularies) + 1  # read, though no member can predict it
    assert compiled.is_possible(stack, batch)
    with patch.object(compiled, "TOKENS_AT_ONCE", tokens_at_once):
        losses = losses_and_gradients(stack, batch)
    double = Stack(architecture, stack.flat.double(), vocabularies)
    expected = losses_and_gradients(double, batch)
    torch.testing.assert_close(losses, expected.float(), rtol=1e-5, atol=1e-5)
    difference = (stack.flat_gradients - double.flat_gradients).norm(dim=1)
    # Where rows hardly vary, layer normalisation makes much of the rounding.
    assert (difference <= 2e-3 * double.flat_gradients.norm(dim=1)).all()


@pytest.mark.parametrize("in_machine_code", [True, False])
def test_threads_change_nothing(in_machine_code):
    stack = Stack.initialise(Bert(50, layers=2, initial_deviation=0.3), range(5))
    batch = random_batch(5, 50, 0, sequences=40)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            losses = losses_and_gradients(stack, batch, in_machine_code=in_machine_code)
            found.append((losses, stack.flat_gradients.clone()))
    finally:
        torch.set_num_threads(before)
    for losses, gradients in found[1:]:
        # PyTorch takes as many members at once as there are threads, and may round differently.
        close = {"rtol": 0, "atol": 0} if in_machine_code else {"rtol": 1e-4, "atol": 1e-6}
        torch.testing.assert_close(losses, found[0][0], **close)
        torch.testing.assert_close(gradients, found[0][1], **close)
    alone = stack.take([3])
    losses_and_gradients(alone, batch.of(3, 4), in_machine_code=in_machine_code)
    torch.testing.assert_close(alone.flat_gradients[0], found[0][1][3], **close)


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
    ("what", "number", "last"),
    [
        *[("inputs", 11, 10), ("inputs", -1, 10), ("positions", 7, 6), ("positions", -1, 6)],
        *[("labels", 9, 8), ("labels", -1, 8)],
    ],
)
def test_what_is_not_there_is_refused(what, number, last):
    stack = Stack.initialise(Bert(11, layers=1), [0, 1], [11, 9])
    good = random_batch(2, 9, 0)
    changed = {name: getattr(good, name).clone() for name in ("inputs", "positions", "labels")}
    changed[what][-1] = last
    losses_and_gradients(stack, Batch(**changed))
    changed[what][-1] = number
    member = 0 if what == "positions" else 1
    with pytest.raises(IndexError, match=f"member {member}: its {what} go from .*below {last + 1}"):
        losses_and_gradients(stack, Batch(**changed))


def test_other_integers_and_arrays_that_are_not_in_order_give_the_same():
    stack = Stack.initialise(Bert(11, layers=1), [0, 1])
    batch = random_batch(2, 11, 0)
    expected = losses_and_gradients(stack, batch)
    before = len(loss_and_gradients.signatures)
    other = Batch(
        batch.inputs.int().mT.contiguous().mT, batch.positions.short(), batch.labels.int()
    )
    assert torch.equal(losses_and_gradients(stack, other), expected)
    assert len(loss_and_gradients.signatures) == before
    columns = Stack(stack.architecture, stack.flat.mT.contiguous().mT, [11, 11])
    torch.testing.assert_close(losses_and_gradients(columns, batch), expected)


def test_blas_has_one_thread_inside_and_as_many_as_before_outside(monkeypatch):
    stack = Stack.initialise(Bert(11, layers=1), [0, 1, 2, 3])
    batch = random_batch(4, 11, 0)

    def blas():
        return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}

    inside = []

    def note(*arguments):
        inside.append(blas())
        return loss_and_gradients(*arguments)

    monkeypatch.setattr(compiled, "loss_and_gradients", note)
    before = torch.get_num_threads()
    with threadpool_limits(2, user_api="blas"):
        torch.set_num_threads(2)
        try:
            losses_and_gradients(stack, batch)
        finally:
            torch.set_num_threads(before)
        assert inside == [{1}] * 4
        assert blas() == {2}
        callers = [
            threading.Thread(target=losses_and_gradients, args=(stack.take([number]), one))
            for number, one in enumerate(batch.of(member, member + 1) for member in range(4))
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert len(inside) == 8
        assert blas() == {2}


def doubled_from(path, source="number * 2"):
    """A kept function that a module of this source defines."""
    path.write_text(
        "from ontogeny.ensemble.compiled.machine_code import kept\n\n"
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
        monkeypatch.setattr(machine_code, "version", lambda version=version: version)
        doubled = doubled_from(tmp_path / "of_a_test.py")
        assert doubled(3.5) == 7
        hits.append(sum(doubled.stats.cache_hits.values()))
    assert hits == [0, 1, 0]


def test_what_an_interrupted_process_left_is_not_taken_for_another_version(tmp_path, monkeypatch):
    file = tmp_path / "of_a_test.py"
    monkeypatch.setattr(machine_code, "version", lambda: "these")
    assert doubled_from(file, "number * 2")(1.0) == 2
    monkeypatch.setattr(machine_code, "version", lambda: "others")
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

    monkeypatch.setattr(machine_code, "njit", refuse)
    assert doubled_from(tmp_path / "of_a_test.py")(1.0) == 2


def test_the_version_depends_on_every_source_and_on_the_processor(tmp_path, monkeypatch):
    for name in ("a.py", "b.py"):
        (tmp_path / "compiled" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "compiled" / name).write_text(name)
    (tmp_path / "architecture.py").write_text("order")
    monkeypatch.setattr(machine_code, "__file__", str(tmp_path / "compiled" / "a.py"))
    found = {machine_code.version(), machine_code.version()}
    for name in ("compiled/b.py", "architecture.py"):
        (tmp_path / name).write_text("changed")
        found.add(machine_code.version())
    monkeypatch.setattr(machine_code, "get_host_cpu_name", lambda: "another")
    found.add(machine_code.version())
    assert len(found) == 4


def test_a_function_of_other_arguments_than_expected_is_refused():
    with pytest.raises(ImportError, match=r"SciPy's saxpy .* expected 6 sizes of type int"):
        products._address("saxpy")


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
