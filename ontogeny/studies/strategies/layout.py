"""What a sweep makes, and where, as the configuration has it: pure functions of paths."""

from dataclasses import asdict
from typing import Any

from ontogeny.planning.study import Config
from ontogeny.runs.schedules import steps
from ontogeny.studies.strategies.conditions import jobs

# Settings that nothing measured on a member depends on.
NOT_MEASURED = ("grid", "exclude", "seeds", "protocol", "runs_per_job", "threads", "bootstrap")


def members(config: Config, job: int | str | None = None) -> list[dict[str, Any]]:
    """Return the members of one job, or of all of them, as the arguments of a `Member`."""
    parts = jobs(config["studies"]["strategies"])
    chosen = parts if job is None else [parts[int(job)]]
    return [asdict(member) for part in chosen for member in part]


def sweep_settings(config: Config) -> dict[str, Any]:
    """Return the settings that what is measured on a sweep's members depends on, steps written out.

    Grid and seeds aren't among them: a grid that grows leaves the jobs that it had as they were.
    """
    settings = config["studies"]["strategies"]
    kept = {key: value for key, value in settings.items() if key not in NOT_MEASURED}
    return kept | {"steps": list(steps(kept["steps"]))}


def measurements(config: Config, kind: str) -> list[str]:
    """Return the files of one kind that the jobs write."""
    count = len(jobs(config["studies"]["strategies"]))
    return [f"results/measurements/strategies/job-{job}.{kind}.parquet" for job in range(count)]


def vocabularies(config: Config) -> list[tuple[int]]:
    """Return the vocabularies of the grid, each of which has figures of its own."""
    return [(size,) for size in dict.fromkeys(member["vocabulary"] for member in members(config))]
