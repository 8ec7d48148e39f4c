import logging

import pytest

from ontogeny.corpora.conllu import read_conllu
from ontogeny.corpora.corpus import write_split
from ontogeny.corpora.penn import add_constituents, read_penn
from ontogeny.errors import ConfigError, CorpusError

WSJ = """
( (S
    (NP-SBJ-1 (NNP Mr.) (NNP Vinken) )
    (VP (VBZ is)
      (ADJP-PRD (JJ old)
        (S (NP-SBJ (-NONE- *-1) ) (VP (TO to) (VP (VB go) )))))
    (. .) ))
( (FRAG (-LRB- -LRB-) (NP (CD 1\\/2) ) (-RRB- -RRB-) ))
"""


def write_sections(folder, sections, suffix=".mrg"):
    for section in sections:
        (folder / section).mkdir(parents=True)
        for number in (2, 1):
            (folder / section / f"wsj_{section}{number:02d}{suffix}").write_text(WSJ)
    return folder


def test_a_file_of_the_penn_treebank_gives_words_tags_and_constituents(tmp_path):
    write_sections(tmp_path, ["00"])
    rows = read_penn(tmp_path, {"train": ["00"]})["train"]
    assert [row["sentence_id"] for row in rows] == [
        "wsj_0001-1",
        "wsj_0001-2",
        "wsj_0002-1",
        "wsj_0002-2",
    ]
    first, second = rows[:2]
    assert first["document_id"] == "wsj_0001"
    assert first["words"] == ["Mr.", "Vinken", "is", "old", "to", "go", "."]
    assert first["xpos"] == ["NNP", "NNP", "VBZ", "JJ", "TO", "VB", "."]
    assert first["phrase_start"] == [1, 0, 1, 1, 2, 1, 0]
    assert first["phrase_end"] == [0, 1, 0, 0, 0, 5, 0]
    assert second["words"] == ["(", "1/2", ")"]
    assert second["xpos"] == ["-LRB-", "CD", "-RRB-"]
    write_split(rows, tmp_path / "train.parquet")


def test_sections_go_to_their_splits_by_default_as_in_parsing(tmp_path):
    sections = [f"{number:02d}" for number in range(25)]
    write_sections(tmp_path, sections, suffix=".MRG")
    splits = read_penn(tmp_path)
    found = {split: {row["document_id"][4:6] for row in rows} for split, rows in splits.items()}
    assert found == {"train": set(sections[2:22]), "dev": {"22"}, "test": {"23"}}


@pytest.mark.parametrize("section", [5, "5", "05", "5-5"])
def test_a_section_may_be_written_as_a_number_or_a_string(tmp_path, section):
    write_sections(tmp_path, ["05"])
    assert len(read_penn(tmp_path, {"train": [section]})["train"]) == 4


@pytest.mark.parametrize("section", ["25", "x", "05-03", -1, "1-2-3", "123"])
def test_a_section_that_does_not_exist_is_refused(tmp_path, section):
    with pytest.raises(ConfigError, match="expected a section from 00 to 24"):
        read_penn(tmp_path, {"train": [section]})


def test_a_section_in_two_splits_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="section 05 is in train and in dev"):
        read_penn(tmp_path, {"train": ["02-21"], "dev": [5]})


def test_a_section_without_files_is_refused_by_its_folder(tmp_path):
    (tmp_path / "02").mkdir()
    with pytest.raises(CorpusError, match=r"02: no \.mrg files"):
        read_penn(tmp_path, {"train": ["02"]})


def conllu(tmp_path, name, *sentences):
    lines = []
    for sentence in sentences:
        for i, word in enumerate(sentence.split(), start=1):
            lines.append(f"{i}\t{word}" + "\t_" * 4 + f"\t{i - 1}\tdep\t_\t_")
        lines.append("")
    path = tmp_path / f"{name}.conllu"
    path.write_text("\n".join(lines) + "\n")
    return path


def tree(sentence):
    return f"(ROOT (S (NP {' '.join(f'(NN {word})' for word in sentence.split())}) ))\n"


def starts(rows):
    return [None if row["phrase_start"] is None else sum(row["phrase_start"]) for row in rows]


def test_each_file_takes_its_trees_from_the_file_of_its_name(tmp_path):
    # Were all trees offered to both files, "a cat" of the first would find one.
    one, two = conllu(tmp_path, "one", "a cat", "a dog"), conllu(tmp_path, "two", "a cat")
    (tmp_path / "one.ptb").write_text(tree("a dog"))
    (tmp_path / "two.ptb").write_text(tree("a cat"))
    (tmp_path / "three.ptb").write_text("(broken")
    assert starts(read_conllu([one, two], constituents=[tmp_path])) == [None, 1, 1]


