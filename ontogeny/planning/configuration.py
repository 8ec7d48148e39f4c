"""The configuration: what it may hold, and whether its parts agree, before any job starts."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ontogeny.corpora.hamiltonian import draw_hamiltonian
from ontogeny.errors import ConfigError
from ontogeny.planning.clone_corpora import impossible_clones
from ontogeny.planning.layout import trajectory_steps
from ontogeny.planning.runs import names, recipe_settings
from ontogeny.planning.schema import beyond_the_schema, with_defaults
from ontogeny.planning.study import Settings, Study
from ontogeny.planning.suggestions import suggest
from ontogeny.runs.architectures import ARCHITECTURES
from ontogeny.runs.hub.locations import hub_location, seeds_are_told_apart
from ontogeny.runs.local import local_path
from ontogeny.runs.recipes import completed_settings, read_recipe
from ontogeny.runs.schedules import listed_steps

# What a corpus of each kind annotates, as far as its configuration alone can tell. What the files
# then really hold is checked by the first job that reads them.
_UNIVERSAL_DEPENDENCIES = ("upos", "xpos", "head", "deprel")
_CONSTITUENTS = ("phrase_start", "phrase_end")


def validate(
    config: Mapping[str, Any],
    file: str,
    sources: Collection[str],
    studies: Sequence[Study],
) -> dict[str, Any]:
    """Return the configuration with its defaults filled in, or raise `ConfigError`.

    `file` is what the messages call the configuration: its file name or names. `sources` are the
    names of the sources that can be downloaded, `studies` all that there are. The error lists every
    breach of the schema, each with its key, what was found and what was expected; if the schema is
    kept, every contradiction between studies, runs, corpora and sources.
    """
    if not isinstance(config, Mapping):
        raise ConfigError(
            f"{file}: holds {config!r}; expected the keys tier and studies, and the runs and "
            "corpora that these name."
        )
    if problems := beyond_the_schema(config):
        raise ConfigError("\n".join(f"{file}: {problem}" for problem in problems))
    filled, problems = with_defaults(config, tuple(study.name for study in studies))
    if not problems:
        asked = [study for study in studies if study.name in filled["studies"]]
        for study in asked:
            settings = filled["studies"][study.name]
            filled["studies"][study.name] = dict(study.completed(settings))
        _complete_recipes(filled["runs"])
        problems = list(_progressions(filled)) or list(_contradictions(filled, sources, asked))
    if problems:
        raise ConfigError("\n".join(f"{file}: {problem}" for problem in dict.fromkeys(problems)))
    return filled


def annotations(corpus: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the annotations that a corpus can have by its configuration entry."""
    kind = corpus["kind"]
    if kind == "grammar":
        return (*_UNIVERSAL_DEPENDENCIES, "entity", *_CONSTITUENTS)
    if kind == "penn":
        return ("xpos", *_CONSTITUENTS)
    if kind == "ontonotes":
        return ("xpos", "entity", *_CONSTITUENTS)
    if kind in ("text", "repetition", "hamiltonian", "clone"):
        return ()
    gum = corpus.get("source") == "gum"
    entity = ("entity",) if gum or "entities" in corpus else ()
    constituents = _CONSTITUENTS if gum or "constituents" in corpus else ()
    return (*_UNIVERSAL_DEPENDENCIES, *entity, *constituents)


def _complete_recipes(runs: dict[str, Any]) -> None:
    """Write the defaults of runs that are trained here into their entries, if these can be."""
    for name, run in runs.items():
        if run["kind"] == "pretrain":
            with suppress(ConfigError):  # said where contradictions are
                runs[name] = run | completed_settings(recipe_settings(run), name)


def _progressions(config: Mapping[str, Any]) -> Iterator[str]:
    """Write the progressions in lists of steps out, and yield what is wrong with them."""
    runs = {f"runs.{name}": run for name, run in config["runs"].items()}
    studies = {f"studies.{name}": study for name, study in _studies_of_runs(config).items()}
    for key, entry in (runs | studies).items():
        if entry.get("kind") != "pretrain" and entry["steps"] is not None:
            try:
                entry["steps"] = list(listed_steps(entry["steps"], f"{key}.steps"))
            except ConfigError as error:
                yield str(error)


def _contradictions(
    config: Mapping[str, Any], sources: Collection[str], studies: Sequence[Study]
) -> Iterator[str]:
    """Yield what studies, runs and corpora say of each other that isn't so."""
    corpora, runs = config["corpora"], config["runs"]
    for name, corpus in corpora.items():
        if "source" in corpus and corpus["source"] not in sources:
            known = suggest(corpus["source"], sorted(sources))
            yield f"corpora.{name}.source: there is no source {corpus['source']!r}{known}"
        if corpus["kind"] == "hamiltonian":
            yield from _impossible_hamiltonian(name, corpus)
    yield from impossible_clones(config)
    for name, run in runs.items():
        if run["kind"] == "pretrain":
            yield from _pretraining_contradictions(name, run, corpora)
        if run["kind"] == "local":
            yield from _path_contradictions(name, run)
        if run["kind"] == "hub":
            yield from _hub_contradictions(name, run)
    for study in studies:
        settings = config["studies"][study.name]
        if "runs" in settings:
            yield from _of_runs_and_corpora(study, settings, runs, corpora)
        for problem in study.contradictions(settings, config, sources):
            yield f"studies.{study.name}.{problem}"


