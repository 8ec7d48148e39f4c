"""What the study makes, and where, as the configuration has it: pure functions of paths."""

from collections.abc import Sequence
from typing import Any

from ontogeny.planning.layout import studied_steps
from ontogeny.planning.study import Config
from ontogeny.runs.schedules import steps

REGRESSION, TASKS = "regression", "tasks"  # what stands for the run and the corpus of regression
OF_REGRESSION = f"results/measurements/stages/{TASKS}/{REGRESSION}/all"


def studied(config: Config) -> list[tuple[str, str]]:
    """Return the runs and corpora that are measured together: a run's own, or else the study's."""
    settings = config["studies"].get("stages", {"runs": [], "corpora": [], "by_run": {}})
    return [
        (run, corpus)
        for run in settings["runs"]
        for corpus in settings["by_run"].get(run, {}).get("corpora", settings["corpora"])
    ]


def pairs(config: Config) -> list[tuple[str, str]]:
    """Return the runs and corpora that have stages: those that are studied, and regression."""
    found = studied(config)
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


def text_settings(config: Config) -> dict[str, Any]:
    """Return the settings of the text that is read, as `trajectory.reading` takes them."""
    settings = config["studies"]["stages"]
    return {key: settings[key] for key in ("sequence_length", "sequences", "shown", "mask_share")}


def swept(config: Config, run: str) -> list[tuple[int, int]]:
    """Return the checkpoints, by seed and step, at which the chains' settings are swept."""
    count = sweep(config, run)["checkpoints"]
    chosen = swept_steps(studied_steps(config, "stages", run), count)
    return [(seed, step) for seed in config["runs"][run]["seeds"] for step in chosen]


def swept_steps(measured: Sequence[int], count: int) -> list[int]:
    """Return so many of the steps, evenly over all but the first, the last among them."""
    last = len(measured) - 1
    places = sorted({max(1, round(last * part / count)) for part in range(1, count + 1)})
    return [measured[place] for place in places]


def calibrations(config: Config) -> list[str]:
    """Return the files of sweeps of all runs, and of regression."""
    files = []
    for run, corpus in pairs(config):
        own = f"results/measurements/stages/{corpus}/{run}/calibration.parquet"
        files.append(f"{OF_REGRESSION}.calibration.parquet" if run == REGRESSION else own)
    return files


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


def sampling(config: Config, run: str) -> dict[str, Any]:
    """Return how chains of a run, or of regression, go: the arguments of `geometry.Sampling`."""
    return {**_chosen(config, "chains", run), "seed": config["seed"]}


def sweep(config: Config, run: str) -> dict[str, Any]:
    """Return at how many checkpoints, and over which settings of chains, the sweep goes."""
    return _chosen(config, "calibration", run)


def refined(config: Config, run: str) -> dict[str, Any]:
    """Return which `parts` of a run, or of regression, have a coefficient, and at which `steps`."""
    own = _chosen(config, "refined", run)
    if run == REGRESSION:
        measured = regression_settings(config).get("steps", [])
    else:
        measured = studied_steps(config, "stages", run)
    if not own["parts"] or not measured:
        return {"parts": [], "steps": []}
    count = own["checkpoints"]
    chosen = measured if count is None else swept_steps(measured, count)
    return {"parts": own["parts"], "steps": chosen}


def refined_pairs(config: Config) -> list[tuple[str, str]]:
    """Return the runs and corpora of which parts have coefficients."""
    return [(run, corpus) for run, corpus in pairs(config) if refined(config, run)["parts"]]


def _chosen(config: Config, key: str, run: str) -> dict[str, Any]:
    """Return the study's settings of one key; what a run has of its own goes before them."""
    settings = config["studies"]["stages"]
    own = settings["regression"] if run == REGRESSION else settings["by_run"].get(run)
    return {**settings[key], **(own or {}).get(key, {})}
