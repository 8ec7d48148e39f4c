"""The audit of a trajectory: are the checkpoints what their steps say they are?

Published trajectories have been found that serve the final weights at dozens of early steps, step 0
among them (github.com/EleutherAI/pythia, issues 195 and 205), one shard of the final weights at two
steps in the middle (issue 206), and the same weights at three distant steps
(github.com/allenai/OLMo, issue 915).
"""

import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ontogeny.audit import checks as audit_checks
from ontogeny.audit import configs as audit_configs
from ontogeny.audit.checks import Observation
from ontogeny.audit.tables import Finding
from ontogeny.audit.tensor_blocks import stored_tensors
from ontogeny.audit.trajectory_weights import assemble, checkpoint_metrics
from ontogeny.audit.weight_statistics import BLOCK_BYTES, tensor_statistics
from ontogeny.errors import CheckpointError
from ontogeny.runs.checkpoints.manifest import MANIFEST, checkpoint_path, read_manifest
from ontogeny.runs.checkpoints.model_configs import check_family, read_config


@dataclass(frozen=True)
class Audit:
    """What came out: findings, and by step the metrics of `WEIGHTS` and the tensors' hash."""

    findings: tuple[Finding, ...]
    metrics: Mapping[int, Mapping[str, float]]
    hashes: Mapping[int, str]


def audit_trajectory(
    folder: str | os.PathLike[str],
    *,
    run: str,
    seed: int,
    steps: Iterable[int],
    block_bytes: int = BLOCK_BYTES,
) -> Audit:
    """Look through the checkpoints `folder`/step-{step} of a trajectory, reading each byte once.

    Memory does not depend on the size of the checkpoints: it is `block_bytes`, and for each tensor
    a table of the distances between checkpoints. Raises `CheckpointError` if a checkpoint is
    truncated or its config or vocabulary can't be read, or there is none at all, and, naming run
    and seed, if one is of a family that can't be measured (`check_family`).
    """
    asked = sorted(set(steps))
    there = {entry.step for entry in read_manifest(folder)}
    present = [s for s in asked if s in there and checkpoint_path(folder, s).is_dir()]
    if not present:
        raise CheckpointError(
            f"{folder}: has none of the steps {', '.join(map(str, asked))}. Delete its manifest "
            "and run the workflow again."
        )
    paths = [checkpoint_path(folder, step) for step in present]
    configs = [read_config(path) for path in paths]
    for config, path in zip(configs, paths, strict=True):
        check_family(config, f"run {run}, seed {seed}: {path}")
    checkpoints = [stored_tensors(path) for path in paths]
    weights = assemble(checkpoints, tensor_statistics(checkpoints, block_bytes))
    metrics = {step: checkpoint_metrics(weights, i) for i, step in enumerate(present)}

    dtypes = [audit_configs.storage_type(checkpoint) for checkpoint in checkpoints]
    observations = itertools.chain(
        audit_checks.duplicate_findings(weights, present),
        audit_checks.shared_tensor_findings(weights, present),
        audit_checks.not_finite_findings(weights, present),
        audit_checks.initialisation_findings(weights, present, configs),
        audit_checks.order_findings(weights, present),
        audit_checks.unrelated_findings(weights, present),
        audit_checks.rounding_findings(weights, present, dtypes),
        audit_configs.configuration_findings(configs, present),
        audit_configs.attention_findings(configs),
        audit_configs.tensor_findings(checkpoints, present),
        audit_configs.storage_findings(dtypes, present),
        audit_configs.vocabulary_findings(paths, present),
    )
    missing = [
        Observation(
            [index],
            "missing",
            "stop",
            f"step {step} is not in {MANIFEST}, or its folder is not there.",
            0,
            1,
        )
        for index, step in enumerate(asked)
        if step not in present
    ]
    return Audit(
        findings=(
            *(_finding(run, seed, asked, found) for found in missing),
            *(_finding(run, seed, present, found) for found in observations),
        ),
        metrics=metrics,
        hashes=dict(zip(present, weights.hashes, strict=True)),
    )


def _finding(run: str, seed: int, steps: Sequence[int], observation: Observation) -> Finding:
    first, *others = (steps[index] for index in observation.indices)
    value, expected = (
        f"{number:.6g}" if isinstance(number, float) else str(number)
        for number in (observation.value, observation.expected)
    )
    return Finding(
        run=run,
        seed=seed,
        step=first,
        other_steps=", ".join(map(str, others)),
        check=observation.check,
        severity=observation.severity,
        value=value,
        expected=expected,
        message=observation.message,
    )
