"""What the jobs of the study of syntactic attention ask of a scheduler: megabytes, and minutes."""

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

# A core that scores minimal pairs reads short sentences, thousands alike, and does little else: one
# of a busy machine reaches 8e10 with BERT-base.
LIKELIHOOD_RATE = 3.0e10
WORDS_OF_A_SENTENCE = 20
# Of BLiMP, the largest suite in use; pieces of a sentence, of 9 words on average, about.
PARADIGMS = 67
PIECES_OF_A_SENTENCE = 12
QUICK = 120.0  # seconds to score a checkpoint's pairs, by an estimate on the high side


def structure_memory(config: Config, run: str, attempt: int = 1) -> int:
    """Return the memory of measuring attention, likelihood and complexity, in MB.

    Weights twice in 32 bits while they are loaded; then beside them the gradients of examples, at
    least one at a time, and 1 GB for attention and for logits over a vocabulary. Minimal pairs,
    which the same job may score next, need the weights and logits alone: no more.
    """
    return per_attempt(MODEL_JOB + 1500 + 12 * parameters(config["runs"][run]) / 1e6, attempt)


def structure_runtime(config: Config, run: str, chunk: int | str, attempt: int = 1) -> int:
    """Return the running time of measuring attention, loss and complexity, in minutes."""
    return chunk_runtime(config, "sas", run, chunk, _structure_seconds(config, run), attempt)


def structure_and_capability_runtime(
    config: Config, run: str, chunk: int | str, attempt: int = 1
) -> int:
    """Return the running time of measuring all that, and then scoring minimal pairs, in minutes.

    The sum of both, in which each checkpoint is read once.
    """
    seconds = _structure_seconds(config, run) + _capability_seconds(config, run)
    return chunk_runtime(config, "sas", run, chunk, seconds, attempt)


def capability_runtime(config: Config, run: str, chunk: int | str, attempt: int = 1) -> int:
    """Return the running time of scoring minimal pairs by themselves, in minutes."""
    return chunk_runtime(config, "sas", run, chunk, _capability_seconds(config, run), attempt)


def runs_with_quick_pairs(config: Config) -> list[str]:
    """Return the runs whose minimal pairs are scored in the job that measures their structure.

    That spares small models the loading. Of others pairs have jobs of their own: what changes the
    measures of structure, such as `words`, then leaves hours of scoring as they are.
    """
    runs = config["studies"]["sas"]["runs"]
    return [run for run in runs if _capability_seconds(config, run) < QUICK]


def _structure_seconds(config: Config, run: str) -> float:
    """Return how long measuring a checkpoint's attention, loss and complexity takes, at most.

    A parameter and token takes 2 operations in each of three passes, and 6 for a gradient.
    """
    study = config["studies"]["sas"]
    drawn = study["fisher_sentences"] * study["fisher_draws"] * WORDS_OF_A_SENTENCE
    operations = 6 * parameters(config["runs"][run]) * PIECES_PER_WORD * (study["words"] + drawn)
    return operations / rate(gpus(config), threads=1)


def _capability_seconds(config: Config, run: str) -> float:
    """Return how long scoring the minimal pairs with a checkpoint takes, at most.

    A sentence is read once for each of its pieces, in which that one is masked: 2 operations a
    parameter and token. A causal model reads it once, and takes so much less; which of the two a
    run's model is, a configuration doesn't tell.
    """
    study = config["studies"]["sas"]
    operations = 2 * parameters(config["runs"][run]) * PIECES_OF_A_SENTENCE**2
    sentences = 2 * PARADIGMS * study["pairs_per_paradigm"]
    return sentences * operations / rate(gpus(config), threads=1, core=LIKELIHOOD_RATE)
