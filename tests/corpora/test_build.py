import csv
import logging

import pytest

from ontogeny.corpora.build import build, input_files, splits_of, write_corpus
from ontogeny.corpora.catalogue import minimal_pair_files
from ontogeny.corpora.corpus import read_split
from ontogeny.corpora.splits import statistics
from ontogeny.errors import ConfigError, CorpusError

WORD = "1\t{}\t_\tNOUN\tNN\t_\t0\troot\t_\t{}\n\n"


@pytest.fixture
def treebank(tmp_path):
    for split, word in (("train", "a"), ("dev", "b"), ("test", "c")):
        path = tmp_path / f"{split}.conllu"
        path.write_text(WORD.format(word, "NER=B-X"))
        path.with_suffix(".ptb").write_text(f"(ROOT (S (NP (NN {word}))))")
    return {"kind": "conllu"} | {
        split: str(tmp_path / f"{split}.conllu") for split in ("train", "dev", "test")
    }


def words(splits):
    return {split: [row["words"] for row in rows] for split, rows in splits.items()}


def test_a_treebank_is_built_from_files_with_what_is_asked_for(tmp_path, treebank):
    plain = build("mine", treebank)
    assert words(plain) == {"train": [["a"]], "dev": [["b"]], "test": [["c"]]}
    assert plain["train"][0].get("entity") is None
    assert plain["train"][0].get("phrase_start") is None
    full = build("mine", {**treebank, "constituents": str(tmp_path), "entities": "NER"})
    assert full["dev"][0]["entity"] == ["B-X"]
    assert full["dev"][0]["phrase_start"] == [1]


def test_a_grammar_is_built_from_its_arguments(tmp_path):
    settings = {"kind": "grammar", "sentences": {"train": 9, "dev": 5, "test": 4}, "seed": 3}
    assert splits_of(settings) == ("train", "dev", "test")
    write_corpus("toy", settings, None, tmp_path)
    sizes = {s: len(read_split(tmp_path / f"{s}.parquet")) for s in settings["sentences"]}
    assert sizes == settings["sentences"]


def test_several_files_make_one_split(tmp_path, treebank):
    treebank["train"] = [treebank["train"], str(tmp_path / "more.conllu")]
    (tmp_path / "more.conllu").write_text(WORD.format("d", "_"))
    assert words(build("mine", treebank))["train"] == [["a"], ["d"]]


def test_any_ud_treebank_is_found_by_the_names_of_its_files(tmp_path):
    (tmp_path / "ud-xy").mkdir()
    for split in ("train", "dev", "test"):
        path = tmp_path / "ud-xy" / f"xy_z-ud-{split}.conllu"
        path.write_text(WORD.format(split, "_"))
    settings = {"kind": "conllu", "source": "ud-xy"}
    assert words(build("mine", settings, tmp_path)) == {
        split: [[split]] for split in ("train", "dev", "test")
    }
    (tmp_path / "ud-xy" / "xy_z-ud-dev.conllu").unlink()
    with pytest.raises(CorpusError, match=r"no file \*-ud-dev\.conllu"):
        build("mine", settings, tmp_path)


def test_a_text_has_the_splits_that_it_names(tmp_path):
    for name in "abc":
        (tmp_path / name).write_text(f"{name} .\n")
    files = {name: str(tmp_path / name) for name in "abc"}
    alone = {"kind": "text", "train": files["a"]}
    pair = {**alone, "dev": files["b"]}
    three = {**pair, "test": files["c"]}
    for settings, expected in (
        (alone, ("train",)),
        (pair, ("train", "dev")),
        (three, ("train", "dev", "test")),
    ):
        assert splits_of(settings) == expected
        assert tuple(build("mine", settings)) == expected


def test_held_out_text_is_halved_into_dev_and_test(tmp_path):
    (tmp_path / "a").write_text("x\n")
    (tmp_path / "b").write_text(" = A = \n\n one\n\n = B = \n\n two\n")
    settings = {"kind": "text", "train": str(tmp_path / "a"), "held_out": str(tmp_path / "b")}
    assert splits_of(settings) == ("train", "dev", "test")
    assert words(build("mine", settings)) == {"train": [["x"]], "dev": [["one"]], "test": [["two"]]}


