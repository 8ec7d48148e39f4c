"""Tab-separated text: what is written comes back, whatever separates lines elsewhere."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ontogeny.errors import OntogenyError
from ontogeny.tab_separated import read_rows, write_rows

COLUMNS = ["one", "two"]
SEPARATORS = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei"
# A line end of old Macintoshes alone isn't kept by the csv module.
text = st.text(st.characters(exclude_characters="\r", codec="utf-8"))
plain = st.text(st.characters(exclude_characters='\r\n\t"', codec="utf-8"))


@given(st.lists(st.lists(text, min_size=2, max_size=2)))
@example([[SEPARATORS, "\ufeff"], ['"', "\t\n"]])
def test_rows_come_back_as_they_were_written(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("t") / "a.tsv"
    write_rows(file, COLUMNS, rows)
    read = read_rows(file, COLUMNS, OntogenyError)
    assert read == list(enumerate(rows, start=2))


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@given(rows=st.lists(st.lists(plain, min_size=2, max_size=2)))
@example(rows=[[SEPARATORS, "\ufeff"]])
def test_what_a_person_wrote_is_read_with_a_byte_order_mark_and_line_ends_of_windows(
    tmp_path_factory, mark, end, rows
):
    file = tmp_path_factory.mktemp("t") / "a.tsv"
    lines = ["\t".join(cells) for cells in [COLUMNS, *rows]]
    file.write_bytes((mark + end.join(lines) + end).encode())
    read = read_rows(file, COLUMNS, OntogenyError, quoted=False)
    assert read == list(enumerate(rows, start=2))
