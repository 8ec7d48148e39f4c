"""Which runs promote or suppress syntactic attention, and which run each is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["none", "suppressed", "promoted", "suppressed early", "other"]


# Settings of a run that change no weights.
NO_MATTER = ("state_every", "threads", "audit")


@dataclass(frozen=True)
class Intervention:
    """What a run's regularizer does to its syntactic attention.

    `suppressed` and `promoted` are throughout; `suppressed early` is from the first update until
    update `until`, which is before the last. `other` is anything else, such as stages of either
    sign.
    """

    kind: Kind
    until: int | None = None

    def __str__(self) -> str:
        """Say it in words, as a label of the run."""
        if self.kind == "suppressed early":
            return f"suppressed until {self.until:,}"
        return {"none": "baseline", "other": "other stages"}.get(
            self.kind, f"{self.kind} throughout"
        )


def intervention(run: Mapping[str, Any], last: int) -> Intervention:
    """Return what a run's configuration entry does to syntactic attention until its `last` step."""
    stages = _stages(run)
    if not stages:
        return Intervention("none")
    first = stages[0]
    until = first["until"]
    if len(stages) > 1 or first["from"] > 0:
        return Intervention("other")
    throughout = until is None or until >= last
    if first["strength"] < 0:
        return Intervention("promoted" if throughout else "other")
    return Intervention("suppressed") if throughout else Intervention("suppressed early", until)


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


def _stages(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the stages of a run's regularizer that have an effect."""
    stages = run.get("regularizer") or []
    stages = [stages] if isinstance(stages, Mapping) else stages
    return [stage for stage in stages if stage["strength"] != 0]


def _without_regularizer(run: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in run.items() if key not in ("regularizer", *NO_MATTER)}
