"""Where a job finds the files that a corpus's settings name."""

from pathlib import Path

import pytest

from ontogeny.corpora.build import SOURCES, input_paths, located

STORED = ".snakemake/storage/s3/bucket"
SPLITS = {"train": ["a.conllu", "sub/b.conllu"], "dev": "c.conllu", "test": "d.conllu"}
SETTINGS = [
    {"kind": "conllu", **SPLITS},
    {"kind": "conllu", **SPLITS, "constituents": ["trees/a.ptb", "trees/b.ptb"]},
    {"kind": "conllu", "source": "ud-ewt"},
    {"kind": "conllu", "source": "ud-ewt", "constituents": "trees"},
    {"kind": "text", "train": "./a.txt", "held_out": "sub/../b.txt"},
    {"kind": "text", "train": "/data/a.txt", "dev": "b.txt", "test": "/data/c.txt"},
    {"kind": "penn", "folder": "wsj", "sections": {"train": [2], "dev": [3], "test": [4]}},
    {"kind": "ontonotes", "folder": "/data/ontonotes", "language": "english"},
]


def files_in(settings):
    named = [settings.get(key, []) for key in ("folder", "constituents", "held_out", *SPLITS)]
    listed = [[name] if isinstance(name, str) else name for name in named]
    return [name for names in listed for name in names]


@pytest.mark.parametrize("settings", SETTINGS)
def test_without_a_storage_provider_settings_stay_as_they_are(settings):
    assert located(settings, input_paths(settings)) == (settings, Path(SOURCES))


@pytest.mark.parametrize("settings", SETTINGS)
def test_with_a_storage_provider_its_local_copies_are_named(settings):
    copies = [f"{STORED}/{str(Path(path)).lstrip('/')}" for path in input_paths(settings)]
    placed, sources = located(settings, copies)
    if "source" in settings:
        assert sources == Path(STORED, SOURCES)
    assert files_in(placed) == [f"{STORED}/{name.lstrip('/')}" for name in files_in(settings)]
    assert placed.keys() == settings.keys()
    for key in ("kind", "source", "sections", "language"):
        assert placed.get(key) == settings.get(key)


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_module_s_prefix_stands_in_front_of_relative_names_alone(settings):
    inputs = [path if path[0] == "/" else f"mine/{path}" for path in input_paths(settings)]
    placed, sources = located(settings, inputs)
    if "source" in settings:
        assert sources == Path("mine", SOURCES)
    before = ["" if name[0] == "/" else "mine" for name in files_in(settings)]
    assert [*map(Path, files_in(placed))] == [*map(Path, before, files_in(settings))]


@pytest.mark.parametrize("settings", SETTINGS)
def test_where_a_module_s_results_go_elsewhere_files_of_ones_own_stay_where_they_are(settings):
    inputs = [path.replace("results/", "mine/", 1) for path in input_paths(settings)]
    placed, sources = located(settings, inputs)
    assert placed == settings
    if "source" in settings:
        assert sources == Path("mine/sources")


def test_an_absolute_name_beside_a_source_has_no_prefix():
    settings = {"kind": "conllu", "source": "ud-ewt", "constituents": "/data/ptb"}
    placed, sources = located(settings, [f"mine/{SOURCES}/ud-ewt", "/data/ptb/a.mrg"])
    assert placed == settings
    assert sources == Path("mine", SOURCES)


def test_a_grammar_is_made_from_no_files():
    settings = {"kind": "grammar", "sentences": {"train": 1, "dev": 1, "test": 1}}
    assert input_paths(settings) == []
    assert located(settings, []) == (settings, Path(SOURCES))


def test_files_of_ones_own_beside_a_source_are_inputs_too():
    settings = {"kind": "conllu", "source": "ud-ewt", "constituents": ["a.ptb"]}
    assert input_paths(settings) == [f"{SOURCES}/ud-ewt", "a.ptb"]
