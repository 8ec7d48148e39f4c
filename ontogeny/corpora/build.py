"""From a corpus's settings in the config to its splits on disk."""

import os
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from ontogeny.corpora.catalogue import expand
from ontogeny.corpora.conllu import read_conllu, withheld_words
from ontogeny.corpora.corpus import SPLITS
from ontogeny.corpora.ontonotes import read_ontonotes
from ontogeny.corpora.penn import read_penn
from ontogeny.corpora.splits import Row, write_splits
from ontogeny.corpora.text import halve, read_text
from ontogeny.errors import ConfigError

SOURCES = "results/sources"

# The keys beside `kind` of each kind of corpus; those of a generated one are its generator's.
KEYS = {
    "conllu": ("source", *SPLITS, "constituents", "entities"),
    "text": ("source", *SPLITS, "held_out"),
    "penn": ("folder", "sections"),
    "ontonotes": ("folder", "language"),
}
GENERATED = ("grammar", "repetition", "hamiltonian")
SAMPLED = "clone"  # from a run, and so on a floor above (measures/interactions/clone_corpus.py)
KINDS = (*GENERATED, *KEYS, SAMPLED)
OWN_FILES = ("folder", "constituents", "held_out", *SPLITS)

Splits = dict[str, list[dict]]


def build(name: str, settings: Mapping[str, Any], sources: Path | None = None) -> Splits:
    """Return the rows of each split of a corpus, in the Corpus contract (`corpus.SCHEMA`).

    `settings` is the corpus's entry in the config, `sources` the folder of downloaded sources:

    - `{kind: grammar, ...}`: the embedded grammar; the other keys are `grammar.generate`'s
    - `{kind: repetition, ...}`: invented words; the other keys are `repetition.generate`'s
    - `{kind: conllu, source: NAME}`, or `train`, `dev` and `test`, each a file or a list of files,
      with `constituents` (a folder, a file or a list of files) and `entities` (a key of MISC)
    - `{kind: text, source: NAME}`, or `train` with `dev`, `test`, both or neither; or `train` with
      `held_out`, files whose documents are halved into dev and test
    - `{kind: penn, folder: DIR, sections: {train: [02-21], dev: [22], test: [23]}}`
    - `{kind: ontonotes, folder: DIR, language: english}`
    - `{kind: hamiltonian, ...}`: sequences of symbols; the other keys are `hamiltonian.generate`'s

    `kind: clone` isn't built here but sampled from a run's checkpoint, by
    `ontogeny.measures.interactions.clone_corpus.write_clone`.

    A text may lack dev and test: it then has no such splits, rather than empty ones. All other
    kinds have the three. Raises `ConfigError`, naming the corpus and the key, if the settings are
    wrong, and `CorpusError` as the readers do.
    """
    _check_keys(name, settings)
    try:
        if settings["kind"] in GENERATED:
            return _generated(settings)
        if settings["kind"] == "penn":
            return read_penn(settings["folder"], settings.get("sections"))
        if settings["kind"] == "ontonotes":
            return read_ontonotes(settings["folder"], language=settings.get("language", "english"))
        full = expand(settings, sources)
    except ConfigError as error:
        raise ConfigError(f"corpora: {name}: {error}") from error
    return _text(full) if full["kind"] == "text" else _conllu(full)


