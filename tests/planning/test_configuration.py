"""A configuration is refused before any job, with the key, the finding and the remedy."""

import copy
import re
from pathlib import Path

import pytest
import yaml

from ontogeny.corpora.tasks import TASKS
from ontogeny.errors import ConfigError
from ontogeny.planning.configuration import annotations, validate
from ontogeny.planning.layout import trajectory_steps
from ontogeny.planning.schema import schema
from ontogeny.studies import STUDIES

ROOT = Path(__file__).parents[2]
SOURCES = {"ud-ewt", "gum", "wikitext-2", "blimp"}

VALID = {
    "tier": "toy",
    "corpora": {
        "toyglish": {"kind": "grammar", "sentences": {"train": 100, "dev": 10, "test": 10}},
        "raw": {"kind": "text", "source": "wikitext-2"},
        "ewt": {"kind": "conllu", "source": "ud-ewt"},
    },
    "runs": {
        "small": {
            "kind": "pretrain",
            "architecture": "bert",
            "corpus": ["toyglish", "raw"],
            "seeds": [0, 1],
            "steps": {"spacing": "log", "last": 100, "count": 5},
        },
        "mine": {"kind": "local", "path": "/m/{seed}/{step}", "seeds": [0, 1], "steps": [200, 100]},
        "hub": {
            "kind": "hub",
            "repository": "google/multiberts-seed_{seed}-step_{step}k",
            "seeds": [0, 1],
            "steps": [0, {"from": 20, "to": 60, "by": 20}],
            "step_unit": 1000,
        },
    },
    "studies": {"pushdown": {"runs": ["small"], "corpora": {"toyglish": "all"}}},
}


def changed(keys, value):
    config = copy.deepcopy(VALID)
    entry = config
    for key in keys[:-1]:
        entry = entry[key]
    if value is None:
        del entry[keys[-1]]
    else:
        entry[keys[-1]] = value
    return config