def test_a_corpus_is_written_with_its_statistics(tmp_path, treebank):
    settings = {**treebank, "entities": "NER"}
    write_corpus("mine", settings, None, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "dev.parquet",
        "statistics.tsv",
        "test.parquet",
        "train.parquet",
    ]
    assert list(read_split(tmp_path / "out" / "dev.parquet")["words"]) == [["b"]]
    with open(tmp_path / "out" / "statistics.tsv", newline="") as handle:
        table = {
            (r["split"], r["metric"]): r["value"] for r in csv.DictReader(handle, delimiter="\t")
        }
    assert table["train", "sentences"] == table["train", "upos_NOUN"] == "1"
    assert table["train", "entities_X"] == "1"
    assert table["train", "sentences_without_constituents"] == "1"
    assert table["train", "sentences_without_head"] == "0"


def test_withheld_words_end_the_statistics_of_the_splits_that_lack_some(tmp_path, treebank):
    write_corpus("mine", treebank, None, tmp_path / "whole")
    whole = (tmp_path / "whole" / "statistics.tsv").read_bytes()
    assert b"withheld" not in whole
    with open(treebank["test"], "a", encoding="utf-8") as handle:
        handle.write("1\t_\t_\tNOUN\t_\t_\t0\troot\t_\t_\n\n")
    write_corpus("mine", treebank, None, tmp_path / "part")
    part = (tmp_path / "part" / "statistics.tsv").read_text()
    assert part.splitlines()[-1] == "test\twords_withheld\t1"
    assert part.count("withheld") == 1


def test_the_same_settings_give_the_same_bytes(tmp_path, treebank):
    for folder in ("one", "two"):
        write_corpus("mine", treebank, None, tmp_path / folder)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_statistics_count_words_types_documents_and_spans():
    rows = [
        {"document_id": "d", "words": ["a", "b", "a"], "entity": ["B-X", "I-X", "B-Y"]},
        {"document_id": "d", "words": ["b"], "upos": ["NOUN"], "entity": ["B-X"]},
    ]
    numbers = {metric: value for _, metric, value in statistics({"train": rows})}
    assert numbers["words"] == 4
    assert numbers["word_types"] == 2
    assert numbers["documents"] == 1
    assert numbers["sentences_without_upos"] == 1
    assert numbers["sentences_without_head"] == 2
    assert numbers["upos_NOUN"] == 1
    assert (numbers["entities_X"], numbers["entities_Y"]) == (2, 1)


