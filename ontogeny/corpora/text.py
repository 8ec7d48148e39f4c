"""Raw text, one paragraph a line, without annotation."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ontogeny.errors import CorpusError

# A heading as WikiText writes it: as many separate equals signs before the title as after it, a
# single one for the title of an article.
HEADING = re.compile(r"(?P<before>(?:= )+)(?!=).*?(?<!=)(?P<after>(?: =)+)")


def read_lines(path: str | os.PathLike[str]) -> list[str]:
    """Return the lines of a UTF-8 text file, without their line ends.

    Only line feeds end a line (a carriage return before one goes with it): other characters that
    Unicode counts as line separators occur inside the words of real treebanks. Raises
    `CorpusError` if the file is absent or, naming the line, if it isn't UTF-8.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise CorpusError(
            f"{path}: can't be read ({error.strerror}). Check the path in the config."
        ) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"{path}, line {line}: the byte 0x{content[error.start]:02x} is not UTF-8. Convert the "
            "file to UTF-8."
        ) from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def read_text(paths: Sequence[str | os.PathLike[str]]) -> list[dict]:
    """Read raw text files, one paragraph a line, as rows of the Corpus contract.

    A paragraph is a row; its words are what whitespace separates. A long paragraph stays whole:
    pretraining cuts it to the model's length. Blank lines are left out, and so are headings as
    WikiText writes them: ` = Title = `, between blank lines (a formula inside a paragraph can look
    the same). The title of an article starts a new document; the headings of its sections (two or
    more equals signs) don't. All annotations are null.

    Raises `CorpusError` if a file is absent, isn't UTF-8, or holds no paragraph.
    """
    rows: list[dict] = []
    for path in map(Path, paths):
        document = paragraph = 0
        before = len(rows)
        lines = ["", *(line.strip() for line in read_lines(path)), ""]
        for number, line in enumerate(lines):
            if not line:
                continue
            words = line.split()
            alone = not lines[number - 1] and not lines[number + 1]
            level = heading_level(" ".join(words)) if alone else 0
            if level == 0:
                paragraph += 1
                rows.append(
                    {
                        "sentence_id": f"{path.stem}-{paragraph}",
                        "document_id": f"{path.stem}-{document}",
                        "words": words,
                    }
                )
            elif level == 1:
                document += 1
        if len(rows) == before:
            raise CorpusError(f"{path}: no paragraphs; expected one a line.")
    return rows


def heading_level(line: str) -> int:
    """Return how many equals signs stand on each side of a heading; 0 if it is no heading.

    `line` is a line whose words are joined by single spaces.
    """
    match = HEADING.fullmatch(line)
    if match is None or len(match["before"]) != len(match["after"]):
        return 0
    return len(match["before"]) // 2


def halve(rows: Sequence[dict]) -> tuple[list[dict], list[dict]]:
    """Cut rows into the first and the second half of their documents; none is in both.

    Of an odd number of documents the second half gets the larger share. Raises `CorpusError` if
    there are fewer than two.
    """
    documents = list(dict.fromkeys(row["document_id"] for row in rows))
    if len(documents) < 2:
        raise CorpusError(
            f"held-out text of {len(documents)} document can't be halved into dev and test; "
            "expected at least 2. Name a file for dev and a file for test instead."
        )
    first = set(documents[: len(documents) // 2])
    return (
        [row for row in rows if row["document_id"] in first],
        [row for row in rows if row["document_id"] not in first],
    )
