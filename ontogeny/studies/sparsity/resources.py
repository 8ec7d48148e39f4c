"""What the jobs of the study of sparsity ask of a scheduler: megabytes, and minutes."""

from ontogeny.planning.resources import (
    MODEL_JOB,
    PIECES_PER_WORD,
    chunk_runtime,
    gpus,
    parameters,
    per_attempt,
    rate,
)
from ontogeny.planning.study import Config


def reading_memory(config: Config, run: str, attempt: int = 1) -> int:
    """Return the memory of measuring a checkpoint, in MB.

    Weights twice in 32 bits while they are loaded; beside them 2 GB for a batch's logits, states
    and gradients, and for the training text, in which words are counted.
    """
    return per_attempt(MODEL_JOB + 2000 + 8 * parameters(config["runs"][run]) / 1e6, attempt)


def reading_runtime(config: Config, run: str, chunk: int | str, attempt: int = 1) -> int:
    """Return the running time of measuring a chunk of checkpoints, in minutes.

    A parameter and token takes 4 operations, no gradient of weights being computed; a masked model
    reads each word as often as there are parts to hide, which a causal one doesn't.
    """
    study = config["studies"]["sparsity"]
    tokens = study["words"] * PIECES_PER_WORD * max(2, round(1 / study["hidden"]))
    seconds = 4 * parameters(config["runs"][run]) * tokens / rate(gpus(config), threads=1)
    return chunk_runtime(config, "sparsity", run, chunk, seconds, attempt)
