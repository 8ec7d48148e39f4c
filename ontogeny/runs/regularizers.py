"""Regularizers of a pretraining: what is added to its loss, how strongly, and in which updates."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ontogeny.errors import ConfigError

SYNTACTIC_ATTENTION = "syntactic_attention"
KINDS = (SYNTACTIC_ATTENTION,)
EDGES = ("gold", "random")
REDUCTIONS = ("sum", "max")
KEYS = ("kind", "strength", "edges", "reduce", "from", "until")


@dataclass(frozen=True)
class Stage:
    """A stretch of updates in which the loss gains `strength` times a quantity.

    `kind` names the quantity: `syntactic_attention`, as in
    `ontogeny.runs.pretraining.syntactic_attention`, which a positive strength suppresses and a
    negative one promotes. The stretch is half-open: it has the updates that are made at steps
    `start` to `stop` - 1, so that the checkpoint of step `start` is the last one before it, and
    that of step `stop` the last one of it. `edges` says along which edges attention counts: `gold`,
    or as a control `random` (`ontogeny.runs.pretraining.random_edges`). `reduce` says what counts
    of an edge's attention in all layers and heads: its `sum`, or the greatest of them, `max`.
    """

    kind: str
    strength: float
    start: int
    stop: int
    edges: str = "gold"
    reduce: str = "sum"


def read_stages(settings: Any, last: int, key: str) -> tuple[Stage, ...]:
    """Return the stages that a run's key `regularizer` gives, in order; none if it is None.

    `settings` is a mapping with `kind` and `strength`, with `edges` and `reduce` unless they are
    `gold` and `sum`, and, unless the stage is to last from the first update to the last, with
    `from` and `until`; or a list of such mappings. `last` is the last step of the run, where a
    stage stops at the latest. Raises `ConfigError`, naming `key` and what is below it, if a key is
    unknown, missing or has a value that can't be, or if stages overlap.
    """
    if settings is None:
        return ()
    if isinstance(settings, Mapping):
        return (_read_stage(settings, last, key),)
    if isinstance(settings, str) or not isinstance(settings, Sequence) or not settings:
        raise ConfigError(
            f"{key}: is {settings!r}; expected {{kind: ..., strength: ...}}, or a list of such "
            "stages."
        )
    stages = []
    for place, stage in enumerate(settings):
        if not isinstance(stage, Mapping):
            raise ConfigError(
                f"{key}.{place}: is {stage!r}; expected {{kind: ..., strength: ...}}."
            )
        stages.append(_read_stage(stage, last, f"{key}.{place}"))
    for place, (before, after) in enumerate(pairwise(stages), start=1):
        if after.start < before.stop:
            raise ConfigError(
                f"{key}.{place}.from: is {after.start}, but the stage before it lasts until "
                f"{before.stop}; expected stages one after the other."
            )
    return tuple(stages)


def stage_at(stages: Sequence[Stage], step: int) -> Stage | None:
    """Return the stage that holds in the update made at `step`, or None."""
    return next((stage for stage in stages if stage.start <= step < stage.stop), None)


def _read_stage(settings: Mapping[str, Any], last: int, key: str) -> Stage:
    for name in settings:
        if name not in KEYS:
            raise ConfigError(f"{key}.{name}: unknown key; known are {', '.join(KEYS)}.")
    for name in KEYS[:2]:
        if name not in settings:
            raise ConfigError(f"{key}.{name}: missing.")
    kind, strength = settings["kind"], settings["strength"]
    if kind not in KINDS:
        raise ConfigError(f"{key}.kind: is {kind!r}; expected one of {', '.join(KINDS)}.")
    number = isinstance(strength, int | float) and not isinstance(strength, bool)
    if not number or not math.isfinite(strength):
        hint = " (YAML reads 1e-3 as text; write 1.0e-3.)" if isinstance(strength, str) else ""
        raise ConfigError(f"{key}.strength: is {strength!r}; expected a finite number.{hint}")
    chosen = {"edges": settings.get("edges", "gold"), "reduce": settings.get("reduce", "sum")}
    for name, choices in (("edges", EDGES), ("reduce", REDUCTIONS)):
        if chosen[name] not in choices:
            raise ConfigError(
                f"{key}.{name}: is {chosen[name]!r}; expected one of {', '.join(choices)}."
            )
    start = _step(settings.get("from"), 0, f"{key}.from")
    if start >= last:
        raise ConfigError(
            f"{key}.from: is {start}, but the last step is {last}; expected an earlier one."
        )
    until = settings.get("until")
    stop = _step(until, last, f"{key}.until")
    if stop <= start:
        raise ConfigError(f"{key}.until: is {stop}; expected a step after from ({start}).")
    return Stage(kind, float(strength), start, min(stop, last), **chosen)


def _step(value: Any, default: int, key: str) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"{key}: is {value!r}; expected a whole number of at least 0.")
    return value
