"""Where the checkpoints of a run lie on the Hugging Face hub."""

import re
from dataclasses import dataclass

from ontogeny.errors import ConfigError
from ontogeny.runs.patterns import fields, fill_in

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True)
class Location:
    """Where a checkpoint lies on the hub."""

    repository: str
    revision: str


def hub_location(
    repository: str, revision: str, seed: int, step: int, *, step_unit: int = 1, run: str = ""
) -> Location:
    """Return where the checkpoint of a seed and a step lies.

    `repository` and `revision` are patterns with the fields `{seed}` and `{step}`; the latter is
    the step in units of `step_unit` updates: 20 for step 20000 and a unit of 1000. Raises
    `ConfigError`, naming the key, if there is another field in them, no `{step}` in either, or if
    what comes out is no name of a repository.
    """
    number = step // step_unit
    location = Location(
        fill_in(repository, f"runs.{run}.repository", seed, number),
        fill_in(revision, f"runs.{run}.revision", seed, number),
    )
    if "step" not in fields(repository, revision):
        raise ConfigError(
            f"runs.{run}: neither the repository ({repository!r}) nor the revision ({revision!r}) "
            "has {step} in it, so all checkpoints would be one and the same."
        )
    if not REPOSITORY.fullmatch(location.repository):
        raise ConfigError(
            f"runs.{run}.repository: {location.repository!r} is no repository's name; expected "
            "owner/name, in letters, digits, '-', '_' and '.'."
        )
    if not location.revision:
        raise ConfigError(f"runs.{run}.revision: is empty; expected a branch, tag or commit.")
    return location


def seeds_are_told_apart(repository: str, revision: str) -> bool:
    """Tell whether the patterns of repository and revision have `{seed}` in them."""
    return "seed" in fields(repository, revision)
