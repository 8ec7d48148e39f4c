"""What the study of interdependence makes, and where: pure functions of paths."""

from dataclasses import asdict
from typing import Any

from ontogeny.planning.layout import joined, measurements, studied_steps
from ontogeny.planning.study import Config
from ontogeny.runs.schedules import steps
from ontogeny.studies.interdependence.conditions import jobs

FOLDER = "results/measurements/interdependence"
# Settings that nothing measured on a member depends on.
NOT_MEASURED = (
    "settings",
    "scaffold_lengths",
    "rule_counts",
    "rule_count",
    "seeds",
    "runs_per_job",
)


def synthetic(config: Config) -> Any:
    """Return the settings of the synthetic LSTMs; None if there are none."""
    return config["studies"]["interdependence"]["synthetic"]


def members(config: Config, job: int | str) -> list[dict[str, Any]]:
    """Return the members of one job, as the arguments of a `Member`."""
    return [asdict(member) for member in jobs(synthetic(config))[int(job)]]


def sweep_settings(config: Config) -> dict[str, Any]:
    """Return the settings that what is measured on members depends on, steps written out."""
    kept = {k: v for k, v in (synthetic(config) or {}).items() if k not in NOT_MEASURED}
    return kept | {"steps": list(steps(kept["steps"]))} if kept else {}


def sweeps(config: Config) -> list[str]:
    """Return the files that the jobs of the synthetic LSTMs write."""
    count = len(jobs(synthetic(config))) if synthetic(config) else 0
    return [f"{FOLDER}/synthetic/job-{job}.parquet" for job in range(count)]


def measured(config: Config) -> list[str]:
    """Return all files with rows of the table."""
    return [*measurements(config, "interdependence", "pairs"), *sweeps(config)]


def verdicts(config: Config) -> list[str]:
    """Return the files of claims."""
    rule = [f"{FOLDER}/synthetic/claims.tsv"] if synthetic(config) else []
    return [*joined(config, "interdependence", "claims.tsv"), *rule]


def compared_steps(config: Config, run: str) -> list[int]:
    """Return the first and the last of a run's steps, which its claims compare."""
    every = studied_steps(config, "interdependence", run)
    return sorted({every[0], every[-1]})
