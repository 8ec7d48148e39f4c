"""The schema of the configuration: its defaults, and what is to be said where it is breached."""

import copy
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from jsonschema.exceptions import ValidationError

from ontogeny.planning.suggestions import suggest

SCHEMAS = Path(__file__).parents[2] / "config" / "schema"


def with_defaults(
    config: Mapping[str, Any], studies: tuple[str, ...]
) -> tuple[dict[str, Any], list[str]]:
    """Return a configuration with its defaults filled in, and a message for each breach.

    `studies` are the names of those that there are. A message names the key, what was found and
    what was expected.
    """
    filled = copy.deepcopy(dict(config))
    found = _validator(studies).iter_errors(filled)
    breaches = sorted(found, key=lambda error: list(map(str, error.path)))
    return filled, [message for breach in breaches for message in _describe(breach)]


def beyond_the_schema(config: Mapping[str, Any]) -> list[str]:
    """Return a message for each key and value that no schema of JSON can speak of."""
    return [*_keys_that_are_no_text(config), *_values_beyond_use(config)]


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


@cache
def _validator(studies: tuple[str, ...]) -> Any:
    """Return what checks a configuration, and fills in defaults as it does."""
    return _filling(jsonschema.Draft202012Validator)(schema(studies))


def schema(studies: Iterable[str]) -> dict[str, Any]:
    """Return the schema of a configuration, in which each study has the one in its own file.

    Definitions (`$defs`) of the common file serve the studies' files; a study's own are its alone.
    """
    whole = _read("configuration")
    asked = whole["properties"]["studies"]["properties"] = {}
    for study in studies:
        own = _read(study)
        for name, definition in own.pop("$defs", {}).items():
            if name in whole["$defs"]:
                raise ValueError(f"config/schema/{study}.yaml: $defs.{name} is there already")
            whole["$defs"][name] = definition
        asked[study] = own
    return whole


def _read(name: str) -> dict[str, Any]:
    # The loader in C, where there is one: that in Python takes a tenth of a second of each start.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((SCHEMAS / f"{name}.yaml").read_text(encoding="utf-8"), loader)


def _filling(validator: Any) -> Any:
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
            yield f"{key}: unknown key {name!r}{suggest(name, known)}"
    elif error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield f"{key}: the key {name!r} is missing."
    elif error.validator == "enum":
        allowed = [value for value in error.validator_value if value is not None]
        yield f"{key}: is {error.instance!r}{suggest(str(error.instance), allowed)}"
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
