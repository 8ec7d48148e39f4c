"""The readers on whole treebanks, held against plain counts of the files' lines and brackets.

Collected only where a mirror of the sources is at hand (conftest.py).
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from ontogeny.corpora.build import build
from ontogeny.corpora.catalogue import GUM_DEV, GUM_TEST, minimal_pair_files
from ontogeny.corpora.sources import read_sources
from ontogeny.corpora.splits import statistics

SPLITS = ("train", "dev", "test")


@pytest.fixture(scope="module")
def ewt(mirror):
    return build("ewt", {"kind": "conllu", "source": "ud-ewt"}, mirror)


@pytest.fixture(scope="module")
def gum(mirror):
    return build("gum", {"kind": "conllu", "source": "gum"}, mirror)


def count_lines(paths):
    """Count sentences, words and tags by the first characters and the tabs of each line."""
    numbers: Counter = Counter()
    for path in paths:
        for line in path.read_bytes().split(b"\n"):
            if line.startswith(b"1\t"):
                numbers["sentences"] += 1
            if re.match(rb"[0-9]+\t", line):
                cells = line.split(b"\t")
                numbers["words"] += 1
                numbers["upos", cells[3].decode()] += 1
                numbers["xpos", cells[4].decode()] += 1
                numbers["deprel", cells[7].decode()] += 1
                numbers["roots"] += cells[6] == b"0"
    return numbers


def count_rows(rows):
    numbers: Counter = Counter()
    for row in rows:
        numbers["sentences"] += 1
        numbers["words"] += len(row["words"])
        numbers["roots"] += row["head"].count(0)
        for column in ("upos", "xpos", "deprel"):
            numbers.update((column, tag) for tag in row[column])
    return numbers


def gum_files(mirror, split):
    named = {"dev": set(GUM_DEV.split()), "test": set(GUM_TEST.split())}
    named["train"] = {path.stem[4:] for path in (mirror / "gum" / "ud").iterdir()}
    named["train"] -= named["dev"] | named["test"]
    return [p for p in sorted((mirror / "gum" / "ud").iterdir()) if p.stem[4:] in named[split]]


@pytest.mark.parametrize("split", SPLITS)
def test_counts_of_ewt_are_those_of_its_lines(mirror, ewt, split):
    paths = [mirror / "ud-ewt" / f"en_ewt-ud-{split}.conllu"]
    assert count_rows(ewt[split]) == count_lines(paths)


@pytest.mark.parametrize("split", SPLITS)
def test_counts_of_gum_are_those_of_its_lines(mirror, gum, split):
    assert count_rows(gum[split]) == count_lines(gum_files(mirror, split))


def test_gum_is_split_as_its_authors_split_it(mirror, gum):
    official = dict(
        line.split("\t") for line in (mirror / "gum" / "splits.tsv").read_text().splitlines()[1:]
    )
    for name, split in official.items():
        expected = "dev" if name[4:] in GUM_DEV.split() else "train"
        expected = "test" if name[4:] in GUM_TEST.split() else expected
        assert expected == split
    for split, rows in gum.items():
        assert {official[row["document_id"]] for row in rows} == {split}


def mentions_by_character(values):
    """Walk through the characters of each `Entity=`; return [id, type, first word, last word]."""
    mentions = []
    for word, value in enumerate(values):
        text = ""
        for character in value:
            if character == "(" and text:  # an opening bracket follows: the mention stays open
                mentions.append([*text[1:].split("-")[:2], word, None])
                text = ""
            if character == ")":
                if text.startswith("("):
                    mentions.append([*text[1:].split("-")[:2], word, word])
                else:
                    [m for m in mentions if m[0] == text and m[3] is None][-1][3] = word
                text = ""
            else:
                text += character
        if text:
            mentions.append([*text[1:].split("-")[:2], word, None])
    return mentions


def test_entity_types_of_gum_are_those_of_the_smallest_mention_around_each_word(mirror, gum):
    rows = iter([row for split in SPLITS for row in gum[split]])
    for path in (path for split in SPLITS for path in gum_files(mirror, split)):
        for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
            values = [
                "".join(re.findall(r"(?:^|\|)Entity=([^|]*)", line.split("\t")[9]))
                for line in block.split("\n")
                if re.match(r"[0-9]+\t", line)
            ]
            tags = next(rows)["entity"]
            mentions = mentions_by_character(values)
            for word, tag in enumerate(tags):
                around = [(m[3] - m[2], -m[2], m[1]) for m in mentions if m[2] <= word <= m[3]]
                # Two mentions of just the same words: either type will do here.
                allowed = {m[2] for m in around if m[:2] == min(around)[:2]} or {"O"}
                assert tag.partition("-")[2] in allowed or tag in allowed
    assert next(rows, None) is None


def bracket_counts(tree):
    """Count the brackets before and after each word of a tree in ROOT, less those of the root."""
    inner = tree.strip().removeprefix("(ROOT").removesuffix(")").strip()
    # Before a word stand the brackets of its constituents and of its own tag, after it likewise.
    pieces = re.findall(r"((?:\([^\s()]+\s+)+)([^\s()]+)((?:\)\s*)+)", inner)
    starts = [before.count("(") - 1 for before, _, _ in pieces]
    ends = [after.count(")") - 1 for _, _, after in pieces]
    if sum(starts):
        starts[0] -= 1
        ends[-1] -= 1
    return starts, ends


def test_constituents_of_gum_are_the_brackets_of_its_trees(mirror, gum):
    rows = iter([row for split in SPLITS for row in gum[split]])
    for path in (path for split in SPLITS for path in gum_files(mirror, split)):
        text = (mirror / "gum" / "const" / f"{path.stem}.ptb").read_text(encoding="utf-8")
        for tree in re.split(r"\n(?=\(ROOT)", text.strip()):
            row = next(rows)
            assert (row["phrase_start"], row["phrase_end"]) == bracket_counts(tree)
    assert next(rows, None) is None


def test_words_of_gum_differ_from_its_trees_only_in_the_spelling_of_brackets(mirror, gum):
    different = 0
    rows = iter([row for split in SPLITS for row in gum[split]])
    for path in (path for split in SPLITS for path in gum_files(mirror, split)):
        text = (mirror / "gum" / "const" / f"{path.stem}.ptb").read_text(encoding="utf-8")
        for tree in re.split(r"\n(?=\(ROOT)", text.strip()):
            leaves = re.findall(r"\([^\s()]+\s+([^\s()]+)\)", tree)
            words = next(rows)["words"]
            for escape, bracket in (("-LRB-", "("), ("-RRB-", ")")):
                leaves = [bracket if leaf == escape else leaf for leaf in leaves]
            for escape, bracket in (("-LSB-", "["), ("-RSB-", "]")):
                leaves = [leaf.replace(escape, bracket) for leaf in leaves]
            different += leaves != words
            inside = [leaf.replace("-LRB-", "(").replace("-RRB-", ")") for leaf in leaves]
            assert inside == words
    assert different == 13


def test_statistics_of_ewt_are_those_of_its_lines(mirror, ewt):
    lines = count_lines([mirror / "ud-ewt" / "en_ewt-ud-test.conllu"])
    numbers = {metric: n for split, metric, n in statistics(ewt) if split == "test"}
    assert (numbers["sentences"], numbers["words"]) == (lines["sentences"], lines["words"])
    assert numbers["upos_NOUN"] == lines["upos", "NOUN"]
    assert numbers["sentences_without_entity"] == lines["sentences"]


def test_wikitext_has_a_document_for_each_of_its_articles(mirror):
    splits = build("wiki", {"kind": "text", "source": "wikitext-2"}, mirror)
    documents = {s: {row["document_id"] for row in rows} for s, rows in splits.items()}
    # WikiText-2 holds 60 articles in its validation file and 60 in its test file.
    assert {split: len(some) for split, some in documents.items()} == {
        "train": 60,
        "dev": 30,
        "test": 30,
    }
    for name, used in (("valid", ("train",)), ("test", ("dev", "test"))):
        lines = (mirror / "wikitext-2" / f"{name}.txt").read_text(encoding="utf-8").split("\n")
        words = sum(len(line.split()) for line in lines)
        for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
            if re.fullmatch(" = .* = ", line) and before + after == "  ":
                words -= len(line.split())
        assert sum(len(row["words"]) for split in used for row in splits[split]) == words


def test_the_minimal_pairs_of_blimp_are_its_67_paradigms(mirror):
    assert len(minimal_pair_files("blimp", mirror)) == 67


def test_the_project_pins_what_the_mirror_lists(mirror):
    own = read_sources(Path(__file__).parents[2] / "config" / "sources.tsv")
    assert set(own) >= set(read_sources(mirror / "SOURCES.tsv"))
