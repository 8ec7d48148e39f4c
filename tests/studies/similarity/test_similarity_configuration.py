"""What the study's settings can't be, told before anything runs."""

import copy

import pytest
from tiny_workflow import WHOLE

from ontogeny.errors import ConfigError
from ontogeny.planning.configuration import validate
from ontogeny.studies import STUDIES
from ontogeny.studies.similarity import layout, resources


def checked(**settings):
    config = copy.deepcopy(WHOLE)
    config["corpora"]["plain"] = {"kind": "conllu", "train": "a", "dev": "b", "test": "c"}
    config["studies"]["similarity"] |= settings
    return validate(config, "mine.yaml", set(), STUDIES)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"corpora": {"plain": ["upos", "entity"]}},
            "studies.similarity.corpora.plain: tag set entity needs the annotation entity, which "
            "this corpus does not have",
        ),
        (
            {"corpora": {"toyglish": ["semantic_fine"]}},
            "studies.similarity.corpora.toyglish: tag set semantic_fine needs the column of a "
            "file, which semantic.toyglish.fine doesn't name",
        ),
        (
            {"semantic": {"plain": {"file": "f", "fine": "t"}}},
            "studies.similarity.semantic: plain isn't one of the study's corpora",
        ),
        (
            {"words": {"test": 40}},
            "studies.similarity.words.test: is 40, fewer than the dimensions of two layers of run "
            "'tiny' (32 each)",
        ),
        ({"corpora": {"toyglish": ["pos"]}}, "corpora.toyglish.0: is 'pos'"),
    ],
)
def test_what_cannot_be_is_refused_by_name(settings, message):
    with pytest.raises(ConfigError) as refused:
        checked(**settings)
    assert message in str(refused.value)


def test_semantic_tags_may_be_asked_for_where_a_file_is_named():
    files = {"toyglish": {"file": "f.tsv", "fine": "t"}}
    checked(corpora={"toyglish": ["upos", "semantic_fine"]}, semantic=files)


def test_all_seeds_of_a_chunk_are_measured_together():
    config = checked()
    assert layout.measured(config, "tiny", "toyglish") == [
        "results/measurements/similarity/toyglish/tiny/chunk-0.parquet"
    ]
    assert layout.last_features(config, "tiny", "toyglish") == [
        f"results/features/similarity/toyglish/tiny/seed-{seed}/chunk-0" for seed in (0, 1)
    ]


def test_resources_grow_with_what_is_asked_for_and_with_each_attempt():
    config, more = (
        checked(),
        checked(width=400, epochs=50, words={"test": 100_000, "train": 10_000}),
    )
    for asked in (resources.taggers_memory, resources.taggers_runtime):
        assert asked(more, "toyglish") > asked(config, "toyglish")
        assert asked(config, "toyglish", 2) == 2 * asked(config, "toyglish")
    assert resources.measuring_memory(more, "tiny") > resources.measuring_memory(config, "tiny")
    runtimes = [resources.measuring_runtime(c, "tiny", 0) for c in (config, more)]
    assert runtimes[1] >= runtimes[0]
