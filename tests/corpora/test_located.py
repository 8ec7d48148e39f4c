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
    assert sources == Path(STORED, SOURCES)
    assert files_in(placed) == [f"{STORED}/{name.lstrip('/')}" for name in files_in(settings)]
    assert placed.keys() == settings.keys()
    for key in ("kind", "source", "sections", "language"):
        assert placed.get(key) == settings.get(key)


def test_a_grammar_is_made_from_no_files():
    settings = {"kind": "grammar", "sentences": {"train": 1, "dev": 1, "test": 1}}
    assert input_paths(settings) == []
    assert located(settings, []) == (settings, Path(SOURCES))


def test_files_of_ones_own_beside_a_source_are_inputs_too():
    settings = {"kind": "conllu", "source": "ud-ewt", "constituents": ["a.ptb"]}
    assert input_paths(settings) == [f"{SOURCES}/ud-ewt", "a.ptb"]
