"""Statistics of tensors from blocks equal those of whole tensors, and each byte is read once."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from ontogeny.audit.tensor_blocks import Reader, as_numbers, spans, stored_tensors
from ontogeny.audit.weight_statistics import tensor_statistics
from ontogeny.errors import CheckpointError
from ontogeny.runs.checkpoints.weight_files import count_parameters


def stored(folder, states):
    checkpoints = []
    for index, tensors in enumerate(states):
        path = folder / f"step-{index}"
        path.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: np.ascontiguousarray(value) for name, value in tensors.items()},
            path / "model.safetensors",
        )
        checkpoints.append(stored_tensors(path))
    return checkpoints


def unevenness_of_whole(matrix):
    """Variance of the rows' mean squares over that of independent draws; the same for columns."""
    squares = np.square(matrix.astype(float)).reshape(len(matrix), -1)
    squares = squares[squares.sum(1) > 0]
    found = []
    for values in (squares, squares.T):
        expected = (np.mean(values**2) - np.mean(values) ** 2) / values.shape[1]
        found.append(np.var(values.mean(1), ddof=1) / expected)
    return found


@pytest.mark.parametrize(
    "shape", [(), (1,), (7,), (1, 9), (5, 4), (30, 17), (6, 3, 5), (1, 1, 8, 8), (0, 3)]
)
@pytest.mark.parametrize("block_bytes", [1, 400, 3000, 1 << 20])
def test_statistics_from_blocks_are_those_of_whole_tensors(tmp_path, shape, block_bytes):
    draw = np.random.default_rng(len(shape))
    states = [{"a": draw.normal(0.1, 2, shape).astype(np.float32)} for _ in range(4)]
    (found,) = tensor_statistics(stored(tmp_path, states), block_bytes)
    whole = np.array([s["a"].astype(float).ravel() for s in states])
    assert found.members == (0, 1, 2, 3)
    np.testing.assert_allclose(found.squares, (whole**2).sum(1))
    between = ((whole[:, None] - whole[None]) ** 2).sum(2)
    np.testing.assert_allclose(found.distances, between, rtol=1e-9, atol=1e-9)
    if whole.size:
        np.testing.assert_allclose(found.deviation, whole.std(1), atol=1e-7)
        kurtosis = (whole**4).mean(1) / (whole**2).mean(1) ** 2
        np.testing.assert_allclose(found.kurtosis, kurtosis)
        assert found.constant.tolist() == [whole.shape[1] == 1] * 4
    if found.is_matrix:
        matrices = [s["a"].reshape([n for n in shape if n > 1]) for s in states]
        expected = [unevenness_of_whole(matrix) for matrix in matrices] if whole.size else 1.0
        np.testing.assert_allclose(found.unevenness, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "matrix", "vector"),
    [
        *[((6,), False, True), ((1,), False, False), ((), False, False), ((4, 6), True, False)],
        # A table of one row is drawn as a matrix is, but too small to be judged.
        *[((1, 6), False, False), ((6, 1), False, False), ((1, 4, 6), True, False)],
    ],
)
def test_biases_and_scales_have_one_dimension_and_matrices_two_longer_than_1(
    tmp_path, shape, matrix, vector
):
    (found,) = tensor_statistics(stored(tmp_path, [{"a": np.zeros(shape, np.float32)}]))
    assert (found.is_matrix, found.is_vector) == (matrix, vector)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    hnp.arrays(np.float32, st.tuples(*[st.integers(1, 9)] * 2), elements=st.floats(width=32)),
    st.integers(1, 600),
)
def test_whatever_is_not_finite_is_counted_and_taken_as_zero(tmp_path_factory, matrix, block):
    folder = tmp_path_factory.mktemp("finite")
    (found,) = tensor_statistics(
        stored(folder, [{"a": matrix}, {"a": np.zeros_like(matrix)}]), block
    )
    assert found.nan[0] == np.isnan(matrix).sum()
    assert found.infinite[0] == np.isinf(matrix).sum()
    finite = np.where(np.isfinite(matrix), matrix, 0).astype(float)
    np.testing.assert_allclose(found.squares[0], (finite**2).sum(), rtol=1e-9)
    assert np.isfinite(found.unevenness).all()
    assert np.isfinite(found.kurtosis).all()


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 40))
def test_the_pieces_of_a_matrix_cover_it_in_order(rows, columns, most):
    pieces = list(spans(rows, columns, most))
    numbers = [n for first, height, width in pieces for n in range(first, first + height * width)]
    assert numbers == list(range(rows * columns))
    for first, height, width in pieces:
        assert height * width <= max(most, 1)
        assert height == 1 or width == columns
        assert first % columns + width <= columns