def message(keys, value):
    with pytest.raises(ConfigError) as error:
        validate(changed(keys, value), "mine.yaml", SOURCES, STUDIES)
    assert "mine.yaml: " in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("keys", "value", "expected"),
    [
        (["chnk"], 3, "the top level: unknown key 'chnk'; did you mean 'chunk'?"),
        (["studies"], None, "the top level: the key 'studies' is missing."),
        (["runs"], None, "studies.pushdown.runs: there is no run 'small'; there are none."),
        (["tier"], "toi", "tier: is 'toi'; did you mean 'toy'?"),
        (["chunk"], 0, "chunk: 0 is less than the minimum of 1."),
        (["chunk"], "four", "chunk: is 'four'; expected integer"),
        (["corpora", "a.b"], {"kind": "text", "source": "gum"}, "the name 'a.b' may hold letters"),
        (["corpora", "toyglish"], ["grammar"], "corpora.toyglish: is ['grammar']; expected object"),
        (["corpora", "toyglish", "kind"], "gramar", "is 'gramar'; did you mean 'grammar'?"),
        (["corpora", "toyglish", "topcs"], 3, "unknown key 'topcs'; did you mean 'topics'?"),
        (["corpora", "toyglish", "ambiguous_share"], 1.5, "1.5 is greater than the maximum of 1."),
        (["corpora", "ewt", "source"], "ud-ewtt", "no source 'ud-ewtt'; did you mean 'ud-ewt'?"),
        (["corpora", "ewt", "train"], "a.conllu", "needs either source, or train and dev and test"),
        (["corpora", "ewt", "source"], None, "needs either source, or train and dev and test"),
        (["runs", "small", "kind"], "pretrian", "is 'pretrian'; did you mean 'pretrain'?"),
        (["runs", "small", "seeds"], [-1], "runs.small.seeds.0: -1 is less than the minimum of 0."),
        (
            ["runs", "small", "steps"],
            {"spacing": "log", "last": 9},
            "runs.small.steps: the key 'count' is missing.",
        ),
        (
            ["runs", "small", "steps"],
            {"spacing": "log", "last": 3, "count": 9},
            "runs.small.steps.count: is 9",
        ),
        (["runs", "small", "corpus"], "toyglsh", "no corpus 'toyglsh'; did you mean 'toyglish'?"),
        (["runs", "small", "learning_rate"], "1e-3", "YAML reads 1e-3 as text"),
        (["runs", "small", "heads"], 3, "runs.small.width: is 64; expected a multiple of heads"),
        (["runs", "small", "tokenizer"], "bpe", "runs.small.vocabulary_size: missing; tokenizer"),
        (["runs", "mine", "path"], "/m/{seed}", "runs.mine.path: is '/m/{seed}'; expected a path"),
        (["runs", "mine", "path"], "/m/{step}", "has no {seed}, so 2 trajectories would be one"),
        (["runs", "hub", "revison"], "x", "unknown key 'revison'; did you mean 'revision'?"),
        (["runs", "hub", "repository"], None, "runs.hub: the key 'repository' is missing."),
        (["runs", "hub", "repository"], "a/b-{seed}", "has {step} in it, so all checkpoints would"),
        (["runs", "hub", "repository"], "a/b-{step}", "has {seed} in it, so 2 trajectories would"),
        (["runs", "hub", "repository"], "a/b-{step}-{run}", "its fields may be {seed} and {step}"),
        (["runs", "hub", "repository"], "a/b/{seed}/{step}", "'a/b/0/60' is no repository's name"),
        (["runs", "hub", "revision"], "step{step", "runs.hub.revision: 'step{step' can't be"),
        (["runs", "hub", "weights"], "flax", "is 'flax'; expected one of safetensors, pickle."),
        (["runs", "hub", "tokenizer"], "/no/such", "runs.hub.tokenizer: there is no folder '/no/s"),
        (["runs", "hub", "tokenizer"], "~nosuchuser/x", "tokenizer: there is no folder '~nosuch"),
        (["runs", "hub", "steps"], [{"from": 1, "to": 4, "by": 2}], "runs.hub.steps.0.to: is 4"),
        (["runs", "hub", "steps"], [{"from": 1}], "runs.hub.steps.0: the key 'to' is missing."),
        (["runs", "hub", "steps"], ["0"], "runs.hub.steps.0: is '0'; expected integer"),
        (["runs", "mine", "audit"], "wran", "runs.mine.audit: is 'wran'; did you mean 'warn'?"),
        (["studies", "pushdwn"], {}, "studies: unknown key 'pushdwn'; did you mean 'pushdown'?"),
        (["studies", "pushdown", "runs"], ["smal"], "no run 'smal'; did you mean 'small'?"),
        (
            ["studies", "pushdown", "corpora"],
            {"toyglsh": "all"},
            "no corpus 'toyglsh'; did you mean 'toyglish'?",
        ),
        (
            ["studies", "pushdown", "corpora"],
            {"toyglish": ["upso"]},
            "studies.pushdown.corpora.toyglish.0: is 'upso'; did you mean 'upos'?",
        ),
        (
            ["studies", "pushdown", "corpora"],
            {"raw": ["upos"]},
            "task upos needs the annotation upos, which this corpus does not have (it has none)",
        ),
        (
            ["studies", "pushdown", "corpora"],
            {"ewt": ["upos", "entity"]},
            "task entity needs the annotation entity, which this corpus does not have (it has "
            "upos, xpos, head, deprel)",
        ),
        (["studies", "pushdown", "threads"], 0, "threads: 0 is less than the minimum of 1."),
        (
            ["studies", "pushdown", "steps"],
            [0, 7],
            "run 'small' has no checkpoint at step 7; it has 0, ",
        ),
    ],
)
def test_a_wrong_key_is_named_with_what_was_found_and_expected(keys, value, expected):
    assert expected in message(keys, value)


def test_every_breach_is_listed_at_once():
    config = changed(["chnk"], 3)
    config["runs"]["small"]["seeds"] = []
    with pytest.raises(ConfigError) as error:
        validate(config, "mine.yaml", SOURCES, STUDIES)
    assert "chnk" in str(error.value)
    assert "runs.small.seeds" in str(error.value)


def test_defaults_are_filled_in_and_the_input_is_left_alone():
    config = copy.deepcopy(VALID)
    filled = validate(config, "mine.yaml", SOURCES, STUDIES)
    assert config == VALID
    assert filled["chunk"] == 4
    assert filled["studies"]["pushdown"]["share"] == 0.95
    assert filled["studies"]["pushdown"]["threads"] == 1
    assert filled["studies"]["pushdown"]["corpora"]["toyglish"] == list(TASKS)
    assert filled["runs"]["small"]["mask_share"] == 0.15


