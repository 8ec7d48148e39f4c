"""What a training needs of a text, made once: tokenizer and tokens."""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ontogeny.errors import CorpusError
from ontogeny.files import atomic_path, sha256
from ontogeny.runs.architectures import ARCHITECTURES
from ontogeny.runs.checkpoints.loading import quiet_transformers
from ontogeny.runs.pretraining.parsed_text import NO_HEAD, encode_parsed
from ontogeny.runs.pretraining.rare_words import frequent_words, made_of
from ontogeny.runs.pretraining.sequences import (
    Sequences,
    encode,
    read_parses,
    read_words,
    write_sequences,
)
from ontogeny.runs.pretraining.tokenizers import train_tokenizer
from ontogeny.runs.recipes import Recipe

SETTINGS = "settings.json"
Paths = Sequence[str | os.PathLike[str]]
# Whether a sentence, of these words, is part of the text.
Chosen = Callable[[Sequence[str]], bool]

logger = logging.getLogger("ontogeny")


def prepare(
    recipe: Recipe,
    *,
    run: str,
    seed: int,
    train: Paths,
    dev: Paths,
    working: str | os.PathLike[str],
) -> None:
    """Make the working folder ready: tokenizer and tokens, unless they are there already.

    What an earlier attempt left there is kept if recipe, seed and text are the same, else removed.
    Raises `CorpusError` if a split can't be read or has no words, or if there is a regularizer and
    the training text has no parse, and `ConfigError` as `train_tokenizer` and `frequent_words` do.
    """
    working = Path(working)
    settings = {
        "run": run,
        "seed": seed,
        "recipe": recipe.fingerprint,
        "train": [sha256(path) for path in train],
        "dev": [sha256(path) for path in dev],
    }
    if working.is_dir() and _settings(working) != settings:
        logger.info("run %s, seed %d: settings or text changed; starting anew", run, seed)
        shutil.rmtree(working)
    if working.is_dir():
        return
    # All at once: a working folder that exists is ready.
    with atomic_path(working) as scratch, quiet_transformers():
        scratch.mkdir()
        chosen = _chosen(recipe, train, run)
        tokenizer = train_tokenizer(
            _words(train, chosen),
            kind=recipe.tokenizer,
            objective=recipe.objective,
            vocabulary_size=recipe.vocabulary_size,
            lowercase=recipe.lowercase,
            longest=None
            if ARCHITECTURES[recipe.architecture].recurrent
            else recipe.sequence_length,
            least_count=recipe.least_count,
        )
        tokenizer.save_pretrained(scratch / "tokenizer")
        for name, paths in (("train", train), ("dev", dev)):
            if paths:
                parsed = name == "train" and recipe.regularizer
                make = _encode_parsed if parsed else _encode
                sequences = make(tokenizer, paths, chosen, recipe, run)
                write_sequences(sequences, scratch / name)
        (scratch / SETTINGS).write_text(json.dumps(settings, indent=1))


def _chosen(recipe: Recipe, train: Paths, run: str) -> Chosen:
    if recipe.least_count is None:
        return lambda words: True
    frequent = frequent_words(
        lambda: read_words(train), recipe.least_count, lowercase=recipe.lowercase, run=run
    )
    return partial(made_of, frequent, lowercase=recipe.lowercase)


def _words(paths: Paths, chosen: Chosen) -> Iterator[list[str]]:
    return (words for words in read_words(paths) if chosen(words))


def _encode(tokenizer: Any, paths: Paths, chosen: Chosen, recipe: Recipe, run: str) -> Sequences:
    return encode(
        tokenizer,
        _words(paths, chosen),
        sequences=recipe.sequences,
        longest=recipe.sequence_length,
    )


def _encode_parsed(
    tokenizer: Any, paths: Paths, chosen: Chosen, recipe: Recipe, run: str
) -> Sequences:
    text = encode_parsed(
        tokenizer,
        ((words, heads) for words, heads in read_parses(paths) if chosen(words)),
        sequences=recipe.sequences,
        longest=recipe.sequence_length,
    )
    if text.head is None or (text.head == NO_HEAD).all():
        raise CorpusError(
            f"runs.{run}.regularizer: no word of {', '.join(map(str, paths))} has a syntactic head "
            "in the same sequence of tokens; expected a corpus with parses. Leave the regularizer "
            "out, or train on such a corpus."
        )
    return text


def _settings(working: Path) -> Any:
    try:
        return json.loads((working / SETTINGS).read_text())
    except (OSError, ValueError):
        return None