def test_bfloat16_and_float16_are_read_as_torch_reads_them(tmp_path):
    numbers = torch.randn(40, generator=torch.Generator().manual_seed(0)) * 1e-3
    for dtype in (torch.bfloat16, torch.float16, torch.float32, torch.float64):
        save_torch({"a": numbers.to(dtype)}, tmp_path / "model.safetensors")
        tensor = stored_tensors(tmp_path)["a"]
        with Reader() as reader:
            read = as_numbers([reader.read(tensor, 0, tensor.bytes)], [tensor.dtype])
        assert read[0].tolist() == numbers.to(dtype).double().tolist()


def test_hashes_are_of_type_shape_and_bytes_alone(tmp_path):
    one = np.arange(6, dtype=np.float32)
    same = {"a": one, "b": np.arange(3)}
    states = [same, dict(reversed(same.items())), {"a": one.reshape(2, 3)}, {"a": one + 1}]
    digests = {}
    for tensor in tensor_statistics(stored(tmp_path, states)):
        for member, digest in zip(tensor.members, tensor.digests, strict=True):
            digests[member, tensor.name] = digest
    assert digests[0, "a"] == digests[1, "a"]
    assert digests[0, "b"] == digests[1, "b"]
    assert len({digests[member, "a"] for member in range(4)}) == 3


@pytest.mark.parametrize("draw", ["normal", "uniform", "truncated", "orthogonal", "laplace"])
@pytest.mark.parametrize("shape", [(8, 8), (200, 16), (64, 256)])
def test_independent_draws_of_any_distribution_are_even(tmp_path, draw, shape):
    generator = torch.Generator().manual_seed(1)
    states = []
    for _ in range(30):
        a = torch.empty(shape)
        if draw == "normal":
            a.normal_(0, 0.02, generator=generator)
        elif draw == "uniform":
            a.uniform_(-0.1, 0.1, generator=generator)
        elif draw == "truncated":
            torch.nn.init.trunc_normal_(a, 0, 0.02, -0.04, 0.04, generator=generator)
        elif draw == "orthogonal":
            torch.nn.init.orthogonal_(a, generator=generator)
        else:
            a.exponential_(1, generator=generator).mul_(
                torch.randn(shape, generator=generator).sign()
            )
        states.append({"a": a.numpy()})
    (found,) = tensor_statistics(stored(tmp_path, states))
    assert found.excess.max() < 6
    if draw != "orthogonal":
        assert abs(found.unevenness.mean() - 1) < 0.25


def test_rows_of_differing_size_are_uneven(tmp_path):
    draw = np.random.default_rng(0)
    scale = np.linspace(0.8, 1.2, 400)
    matrix = draw.normal(size=(400, 64)) * scale[:, None]
    (rows,) = tensor_statistics(stored(tmp_path, [{"a": matrix}]))
    # Row mean squares have the variance Var(s^2) + 2 E(s^4) / 64; of independent draws with the
    # same moments it would be (3 E(s^4) - E(s^2)^2) / 64.
    square, fourth = np.mean(scale**2), np.mean(scale**4)
    expected = (fourth - square**2 + fourth / 32) / ((3 * fourth - square**2) / 64)
    assert rows.unevenness[0, 0] == pytest.approx(expected, rel=0.2)
    assert rows.excess[0, 0] > 6 > 4 > abs(rows.excess[0, 1])
    (columns,) = tensor_statistics(stored(tmp_path, [{"a": matrix.T}]))
    np.testing.assert_allclose(columns.unevenness[0], rows.unevenness[0][::-1])