def test_nothing_is_written_and_nothing_lost_when_a_split_is_malformed(tmp_path, treebank):
    write_corpus("mine", treebank, None, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    (tmp_path / "train.conllu").write_text(WORD.format("new", "_"))
    (tmp_path / "test.conllu").write_text("broken\n\n")
    with pytest.raises(CorpusError, match=r"test\.conllu, line 1"):
        write_corpus("mine", treebank, None, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_split_that_a_text_no_longer_has_is_removed(tmp_path):
    (tmp_path / "a").write_text("x\n")
    (tmp_path / "b").write_text("y\n")
    settings = {"kind": "text", "train": str(tmp_path / "a"), "dev": str(tmp_path / "b")}
    write_corpus("mine", settings, None, tmp_path / "out")
    del settings["dev"]
    write_corpus("mine", settings, None, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "statistics.tsv",
        "train.parquet",
    ]


def test_the_files_of_the_user_are_known_before_anything_is_read(tmp_path, treebank):
    (tmp_path / "trees" / "00").mkdir(parents=True)
    (tmp_path / "trees" / "00" / "x.mrg").write_text("")
    settings = {**treebank, "constituents": [str(tmp_path / "trees"), "absent.ptb"]}
    found = {str(path) for path in input_files(settings)}
    assert found == {
        *(treebank[split] for split in ("train", "dev", "test")),
        str(tmp_path / "trees" / "00" / "x.mrg"),
        "absent.ptb",
    }
    assert input_files({"kind": "penn", "folder": str(tmp_path / "trees")}) == [
        tmp_path / "trees" / "00" / "x.mrg"
    ]
    assert input_files({"kind": "conllu", "source": "gum"}) == []
    assert input_files({"kind": "grammar", "sentences": {"train": 5}}) == []


CONLLU = {"kind": "conllu"}
FILES = {"train": "a", "dev": "b", "test": "c"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {},
            "kind None; expected one of grammar, repetition, hamiltonian, conllu",
        ),
        ({"kind": "conll"}, "kind 'conll'; expected one of"),
        ({**CONLLU, **FILES, "entitys": "NER"}, "entitys: unknown for kind conllu; expected"),
        ({**CONLLU, "train": "a", "dev": "b"}, "test: missing; kind conllu needs train, dev, test"),
        ({**CONLLU, "source": "gum", "train": "a"}, "train beside source"),
        ({**CONLLU, **FILES, "dev": ["a"]}, "a is named twice, in train and in dev"),
        ({"kind": "text"}, "train: missing; kind text needs train or source"),
        ({"kind": "text", "train": "a", "dev": "b", "held_out": "c"}, "held_out beside dev"),
        ({"kind": "penn"}, "folder: missing; kind penn needs folder"),
        ({"kind": "ontonotes", "folder": "x", "train": "a"}, "train: unknown for kind ontonotes"),
        ({"kind": "penn", "folder": "x", "sections": {"train": [99]}}, "sections: 99; expected"),
        ({"kind": "grammar", "sentences": {"train": 1}, "sed": 1}, "sed: unknown for kind grammar"),
        ({"kind": "grammar", "seed": 1}, "sentences: missing"),
        ({**CONLLU, "source": "blimp"}, "blimp is a suite of minimal pairs"),
        ({**CONLLU, "source": "wikitext-2"}, "wikitext-2 is of kind text, not conllu"),
        ({"kind": "text", "source": "gum"}, "gum is of kind conllu, not text"),
        ({**CONLLU, "source": "gum"}, "no folder of downloaded sources"),
    ],
)
def test_wrong_settings_are_refused_with_corpus_and_key(settings, message):
    with pytest.raises(ConfigError, match=message) as caught:
        build("mine", settings)
    assert str(caught.value).startswith("corpora: mine: ")


def test_a_source_that_was_not_downloaded_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="download the source gum first"):
        build("mine", {"kind": "conllu", "source": "gum"}, tmp_path)
    with pytest.raises(CorpusError, match="download blimp first"):
        minimal_pair_files("blimp", tmp_path)


def test_gum_goes_by_its_official_splits_with_trees_and_entities(tmp_path, caplog):
    (tmp_path / "gum" / "ud").mkdir(parents=True)
    (tmp_path / "gum" / "const").mkdir()
    for name in ("GUM_academic_art", "GUM_bio_byron", "GUM_news_nasa"):
        text = "# global.Entity = GRP-etype\n" + WORD.format("a", "Entity=(1-place)")
        (tmp_path / "gum" / "ud" / f"{name}.conllu").write_text(text)
        (tmp_path / "gum" / "const" / f"{name}.ptb").write_text("(ROOT (S (NP (NN a))))")
    with caplog.at_level(logging.WARNING, "ontogeny"):
        splits = build("mine", {"kind": "conllu", "source": "gum"}, tmp_path)
    assert {split: rows[0]["document_id"] for split, rows in splits.items()} == {
        "train": "GUM_academic_art",
        "dev": "GUM_bio_byron",
        "test": "GUM_news_nasa",
    }
    assert all(rows[0]["entity"] == ["B-place"] for rows in splits.values())
    assert all(rows[0]["phrase_start"] == [1] for rows in splits.values())
    assert not caplog.records
    (tmp_path / "gum" / "ud" / "GUM_news_nasa.conllu").unlink()
    with pytest.raises(CorpusError, match="documents of only some of GUM's splits"):
        build("mine", {"kind": "conllu", "source": "gum"}, tmp_path)
