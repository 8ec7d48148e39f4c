"""The configuration: what it may hold, and whether its parts agree, before any job starts."""

import copy
import difflib
import math
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from jsonschema.exceptions import ValidationError

from ontogeny.corpora.tasks import REQUIRED_COLUMN, TASKS
from ontogeny.errors import ConfigError
from ontogeny.runs.hub import hub_location, seeds_are_told_apart
from ontogeny.runs.local import local_path
from ontogeny.runs.recipes import Recipe, read_recipe
from ontogeny.runs.schedules import listed_steps, steps
from ontogeny.strategies.conditions import contradictions as sweep_contradictions

SCHEMA_FILE = Path(__file__).parent.parent / "config" / "schema.yaml"

# What a corpus of each kind annotates, as far as its configuration alone can tell. What the files
# then really hold is checked by the first job that reads them.
_UNIVERSAL_DEPENDENCIES = ("upos", "xpos", "head", "deprel")
_CONSTITUENTS = ("phrase_start", "phrase_end")


def validate(
    config: Mapping[str, Any],
    file: str,
    sources: Collection[str],
    schema_file: str | os.PathLike[str] = SCHEMA_FILE,
) -> dict[str, Any]:
    """Return the configuration with its defaults filled in, or raise `ConfigError`.

    `file` is what the messages call the configuration: its file name or names. `sources` are the
    names of the sources that can be downloaded. The error lists every breach of the schema, each
    with its key, what was found and what was expected; if the schema is kept, every contradiction
    between studies, runs, corpora and sources.
    """
    if not isinstance(config, Mapping):
        raise ConfigError(
            f"{file}: holds {config!r}; expected the keys tier and studies, and the runs and "
            "corpora that these name."
        )
    if problems := [*_keys_that_are_no_text(config), *_values_beyond_use(config)]:
        raise ConfigError("\n".join(f"{file}: {problem}" for problem in problems))
    schema = yaml.safe_load(Path(schema_file).read_text(encoding="utf-8"))
    filled = copy.deepcopy(dict(config))
    validator = _with_defaults(jsonschema.Draft202012Validator)(schema)
    problems = [
        problem
        for error in sorted(validator.iter_errors(filled), key=lambda e: list(map(str, e.path)))
        for problem in _describe(error)
    ]
    if not problems:
        for corpora in (study.get("corpora", {}) for study in filled["studies"].values()):
            corpora.update({name: list(TASKS) for name, tasks in corpora.items() if tasks == "all"})
        problems = list(_progressions(filled))
    if not problems:
        problems = list(_contradictions(filled, sources))
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
    if kind == "text":
        return ()
    gum = corpus.get("source") == "gum"
    entity = ("entity",) if gum or "entities" in corpus else ()
    constituents = _CONSTITUENTS if gum or "constituents" in corpus else ()
    return (*_UNIVERSAL_DEPENDENCIES, *entity, *constituents)