def test_files_of_other_names_serve_all_sentences_together(tmp_path):
    train, dev = conllu(tmp_path, "train", "a cat", "a dog"), conllu(tmp_path, "dev", "a fox")
    folder = tmp_path / "trees"
    folder.mkdir()
    (folder / "wsj_1.mrg").write_text(tree("a cat") + tree("x"))
    (folder / "wsj_2.mrg").write_text(tree("a dog") + tree("a fox"))
    assert starts(read_conllu([train], constituents=[folder])) == [1, 1]
    assert starts(read_conllu([dev], constituents=[folder])) == [1]
    files = [folder / "wsj_2.mrg"]
    assert starts(read_conllu([train], constituents=files)) == [None, 1]


def test_sentences_without_a_tree_are_counted_in_the_log_with_the_first_of_them(tmp_path, caplog):
    sentences = [f"a cat {number}" for number in range(9)]
    path = conllu(tmp_path, "a", *sentences)
    (tmp_path / "a.ptb").write_text("".join(map(tree, [*sentences[:1], "x", *sentences[7:]])))
    with caplog.at_level(logging.WARNING, "ontogeny"):
        rows = read_conllu([path], constituents=[tmp_path])
    assert starts(rows) == [1, *[None] * 6, 1, 1]
    (record,) = caplog.records
    assert "6 of 9 sentences have no constituents" in record.getMessage()
    assert "a-2, a-3, a-4, a-5, a-6, ..." in record.getMessage()
    write_split(rows, tmp_path / "train.parquet")


def test_trees_that_all_match_leave_nothing_in_the_log(tmp_path, caplog):
    path = conllu(tmp_path, "a", "a cat")
    (tmp_path / "a.ptb").write_text(tree("a cat"))
    with caplog.at_level(logging.WARNING, "ontogeny"):
        read_conllu([path], constituents=[tmp_path])
    assert not caplog.records


@pytest.mark.parametrize("bad", ["(())", "(S (NP (NNP New York)))", "(S ( (NN cat)))", "(S (NP))"])
def test_trees_at_fault_cost_their_own_sentences_and_are_counted_in_the_log(tmp_path, caplog, bad):
    path = conllu(tmp_path, "a", "a cat", "New York", "a dog", "a fox")
    (tmp_path / "a.ptb").write_text(tree("a cat") + f"{bad}\n" * 2 + tree("a dog") + tree("a fox"))
    with caplog.at_level(logging.WARNING, "ontogeny"):
        rows = read_conllu([path], constituents=[tmp_path])
    assert starts(rows) == [1, None, 1, 1]
    trees, sentences = caplog.records
    assert f"2 trees are left out (the first: {tmp_path / 'a.ptb'}, line 2: " in trees.getMessage()
    assert "1 of 4 sentences have no constituents" in sentences.getMessage()


def test_empty_trees_of_the_penn_treebank_are_left_out_and_counted_in_the_log(tmp_path, caplog):
    write_sections(tmp_path, ["00"])
    file = tmp_path / "00" / "wsj_0001.mrg"
    file.write_text("(())\n" + WSJ + "\n(())\n( )\n")
    with caplog.at_level(logging.WARNING, "ontogeny"):
        rows = read_penn(tmp_path, {"train": ["00"]})["train"]
    assert [row["sentence_id"] for row in rows][:3] == ["wsj_0001-1", "wsj_0001-2", "wsj_0002-1"]
    (record,) = caplog.records
    assert f"3 trees are left out (the first: {file}, line 1: brackets around nothing; " in (
        record.getMessage()
    )


@pytest.mark.parametrize(
    ("bad", "cause"),
    [
        ("(S (NP (NNP New York)))", "the word 'York' stands alone; expected it in brackets of its"),
        ("(S ( (NN cat)))", "brackets without a label inside S; expected one."),
        ("(S (NP))", "the brackets of NP hold nothing"),
    ],
)
def test_a_tree_at_fault_of_the_penn_treebank_is_refused_by_line_and_cause(tmp_path, bad, cause):
    write_sections(tmp_path, ["00"])
    file = tmp_path / "00" / "wsj_0002.mrg"
    file.write_text(f"(())\n{bad}\n")
    with pytest.raises(CorpusError) as caught:
        read_penn(tmp_path, {"train": ["00"]})
    assert str(caught.value).startswith(f"{file}, line 2: {cause}")


def test_trees_of_another_text_altogether_are_refused(tmp_path):
    path = conllu(tmp_path, "a", "a cat")
    (tmp_path / "b.ptb").write_text(tree("a dog"))
    with pytest.raises(CorpusError, match=r"none of 1 trees has the words of a sentence of .*a\.c"):
        read_conllu([path], constituents=[tmp_path / "b.ptb"])


def test_a_folder_without_trees_and_a_missing_file_are_refused(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(CorpusError, match="empty: no files of trees"):
        add_constituents({}, [folder])
    with pytest.raises(CorpusError, match=r"none\.ptb: can't be read"):
        add_constituents({}, [tmp_path / "none.ptb"])
