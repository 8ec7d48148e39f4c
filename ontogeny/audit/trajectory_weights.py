"""The weights of a trajectory, as one thing: distances, duplicates, statistics of each checkpoint.

Put together from the statistics of single tensors (`ontogeny.audit.weight_statistics`).
"""

import hashlib
import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ontogeny.audit.tensor_blocks import StoredTensor
from ontogeny.audit.weight_statistics import TensorStatistics

T = TypeVar("T", bound=Hashable)

# A matrix is uneven if its rows or columns differ in size more than independent draws would: by 6
# standard errors, which chance gives in none of a billion, and by a quarter, so that a draw that is
# not quite independent (a generator in 16 bits) doesn't count. In a BERT of 4 layers the share of
# uneven matrices goes from 0 at its initialisation to a half after 2200 updates.
UNEVEN_EXCESS = 6.0
UNEVEN = 1.25
# A matrix of fewer numbers can come back by chance, where it is stored in 16 bits and hardly moves.
SMALL = 256


@dataclass(frozen=True)
class TrajectoryWeights:
    """What the audit judges; `T` checkpoints in the order of steps.

    Distances, norms and cosines are over the tensors that all comparable checkpoints have. Not
    comparable is one that lacks half of the parameters which most checkpoints have, or has them in
    another shape.
    """

    tensors: Sequence[TensorStatistics]
    common: tuple[TensorStatistics, ...]  # the tensors that the comparable checkpoints share
    buffers: frozenset[str]  # those of them that are the same in all of these
    comparable: np.ndarray  # (T,)
    finite: np.ndarray  # (T,): no number is NaN or infinite, but in buffers
    hashes: tuple[str, ...]  # of all tensors of each checkpoint
    groups: tuple[tuple[int, ...], ...]  # of checkpoints with the same weights, two or more each
    distances: np.ndarray  # (T, T), Euclidean; NaN for checkpoints that aren't comparable
    norms: np.ndarray  # (T,), NaN likewise
    cosines: np.ndarray  # (T, T), over matrices; NaN likewise

    @property
    def measurable(self) -> np.ndarray:
        """Which checkpoints have distances that mean something, shape `(T,)`."""
        return self.comparable & self.finite


def most_common(values: Sequence[T]) -> T:
    """Return the value that occurs most often, of several such the one that comes first."""
    counts = Counter(values)
    return max(counts, key=lambda value: counts[value])


def assemble(
    checkpoints: Sequence[Mapping[str, StoredTensor]], tensors: Sequence[TensorStatistics]
) -> TrajectoryWeights:
    """Put the statistics of the tensors of several checkpoints together.

    `tensors` are as `tensor_statistics(checkpoints)` returns them.
    """
    signatures = [
        frozenset((name, t.shape) for name, t in tensors_.items() if t.is_floating)
        for tensors_ in checkpoints
    ]
    usual = most_common(signatures)
    comparable = np.array([_size(usual & own) * 2 >= _size(usual) for own in signatures])
    members = np.flatnonzero(comparable)
    shared = frozenset.intersection(*(signatures[member] for member in members)) & usual
    common = tuple(t for t in tensors if (t.name, t.shape) in shared and t.squares is not None)
    unchanged = {t.name for t in common if len({t.digests[i] for i in _places(t, members)}) == 1}
    # Where all checkpoints are the same, nothing tells buffers from weights.
    buffers = frozenset(unchanged if len(unchanged) < len(common) else ())
    squared, between = np.zeros(len(checkpoints)), np.zeros((len(checkpoints),) * 2)
    matrix_squared, matrix_between = squared.copy(), between.copy()
    for tensor in common:
        assert tensor.squares is not None
        assert tensor.distances is not None
        if tensor.name in buffers:
            continue
        places = _places(tensor, members)
        squared[members] += tensor.squares[places]
        between[np.ix_(members, members)] += tensor.distances[np.ix_(places, places)]
        if tensor.is_matrix:
            matrix_squared[members] += tensor.squares[places]
            matrix_between[np.ix_(members, members)] += tensor.distances[np.ix_(places, places)]
    absent = ~(comparable[:, None] & comparable)
    lengths = np.sqrt(matrix_squared[:, None] * matrix_squared)
    cosines = np.full(between.shape, np.nan)
    inner = (matrix_squared[:, None] + matrix_squared - matrix_between) / 2
    np.divide(inner, lengths, out=cosines, where=lengths > 0)
    hashes = _hashes(len(checkpoints), tensors)
    return TrajectoryWeights(
        tensors=tensors,
        common=common,
        buffers=buffers,
        comparable=comparable,
        finite=np.array(
            [not _not_finite(i, tensors, buffers) for i in range(len(checkpoints))], dtype=bool
        ),
        hashes=hashes,
        groups=_groups(comparable, common, hashes),
        distances=np.where(absent, np.nan, np.sqrt(between)),
        norms=np.where(comparable, np.sqrt(squared), np.nan),
        cosines=np.where(absent, np.nan, np.clip(cosines, -1, 1)),
    )


def checkpoint_metrics(weights: TrajectoryWeights, index: int) -> dict[str, float]:
    """Return the metrics of one checkpoint that the table `WEIGHTS` declares; NaN for none."""
    own = [(t, t.members.index(index)) for t in weights.tensors if index in t.members]
    numbers = [(t, place) for t, place in own if t.squares is not None]
    last = len(weights.hashes) - 1
    metrics = {
        "parameters": float(sum(t.size for t, _ in numbers)),
        "not_finite": float(sum(_count(t.nan, p) + _count(t.infinite, p) for t, p in numbers)),
        "duplicates": float(sum(len(g) - 1 for g in weights.groups if index in g)),
        **shape_statistics(weights, index),
    }
    if weights.measurable[index]:
        metrics["norm"] = float(weights.norms[index])
        if weights.measurable[last]:
            metrics["distance_to_last"] = float(weights.distances[index, last])
            metrics["cosine_to_last"] = float(weights.cosines[index, last])
        if index and weights.measurable[index - 1]:
            metrics["distance_to_previous"] = float(weights.distances[index - 1, index])
            metrics["cosine_to_previous"] = float(weights.cosines[index - 1, index])
    return metrics


