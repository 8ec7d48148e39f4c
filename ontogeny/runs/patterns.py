"""Patterns that name checkpoints, with fields for seed and step: `/data/seed{seed}/{step:07d}`."""

import re
import string

from ontogeny.errors import ConfigError

NAME_LENGTH = 255  # of a file, at most
# What filling in raises; the last two at `{step:c}` of a large step and `{step:999999999d}`.
UNFILLABLE = (LookupError, ValueError, AttributeError, TypeError, OverflowError, MemoryError)


def fields(*patterns: str) -> set[str]:
    """Return the names of the fields that are in patterns."""
    parsed = (string.Formatter().parse(pattern) for pattern in patterns)
    return {name for pieces in parsed for _, name, _, _ in pieces if name is not None}


def fill_in(pattern: str, key: str, seed: int, step: int) -> str:
    """Return a pattern with its fields `{seed}` and `{step}` filled in.

    Raises `ConfigError`, naming the key, if there is another field in it, or one that is malformed
    or wider than a file's name may be: `{step:999999999999d}` would take a terabyte of memory.
    """
    try:
        for _, name, specification, _ in string.Formatter().parse(pattern):
            widths = re.findall("[0-9]+", specification or "")
            if "{" in (specification or "") or any(int(width) > NAME_LENGTH for width in widths):
                raise ValueError(f"{name}:{specification} is wider than {NAME_LENGTH} characters")
        return pattern.format(seed=seed, step=step)
    except UNFILLABLE as error:
        raise ConfigError(
            f"{key}: {pattern!r} can't be filled in ({error!r}); its fields may be {{seed}} and "
            "{step}."
        ) from error
