"""What the jobs of the study of similarity ask of a scheduler: megabytes, and minutes."""

from ontogeny.planning.layout import steps_of_chunk
from ontogeny.planning.resources import (
    CORE_RATE,
    MODEL_JOB,
    minutes,
    per_attempt,
    rate,
    values_per_word,
    words,
)
from ontogeny.planning.study import Config

WORD_TYPES = 10_000  # that a tagger is taken to know
TEXT = 700_000  # words that taggers are taken to be trained on at most, as in the publication


def taggers(config: Config, corpus: str) -> int:
    """Return how many taggers are trained on a corpus: true and shuffled, next word and own."""
    return 4 * len(config["studies"]["similarity"]["corpora"][corpus])


def taggers_memory(config: Config, corpus: str, attempt: int = 1) -> int:
    """Return the memory of training taggers, in MB: weights and their gradients, three times."""
    width = config["studies"]["similarity"]["width"]
    weights = 8 * width**2 + WORD_TYPES * width
    return per_attempt(MODEL_JOB + 24 * taggers(config, corpus) * weights / 1e6, attempt)


def taggers_runtime(config: Config, corpus: str, attempt: int = 1) -> int:
    """Return the running time of training taggers, in minutes: 6 operations a weight and word."""
    settings = config["studies"]["similarity"]
    documents = config["corpora"][corpus].get("sentences_per_document")
    text = settings["documents"] * documents * 15 if documents else TEXT
    operations = 6 * 8 * settings["width"] ** 2 * text * settings["epochs"]
    speed = rate(0, settings["threads"], CORE_RATE / 2)  # one product for each word of a sentence
    return minutes(30 + taggers(config, corpus) * operations / speed / 60, attempt)


def measuring_memory(config: Config, run: str, attempt: int = 1) -> int:
    """Return the memory of measuring, in MB.

    The features of all splits in 16 bits, and once in 32 bits for the diagnostic classifiers; the
    last checkpoints' of all seeds; and the taggers' states in 32 bits.
    """
    entry, settings = config["runs"][run], config["studies"]["similarity"]
    values = values_per_word(entry)
    tagged = sum(taggers(config, corpus) for corpus in settings["corpora"]) * 2 * settings["width"]
    tested = settings["words"]["test"] * (2 * values * len(entry["seeds"]) + 4 * tagged)
    return per_attempt(
        MODEL_JOB + (8 * words(config, "similarity") * values + tested) / 1e6, attempt
    )


def measuring_runtime(config: Config, run: str, chunk: int | str, attempt: int = 1) -> int:
    """Return the running time of measuring a chunk of checkpoints of all seeds, in minutes.

    For each pair of layers a product over words, and twice that for what is made of it; for the
    diagnostic classifiers 6 operations a weight and word.
    """
    entry, settings = config["runs"][run], config["studies"]["similarity"]
    values = values_per_word(entry)
    tagged = sum(taggers(config, corpus) for corpus in settings["corpora"])
    pairs = 6 * settings["words"]["test"] * values * (values + tagged * settings["width"])
    tasks = 2 * max(map(len, settings["corpora"].values()))
    fits = settings["diagnostics"]["epochs"] * settings["words"]["train"]
    fits *= 6 * values * settings["diagnostics"]["hidden"] * tasks
    checkpoints = len(steps_of_chunk(config, "similarity", run, chunk)) * len(entry["seeds"])
    seconds = checkpoints * (60 + (pairs + fits) / rate(0, settings["threads"]))
    return minutes(30 + seconds / 60, attempt)