def test_a_valid_configuration_is_a_fixed_point():
    filled = validate(VALID, "mine.yaml", SOURCES, STUDIES)
    assert validate(filled, "mine.yaml", SOURCES, STUDIES) == filled


def test_steps_of_a_trajectory_are_in_order():
    filled = validate(VALID, "mine.yaml", SOURCES, STUDIES)
    assert trajectory_steps(filled["runs"]["mine"]) == (100, 200)
    small = trajectory_steps(filled["runs"]["small"])
    assert small[0] == 0
    assert small[-1] == 100
    assert list(small) == sorted(small)


def test_steps_are_numbers_of_updates_in_whatever_unit_a_run_lists_them():
    config = changed(["studies", "pushdown"], {"runs": ["hub"], "corpora": {"toyglish": "all"}})
    filled = validate(config, "mine.yaml", SOURCES, STUDIES)
    assert trajectory_steps(filled["runs"]["hub"]) == (0, 20000, 40000, 60000)
    config["studies"]["pushdown"]["steps"] = [{"from": 20000, "to": 60000, "by": 20000}]
    filled = validate(config, "mine.yaml", SOURCES, STUDIES)
    assert filled["studies"]["pushdown"]["steps"] == [20000, 40000, 60000]
    config["studies"]["pushdown"]["steps"] = [20]
    with pytest.raises(ConfigError, match=r"no checkpoint at step 20; it has 0, 20000, 40000"):
        validate(config, "mine.yaml", SOURCES, STUDIES)


def test_annotations_follow_from_what_the_corpus_names():
    bare = {"kind": "conllu", "train": "a", "dev": "b", "test": "c"}
    assert "entity" not in annotations(bare)
    assert "entity" in annotations({**bare, "entities": "NER"})
    assert "phrase_end" in annotations({**bare, "constituents": "trees"})
    assert "phrase_start" in annotations({"kind": "conllu", "source": "gum"})
    assert annotations({"kind": "text", "source": "wikitext-2"}) == ()


def test_the_two_protocols_of_push_down_are_compared_on_the_same_runs_and_tasks():
    ours, released = (
        yaml.safe_load((ROOT / "config" / name).read_text())
        for name in ("lab.yaml", "lab-released-probes.yaml")
    )
    probes = released["studies"].pop("pushdown")
    assert released.pop("studies") == {}
    assert {**ours.pop("studies")["pushdown"], "protocol": probes["protocol"]} == probes
    assert ours == released
    assert probes["protocol"] == "released"


@pytest.mark.parametrize("file", sorted((ROOT / "config").glob("*.yaml")), ids=lambda f: f.name)
def test_every_shipped_configuration_is_valid(file):
    validate(yaml.safe_load(file.read_text()), file.name, SOURCES, STUDIES)


def schema_keys(schema):
    for key, subschema in schema.get("properties", {}).items():
        yield key
        if isinstance(subschema, dict):
            yield from schema_keys(subschema)


def explained(page):
    """The names that stand in code on a page, at the beginning of it at least."""
    return set(re.findall(r"`(\w+)", (ROOT / page).read_text()))


def test_every_key_of_the_schema_is_explained_in_the_configs_readme():
    whole = schema(())
    keys = set(schema_keys(whole))
    for definition in whole["$defs"].values():
        keys |= set(schema_keys(definition))
    assert keys - explained("config/README.md") == set()


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_every_key_of_a_study_is_explained_on_its_page(study):
    whole, common = schema((study.name,)), schema(())
    own = whole["properties"]["studies"]["properties"][study.name]
    definitions = whole["$defs"].keys() - common["$defs"].keys()
    keys = set(schema_keys(own)).union(*(schema_keys(whole["$defs"][d]) for d in definitions))
    assert keys - explained(f"docs/studies/{study.name}.md") == set()


def test_the_penalties_of_the_schema_are_those_of_the_probes():
    from ontogeny.measures.probes.logistic import L2

    filled = validate(VALID, "mine.yaml", SOURCES, STUDIES)
    assert tuple(filled["studies"]["pushdown"]["l2"]) == L2
