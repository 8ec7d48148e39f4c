"""The steps at which a run has checkpoints."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ontogeny.errors import ConfigError

SPACINGS = ("log", "linear")
KEYS = ("spacing", "last", "count", "first")
LONGEST = 100_000  # steps that a list may come to


def steps(
    schedule: Sequence[int] | Mapping[str, Any], *, initial: bool = True, key: str = "steps"
) -> tuple[int, ...]:
    """Return the steps of a schedule, strictly increasing.

    `schedule` is either a list of steps, or `{spacing: log | linear, last: N, count: K}`, which
    gives step 0 and K - 1 steps that end with N, evenly spaced in the logarithm of the step or in
    the step itself; `first` is the first of them after 0 (by default 1 for log, one spacing for
    linear). Where rounding would make two steps equal, the later one moves up, so that there are
    always K. `initial` says whether step 0, the initialisation, is added to a list that lacks it.
    Raises `ConfigError` that names `key` and what is below it if no such schedule exists.
    """
    if isinstance(schedule, Mapping):
        return _spaced(schedule, key)
    if isinstance(schedule, str) or not isinstance(schedule, Sequence) or not schedule:
        raise ConfigError(
            f"{key}: is {schedule!r}; expected a list of steps, or "
            "{spacing: log | linear, last: N, count: K}."
        )
    listed = tuple(_whole_number(step, f"{key}[{place}]", 0) for place, step in enumerate(schedule))
    for previous, step in pairwise(listed):
        if step <= previous:
            raise ConfigError(
                f"{key}: {step} comes after {previous}; expected steps in increasing order, each "
                "once."
            )
    return (0, *listed) if initial and listed[0] != 0 else listed


def listed_steps(entries: Sequence[int | Mapping[str, int]], key: str = "steps") -> tuple[int, ...]:
    """Return the steps of a list whose entries are steps or progressions, in increasing order.

    A progression is `{from: A, to: B, by: D}`, from A to B with a difference of D, or
    `{from: A, to: B, times: R}`, with a ratio of R. Raises `ConfigError`, naming the entry below
    `key`, if a progression doesn't arrive at its end, or a step comes twice.
    """
    found: list[int] = []
    for place, entry in enumerate(entries):
        if isinstance(entry, Mapping):
            found += _progression(entry, f"{key}.{place}")
        else:
            found.append(entry)
        if len(found) > LONGEST:
            raise ConfigError(f"{key}.{place}: comes to more than {LONGEST} steps.")
    twice = [step for step, following in pairwise(sorted(found)) if step == following]
    if twice:
        raise ConfigError(f"{key}: step {twice[0]} comes twice; expected each once.")
    return tuple(sorted(found))


def _progression(entry: Mapping[str, int], key: str) -> list[int]:
    first, last, difference, ratio = (entry.get(name) for name in ("from", "to", "by", "times"))
    if first is None or last is None or (difference is None) == (ratio is None):
        raise ConfigError(f"{key}: is {dict(entry)}; expected from, to, and either by or times.")
    if first > last or (ratio is not None and first == 0):
        raise ConfigError(
            f"{key}: is {dict(entry)}; expected from to be at most to, and at least 1 where it is "
            "multiplied."
        )
    found = [first]
    while found[-1] < last and len(found) <= LONGEST:
        found.append(found[-1] * ratio if ratio is not None else found[-1] + (difference or 1))
    if found[-1] > last:
        raise ConfigError(
            f"{key}.to: is {last}, which isn't arrived at: {found[-2]} comes before it and "
            f"{found[-1]} after it."
        )
    return found


def check_steps(asked: Iterable[int], has: Iterable[int], run: str) -> None:
    """Raise `ConfigError`, naming the run and the steps it has, if it lacks one that is asked."""
    has = sorted(set(has))
    absent = sorted(set(asked).difference(has))
    if absent:
        listed = ", ".join(map(str, has)) or "none"
        raise ConfigError(
            f"runs.{run}.steps: the run has no step {', '.join(map(str, absent))}; it has {listed}."
        )


def _spaced(schedule: Mapping[str, Any], key: str) -> tuple[int, ...]:
    unknown = [name for name in schedule if name not in KEYS]
    if unknown:
        raise ConfigError(f"{key}.{unknown[0]}: unknown key; known are {', '.join(KEYS)}.")
    for name in KEYS[:3]:
        if name not in schedule:
            raise ConfigError(f"{key}.{name}: missing; expected spacing, last and count.")
    spacing = schedule["spacing"]
    if spacing not in SPACINGS:
        raise ConfigError(f"{key}.spacing: is {spacing!r}; expected one of {', '.join(SPACINGS)}.")
    last = _whole_number(schedule["last"], f"{key}.last", 1)
    count = _whole_number(schedule["count"], f"{key}.count", 2)
    after_zero = count - 1
    if schedule.get("first") is not None:
        first: float = _whole_number(schedule["first"], f"{key}.first", 1)
        if first > last or (after_zero == 1 and first != last):
            raise ConfigError(
                f"{key}.first: is {first}; expected at most last ({last}), and a count that leaves "
                "room for both."
            )
    elif after_zero == 1:
        first = last
    else:
        first = 1 if spacing == "log" else last / after_zero
    if after_zero > last - max(int(first), 1) + 1:
        raise ConfigError(
            f"{key}.count: is {count}, but there are not so many different steps from "
            f"{max(int(first), 1)} to {last}, and step 0; expected a smaller count or a later last."
        )
    chosen = [0]
    for place in range(after_zero):
        share = place / (after_zero - 1) if after_zero > 1 else 1.0
        exact = (
            first * (last / first) ** share if spacing == "log" else first + (last - first) * share
        )
        chosen.append(max(round(exact), chosen[-1] + 1))
    return tuple(chosen)


def _whole_number(value: Any, key: str, lowest: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        raise ConfigError(f"{key}: is {value!r}; expected a whole number of at least {lowest}.")
    return value
