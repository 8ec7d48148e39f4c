"""What the entries of runs in a configuration mean to the jobs that make their checkpoints."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ontogeny.planning.study import Config
from ontogeny.runs.hub.locations import hub_location
from ontogeny.runs.recipes import KEYS


def names(value: str | list[str]) -> list[str]:
    """Return a key that holds one name or a list of names as a list."""
    return [value] if isinstance(value, str) else list(value)


def recipe_settings(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return those settings of a pretraining run that its recipe holds."""
    return {key: value for key, value in run.items() if key in KEYS}


def pretraining_settings(config: Config, run: str) -> dict[str, Any]:
    """Return those settings of a run's recipe that its weights depend on."""
    settings = recipe_settings(config["runs"][run])
    return {key: value for key, value in settings.items() if key != "state_every"}


def hub_checkpoint(config: Config, run: str, seed: int | str, step: int | str) -> dict[str, str]:
    """Return repository and revision of one checkpoint of a run from the hub."""
    entry = config["runs"][run]
    location = hub_location(
        entry["repository"],
        entry["revision"],
        int(seed),
        int(step),
        step_unit=entry["step_unit"],
        run=run,
    )
    return asdict(location)
