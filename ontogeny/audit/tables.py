"""What an audit finds: the table of findings and the table of statistics, and who may go on."""

import logging
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields

import pandas as pd

from ontogeny.errors import TableError, TrajectoryError
from ontogeny.results.tables import RUN, SEED, STEP, Column, Metric, Table, check, read_text
from ontogeny.tab_separated import read_rows, write_rows

# stop: not fit to be measured. warn: for a person to look at. note: explained, told for the record.
SEVERITIES = ("stop", "warn", "note")
CHECKS = {
    "missing": "a step without its checkpoint",
    "duplicate": "checkpoints that hold the same weights",
    "shared_tensors": "matrices that are the same in some checkpoints and differ in between",
    "not_finite": "weights that are NaN or infinite",
    "initialisation": "a step 0 that is none, or a later step that is one",
    "order": "a checkpoint whose distances to the others fit another place",
    "unrelated": "a checkpoint that shares nothing with the one before it",
    "architecture": "a configuration or a set of tensors that differs from the other checkpoints'",
    "vocabulary": "a tokenizer whose vocabulary differs from the other checkpoints'",
    "precision": "weights stored in another floating-point type than in the other checkpoints",
    "attention": "a family of models that has none",
}


@dataclass(frozen=True)
class Finding:
    """A row of `audit.tsv`.

    `step` is the first step concerned, `other_steps` lists the others, with commas. `value` is what
    was measured, `expected` what would have been in order, `message` says it in a sentence.
    """

    run: str
    seed: int
    step: int
    other_steps: str
    check: str
    severity: str
    value: str
    expected: str
    message: str

    @property
    def steps(self) -> list[int]:
        """All steps concerned."""
        return [self.step, *map(int, filter(None, self.other_steps.split(", ")))]


FINDING_COLUMNS = [field.name for field in fields(Finding)]


WEIGHTS = Table(
    "weights",
    keys=(RUN, SEED, STEP),
    metrics=(
        Metric("parameters", "floating-point numbers in the checkpoint", "numbers", 0),
        Metric("not_finite", "numbers that are NaN or infinite", "numbers", 0),
        Metric(
            "duplicates", "other checkpoints of the trajectory with the same weights", "count", 0
        ),
        Metric(
            "norm",
            "Euclidean norm of the weights that all checkpoints have, without buffers (tensors "
            "that are the same in all checkpoints)",
            "weight units",
            0,
        ),
        Metric(
            "distance_to_previous",
            "Euclidean distance to the weights at the checkpoint before",
            "weight units",
            0,
        ),
        Metric(
            "distance_to_last",
            "Euclidean distance to the weights at the last checkpoint",
            "weight units",
            0,
        ),
        Metric("cosine_to_previous", "cosine with the matrices one checkpoint before", "", -1, 1),
        Metric("cosine_to_last", "cosine with the matrices at the last checkpoint", "", -1, 1),
        Metric(
            "deviation",
            "standard deviation of the numbers of a matrix; median over matrices",
            "weight units",
            0,
        ),
        Metric(
            "kurtosis",
            "fourth moment of the numbers of a matrix over the square of the second (normal: 3); "
            "median over matrices",
            "",
            0,
        ),
        Metric(
            "uneven_matrices",
            "share of matrices whose rows or columns differ in size more than independent draws do",
            "share",
            0,
            1,
        ),
        Metric(
            "varied_vectors",
            "share of vectors (biases, scales) whose numbers are not all the same",
            "share",
            0,
            1,
        ),
    ),
    further=(Column("sha256", "string", "hash of the checkpoint's tensors"),),
)


def write_findings(findings: Iterable[Finding], path: str | os.PathLike[str]) -> None:
    """Write findings as tab-separated text, the gravest first, then by run, seed and step."""
    rows = sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.run, f.seed, f.step))
    write_rows(path, FINDING_COLUMNS, map(astuple, rows))


