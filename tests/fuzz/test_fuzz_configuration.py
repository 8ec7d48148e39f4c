"""Whatever a configuration holds: it is valid, or the error says which key is wrong."""

import copy
import math

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from mutations import JUNK, altered, fuzz

from ontogeny.corpora.build import input_files
from ontogeny.corpora.sources import read_sources
from ontogeny.errors import ConfigError
from ontogeny.planning import layout
from ontogeny.planning.configuration import validate
from ontogeny.planning.layout import trajectory_steps
from ontogeny.planning.runs import recipe_settings
from ontogeny.planning.schema import SCHEMAS
from ontogeny.runs.recipes import read_recipe
from ontogeny.studies import STUDIES

pytestmark = pytest.mark.slow

FOLDER = SCHEMAS.parent
SOURCES = {file.source for file in read_sources(FOLDER / "sources.tsv")}
SHIPPED = {file.stem: yaml.safe_load(file.read_text()) for file in sorted(FOLDER.glob("*.yaml"))}
# A kind of corpus or run that no shipped configuration has in full.
FULL = {
    "tier": "lab",
    "seed": 1,
    "mirror": "somewhere",
    "corpora": {
        "named": {
            **{"kind": "conllu", "train": ["a", "b"], "dev": "c", "test": "d"},
            **{"constituents": ["e"], "entities": "Entity"},
        },
        "text": {"kind": "text", "train": "f", "held_out": ["g"]},
        "penn": {
            "kind": "penn",
            "folder": "h",
            "sections": {"train": [2], "dev": [3], "test": [4]},
        },
        "ontonotes": {"kind": "ontonotes", "folder": "i"},
    },
    "runs": {
        "mine": {
            **{"kind": "local", "path": "j/{seed}/{step:07d}", "seeds": [0, 1], "steps": [0, 10]},
            "tokenizer": "k",
        },
        "hub": {
            **{"kind": "hub", "repository": "a/b-{seed}", "revision": "step{step}"},
            **{"seeds": [0, 1], "steps": [0, 10], "tokenizer": "a/c"},
        },
        "here": {
            **{"kind": "pretrain", "architecture": "gpt", "corpus": ["text", "named"]},
            **{"seeds": [0], "steps": [0, 1, 5], "feedforward": 8, "tokenizer": "bpe"},
            **{"vocabulary_size": 50, "threads": 2, "devices": 1},
            "regularizer": [{"kind": "syntactic_attention", "strength": -0.5, "until": 3}],
        },
    },
    "studies": {
        "pushdown": {
            "runs": ["mine", "here"],
            "corpora": {"named": "all", "penn": ["xpos"]},
            "steps": [0],
            **{"words": {"train": 10}, "l2": [0.1], "structural": {"rank": 2, "epochs": 1}},
        }
    },
}


def validated(config):
    """Return what `validate` makes of a configuration, or the message of its `ConfigError`."""
    try:
        return validate(config, "mine.yaml", SOURCES, STUDIES)
    except ConfigError as error:
        message = str(error)
        assert message.startswith("mine.yaml: ")
        return message


def leaves(value):
    """Return all that is neither mapping nor list in a nest of both, keys included."""
    if isinstance(value, dict):
        return [*value, *(leaf for inner in value.values() for leaf in leaves(inner))]
    return (
        [leaf for inner in value for leaf in leaves(inner)] if isinstance(value, list) else [value]
    )


def check_what_the_rules_ask(config):
    """Ask of a valid configuration what the rule files ask before a job starts."""
    for leaf in leaves(config):
        if isinstance(leaf, int | float):
            assert math.isfinite(leaf)
            assert -(2**63) <= leaf < 2**63  # what a column of a table holds
        assert not isinstance(leaf, str) or "\0" not in leaf  # no file name may hold it
    for corpus in config["corpora"].values():
        assert all(str(file) != "." for file in input_files(corpus))
    for name, run in config["runs"].items():
        steps = trajectory_steps(run)
        assert steps == tuple(sorted(set(steps)))
        assert all(isinstance(step, int) and step >= 0 for step in steps)
        if run["kind"] == "pretrain":
            read_recipe(recipe_settings(run), name)
        layout.checkpoint_patterns(config, name)
    for name, study in config["studies"].items():
        if "runs" not in study:  # it trains models of its own
            continue
        assert layout.measurements(config, name, "scores")
        for run in study["runs"]:
            assert layout.steps_of_chunk(config, name, run, 0)
    for name in config["corpora"]:
        layout.corpus_settings(config, name)
    layout.minimal_pair_suites(config)
    layout.loss_figures(config)


@pytest.mark.parametrize("tier", [*SHIPPED, "full"])
def test_an_altered_configuration_is_valid_or_refused_in_plain_words(tier):
    outcomes = set()

    @fuzz(80)
    @given(altered(SHIPPED.get(tier, FULL)))
    def check(config):
        result = validated(config)
        outcomes.add(type(result))
        if isinstance(result, dict):
            check_what_the_rules_ask(result)

    check()
    assert outcomes == {str, dict}  # both were reached


# What a pattern of a path or of a revision may be made of.
PARTS = (
    *("{step}", "{seed}", "{step:07d}", "{step:999999999999d}", "{step[0]}", "{step.real}"),
    *("{step!r}", "{step:{seed}}", "{step:x}", "{", "}", "{{", "/", "a", "~", "~nosuchuser/"),
)


@pytest.mark.parametrize(
    ("run", "key"),
    [("mine", "path"), ("hub", "repository"), ("hub", "revision"), ("hub", "tokenizer")],
)
def test_a_pattern_of_any_parts_is_filled_in_or_refused_by_its_key(run, key):
    outcomes = set()

    @fuzz(60)
    @given(st.lists(st.sampled_from(PARTS), max_size=4).map("".join))
    @example("a{step}{seed:999999999999d}")
    @example("a{step}{seed[0]}")
    @example("~nosuchuser/{step}{seed}")
    def check(pattern):
        config = copy.deepcopy(FULL)
        config["runs"][run][key] = pattern
        result = validated(config)
        outcomes.add(type(result))
        if isinstance(result, dict):
            check_what_the_rules_ask(result)
        else:
            assert f"runs.{run}" in result

    check()
    assert outcomes == {str, dict}


@fuzz(100)
@given(JUNK)
def test_what_is_no_configuration_at_all_is_refused(junk):
    assert isinstance(validated(junk), str)


def test_the_configurations_that_are_altered_are_valid_as_they_are():
    for config in (*SHIPPED.values(), FULL):
        check_what_the_rules_ask(validated(config))
