import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ontogeny.corpora.constituents import plain_word
from ontogeny.corpora.corpus import write_split
from ontogeny.corpora.ontonotes import read_conll_2012, read_ontonotes
from ontogeny.errors import CorpusError

BEGIN = "#begin document (nw/wsj/00/wsj_0001); part 000"


def row(number, word="cat", tag="NN", bit="*", name="*", document="nw/wsj/00/wsj_0001", part="0"):
    return f"{document} {part} {number} {word} {tag} {bit} - - - - {name} (ARG0*) * -"


SENTENCE = [
    row(0, "Mr.", "NNP", "(TOP(S(NP-SBJ*", "(PERSON*"),
    row(1, "Vinken", "NNP", "*)", "*)"),
    row(2, "visits", "VBZ", "(VP*"),
    row(3, "-LRB-", "-LRB-", "(PRN*"),
    row(4, "Paris", "NNP", "(NP*)", "(GPE)"),
    row(5, "-RRB-", "-RRB-", "*))"),
    row(6, "/.", ".", "*))"),
]


def write(tmp_path, *lines, name="a.v4_gold_conll"):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    return path


def test_a_sentence_gives_words_tags_names_and_constituents(tmp_path):
    path = write(tmp_path, BEGIN, *SENTENCE, "", *SENTENCE, "", "#end document")
    rows = read_conll_2012(path)
    assert [r["sentence_id"] for r in rows] == [f"nw/wsj/00/wsj_0001/part_0-{i}" for i in (1, 2)]
    assert {r["document_id"] for r in rows} == {"nw/wsj/00/wsj_0001/part_0"}
    assert rows[0]["words"] == ["Mr.", "Vinken", "visits", "(", "Paris", ")", "."]
    assert rows[0]["xpos"] == ["NNP", "NNP", "VBZ", "-LRB-", "NNP", "-RRB-", "."]
    assert rows[0]["entity"] == ["B-PERSON", "I-PERSON", "O", "O", "B-GPE", "O", "O"]
    # S is the root; NP-SBJ, VP, PRN and NP count.
    assert rows[0]["phrase_start"] == [1, 0, 1, 1, 1, 0, 0]
    assert rows[0]["phrase_end"] == [0, 1, 0, 0, 1, 2, 0]
    write_split(rows, tmp_path / "train.parquet")


@given(st.integers(0, 2**32), st.integers(1, 10))
def test_bits_and_names_mean_the_spans_they_were_written_from(tmp_path_factory, seed, length):
    generator = random.Random(seed)

    def constituents(start, end):
        """Return random nested spans inside [start, end)."""
        spans = []
        while start < end and generator.random() < 0.8:
            middle = generator.randint(start + 1, end)
            if generator.random() < 0.7:
                spans += [(start, middle), *constituents(start, middle)]
            start = middle
        return spans

    # Bounded depth: a span inside itself makes a unary chain.
    spans = constituents(0, length)[:30]
    names, position = [], 0
    while position < length:
        last = generator.randint(position, length - 1)
        if generator.random() < 0.4:
            names.append((position, last, generator.choice(["ORG", "GPE"])))
        position = last + 1
    lines = []
    for i in range(length):
        opened = sum(start == i for start, _ in spans) + (i == 0)
        closed = sum(end == i + 1 for _, end in spans) + (i == length - 1)
        name = "*"
        for start, last, kind in names:
            name = f"({kind}*" if start == i < last else f"({kind})" if start == i == last else name
            name = "*)" if start < i == last else name
        lines.append(row(i, bit="(X" * opened + "*" + ")" * closed, name=name))
    (found,) = read_conll_2012(write(tmp_path_factory.mktemp("o"), *lines))
    assert found["phrase_start"] == [sum(start == i for start, _ in spans) for i in range(length)]
    assert found["phrase_end"] == [sum(end == i + 1 for _, end in spans) for i in range(length)]
    expected = ["O"] * length
    for start, last, kind in names:
        expected[start : last + 1] = [f"B-{kind}", *[f"I-{kind}"] * (last - start)]
    assert found["entity"] == expected


@given(
    st.lists(
        st.text(st.characters(exclude_characters=" \t\r\n", codec="utf-8"), min_size=1).filter(
            lambda word: word.strip() and word != "[WORD]"
        ),
        min_size=1,
        max_size=5,
    )
)
@example(["a\u2028b", "c\x85d", "10\xa0000", "e\x0bf\x0cg\x1ch\u2029i"])
def test_any_words_are_read_as_they_stand(tmp_path_factory, words):
    last = len(words) - 1
    lines = [
        row(i, word, bit="(TOP(S" * (i == 0) + "*" + "))" * (i == last))
        for i, word in enumerate(words)
    ]
    (found,) = read_conll_2012(write(tmp_path_factory.mktemp("o"), *lines))
    assert found["words"] == [plain_word(word) for word in words]
    assert found["xpos"] == ["NN"] * len(words)