def splits_of(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the splits that a corpus will have, told from its settings alone."""
    if settings["kind"] != "text" or "source" in settings or "held_out" in settings:
        return SPLITS
    return tuple(split for split in SPLITS if split in settings)


def input_files(settings: Mapping[str, Any]) -> list[Path]:
    """Return the files of the user's own that a corpus is read from, by the settings alone.

    For a folder they are the files below it; for `source` and for a grammar there are none.
    Absent ones are listed too, so that the workflow can say that they are missing.
    """
    named = [
        file
        for key in OWN_FILES
        if key in settings and settings["kind"] not in GENERATED
        for file in _files(settings[key])
    ]
    below = [
        sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for path in named
    ]
    return [file for files in below for file in files]


def input_paths(settings: Mapping[str, Any]) -> list[str]:
    """Return all that a corpus is made from: the folder of its source, then `input_files`."""
    source = [f"{SOURCES}/{settings['source']}"] if "source" in settings else []
    return [*source, *map(str, input_files(settings))]


def located(settings: Mapping[str, Any], inputs: Sequence[str]) -> tuple[dict[str, Any], Path]:
    """Return the settings with files named as a job finds them, and the folder of sources.

    `inputs` are the job's own paths of `input_paths(settings)`, in that order. They are the same,
    but for what a storage provider or a module puts in front of them: a provider in front of all,
    the local copies having their own place, a module in front of relative ones, or of some.
    """
    names = [os.path.normpath(name) for name in input_paths(settings)]
    paths = [os.path.normpath(path) for path in inputs]
    pairs = zip(names, paths, strict=False)
    in_front = [path.removesuffix(name).rstrip("/") for name, path in pairs if path.endswith(name)]

    def place(name: str) -> str:
        for before in filter(None, dict.fromkeys(in_front)):
            moved = f"{before}/{name.lstrip('/')}"
            whole = os.path.normpath(moved)
            if any(path == whole or path.startswith(f"{whole}/") for path in paths):
                return moved
        return name

    placed = dict(settings)
    for key in OWN_FILES:
        if key in settings:
            value = settings[key]
            placed[key] = place(value) if isinstance(value, str) else [*map(place, value)]
    return placed, Path(paths[0]).parent if "source" in settings and paths else Path(SOURCES)


def write_corpus(
    name: str, settings: Mapping[str, Any], sources: Path | None, folder: str | os.PathLike[str]
) -> None:
    """Build a corpus and write it to `folder`, as `write_splits` does.

    The statistics of a treebank end with `words_withheld` (`conllu.withheld_words`), if there are
    any. Raises `ConfigError` and `CorpusError` as `build` and `write_splits` do.
    """
    splits = build(name, settings, sources)
    further = _withheld(splits) if settings["kind"] == "conllu" else []
    write_splits(name, splits, folder, further)


def _withheld(splits: Splits) -> list[Row]:
    """Return the words that were withheld from splits that lack some, as rows of statistics."""
    counts = {split: sum(map(withheld_words, rows)) for split, rows in splits.items()}
    return [(split, "words_withheld", count) for split, count in counts.items() if count]


def _check_keys(name: str, settings: Mapping[str, Any]) -> None:
    where = f"corpora: {name}"
    kind = settings.get("kind")
    if kind not in KINDS:
        raise ConfigError(f"{where}: kind {kind!r}; expected one of {', '.join(KINDS)}.")
    if kind in GENERATED:
        return
    if kind == SAMPLED:
        raise ConfigError(
            f"{where}: a corpus of kind {SAMPLED} is sampled from a run; write it with "
            "ontogeny.measures.interactions.clone_corpus.write_clone."
        )
    for key in settings:
        if key not in ("kind", *KEYS[kind]):
            raise ConfigError(
                f"{where}: {key}: unknown for kind {kind}; expected {', '.join(KEYS[kind])}."
            )
    if "folder" in KEYS[kind]:
        required: tuple[str, ...] = ("folder",)
    elif "source" in settings:
        required = ()
        for key in (*SPLITS, "held_out"):
            if key in settings:
                raise ConfigError(f"{where}: {key} beside source; expected one of the two.")
    else:
        required = ("train",) if kind == "text" else SPLITS
        if "held_out" in settings and ("dev" in settings or "test" in settings):
            raise ConfigError(f"{where}: held_out beside dev or test; it makes both.")
    seen: dict[Path, str] = {}
    for key in (*SPLITS, "held_out"):
        for file in _files(settings.get(key, ())):
            if file in seen:
                raise ConfigError(
                    f"{where}: {file} is named twice, in {seen[file]} and in {key}; expected once."
                )
            seen[file] = key
    for key in required:
        if key not in settings:
            raise ConfigError(
                f"{where}: {key}: missing; kind {kind} needs {', '.join(required)}"
                f"{' or source' if 'source' in KEYS[kind] else ''}."
            )


def _files(value: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return one file or a list of files as a list."""
    return [Path(value)] if isinstance(value, str | Path) else [Path(item) for item in value]


def _generated(settings: Mapping[str, Any]) -> Splits:
    from ontogeny.corpora import grammar, hamiltonian, repetition

    kind = settings["kind"]
    generators: dict[str, Callable[..., Splits]] = {
        "grammar": grammar.generate,
        "repetition": repetition.generate,
        "hamiltonian": hamiltonian.generate,
    }
    generate = generators[kind]
    arguments = {key: value for key, value in settings.items() if key != "kind"}
    known = signature(generate).parameters
    for key in arguments:
        if key not in known:
            raise ConfigError(f"{key}: unknown for kind {kind}; expected {', '.join(known)}.")
    sizes, *others = (key for key, value in known.items() if value.default is value.empty)
    if sizes not in arguments:
        raise ConfigError(f"{sizes}: missing; expected their number for each split.")
    for key in others:
        if key not in arguments:
            needed = ", ".join([sizes, *others])
            raise ConfigError(f"{key}: missing; kind {kind} needs {needed}.")
    return generate(**arguments)


def _text(settings: Mapping[str, Any]) -> Splits:
    splits = {split: read_text(_files(settings[split])) for split in SPLITS if split in settings}
    if "held_out" in settings:
        splits["dev"], splits["test"] = halve(read_text(_files(settings["held_out"])))
    return splits


def _conllu(settings: Mapping[str, Any]) -> Splits:
    constituents = settings.get("constituents")
    return {
        split: read_conllu(
            _files(settings[split]),
            entities=settings.get("entities"),
            constituents=None if constituents is None else _files(constituents),
        )
        for split in SPLITS
    }