def _keys_that_are_no_text(value: Any, parents: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield a message for each key that YAML reads as a number, a truth value or nothing.

    The schema is JSON's, in which all keys are text, and says nothing of others.
    """
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from _keys_that_are_no_text(item, (*parents, str(place)))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield (
                    f"{'.'.join(parents) or 'the top level'}: the key {key!r} is not text; put it "
                    "in quotation marks, or begin the name with a letter."
                )
            yield from _keys_that_are_no_text(item, (*parents, str(key)))


def _values_beyond_use(value: Any, key: str = "") -> Iterator[str]:
    """Yield a message for each number that no table can hold and each text that names no file.

    YAML can write them all, and the schema's bounds let them pass: NaN is below no maximum.
    """
    if isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for name, item in items:
            yield from _values_beyond_use(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{key}: is {value!r}; expected a finite number."
    elif isinstance(value, int | float) and not -(2**63) <= value < 2**63:
        yield f"{key}: is {value!r}; expected a number that 64 bits hold, below {2.0**63:.2g}."
    elif isinstance(value, str) and "\0" in value:
        yield f"{key}: is {value!r}; expected text without the NUL character."


def _with_defaults(validator: Any) -> Any:
    """Extend a validator so that it fills in the defaults of absent properties first."""
    check_properties = validator.VALIDATORS["properties"]

    def properties(
        validator: Any, declared: Mapping[str, Any], instance: Any, schema: Any
    ) -> Iterator[ValidationError]:
        if isinstance(instance, dict):
            for key, subschema in declared.items():
                if isinstance(subschema, dict) and "default" in subschema:
                    instance.setdefault(key, copy.deepcopy(subschema["default"]))
        yield from check_properties(validator, declared, instance, schema)

    return jsonschema.validators.extend(validator, {"properties": properties})


def _describe(error: ValidationError) -> Iterator[str]:
    """Turn one breach of the schema into messages that name the key, the finding, the remedy."""
    key = ".".join(map(str, error.absolute_path)) or "the top level"
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        for name in sorted(set(error.instance) - set(known)):
            yield f"{key}: unknown key {name!r}{_suggest(name, known)}"
    elif error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield f"{key}: the key {name!r} is missing."
    elif error.validator == "enum":
        allowed = [value for value in error.validator_value if value is not None]
        yield f"{key}: is {error.instance!r}{_suggest(str(error.instance), allowed)}"
    elif error.validator == "type":
        expected = error.validator_value
        kinds = " or ".join([expected] if isinstance(expected, str) else expected)
        hint = ""
        if isinstance(error.instance, str) and "number" in kinds:
            hint = " (YAML reads 1e-3 as text: write 0.001 or 1.0e-3)"
        yield f"{key}: is {error.instance!r}; expected {kinds}{hint}."
    elif error.validator == "oneOf":
        choices = [" and ".join(choice["required"]) for choice in error.validator_value]
        yield f"{key}: needs either {', or '.join(choices)}, and not both."
    elif error.validator == "pattern":
        yield (
            f"{key}: the name {error.instance!r} may hold letters, digits, '-' and '_' only, and "
            "begins with a letter or digit."
        )
    else:
        yield f"{key}: {error.message}."


def _suggest(name: str, known: list[str]) -> str:
    if not known:
        return "; there are none."
    close = difflib.get_close_matches(name, list(map(str, known)), n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; expected one of {', '.join(map(str, known))}."


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


def _contradictions(config: Mapping[str, Any], sources: Collection[str]) -> Iterator[str]:
    """Yield what studies, runs and corpora say of each other that isn't so."""
    corpora, runs = config["corpora"], config["runs"]
    for name, corpus in corpora.items():
        if "source" in corpus and corpus["source"] not in sources:
            known = _suggest(corpus["source"], sorted(sources))
            yield f"corpora.{name}.source: there is no source {corpus['source']!r}{known}"
    for name, run in runs.items():
        if run["kind"] == "pretrain":
            yield from _pretraining_contradictions(name, run, corpora)
        if run["kind"] == "local":
            yield from _path_contradictions(name, run)
        if run["kind"] == "hub":
            yield from _hub_contradictions(name, run)
    if "strategies" in config["studies"]:
        for problem in sweep_contradictions(config["studies"]["strategies"]):
            yield f"studies.strategies.{problem}"
    for study_name, study in _studies_of_runs(config).items():
        for name in study["runs"]:
            if name not in runs:
                key = f"studies.{study_name}.runs"
                yield f"{key}: there is no run {name!r}{_suggest(name, list(runs))}"
        for name, tasks in study["corpora"].items():
            key = f"studies.{study_name}.corpora"
            if name not in corpora:
                yield f"{key}: there is no corpus {name!r}{_suggest(name, list(corpora))}"
                continue
            has = annotations(corpora[name])
            for task in tasks:
                if REQUIRED_COLUMN[task] not in has:
                    yield (
                        f"{key}.{name}: task {task} needs the annotation {REQUIRED_COLUMN[task]}, "
                        f"which this corpus does not have (it has {', '.join(has) or 'none'}). "
                        "Leave the task out, or give the corpus that annotation."
                    )
        for name in study["runs"]:
            if name in runs and study["steps"] is not None:
                yield from _missing_steps(f"studies.{study_name}.steps", name, runs[name], study)


def _studies_of_runs(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the studies that name runs and corpora; the others need none."""
    return {name: study for name, study in config["studies"].items() if "runs" in study}


def _pretraining_contradictions(
    name: str, run: Mapping[str, Any], corpora: Mapping[str, Any]
) -> Iterator[str]:
    for corpus in names(run["corpus"]):
        if corpus not in corpora:
            known = _suggest(corpus, list(corpora))
            yield f"runs.{name}.corpus: there is no corpus {corpus!r}{known}"
    try:
        read_recipe(recipe_settings(run), name)
    except ConfigError as error:
        yield str(error)


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


def names(value: str | list[str]) -> list[str]:
    """Return a key that holds one name or a list of names as a list."""
    return [value] if isinstance(value, str) else list(value)


def recipe_settings(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return those settings of a pretraining run that its recipe holds."""
    recipe = {field.name for field in fields(Recipe)}
    return {key: value for key, value in run.items() if key in recipe}


def trajectory_steps(run: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the steps of a run's checkpoints, in order, from its configuration entry.

    A step is a number of optimiser updates, whatever unit the run lists its steps in.
    """
    if run["kind"] == "pretrain":
        return steps(run["steps"])
    return tuple(step * run.get("step_unit", 1) for step in sorted(run["steps"]))
