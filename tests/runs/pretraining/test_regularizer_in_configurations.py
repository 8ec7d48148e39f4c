"""What a configuration may say of a regularizer, and how the recipe takes it."""

import copy
import hashlib
import json
from dataclasses import asdict

import pytest

from ontogeny.errors import ConfigError
from ontogeny.planning import runs
from ontogeny.planning.configuration import validate
from ontogeny.planning.runs import recipe_settings
from ontogeny.runs.recipes import LATER, read_recipe
from ontogeny.studies import STUDIES

STAGE = {"kind": "syntactic_attention", "strength": 0.5}
CONFIG = {
    "tier": "toy",
    "corpora": {
        "toyglish": {"kind": "grammar", "sentences": {"train": 9, "dev": 9, "test": 9}},
        "own": {"kind": "conllu", "train": "a", "dev": "b", "test": "c"},
        "raw": {"kind": "text", "train": "d", "held_out": "e"},
        "wsj": {"kind": "penn", "folder": "f"},
    },
    "runs": {
        "tiny": {
            "kind": "pretrain",
            "architecture": "bert",
            "corpus": "toyglish",
            "seeds": [0],
            "steps": [0, 10, 100],
        },
    },
    "studies": {"pushdown": {"runs": ["tiny"], "corpora": {"toyglish": ["upos"]}}},
}


def validated(**changes):
    config = copy.deepcopy(CONFIG)
    config["runs"]["tiny"].update(changes)
    return validate(config, "mine.yaml", set(), STUDIES)


def refused(**changes):
    with pytest.raises(ConfigError) as error:
        validated(**changes)
    return str(error.value)


def recipe(config):
    return read_recipe(recipe_settings(config["runs"]["tiny"]), "tiny")


def test_a_stage_and_a_list_of_it_alone_are_the_same_recipe():
    one = validated(regularizer=STAGE)
    several = validated(regularizer=[{**STAGE, "until": 100}])
    assert one["runs"]["tiny"]["regularizer"] == {**STAGE, "from": 0, "until": None}
    assert recipe(one) == recipe(several)
    assert recipe(one).fingerprint == recipe(several).fingerprint
    assert validate(one, "mine.yaml", set(), STUDIES) == one


def test_the_fingerprint_tells_of_the_regularizer():
    recipes = [
        recipe(validated(**changes))
        for changes in (
            {},
            {"regularizer": STAGE},
            {"regularizer": {**STAGE, "strength": -0.5}},
            {"regularizer": {**STAGE, "from": 1}},
            {"regularizer": {**STAGE, "until": 99}},
        )
    ]
    assert len({recipe.fingerprint for recipe in recipes}) == len(recipes)


def test_without_a_regularizer_the_fingerprint_and_the_jobs_settings_do_not_speak_of_one():
    config = validated()
    plain = recipe(config)
    others = ("state_every", "updates_of_a_pass", *LATER)
    settings = {name: value for name, value in asdict(plain).items() if name not in others}
    text = json.dumps(settings, sort_keys=True).encode()
    assert plain.fingerprint == hashlib.sha256(text).hexdigest()[:12]
    assert "regularizer" not in runs.pretraining_settings(config, "tiny")
    settings = runs.pretraining_settings(validated(regularizer=STAGE), "tiny")
    assert read_recipe(settings, "tiny") == recipe(validated(regularizer=STAGE))


@pytest.mark.parametrize("corpus", ["toyglish", "own", ["raw", "own"]])
def test_a_corpus_with_parses_is_enough(corpus):
    validated(corpus=corpus, regularizer=STAGE)


@pytest.mark.parametrize(
    ("corpus", "named"), [("raw", "raw"), ("wsj", "wsj"), (["raw", "wsj"], "raw, wsj")]
)
def test_a_regularizer_on_corpora_without_parses_is_refused_by_name(corpus, named):
    message = refused(corpus=corpus, regularizer=STAGE)
    assert message == (
        "mine.yaml: runs.tiny.regularizer: needs the annotation head, which no corpus of the run "
        f"({named}) has. Leave the regularizer out, or train on a corpus with parses."
    )
    validated(corpus=corpus)


def test_a_corpus_that_is_not_there_is_all_that_is_said_of_it():
    message = refused(corpus="toyglsh", regularizer=STAGE)
    assert "no corpus 'toyglsh'" in message
    assert "regularizer" not in message


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [
        ({**STAGE, "kind": "syntactic_atention"}, "did you mean 'syntactic_attention'?"),
        ({**STAGE, "strenth": 1}, "runs.tiny.regularizer: unknown key 'strenth'; did you mean"),
        ({"kind": "syntactic_attention"}, "runs.tiny.regularizer: the key 'strength' is missing."),
        ({**STAGE, "strength": "1e-3"}, "runs.tiny.regularizer.strength: is '1e-3'; expected num"),
        ([], "runs.tiny.regularizer: []"),
        ("syntactic_attention", "runs.tiny.regularizer: is 'syntactic_attention'; expected object"),
        ([STAGE, {**STAGE, "from": -1}], "runs.tiny.regularizer.1.from: -1 is less than"),
        ({**STAGE, "from": 20, "until": 10}, "runs.tiny.regularizer.until: is 10; expected a step"),
        ({**STAGE, "from": 20, "until": 20}, "runs.tiny.regularizer.until: is 20; expected a step"),
        ({**STAGE, "from": 100}, "runs.tiny.regularizer.from: is 100, but the last step is 100"),
        ([STAGE, STAGE], "runs.tiny.regularizer.1.from: is 0, but the stage before it lasts until"),
    ],
)
def test_a_regularizer_that_cannot_be_is_refused_by_its_key(regularizer, expected):
    assert expected in refused(regularizer=regularizer)
