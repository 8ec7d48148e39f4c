"""What the jobs of the study of interdependence ask of a scheduler: megabytes, and minutes."""

from ontogeny.planning.resources import (
    MODEL_JOB,
    chunk_runtime,
    gpus,
    minutes,
    parameters,
    per_attempt,
    rate,
)
from ontogeny.planning.study import Config
from ontogeny.studies.interdependence.conditions import jobs

DOUBLE = 4.0e9  # operations a second of a core in double precision, gates and all


def pairs_memory(config: Config, run: str, attempt: int = 1) -> int:
    """Return the memory of measuring pairs, in MB.

    Weights in 32 and 64 bits; and for the first words of some sentences 20 vectors of a few times
    the width, in 64 bits.
    """
    return per_attempt(MODEL_JOB + 1500 + 16 * parameters(config["runs"][run]) / 1e6, attempt)


def pairs_runtime(config: Config, run: str, chunk: int | str, attempt: int = 1) -> int:
    """Return the running time of measuring pairs, in minutes.

    4 operations a parameter and pair: a step with the earlier word in focus, and one with both.
    """
    study = config["studies"]["interdependence"]
    pairs = study["words"] * study["farthest"]
    operations = 4 * parameters(config["runs"][run]) * pairs
    seconds = operations / rate(gpus(config), threads=1, core=DOUBLE)
    return chunk_runtime(config, "interdependence", run, chunk, seconds, attempt)


def sweep_runtime(config: Config, job: int | str, attempt: int = 1) -> int:
    """Return the running time of training LSTMs, in minutes: 6 operations a parameter and token."""
    settings = config["studies"]["interdependence"]["synthetic"]
    steps = settings["steps"]
    last = steps["last"] if isinstance(steps, dict) else steps[-1]
    width, types = settings["width"], settings["types"]
    weights = 8 * width**2 + 2 * types * width
    tokens = last * settings["batch_size"] * settings["sequence_length"]
    operations = 6 * weights * tokens * len(jobs(settings)[int(job)])
    return minutes(30 + operations / rate(gpus(config), threads=1, core=1.5e9) / 60, attempt)
