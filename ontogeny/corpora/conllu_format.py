"""The format CoNLL-U: files as sentences of lines, their ids, ranges and columns checked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from conllu.exceptions import ParseException
from conllu.parser import parse_comment_line, parse_id_value

from ontogeny.corpora.text import read_lines
from ontogeny.errors import CorpusError

COLUMNS = 10
ID, FORM, UPOS, XPOS, HEAD, DEPREL, MISC = 0, 1, 3, 4, 6, 7, 9
UNNAMED_DOCUMENT = re.compile(r"#\s*newdoc(?P<id>\s+id)?\s*=?\s*")


@dataclass
class Sentence:
    """A sentence as it stands in the file: its comments and the columns of its syntactic words."""

    line: int
    comments: dict[str, str] = field(default_factory=dict)
    unnamed: int = 0  # line of a `# newdoc id =` with nothing after it
    words: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)  # line of each word
    # Words and empty nodes in their order: the line of each, its MISC, and whether it is a word.
    nodes: list[tuple[int, str, bool]] = field(default_factory=list)
    range_end: tuple[int, int] = (0, 0)  # last word of the latest multiword token, and its line
    empty_nodes: int = 0  # of those after the latest word


def read_sentences(path: Path) -> Iterator[Sentence]:
    """Yield the sentences of a file, with ids, ranges and number of columns checked."""
    sentence: Sentence | None = None
    number = 0
    # One blank line more, so that a file whose last one is missing ends like any other.
    for number, line in enumerate([*read_lines(path), ""], start=1):
        if not line.strip():
            if sentence is not None and (
                sentence.words or sentence.range_end[0] or sentence.empty_nodes
            ):
                last, at = sentence.range_end
                if last > len(sentence.words):
                    raise CorpusError(
                        f"{path}, line {at}: a multiword token ends at word {last}, its "
                        f"sentence at {len(sentence.words)}; expected a range inside the sentence."
                    )
                yield sentence
                sentence = None
            continue
        if sentence is None:
            sentence = Sentence(number)
        if not line.startswith("#"):
            _add(line, sentence, f"{path}, line {number}", number)
        elif sentence.words:
            raise CorpusError(
                f"{path}, line {number}: a comment between the words of a sentence; expected "
                "comments before its first word, and a blank line after its last."
            )
        elif match := UNNAMED_DOCUMENT.fullmatch(line):
            sentence.comments["newdoc"] = ""
            sentence.unnamed = number if match["id"] else 0
        else:
            sentence.comments.update({k: v for k, v in parse_comment_line(line) if v})


def _add(line: str, sentence: Sentence, where: str, number: int) -> None:
    """Add one line to the sentence: a word, or the check of a multiword token or empty node."""
    columns = line.split("\t")
    if len(columns) != COLUMNS:
        raise CorpusError(
            f"{where}: {len(columns)} columns; CoNLL-U has {COLUMNS}, separated by tabs."
        )
    expected = len(sentence.words) + 1
    try:
        identifier = parse_id_value(columns[ID])
    except ParseException:
        identifier = None
    if isinstance(identifier, int):
        if identifier != expected:
            raise CorpusError(f"{where}: word id {identifier}; expected {expected}, the next one.")
        if not columns[FORM].strip():
            raise CorpusError(f"{where}: word {identifier} has an empty form; expected a word.")
        sentence.words.append(columns)
        sentence.lines.append(number)
        sentence.nodes.append((number, columns[MISC], True))
        sentence.empty_nodes = 0
    elif identifier is None:
        raise CorpusError(
            f"{where}: id {columns[ID]!r}; expected a number, a range of two (3-4, the second not "
            "below the first), or an empty node (8.1)."
        )
    elif identifier[1] == "-":
        last, _ = sentence.range_end
        if identifier[0] != expected or identifier[0] <= last:
            raise CorpusError(
                f"{where}: multiword token {columns[ID]}; expected a range that starts at the next "
                f"word, {expected}, and overlaps no other."
            )
        sentence.range_end = (identifier[2], number)
    elif (identifier[0], identifier[2]) != (expected - 1, sentence.empty_nodes + 1):
        raise CorpusError(
            f"{where}: empty node {columns[ID]}; expected {expected - 1}.{sentence.empty_nodes + 1}"
            ", since it stands after that word."
        )
    else:
        sentence.empty_nodes += 1
        sentence.nodes.append((number, columns[MISC], False))