def _impossible_hamiltonian(name: str, corpus: Mapping[str, Any]) -> Iterator[str]:
    keys = ("length", "symbols", "couplings", "seed")
    try:
        draw_hamiltonian(**{key: corpus[key] for key in keys})
    except ConfigError as error:
        yield f"corpora.{name}.{error}"


def _of_runs_and_corpora(
    study: Study, settings: Settings, runs: Mapping[str, Any], corpora: Mapping[str, Any]
) -> Iterator[str]:
    key = f"studies.{study.name}"
    for name in settings["runs"]:
        if name not in runs:
            yield f"{key}.runs: there is no run {name!r}{suggest(name, list(runs))}"
            continue
        architecture = runs[name].get("architecture")
        if study.reads_attention and architecture and not ARCHITECTURES[architecture].attention:
            yield (
                f"{key}.runs: {name} is of the architecture {architecture}, which has no "
                f"attention, and {study.name} measures that. Leave the run out of {study.name}."
            )
        if settings["steps"] is not None:
            yield from _missing_steps(f"{key}.steps", name, runs[name], settings)
    for name in settings.get("corpora", ()):
        if name not in corpora:
            yield f"{key}.corpora: there is no corpus {name!r}{suggest(name, list(corpora))}"
            continue
        has = annotations(corpora[name])
        for need in study.needs(settings, name):
            if need.annotation not in has:
                yield (
                    f"{key}.corpora.{name}: {need.purpose} needs the annotation "
                    f"{need.annotation}, which this corpus does not have (it has "
                    f"{', '.join(has) or 'none'}). {need.remedy}, or give the corpus that "
                    "annotation."
                )


def _studies_of_runs(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the studies that name runs and corpora; the others need none."""
    return {name: study for name, study in config["studies"].items() if "runs" in study}


def _pretraining_contradictions(
    name: str, run: Mapping[str, Any], corpora: Mapping[str, Any]
) -> Iterator[str]:
    for corpus in names(run["corpus"]):
        if corpus not in corpora:
            known = suggest(corpus, list(corpora))
            yield f"runs.{name}.corpus: there is no corpus {corpus!r}{known}"
    try:
        recipe = read_recipe(recipe_settings(run), name)
    except ConfigError as error:
        yield str(error)
        return
    if recipe.sequences == "stream" and run["devices"] not in (None, 1):
        yield (
            f"runs.{name}.devices: is {run['devices']}, but streams are read on by one device, "
            "which carries their state; expected 1."
        )
    alike = recipe.sequences == "stream" and not recipe.dropout
    if recipe.initial_seed is not None and alike and len(run["seeds"]) > 1:
        yield (
            f"runs.{name}.initial_seed: streams are read in one order and nothing is dropped, so "
            f"{len(run['seeds'])} trajectories would be one and the same."
        )
    known_corpora = [corpus for corpus in names(run["corpus"]) if corpus in corpora]
    parsed = any("head" in annotations(corpora[corpus]) for corpus in known_corpora)
    if recipe.regularizer and known_corpora and not parsed:
        yield (
            f"runs.{name}.regularizer: needs the annotation head, which no corpus of the run "
            f"({', '.join(known_corpora)}) has. Leave the regularizer out, or train on a corpus "
            "with parses."
        )


def _path_contradictions(name: str, run: Mapping[str, Any]) -> Iterator[str]:
    try:
        local_path(run["path"], run["seeds"][0], run["steps"][0], name)
    except ConfigError as error:
        yield str(error)
    if "{seed" not in run["path"] and len(run["seeds"]) > 1:
        yield (
            f"runs.{name}.path: {run['path']!r} has no {{seed}}, so {len(run['seeds'])} "
            "trajectories would be one and the same."
        )


def _hub_contradictions(name: str, run: Mapping[str, Any]) -> Iterator[str]:
    patterns, step = (run["repository"], run["revision"]), trajectory_steps(run)[-1]
    try:
        hub_location(*patterns, run["seeds"][0], step, step_unit=run["step_unit"], run=name)
    except ConfigError as error:
        yield str(error)
        return
    if len(run["seeds"]) > 1 and not seeds_are_told_apart(*patterns):
        yield (
            f"runs.{name}: neither the repository nor the revision has {{seed}} in it, so "
            f"{len(run['seeds'])} trajectories would be one and the same."
        )
    folder = run["tokenizer"] or ""
    # os.path, unlike Path, takes the folder of a user who doesn't exist for one of none.
    if folder.startswith(("/", ".", "~")) and not os.path.isdir(os.path.expanduser(folder)):
        yield (
            f"runs.{name}.tokenizer: there is no folder {folder!r}; expected one, or the name of a "
            "repository (owner/name)."
        )


def _missing_steps(
    key: str, name: str, run: Mapping[str, Any], study: Mapping[str, Any]
) -> Iterator[str]:
    has = trajectory_steps(run)
    missing = sorted(set(study["steps"]) - set(has))
    if missing:
        yield (
            f"{key}: run {name!r} has no checkpoint at step {', '.join(map(str, missing))}; it has "
            f"{', '.join(map(str, has))}."
        )


def absent_mirror(config: Mapping[str, Any]) -> str | None:
    """Return what to say of a mirror that isn't there, None if it is there or isn't needed.

    It is no error: the lab tier names one beside the checkout, and whoever has none downloads.
    """
    mirror = config["mirror"]
    needed = any("source" in corpus for corpus in config["corpora"].values())
    if mirror is None or not needed or Path(mirror).is_dir():
        return None
    return (
        f"mirror: there is no folder {mirror!r} in {Path.cwd()}, so files of config/sources.tsv "
        "are downloaded. Correct the key `mirror` if they lie somewhere already."
    )
