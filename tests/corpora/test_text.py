import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontogeny.corpora.corpus import write_split
from ontogeny.corpora.text import halve, heading_level, read_lines, read_text
from ontogeny.errors import CorpusError

WIKITEXT = """\
 Before any title .

 = First =

 = = Section = =

 One two .
 Three .

 = Second ( film ) =

 = = = Deep = = =

 Four = 4 .
 = 1 <unk> and k =
 1 . Five .
"""


def test_titles_start_documents_and_all_headings_are_left_out(tmp_path):
    path = tmp_path / "wiki.txt"
    path.write_text(WIKITEXT)
    rows = read_text([path])
    assert [(row["document_id"], " ".join(row["words"])) for row in rows] == [
        ("wiki-0", "Before any title ."),
        ("wiki-1", "One two ."),
        ("wiki-1", "Three ."),
        ("wiki-2", "Four = 4 ."),
        ("wiki-2", "= 1 <unk> and k ="),  # a formula: no blank line around it
        ("wiki-2", "1 . Five ."),
    ]
    assert [row["sentence_id"] for row in rows] == [f"wiki-{i}" for i in range(1, 7)]
    write_split(rows, tmp_path / "train.parquet")


@given(st.integers(1, 6), st.lists(st.sampled_from(["a", "(", "<unk>"]), min_size=1))
def test_the_level_of_a_heading_is_its_number_of_equals_signs(level, title):
    signs = " ".join(["="] * level)
    assert heading_level(f"{signs} {' '.join(title)} {signs}") == level
    assert heading_level(f"{signs} {' '.join(title)} {signs} =") == 0
    assert heading_level(f"{signs} {' '.join(title)}") == 0


@pytest.mark.parametrize("line", ["", "=", "= =", "a = b", "= a", "a =", "== a ==", "=a="])
def test_other_lines_with_equals_signs_are_no_headings(line):
    assert heading_level(line) == 0


def test_a_long_paragraph_stays_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("word " * 100_000)
    (row,) = read_text([path])
    assert len(row["words"]) == 100_000


@pytest.mark.parametrize("text", ["", "\n \n", " = Title = \n\n"])
def test_a_text_without_paragraphs_is_refused(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_text(text)
    with pytest.raises(CorpusError, match=r"a\.txt: no paragraphs"):
        read_text([path])


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\r\n", codec="utf-8"))))
def test_lines_end_at_line_feeds_alone(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("t") / "a.txt"
    lines = [line.removeprefix("\ufeff") for line in lines]
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    assert read_lines(path) == lines
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    assert read_lines(path) == lines


@given(st.lists(st.integers(1, 4), min_size=2, max_size=9))
def test_halves_share_no_document_and_keep_all_in_order(sizes):
    rows = [{"document_id": str(i), "n": n} for i, size in enumerate(sizes) for n in range(size)]
    first, second = halve(rows)
    assert first + second == rows
    documents = [{row["document_id"] for row in half} for half in (first, second)]
    assert not documents[0] & documents[1]
    assert len(documents[1]) - len(documents[0]) in (0, 1)


def test_a_single_document_cannot_be_halved():
    with pytest.raises(CorpusError, match="expected at least 2"):
        halve([{"document_id": "a"}, {"document_id": "a"}])
