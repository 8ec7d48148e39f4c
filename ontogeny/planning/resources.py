"""What a job asks of a scheduler: memory in megabytes, running time in minutes, GPUs.

Pure functions of the configuration as `ontogeny.planning.configuration.validate` returns it. The
figures are bounds that a job should keep well within, from the arithmetic that each docstring
gives; the constants were measured on the toy and lab tiers. A job that outgrows them comes back
with twice as much: `attempt` counts from 1.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from ontogeny.planning.layout import steps_of_chunk, trajectory_steps
from ontogeny.planning.runs import recipe_settings
from ontogeny.planning.study import Config
from ontogeny.runs.architectures import number_of_weights
from ontogeny.runs.recipes import Recipe, read_recipe

# What a job with torch and transformers takes before it has done anything (0.5 GB), and the two
# processes of Snakemake that stand around it on a cluster (0.18 GB each), with room to spare.
MODEL_JOB = 1500  # MB

# Word types that a word tokenizer without a bound is taken to find.
WORD_TYPES = 30_000
# Floating-point operations a second that a core or a GPU is expected to reach at least. The lab
# tier's pretraining reaches 2.5e10 on one core; a GPU, with small models, a tenth of its peak.
CORE_RATE = 1.0e10
GPU_RATE = 1.0e13
# Bytes a second at which a checkpoint comes over the network, and is read and worked through again.
# An audit gets through 1.8e8 a second on one core.
NETWORK_RATE = 5.0e6
READING_RATE = 4.0e7
# Pieces of a word, about, in the vocabularies in use.
PIECES_PER_WORD = 1.5

# No job asks for more than a week; a training that is stopped then resumes at the next attempt.
WEEK = 7 * 24 * 60


def per_attempt(amount: float, attempt: int) -> int:
    """Return a whole number of units, at least `amount`, doubled at each further attempt."""
    return math.ceil(amount) * 2 ** (attempt - 1)


def doubling(amount: float) -> Callable[[Any, int], int]:
    """Return what a rule without a size of its own asks for: `amount`, doubled at each attempt."""

    def of_attempt(wildcards: Any, attempt: int) -> int:
        return per_attempt(amount, attempt)

    return of_attempt


def gpus(config: Config, run: str | None = None) -> int:
    """Return how many GPUs a job asks for: `gpus`, for each device of a run trained on several."""
    devices = config["runs"][run].get("devices") if run else None
    return config["gpus"] * (devices or 1)


def parameters(run: Mapping[str, Any]) -> int:
    """Return how many parameters a run's model has, from its configuration entry, about.

    As its architecture counts them. A run that isn't trained here has what its entry says.
    """
    if run["kind"] != "pretrain":
        return run["parameters"]
    recipe = _recipe(run)
    types = recipe.vocabulary_size or WORD_TYPES
    return number_of_weights(recipe.architecture, types, recipe.sequence_length, **recipe.sizes)


def values_per_word(run: Mapping[str, Any]) -> int:
    """Return how many values the features of a word have, all layers together, about.

    Exact where the recipe is known: (L + 1) d. Else from the number of parameters N: N = 12 L d^2
    gives L d = (L / d)^(1/3) (N / 12)^(2/3), and L / d, a model's shape, is 1/64 in BERT-base and
    hardly more than 1/33 anywhere (GPT-2 XL).
    """
    if run["kind"] == "pretrain":
        recipe = _recipe(run)
        return (recipe.layers + 1) * recipe.width
    return math.ceil((1 / 32) ** (1 / 3) * (parameters(run) / 12) ** (2 / 3))


def layers_and_heads(run: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many layers a run's model has, and how many heads each, about.

    Exact where the recipe is known. Else of the number of parameters N, with heads of 64 and a
    layer for each, as in BERT-base: N = 12 L (64 L)^2.
    """
    if run["kind"] == "pretrain":
        recipe = _recipe(run)
        return recipe.layers, recipe.heads or 0
    layers = math.ceil((parameters(run) / 12 / 64**2) ** (1 / 3))
    return layers, layers


def pretraining_memory(config: Config, run: str, attempt: int = 1) -> int:
    """Return the memory of a training, in MB.

    Weights, gradients and AdamW's two moments take 16 bytes a parameter; activations, in float32,
    2 (34 d + 5 a s) bytes a layer and token, with a heads and s tokens in a sequence (Korthikanti
    et al. 2022, equation 1, there in 16 bits; recurrent layers take less); logits and their
    gradients 12 bytes a word type and token. Processes that share a training hold the first each,
    and share the rest.
    """
    entry = config["runs"][run]
    recipe = _recipe(entry)
    tokens = recipe.batch_size * recipe.sequence_length
    block = 2 * (34 * recipe.width + 5 * (recipe.heads or 0) * recipe.sequence_length)
    logits = 12 * (recipe.vocabulary_size or WORD_TYPES)
    activations = tokens * (recipe.layers * block + logits) / 1e6
    process = MODEL_JOB + 16 * parameters(entry) / 1e6
    return per_attempt((entry["devices"] or 1) * process + activations, attempt)


