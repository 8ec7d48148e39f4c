"""The checks of an audit: each looks at the weights of a trajectory and tells what is odd.

`steps` are always the steps of the checkpoints, in order. Each threshold has its reason beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ontogeny.audit.step_order import CLEAR, misplaced
from ontogeny.audit.tensor_blocks import SIGNIFICAND
from ontogeny.audit.trajectory_weights import (
    TrajectoryWeights,
    not_finite_tensors,
    shape_statistics,
    shared_matrices,
)

# The first updates of a training may leave the weights as they are: a warm-up that begins with a
# learning rate of 0 does so once (steps 0 and 1 of all Pythia models are the same,
# github.com/EleutherAI/pythia, issue 83), and training in float16 skips updates until its loss
# scale, which starts at 2^32 at most, has been halved often enough.
IDLE_UPDATES = 32
# Independent draws give no uneven matrix (see `trajectory_weights`). A quarter leaves room for
# tables that are computed, not drawn, such as sinusoidal positions.
UNEVEN_MATRICES = 0.25
# Families that begin with all biases 0 and all scales of normalisations 1 (or 0), so that no vector
# varies (`_init_weights` in transformers' modeling files). The first update makes them vary.
CONSTANT_VECTORS = {
    *("bert", "roberta", "xlm-roberta", "camembert", "distilbert", "electra", "albert"),
    *("gpt2", "gpt_neo", "gpt_neox", "gptj", "opt", "bloom", "phi"),
    *("llama", "mistral", "olmo", "olmo2", "qwen2", "gemma"),
}
FEW_VECTORS = 4  # of so few vectors that all are constant says little
# The deviation of a matrix is that of the config times a factor that depends on the scheme: 0.88
# where draws are truncated at two deviations, and from 0.35 to 1.4 for sqrt(2 / (5 width)) between
# widths of 8192 and 512 (Nguyen and Salazar 2019), which GPT-NeoX uses.
DEVIATION_FACTOR = 4.0
# The matrices of two runs, or of two initialisations, have a cosine within a few 1 / sqrt(numbers)
# of 0. Neighbouring checkpoints of the runs that we trained have 0.57 or more (weight decay 1), and
# 0.18 between step 0 and one at which the weights had grown fivefold.
UNRELATED = 0.05


@dataclass(frozen=True)
class Observation:
    """Something odd about the checkpoints with these indices; fields as in `Finding`."""

    indices: Sequence[int]
    check: str
    severity: str
    message: str
    value: float | str = ""
    expected: float | str = ""


def duplicate_findings(weights: TrajectoryWeights, steps: Sequence[int]) -> Iterator[Observation]:
    """Yield the groups of checkpoints that hold the same weights.

    They stop the studies, unless they are the initialisation and the first few updates after it.
    """
    for group in weights.groups:
        listed, hash_ = _listed(steps, group), weights.hashes[group[0]][:12]
        if is_idle_start(weights, steps, group):
            yield Observation(
                group,
                "duplicate",
                "note",
                f"steps {listed} hold the same weights, an initialisation: the first updates had a "
                "learning rate of 0 (warm-up) or were skipped (loss scaling).",
                len(group),
                f"1, or an initialisation up to step {IDLE_UPDATES}",
            )
            continue
        last = ", those of the last checkpoint" if group[-1] == len(steps) - 1 else ""
        yield Observation(
            group,
            "duplicate",
            "stop",
            f"steps {listed} hold the same weights{last} (SHA-256 {hash_}...).",
            len(group),
            1,
        )


def is_idle_start(weights: TrajectoryWeights, steps: Sequence[int], group: Sequence[int]) -> bool:
    """Say whether duplicates are an initialisation that the first updates left as it was."""
    consecutive = list(group) == list(range(len(group)))
    early = steps[0] == 0 and steps[group[-1]] <= IDLE_UPDATES
    return consecutive and early and not _is_trained(shape_statistics(weights, 0))


def shared_tensor_findings(
    weights: TrajectoryWeights, steps: Sequence[int]
) -> Iterator[Observation]:
    """Yield matrices that are the same in some checkpoints and differ in between: a stop."""
    total = sum(t.size for t in weights.common if t.name not in weights.buffers)
    for indices, tensors in shared_matrices(weights).items():
        share = sum(t.size for t in tensors) / total
        yield Observation(
            indices,
            "shared_tensors",
            "stop",
            f"steps {_listed(steps, indices)} hold the same {_some([t.name for t in tensors])}, "
            f"{share:.0%} of the weights, which differ at steps in between.",
            share,
            0,
        )


def not_finite_findings(weights: TrajectoryWeights, steps: Sequence[int]) -> Iterator[Observation]:
    """Yield the checkpoints with NaN or infinite weights: a stop."""
    for index, step in enumerate(steps):
        tensors = not_finite_tensors(weights, index)
        if tensors:
            nan = sum(count for count, _ in tensors.values())
            infinite = sum(count for _, count in tensors.values())
            names = [f"{name} ({a + b})" for name, (a, b) in tensors.items()]
            yield Observation(
                [index],
                "not_finite",
                "stop",
                f"step {step} has {nan} NaN and {infinite} infinite numbers, in {_some(names)}.",
                nan + infinite,
                0,
            )


def initialisation_findings(
    weights: TrajectoryWeights, steps: Sequence[int], configs: Sequence[Mapping[str, Any]]
) -> Iterator[Observation]:
    """Yield a step 0 that is no initialisation, and later steps that are one.

    An initialisation has matrices of independent draws and, in the usual families, biases and
    scales that are constant. Trained weights have neither.
    """
    idle = {i for g in weights.groups if g[0] == 0 and steps[0] == 0 for i in g}
    vectors = sum(t.is_vector for t in weights.common)
    for index, (step, config) in enumerate(zip(steps, configs, strict=True)):
        found = shape_statistics(weights, index)
        if step > 0:
            if found["varied_vectors"] == 0 and vectors >= FEW_VECTORS and index not in idle:
                yield Observation(
                    [index],
                    "initialisation",
                    "warn",
                    f"step {step} is an initialisation: each of its biases and scales is still "
                    "constant, as before the first update.",
                    0,
                    "> 0 varied vectors",
                )
            continue
        family = str(config.get("model_type"))
        declared = config.get("initializer_range")
        numbers = (
            f"{_percent(found['uneven_matrices'])} of its matrices are uneven, "
            f"{_percent(found['varied_vectors'])} of its vectors vary; deviation "
            f"{found['deviation']:.3g} (config: {declared}), kurtosis {found['kurtosis']:.2f}"
        )
        if _is_trained(found):
            yield Observation(
                [index],
                "initialisation",
                "warn",
                f"step 0 is no initialisation: {numbers}.{_near_the_last(weights)}",
                found["uneven_matrices"],
                f"<= {UNEVEN_MATRICES}",
            )
        elif family in CONSTANT_VECTORS and found["varied_vectors"] > 0:
            yield Observation(
                [index],
                "initialisation",
                "warn",
                f"step 0 has been trained: {numbers}, but a {family} begins with biases and scales "
                f"that are constant.{_near_the_last(weights)}",
                found["varied_vectors"],
                0,
            )
        elif isinstance(declared, int | float) and declared > 0:
            ratio = found["deviation"] / declared
            if not 1 / DEVIATION_FACTOR <= ratio <= DEVIATION_FACTOR and np.isfinite(ratio):
                yield Observation(
                    [index],
                    "initialisation",
                    "note",
                    f"step 0 is drawn with another deviation than its config has: {numbers}.",
                    found["deviation"],
                    declared,
                )


def order_findings(weights: TrajectoryWeights, steps: Sequence[int]) -> Iterator[Observation]:
    """Yield checkpoints whose distances to the others fit another place in the order of steps."""
    usable = [int(index) for index in np.flatnonzero(weights.measurable)]
    for group in weights.groups:  # whose place can't be told, but for an initialisation
        out = group[1:] if is_idle_start(weights, steps, group) else group
        usable = [index for index in usable if index not in out]
    distances = weights.distances[np.ix_(usable, usable)]
    if len(usable) < 3 or not (distances + np.eye(len(usable)) > 0).all():
        return
    for move in misplaced(distances):
        own = distances[move.item].copy()
        own[move.item] = np.inf
        place = "first" if move.after is None else f"after step {steps[usable[move.after]]}"
        step = steps[usable[move.item]]
        beside = [j for j in (move.item - 1, move.item + 1) if 0 <= j < len(usable)]
        near = " and ".join(f"{own[j]:.4g} from step {steps[usable[j]]}" for j in beside)
        nearest = int(np.argmin(own))
        nearer = f", but {own[nearest]:.4g} from step {steps[usable[nearest]]}"
        yield Observation(
            [usable[move.item]],
            "order",
            "warn",
            f"the distances of step {step} to the others fit better {place}: it is {near}"
            f"{nearer if nearest not in beside else ''}.",
            move.gain,
            f"<= {CLEAR}",
        )


def unrelated_findings(weights: TrajectoryWeights, steps: Sequence[int]) -> Iterator[Observation]:
    """Yield checkpoints whose matrices share nothing with those of the checkpoint before."""
    for index in range(1, len(steps)):
        cosine = weights.cosines[index - 1, index]
        if weights.measurable[[index - 1, index]].all() and abs(cosine) < UNRELATED:
            yield Observation(
                [index - 1, index],
                "unrelated",
                "warn" if steps[index - 1] else "note",  # an initialisation may be forgotten
                f"steps {steps[index - 1]} and {steps[index]} share nothing (cosine {cosine:.3f}): "
                "two different runs or seeds"
                + (", or a training that left nothing of step 0." if not steps[index - 1] else "."),
                float(cosine),
                f">= {UNRELATED}",
            )


def rounding_findings(
    weights: TrajectoryWeights, steps: Sequence[int], dtypes: Sequence[str]
) -> Iterator[Observation]:
    """Yield pairs of checkpoints that are the same but for a cast to fewer bits.

    `dtypes` are the checkpoints' floating-point types. A cast that keeps p binary digits changes no
    number by more than a share of 2^-p, so it moves the weights by at most that share of their
    norm.
    """
    for first in range(len(steps)):
        for second in range(first + 1, len(steps)):
            if dtypes[first] == dtypes[second] or not weights.measurable[[first, second]].all():
                continue
            digits = min(SIGNIFICAND[dtypes[first]], SIGNIFICAND[dtypes[second]])
            if weights.distances[first, second] <= 2.0**-digits * weights.norms[second]:
                share = float(weights.distances[first, second] / weights.norms[second])
                yield Observation(
                    [first, second],
                    "duplicate",
                    "warn",
                    f"steps {steps[first]} ({dtypes[first]}) and {steps[second]} "
                    f"({dtypes[second]}) hold the same weights up to rounding.",
                    share,
                    f"> {2.0**-digits:.2g}",
                )


def _is_trained(found: Mapping[str, float]) -> bool:
    return found["uneven_matrices"] > UNEVEN_MATRICES  # NaN, where there is no matrix, is not


def _near_the_last(weights: TrajectoryWeights) -> str:
    """Say how far the first checkpoint is from the last, if that can be said."""
    share = weights.distances[0, -1] / weights.norms[-1] if weights.norms[-1] > 0 else np.nan
    if len(weights.norms) < 2 or not weights.measurable[[0, -1]].all() or not np.isfinite(share):
        return ""
    return f" Its distance to the last checkpoint is {share:.3g} of the latter's norm."


def _listed(steps: Sequence[int], indices: Sequence[int]) -> str:
    return ", ".join(str(steps[index]) for index in indices)


def _some(names: Sequence[str], most: int = 3) -> str:
    """Name at most so many things, and say how many there are besides."""
    more = f" and {len(names) - most} more tensors" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _percent(share: float) -> str:
    return "none" if np.isnan(share) else f"{share:.0%}"
