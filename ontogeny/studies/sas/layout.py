"""What the study of syntactic attention makes, and where: pure functions of paths.

`config` is a configuration as `ontogeny.planning.configuration.validate` returns it.
`ontogeny.planning.layout` has what all studies share.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from ontogeny.planning.layout import (
    measurements,
    measurements_of,
    studied_pairs,
    studied_steps,
    trajectory_steps,
)
from ontogeny.planning.study import Config
from ontogeny.studies.sas.interventions import Intervention, baseline, control, intervention


def minimal_pairs(config: Config) -> tuple[str, str] | None:
    """Return name and folder of the minimal pairs that are scored; None if it has none.

    They are those of a grammar among the corpora, of a source, or of a folder of the user's, which
    gives them its name.
    """
    asked = config["studies"]["sas"]["minimal_pairs"]
    if asked is None:
        return None
    if asked in config["corpora"]:
        return asked, f"results/corpora/{asked}/minimal_pairs"
    if "/" not in asked:
        return asked, f"results/sources/{asked}"
    return os.path.basename(asked.rstrip("/")), os.path.expanduser(asked)


def capability(config: Config, kind: str, runs: Iterable[str]) -> list[str]:
    """Return the files of one kind that runs' minimal pairs were measured into; none without any.

    `kind` is `capability`, rows of the table SAS, or `pairs`, an answer for each pair.
    """
    if minimal_pairs(config) is None:
        return []
    return [
        file for run in runs for file in measurements_of(config, "sas", kind, run, "minimal_pairs")
    ]


def compared(config: Config, run: str) -> list[str]:
    """Return the run that a run is compared with, in a list; none if there is none."""
    runs = config["runs"]
    found = baseline({name: runs[name] for name in config["studies"]["sas"]["runs"]}, run)
    return [] if found is None else [found]


def controls(config: Config, run: str) -> list[str]:
    """Return the run with random edges that a run is compared with, in a list; none if none."""
    runs = config["runs"]
    found = control({name: runs[name] for name in config["studies"]["sas"]["runs"]}, run)
    return [] if found is None else [found]


def interventions(config: Config) -> dict[str, list[str]]:
    """Return for each run that others are compared with these others."""
    groups: dict[str, list[str]] = {}
    for run in config["studies"]["sas"]["runs"]:
        for other in compared(config, run):
            groups.setdefault(other, []).append(run)
    return groups


def runs_shown_alone(config: Config) -> list[str]:
    """Return the runs that have figures of their own: those compared with none.

    The others are drawn beside the one that they are compared with.
    """
    runs = config["studies"]["sas"]["runs"]
    return [run for run in runs if not compared(config, run)]


def attention_maps(config: Config) -> list[str]:
    """Return the attention maps: a file for each run shown alone and corpus."""
    return [
        f"results/measurements/sas/{corpus}/{run}/attention.parquet"
        for run, corpus in shown_alone(config)
    ]


def measured(config: Config) -> list[str]:
    """Return all files with rows of the table SAS."""
    runs = config["studies"]["sas"]["runs"]
    return [*measurements(config, "sas", "structure"), *capability(config, "capability", runs)]


def shown_alone(config: Config) -> list[tuple[str, str]]:
    """Return each run that has figures of its own, with each corpus."""
    alone = runs_shown_alone(config)
    return [pair for pair in studied_pairs(config, "sas") if pair[0] in alone]


def shown_together(config: Config) -> list[tuple[str, str]]:
    """Return each run that others are compared with in a figure, with each corpus."""
    compared_with = interventions(config)
    return [pair for pair in studied_pairs(config, "sas") if pair[0] in compared_with]


def figure_settings(config: Config, wildcards: Mapping[str, str]) -> dict[str, Any]:
    """Return the suite of minimal pairs and the labels of the runs that a figure shows."""
    suite, _ = minimal_pairs(config) or (None, None)
    return {"suite": suite, "labels": intervention_labels(config, wildcards["run"])}


def intervention_settings(config: Config, run: str) -> dict[str, Any]:
    """Return what a run's regularizer does, as the arguments of an `Intervention`."""
    return asdict(_intervention(config, run))


def rivals(config: Config, run: str) -> int:
    """Return how many runs that are compared with the same one intervene in the same kind of way.

    A claim that one of them bears out had so many chances. `run` is one of them.
    """
    group = [other for base in compared(config, run) for other in interventions(config)[base]]
    kind = _intervention(config, run).kind
    return max(1, [_intervention(config, other).kind for other in group].count(kind))


def intervention_labels(config: Config, run: str) -> dict[str, str]:
    """Return what to call a run, and those that are compared with it."""
    shown = [run, *interventions(config).get(run, [])]
    return {name: str(_intervention(config, name)) for name in shown}


def _intervention(config: Config, run: str) -> Intervention:
    entry = config["runs"][run]
    return intervention(entry, trajectory_steps(entry)[-1])


def shown_steps(config: Config, run: str, count: int = 4) -> list[int]:
    """Return the steps of a run at which attention is shown: the last among them."""
    every = studied_steps(config, "sas", run)
    places = {round(place * (len(every) - 1) / (count - 1)) for place in range(count)}
    return [every[place] for place in sorted(places)]