COUNT = """
import json, os, resource, sys
from ontogeny.audit.tensor_blocks import stored_tensors
from ontogeny.audit.weight_statistics import tensor_statistics
folder, count, block = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def read():
    return int(dict(l.split(": ") for l in open("/proc/self/io"))["rchar"])
tensor_statistics([stored_tensors(f"{folder}/small")], block)
before, base = read(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
tensor_statistics([stored_tensors(f"{folder}/step-{i}") for i in range(count)], block)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([read() - before, (peak - base) * 1024]))
"""


def sparse(folder, rows, columns):
    """A checkpoint of zeros that takes no room on the disk."""
    folder.mkdir()
    size = 4 * rows * columns
    header = {"a": {"dtype": "F32", "shape": [rows, columns], "data_offsets": [0, size]}}
    text = json.dumps(header).encode()
    with open(folder / "model.safetensors", "wb") as handle:
        handle.write(len(text).to_bytes(8, "little") + text)
        handle.truncate(8 + len(text) + size)


@pytest.mark.slow
def test_each_byte_is_read_once_and_memory_keeps_to_the_block(tmp_path):
    count, rows, columns, block = 16, 20_000, 256, 32 << 20  # 16 files of 20 MB
    sparse(tmp_path / "small", 8, 8)
    for index in range(count):
        sparse(tmp_path / f"step-{index}", rows, columns)
    program = [sys.executable, "-c", COUNT, str(tmp_path), str(count), str(block)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.run(program, capture_output=True, text=True, check=True, env=environment)
    read, memory = json.loads(process.stdout)
    total = count * rows * columns * 4
    assert total <= read < 1.01 * total
    assert memory < 1.5 * block < total / 5


def test_a_file_that_shrinks_while_it_is_read_is_told(tmp_path):
    (checkpoint,) = stored(tmp_path, [{"a": np.zeros((50, 50), np.float32)}])
    file = tmp_path / "step-0" / "model.safetensors"
    os.truncate(file, file.stat().st_size - 10)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: ends 10 bytes too early"):
        tensor_statistics([checkpoint])


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (
            {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]},
            r"has 8 bytes for F32 of shape \[3\]",
        ),
        ({"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}, "expected dtype, shape and"),
        ({"dtype": "F32", "shape": "ab", "data_offsets": [0, 8]}, "expected dtype, shape and"),
        ({"shape": [2], "data_offsets": [0, 8]}, "expected dtype, shape and data_offsets"),
        ({"dtype": "F32", "shape": [-2], "data_offsets": [16, 8]}, "expected dtype, shape and"),
        ({"dtype": "I64", "shape": [1], "data_offsets": [16, 8]}, "has -8 bytes for I64"),
        ({"dtype": "I64", "shape": None, "data_offsets": [0, 8]}, "expected dtype, shape and"),
        ({"dtype": "I64", "shape": [1], "data_offsets": ["0", "8"]}, "expected dtype, shape and"),
        ({"dtype": ["F32"], "shape": [2], "data_offsets": [0, 8]}, "expected dtype, shape and"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(tmp_path, tensor, expected):
    text = json.dumps({"a": tensor}).encode()
    file = tmp_path / "model.safetensors"
    file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(CheckpointError, match=rf"model\.safetensors: .*tensor a .*{expected}"):
        stored_tensors(tmp_path)
    with pytest.raises(CheckpointError, match=rf"model\.safetensors: .*tensor a .*{expected}"):
        count_parameters(tmp_path)