def shape_statistics(weights: TrajectoryWeights, index: int) -> dict[str, float]:
    """Return what tells an initialisation from trained weights, of one checkpoint.

    `deviation` and `kurtosis` (medians over its matrices), `uneven_matrices`, `varied_vectors`
    (shares of its matrices and vectors); NaN where it has none. Buffers don't count, matrices of
    one single value neither.
    """
    own = [
        (t, t.members.index(index))
        for t in weights.tensors
        if index in t.members and t.name not in weights.buffers and t.squares is not None
    ]
    matrices = [(t, p) for t, p in own if t.is_matrix and not _flag(t.constant, p)]
    vectors = [(t, p) for t, p in own if t.is_vector]
    uneven = [
        bool(((t.unevenness[p] > UNEVEN) & (t.excess[p] > UNEVEN_EXCESS)).any())
        for t, p in matrices
        if t.unevenness is not None and t.excess is not None
    ]
    return {
        "deviation": _median([_count(t.deviation, p) for t, p in matrices]),
        "kurtosis": _median([_count(t.kurtosis, p) for t, p in matrices]),
        "uneven_matrices": _share(uneven),
        "varied_vectors": _share([not _flag(t.constant, p) for t, p in vectors]),
    }


def not_finite_tensors(weights: TrajectoryWeights, index: int) -> dict[str, tuple[int, int]]:
    """Return how many numbers are NaN and infinite in each tensor of a checkpoint that has any.

    An infinity in a buffer (a mask) is none to worry about and left out.
    """
    return _not_finite(index, weights.tensors, weights.buffers)


def shared_matrices(weights: TrajectoryWeights) -> dict[tuple[int, ...], list[TensorStatistics]]:
    """Return the matrices that come back: the same in some checkpoints, and not in between.

    They are listed by the checkpoints that have them in common. Training can leave a matrix as it
    is, but can't bring it back bit for bit. What is the same in checkpoints that are duplicates of
    each other is left out.
    """
    found: dict[tuple[int, ...], list[TensorStatistics]] = {}
    members = np.flatnonzero(weights.comparable)
    duplicate_of = {index: group[0] for group in weights.groups for index in group}
    for tensor in weights.common:
        if not tensor.is_matrix or tensor.size < SMALL or tensor.name in weights.buffers:
            continue
        digests = [tensor.digests[place] for place in _places(tensor, members)]
        for digest in dict.fromkeys(digests):
            same = [i for i, own in enumerate(digests) if own == digest]
            indices = tuple(int(members[i]) for i in same)
            apart = same[-1] - same[0] >= len(same)
            if apart and len({duplicate_of.get(i, i) for i in indices}) > 1:
                found.setdefault(indices, []).append(tensor)
    return found


def _hashes(count: int, tensors: Sequence[TensorStatistics]) -> tuple[str, ...]:
    """Return for each checkpoint the SHA-256 of the names and hashes of its tensors."""
    digests = [hashlib.sha256() for _ in range(count)]
    for tensor in tensors:  # in the order of names
        for member, digest in zip(tensor.members, tensor.digests, strict=True):
            digests[member].update(tensor.name.encode() + b"\0" + digest)
    return tuple(digest.hexdigest() for digest in digests)


def _groups(
    comparable: np.ndarray, common: Sequence[TensorStatistics], hashes: Sequence[str]
) -> tuple[tuple[int, ...], ...]:
    """Return the groups of checkpoints with the same weights.

    The same are those whose common tensors are: whether a file holds a buffer or not depends on
    the version that saved it. Of a checkpoint that isn't comparable all tensors count, and of all
    checkpoints if they have none in common.
    """
    same: dict[object, list[int]] = {}
    by_tensor = [dict(zip(t.members, t.digests, strict=True)) for t in common]
    for index, own in enumerate(hashes):
        told_by_common = comparable[index] and by_tensor
        key = tuple(digests[index] for digests in by_tensor) if told_by_common else own
        same.setdefault(key, []).append(index)
    return tuple(tuple(group) for group in same.values() if len(group) > 1)


def _not_finite(
    index: int, tensors: Sequence[TensorStatistics], buffers: frozenset[str]
) -> dict[str, tuple[int, int]]:
    found = {}
    for tensor in tensors:
        if index in tensor.members and tensor.squares is not None:
            place = tensor.members.index(index)
            nan, infinite = int(_count(tensor.nan, place)), int(_count(tensor.infinite, place))
            if nan or (infinite and tensor.name not in buffers):
                found[tensor.name] = (nan, infinite)
    return found


def _places(tensor: TensorStatistics, indices: np.ndarray) -> list[int]:
    """Return where the checkpoints stand among a tensor's members."""
    return [tensor.members.index(int(index)) for index in indices]


def _size(signature: frozenset[tuple[str, tuple[int, ...]]]) -> int:
    return sum(math.prod(shape) for _, shape in signature)


def _count(values: np.ndarray | None, place: int) -> float:
    return 0.0 if values is None else float(values[place])


def _flag(values: np.ndarray | None, place: int) -> bool:
    return values is not None and bool(values[place])


def _median(values: list[float]) -> float:
    return float(np.median(values)) if values else math.nan


def _share(flags: list[bool]) -> float:
    return sum(flags) / len(flags) if flags else math.nan
