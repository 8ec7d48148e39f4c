"""What the jobs of the study of push-down ask of a scheduler: megabytes, and minutes."""

from ontogeny.planning.resources import (
    MODEL_JOB,
    chunk_runtime,
    per_attempt,
    values_per_word,
    words,
)
from ontogeny.planning.study import Config

# Seconds that the probes of a checkpoint take on one core for each value of the features that they
# are trained on. The toy and the lab tier take 2.1e-6 with all eight tasks.
PROBE_SECONDS = 8.0e-6


def probes_memory(config: Config, run: str, attempt: int = 1) -> int:
    """Return the memory of probing, in MB: 12 bytes a value of the features of all splits.

    The lab tier takes 9.
    """
    values = words(config, "pushdown") * values_per_word(config["runs"][run])
    return per_attempt(MODEL_JOB + 12 * values / 1e6, attempt)


def probes_runtime(config: Config, run: str, chunk: int | str, attempt: int = 1) -> int:
    """Return the running time of probing a chunk of checkpoints on one core, in minutes."""
    trained_on = config["studies"]["pushdown"]["words"]["train"]
    seconds = PROBE_SECONDS * trained_on * values_per_word(config["runs"][run])
    return chunk_runtime(config, "pushdown", run, chunk, seconds, attempt)
