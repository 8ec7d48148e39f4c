"""Where the checkpoints of a run lie on the Hugging Face hub."""

import re
import string
from dataclasses import dataclass

from ontogeny.errors import ConfigError
from ontogeny.runs.local import check_width

# What `str.format` raises; the last two at `{step:c}` of a large step and `{step:999999999999d}`.
UNFILLABLE = (LookupError, ValueError, AttributeError, TypeError, OverflowError, MemoryError)
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
    values = {"seed": seed, "step": step // step_unit}
    filled, found = {}, set()
    for key, pattern in (("repository", repository), ("revision", revision)):
        try:
            for _, name, specification, _ in string.Formatter().parse(pattern):
                if name is not None:
                    check_width(name, specification)
                    found.add(name)
            filled[key] = pattern.format(**values)
        except UNFILLABLE as error:
            raise ConfigError(
                f"runs.{run}.{key}: {pattern!r} can't be filled in ({error!r}); its fields may be "
                "{seed} and {step}."
            ) from error
    if "step" not in found:
        raise ConfigError(
            f"runs.{run}: neither the repository ({repository!r}) nor the revision ({revision!r}) "
            "has {step} in it, so all checkpoints would be one and the same."
        )
    if not REPOSITORY.fullmatch(filled["repository"]):
        raise ConfigError(
            f"runs.{run}.repository: {filled['repository']!r} is no repository's name; expected "
            "owner/name, in letters, digits, '-', '_' and '.'."
        )
    if not filled["revision"]:
        raise ConfigError(f"runs.{run}.revision: is empty; expected a branch, tag or commit.")
    return Location(**filled)


def seeds_are_told_apart(repository: str, revision: str) -> bool:
    """Tell whether the patterns of repository and revision have `{seed}` in them."""
    fields = (*string.Formatter().parse(repository), *string.Formatter().parse(revision))
    return any(name == "seed" for _, name, _, _ in fields)