def pretraining_runtime(config: Config, run: str, attempt: int = 1) -> int:
    """Return the running time of a training, in minutes: 6 operations a parameter and token."""
    entry = config["runs"][run]
    recipe = _recipe(entry)
    tokens = recipe.steps[-1] * recipe.batch_size * recipe.sequence_length
    speed = rate(gpus(config, run), entry["threads"] * (entry["devices"] or 1))
    return minutes(30 + 6 * parameters(entry) * tokens / speed / 60, attempt)


def fetching_memory(config: Config, run: str, attempt: int = 1) -> int:
    """Return the memory of fetching a checkpoint, in MB: its weights twice, if it is converted."""
    return per_attempt(MODEL_JOB + 8 * parameters(config["runs"][run]) / 1e6, attempt)


def fetching_runtime(config: Config, run: str, attempt: int = 1) -> int:
    """Return the running time of fetching a checkpoint of 32 bits, in minutes."""
    seconds = 4 * parameters(config["runs"][run]) / NETWORK_RATE
    return minutes(30 + seconds / 60, attempt)


def reading_runtime(config: Config, run: str, attempt: int = 1) -> int:
    """Return the running time of reading a whole trajectory once, in minutes, at 32 bits."""
    entry = config["runs"][run]
    seconds = 4 * parameters(entry) * len(trajectory_steps(entry)) / READING_RATE
    return minutes(30 + seconds / 60, attempt)


def features_memory(config: Config, study: str, run: str, attempt: int = 1) -> int:
    """Return the memory of taking features, in MB.

    Weights twice in 32 bits, while they are loaded, and the features of all splits in 16 bits.
    """
    entry = config["runs"][run]
    values = words(config, study) * values_per_word(entry)
    return per_attempt(MODEL_JOB + (8 * parameters(entry) + 2 * values) / 1e6, attempt)


def features_runtime(
    config: Config, study: str, run: str, chunk: int | str, attempt: int = 1
) -> int:
    """Return the running time of taking the features of a chunk of checkpoints, in minutes.

    2 operations a parameter and token, and a minute a checkpoint for reading and writing.
    """
    tokens = PIECES_PER_WORD * words(config, study)
    seconds = 2 * parameters(config["runs"][run]) * tokens / rate(gpus(config), threads=1)
    return chunk_runtime(config, study, run, chunk, seconds, attempt)


def chunk_runtime(
    config: Config, study: str, run: str, chunk: int | str, seconds: float, attempt: int = 1
) -> int:
    """Return the running time of measuring a chunk of checkpoints, in minutes.

    `seconds` for each checkpoint, and a minute for reading and writing it.
    """
    steps = len(steps_of_chunk(config, study, run, chunk))
    return minutes(30 + steps * (1 + seconds / 60), attempt)


def cloning_runtime(config: Config, corpus: str, attempt: int = 1) -> int:
    """Return the running time of sampling a clone, in minutes, of sentences as long as may be.

    2 operations a parameter and token, and a model that reads a sentence anew for each of its
    tokens in each sweep; factored attention doesn't, and is done sooner.
    """
    clone = config["corpora"][corpus]
    longest, sentences = clone["longest"], sum(clone["sentences"].values())
    tokens = sentences * (PIECES_PER_WORD * longest) ** 2 * clone["sweeps"]
    seconds = 2 * parameters(config["runs"][clone["sampler"]]) * tokens / rate(gpus(config), 1)
    return minutes(30 + seconds / 60, attempt)


def words(config: Config, study: str) -> int:
    """Return how many words a study that reads features asks for, all splits together."""
    return sum(config["studies"][study]["words"].values())


def rate(gpus: int, threads: int, core: float = CORE_RATE) -> float:
    """Return the floating-point operations a second that a job is expected to reach at least."""
    return GPU_RATE * gpus if gpus else core * threads


def minutes(amount: float, attempt: int) -> int:
    """Return whole minutes, doubled at each further attempt, and no more than a week."""
    return min(per_attempt(amount, attempt), WEEK)


def _recipe(run: Mapping[str, Any]) -> Recipe:
    return read_recipe(recipe_settings(run), "run")
