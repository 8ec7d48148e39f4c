"""Which runs promote or suppress syntactic attention, and which run each is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal[
    "none", "suppressed", "promoted", "suppressed early", "suppressed late", "control", "other"
]

CONTROL = "random edges"  # how a label ends that is of a control

# Settings of a run that change no weights.
NO_MATTER = ("state_every", "threads", "audit")


@dataclass(frozen=True)
class Intervention:
    """What a run's regularizer does to its syntactic attention.

    `suppressed` and `promoted` are throughout; `suppressed early` is from the first update until
    update `until`, which is before the last, `suppressed late` from update `since` to the last. A
    `control` does one of these along random edges in place of syntactic ones, namely `like`.
    `other` is anything else, such as several stages. `strength` and `reduce` are as in
    `ontogeny.runs.regularizers`.
    """

    kind: Kind
    until: int | None = None
    since: int | None = None
    strength: float = 0.0
    reduce: str = "sum"
    like: Kind | None = None

    def __str__(self) -> str:
        """Say it in words, as a label of the run."""
        what = self.like or self.kind
        if what in ("none", "other"):
            return {"none": "baseline", "other": "other stages"}[what]
        words = {
            "suppressed early": f"suppressed until {self.until:,}" if self.until else "",
            "suppressed late": f"suppressed from {self.since:,}" if self.since else "",
        }.get(what, f"{what} throughout")
        words += f", {abs(self.strength):g}" + (" of the greatest" if self.reduce == "max" else "")
        return f"{words}, {CONTROL}" if self.kind == "control" else words


def intervention(run: Mapping[str, Any], last: int) -> Intervention:
    """Return what a run's configuration entry does to syntactic attention until its `last` step."""
    stages = _stages(run)
    if not stages:
        return Intervention("none")
    first = stages[0]
    if len(stages) > 1:
        return Intervention("other")
    start, until, strength = first["from"], first["until"], first["strength"]
    to_the_end = until is None or until >= last
    kind: Kind = "other"
    if start == 0 and to_the_end:
        kind = "suppressed" if strength > 0 else "promoted"
    elif strength > 0 and (start == 0 or to_the_end):
        kind = "suppressed early" if start == 0 else "suppressed late"
    how = {
        "until": until if kind == "suppressed early" else None,
        "since": start if kind == "suppressed late" else None,
        "strength": strength,
        "reduce": first.get("reduce", "sum"),
    }
    if kind != "other" and first.get("edges", "gold") == "random":
        return Intervention("control", like=kind, **how)
    return Intervention(kind, **({} if kind == "other" else how))


def baseline(runs: Mapping[str, Mapping[str, Any]], run: str) -> str | None:
    """Return the run that differs from `run` in its regularizer alone, and has none.

    `runs` are configuration entries by name. None if `run`
    has no regularizer itself, or if there is no such run; of several the first.
    """
    if not _stages(runs[run]):
        return None
    wanted = _without_regularizer(runs[run])
    for name, entry in runs.items():
        if not _stages(entry) and _without_regularizer(entry) == wanted:
            return name
    return None


def control(runs: Mapping[str, Mapping[str, Any]], run: str) -> str | None:
    """Return the run that differs from `run` only in that its regularizer has random edges.

    None if `run` has no regularizer, or one with random edges itself, or if there is no such run;
    of several the first.
    """
    stages = _stages(runs[run])
    if not stages or any(stage.get("edges", "gold") != "gold" for stage in stages):
        return None
    wanted = [{**stage, "edges": "random"} for stage in stages], _without_regularizer(runs[run])
    for name, entry in runs.items():
        if (_stages(entry), _without_regularizer(entry)) == wanted:
            return name
    return None


def _stages(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the stages of a run's regularizer that have an effect."""
    stages = run.get("regularizer") or []
    stages = [stages] if isinstance(stages, Mapping) else stages
    return [stage for stage in stages if stage["strength"] != 0]


def _without_regularizer(run: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in run.items() if key not in ("regularizer", *NO_MATTER)}
