"""What the study makes, and where, as the configuration has it: pure functions of paths."""

from typing import Any

from ontogeny.planning.layout import studied_pairs
from ontogeny.planning.study import Config
from ontogeny.runs.schedules import steps

REGRESSION, TASKS = "regression", "tasks"  # what stands for the run and the corpus of regression
OF_REGRESSION = f"results/measurements/stages/{TASKS}/{REGRESSION}/all"


def pairs(config: Config) -> list[tuple[str, str]]:
    """Return the runs and corpora that have stages: those that are studied, and regression."""
    found = studied_pairs(config, "stages")
    settings = config["studies"].get("stages", {})
    return [*found, (REGRESSION, TASKS)] if settings.get("regression") else found


def measured(config: Config, run: str, corpus: str, kind: str) -> list[str]:
    """Return the files of one kind that jobs write of one run on one corpus."""
    if (run, corpus) == (REGRESSION, TASKS):
        return [f"{OF_REGRESSION}.{kind}.parquet"]
    return [
        f"results/measurements/stages/{corpus}/{run}/seed-{seed}.{kind}.parquet"
        for seed in config["runs"][run]["seeds"]
    ]


def all_measured(config: Config, kind: str) -> list[str]:
    """Return the files of one kind of all runs."""
    return [file for run, corpus in pairs(config) for file in measured(config, run, corpus, kind)]


def judged(config: Config, name: str) -> list[str]:
    """Return the file of one name of every run and corpus."""
    return [f"results/measurements/stages/{corpus}/{run}/{name}" for run, corpus in pairs(config)]


def regression_settings(config: Config) -> dict[str, Any]:
    """Return the settings of regression, steps written out; nothing where there is none."""
    settings = config["studies"]["stages"]["regression"]
    return dict(settings) | {"steps": list(steps(settings["steps"]))} if settings else {}


def sampling(config: Config, of: str = "language") -> dict[str, Any]:
    """Return how chains are run, as the arguments of `geometry.Sampling`."""
    settings = config["studies"]["stages"]
    own = settings["chains"] | (settings["regression"] or {}).get("chains", {})
    chosen = own if of == REGRESSION else settings["chains"]
    return {**chosen, "seed": config["seed"]}