def test_a_sentence_without_parse_or_tags_has_null_there(tmp_path):
    rows = read_conll_2012(
        write(
            tmp_path,
            *(row(0, tag="XX", bit="(NOPARSE*"), row(1, tag="XX", bit="*)"), ""),
            *(row(0, tag="XX", bit="-"), row(1, tag="VERB", bit="-")),
        )
    )
    for found in rows:
        assert found["xpos"] is None
        assert found["phrase_start"] is None
        assert found["phrase_end"] is None
        assert found["entity"] == ["O", "O"]


def test_the_new_testament_has_no_entities_rather_than_none_found(tmp_path):
    (found,) = read_conll_2012(
        write(tmp_path, row(0, bit="(TOP(X*))", document="pt/nt/40/nt_4001"))
    )
    assert found["entity"] is None


@pytest.mark.parametrize(
    ("lines", "number", "message"),
    [
        ([row(0, bit="(TOP*)"), "", "a 0 0 cat"], 3, "4 columns; the CoNLL-2012 form has at least"),
        ([row(1, bit="(TOP*)")], 1, "word number 1; expected 0"),
        ([row(0, bit="(TOP*)"), row(2)], 2, "word number 2; expected 1"),
        ([row(0, "[WORD]", bit="(TOP*)")], 1, "a skeleton without the text"),
        ([row(0, bit="(TOP(X*)")], 1, "the tree that begins here isn't closed"),
        ([row(0, bit="(TOP*))")], 1, "a closing bracket too many"),
        ([row(0, bit="(TOP*)"), row(1, bit="(X*)")], 1, "2 trees in a sentence"),
        ([row(0, bit="(TOP)")], 1, r"parse bit '\(TOP\)'"),
        ([row(0, bit="(TOP*"), row(1, bit="x*)")], 2, r"parse bit 'x\*\)'"),
        ([row(0, bit="(TOP*)", name="(ORG*")], 1, "name ORG isn't closed"),
        ([row(0, bit="(TOP*)", name="*)")], 1, "closes none"),
        ([row(0, bit="(TOP*", name="(ORG*"), row(1, bit="*)", name="(GPE)")], 2, "inside another"),
        ([row(0, bit="(TOP*)", name="ORG")], 1, "name 'ORG'; expected"),
        ([BEGIN], 0, "no sentences"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(tmp_path, lines, number, message):
    path = write(tmp_path, *lines)
    with pytest.raises(CorpusError, match=message) as caught:
        read_conll_2012(path)
    assert str(caught.value).startswith(f"{path}, line {number}:" if number else f"{path}:")


@pytest.mark.parametrize("above", ["", "data/", "v4/data/", "conll-formatted-ontonotes-5.0/data/"])
@pytest.mark.parametrize("below", ["", "data/english/annotations/nw/"])
def test_splits_are_found_where_releases_keep_them(tmp_path, above, below):
    for split, word in (("train", "a"), ("development", "b"), ("test", "c")):
        folder = f"{above}{split}/{below}"
        write(tmp_path, row(0, word, bit="(TOP*)"), name=f"{folder}x.gold_conll")
        write(tmp_path, row(0, "wrong", bit="(TOP*)"), name=f"{folder}x.auto_conll")
        if below:
            chinese = folder.replace("english", "chinese")
            write(tmp_path, row(0, "wrong", bit="(TOP*)"), name=f"{chinese}x.gold_conll")
    splits = read_ontonotes(tmp_path)
    words = {split: [r["words"] for r in rows] for split, rows in splits.items()}
    assert words == {"train": [["a"]], "dev": [["b"]], "test": [["c"]]}


def test_a_missing_split_language_or_file_is_refused_by_its_folder(tmp_path):
    with pytest.raises(CorpusError, match="no folder train"):
        read_ontonotes(tmp_path)
    (tmp_path / "train").mkdir()
    with pytest.raises(CorpusError, match="train: no files named"):
        read_ontonotes(tmp_path)
    write(tmp_path, row(0, bit="(TOP*)"), name="train/data/english/x.gold_conll")
    with pytest.raises(CorpusError, match="data: no folder arabic"):
        read_ontonotes(tmp_path, language="arabic")
    with pytest.raises(CorpusError, match="no folder development or dev"):
        read_ontonotes(tmp_path)


def test_files_of_automatic_annotation_are_never_taken_for_gold(tmp_path):
    for split in ("train", "development", "test"):
        write(tmp_path, row(0, "gold", bit="(TOP*)"), name=f"{split}/x.v9_conll")
        write(tmp_path, row(0, "auto", bit="(TOP*)"), name=f"{split}/y.v9_auto_conll")
    for rows in read_ontonotes(tmp_path).values():
        assert [r["words"] for r in rows] == [["gold"]]
