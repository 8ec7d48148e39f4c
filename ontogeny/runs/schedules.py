"""The steps at which a run has checkpoints."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ontogeny.errors import ConfigError

SPACINGS = ("log", "linear", "epochs")
KEYS = ("spacing", "last", "count", "first")
EPOCH_KEYS = ("spacing", "updates", "epochs", "every", "within_first")
LONGEST = 100_000  # steps that a list may come to


def steps(
    schedule: Sequence[int] | Mapping[str, Any], *, initial: bool = True, key: str = "steps"
) -> tuple[int, ...]:
    """Return the steps of a schedule, strictly increasing.

    `schedule` is one of

    - a list of steps;
    - `{spacing: log | linear, last: N, count: K}`: step 0 and K - 1 steps that end with N, evenly
      spaced in the logarithm of the step or in the step itself; `first` is the first of them after
      0 (by default 1 for log, one spacing for linear). Where rounding would make two steps equal,
      the later one moves up, so that there are always K;
    - `{spacing: epochs, updates: N, epochs: E}`: step 0 and the end of each pass over the text, of
      which there are E with N updates each, or of every `every`-th and the last; `within_first`
      (by default 0) is how many steps come before the end of the first pass, evenly spaced in the
      logarithm of the step, from 1 on.

    `initial` says whether step 0, the initialisation, is added to a list that lacks it. Raises
    `ConfigError` that names `key` and what is below it if no such schedule exists.
    """
    if isinstance(schedule, Mapping):
        epochs = schedule.get("spacing") == "epochs"
        return _by_epoch(schedule, key) if epochs else _spaced(schedule, key)
    if isinstance(schedule, str) or not isinstance(schedule, Sequence) or not schedule:
        raise ConfigError(
            f"{key}: is {schedule!r}; expected a list of steps, or "
            "{spacing: log | linear, last: N, count: K}, or {spacing: epochs, updates: N, "
            "epochs: E}."
        )
    listed = tuple(_whole_number(step, f"{key}[{place}]", 0) for place, step in enumerate(schedule))
    for previous, step in pairwise(listed):
        if step <= previous:
            raise ConfigError(
                f"{key}: {step} comes after {previous}; expected steps in increasing order, each "
                "once."
            )
    return (0, *listed) if initial and listed[0] != 0 else listed


def updates_of_a_pass(schedule: Any) -> int | None:
    """Return how many updates a pass over the text has, if the schedule is spaced by passes."""
    by_epoch = isinstance(schedule, Mapping) and schedule.get("spacing") == "epochs"
    return schedule["updates"] if by_epoch else None


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


def _by_epoch(schedule: Mapping[str, Any], key: str) -> tuple[int, ...]:
    _check_keys(schedule, EPOCH_KEYS, EPOCH_KEYS[:3], key)
    updates = _whole_number(schedule["updates"], f"{key}.updates", 1)
    epochs = _whole_number(schedule["epochs"], f"{key}.epochs", 1)
    every = _whole_number(schedule.get("every", 1), f"{key}.every", 1)
    within = _whole_number(schedule.get("within_first", 0), f"{key}.within_first", 0)
    ends = {*range(every * updates, epochs * updates + 1, every * updates), epochs * updates}
    if within == 0:
        return (0, *sorted(ends))
    if within >= updates:
        raise ConfigError(
            f"{key}.within_first: is {within}; expected less than updates ({updates})."
        )
    first = _spaced({"spacing": "log", "last": updates, "count": within + 2}, key)
    return tuple(sorted({*first, *ends}))


def _check_keys(
    schedule: Mapping[str, Any], known: Sequence[str], required: Sequence[str], key: str
) -> None:
    """Raise `ConfigError` if a schedule has a key that isn't known, or lacks one it has to have."""
    unknown = [name for name in schedule if name not in known]
    if unknown:
        raise ConfigError(f"{key}.{unknown[0]}: unknown key; known are {', '.join(known)}.")
    for name in required:
        if name not in schedule:
            *others, last = required
            raise ConfigError(f"{key}.{name}: missing; expected {', '.join(others)} and {last}.")


def _spaced(schedule: Mapping[str, Any], key: str) -> tuple[int, ...]:
    _check_keys(schedule, KEYS, KEYS[:3], key)
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