def read_findings(path: str | os.PathLike[str]) -> list[Finding]:
    """Read findings. Raises `TableError`, naming file and line, if they are malformed."""
    findings = []
    for number, row in read_rows(path, FINDING_COLUMNS, TableError):
        try:
            run, seed, step, others, kind, severity, value, expected, message = row
            finding = Finding(
                run, int(seed), int(step), others, kind, severity, value, expected, message
            )
            if severity not in SEVERITIES or kind not in CHECKS or min(finding.steps) < 0:
                raise ValueError(f"check {kind!r}, severity {severity!r}, steps {finding.steps}")
        except ValueError as error:
            raise TableError(
                f"{path}, line {number}: is {row}; expected {', '.join(FINDING_COLUMNS)} ({error})."
            ) from error
        findings.append(finding)
    return findings


def let_pass(
    findings: Iterable[Finding],
    audit: str,
    path: str | os.PathLike[str],
    *,
    attention: Sequence[str] = (),
) -> None:
    """Raise `TrajectoryError` if a finding stops the studies, unless `audit` is `warn`.

    `attention` names the studies that read the run's attention, if any do: then a model without any
    is an error in any case. All findings go to the log. `path` is where they can be read again.
    """
    logger = logging.getLogger("ontogeny")
    stops = []
    for finding in findings:
        logger.log(
            logging.INFO if finding.severity == "note" else logging.WARNING,
            "%s, seed %d: %s",
            finding.run,
            finding.seed,
            finding.message,
        )
        if finding.severity == "stop":
            stops.append(finding)
        if finding.check == "attention" and attention:
            raise TrajectoryError(
                f"run {finding.run}, seed {finding.seed}, step {finding.step}: {finding.message} "
                f"Leave the run out of {' and '.join(f'`studies.{s}.runs`' for s in attention)}."
            )
    if not stops or audit == "warn":
        return
    run, seed = stops[0].run, stops[0].seed
    steps = sorted({step for finding in stops for step in finding.steps})
    raise TrajectoryError(
        f"run {run}, seed {seed}: its audit stops the studies at steps "
        f"{', '.join(map(str, steps))}.\n"
        + "".join(f"- {finding.message}\n" for finding in stops)
        + f"Report it to whoever published the checkpoints, and leave these steps out "
        f"(runs.{run}.steps), or measure them all the same (runs.{run}.audit: warn). All findings "
        f"are in {path}."
    )


def write_weights(
    metrics: Mapping[int, Mapping[str, float]],
    hashes: Mapping[int, str],
    path: str | os.PathLike[str],
) -> None:
    """Write a trajectory's `weights.tsv`: a row for each step, a column for each metric.

    `metrics` maps steps to values by metric, `hashes` steps to the hash of the tensors. What could
    not be measured stays empty.
    """
    names = [metric.name for metric in WEIGHTS.metrics]
    rows = []
    for step in sorted(metrics):
        values = [metrics[step].get(name, math.nan) for name in names]
        cells = [f"{value:.17g}" if math.isfinite(value) else "" for value in values]
        rows.append([step, hashes[step], *cells])
    write_rows(path, ["step", "sha256", *names], rows)


def join_weights(trajectories: Mapping[tuple[str, int], str | os.PathLike[str]]) -> pd.DataFrame:
    """Return the `WEIGHTS` table of several trajectories.

    `trajectories` gives for each run and seed the path of its `weights.tsv`. Raises `TableError` if
    a file is absent or malformed.
    """
    names = [metric.name for metric in WEIGHTS.metrics]
    columns = [column.name for column in WEIGHTS.columns]
    frames = [pd.DataFrame(columns=columns)] if not trajectories else []
    for (run, seed), path in trajectories.items():
        frame = read_text(path, ["step", "sha256", *names], "weights", dtype={"sha256": str})
        long = frame.melt(["step", "sha256"], names, "metric", "value").dropna(subset="value")
        frames.append(long.assign(run=run, seed=seed))
        try:
            check(frames[-1], WEIGHTS)
        except TableError as error:
            raise TableError(f"{path}: {error}") from error
    return pd.concat(frames, ignore_index=True)[columns]
