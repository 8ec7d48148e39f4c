"""Universal Dependencies treebanks in CoNLL-U."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conllu.exceptions import ParseException
from conllu.parser import parse_comment_line, parse_id_value, parse_int_value

from ontogeny.corpora.corpus import find_cycle, find_iob2_break
from ontogeny.corpora.entities import innermost_tags, spans_from_brackets
from ontogeny.corpora.penn import add_constituents
from ontogeny.corpora.text import read_lines
from ontogeny.errors import CorpusError

COLUMNS = 10
ID, FORM, UPOS, XPOS, HEAD, DEPREL, MISC = 0, 1, 3, 4, 6, 7, 9
ABSENT = "_"


@dataclass
class _Sentence:
    """A sentence as it stands in the file: its comments and the columns of its syntactic words."""

    line: int
    comments: dict[str, str] = field(default_factory=dict)
    words: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)  # line of each word
    range_end: tuple[int, int] = (0, 0)  # last word of the latest multiword token, and its line
    empty_nodes: int = 0  # of those after the latest word


def read_conllu(
    paths: Sequence[str | os.PathLike[str]],
    *,
    entities: str | None = None,
    constituents: Sequence[str | os.PathLike[str]] | None = None,
) -> list[dict]:
    """Read CoNLL-U files as rows of the Corpus contract.

    By the format's rules (universaldependencies.org/format.html) the words are the syntactic
    words: the lines of multiword tokens ("3-4") and of empty nodes ("8.1") are left out, and heads
    refer to syntactic words. `sentence_id` is `# sent_id`, else file name and number; `document_id`
    is `# newdoc id`, else the file name. A column that is "_" for all words of a sentence isn't
    given, and null there. A single "_" among XPOS tags stays as a tag, since treebanks may leave
    XPOS empty for some words; among UPOS, HEAD or DEPREL it is an error.

    `entities` says where entities stand: "Entity" for bracketed spans in MISC as GUM and CorefUD
    write them (of nested spans the innermost counts: `innermost_tags`), any other word for a key
    of MISC that holds an IOB2 tag, a word without it being "O". `constituents` are files of
    bracketed trees, or folders of them (`penn.add_constituents`). What isn't asked for is null.

    Raises `CorpusError`, naming file and line, what was found and what was expected, if a file
    breaks the format: encoding, number of columns, ids, ranges, heads that don't form a tree with
    one root, entities, no sentences, or words that were withheld.
    """
    rows_by_file: dict[Path, list[dict]] = {}
    found_entities = False
    for path in map(Path, paths):
        document, documents, fields = path.stem, 0, None
        rows = rows_by_file[path] = []
        for number, sentence in enumerate(_sentences(path), start=1):
            if "newdoc" in sentence.comments or "newdoc id" in sentence.comments:
                documents += 1
                document = sentence.comments.get("newdoc id") or f"{path.stem}-{documents}"
            fields = sentence.comments.get("global.Entity", fields)
            row = _row(sentence, path)
            row["sentence_id"] = sentence.comments.get("sent_id") or f"{path.stem}-{number}"
            row["document_id"] = document
            if entities is not None:
                values = [_misc(columns[MISC], entities) for columns in sentence.words]
                found_entities |= any(value is not None for value in values)
                row["entity"] = _entities(values, entities, fields, sentence, path)
            rows.append(row)
        if not rows:
            raise CorpusError(f"{path}: no sentences; expected CoNLL-U with at least one.")
        if all(word == ABSENT for row in rows for word in row["words"]):
            raise CorpusError(
                f"{path}: every word is {ABSENT!r}, so its text was withheld; expected the words. "
                "Restore them as the treebank's README says."
            )
    if entities is not None and not found_entities:
        raise CorpusError(
            f"{', '.join(map(str, paths))}: no word has {entities}= in MISC; expected entities "
            "there. Correct `entities` in the config, or leave it out."
        )
    if constituents is not None:
        return add_constituents(rows_by_file, constituents)
    return [row for rows in rows_by_file.values() for row in rows]


def _sentences(path: Path) -> Iterator[_Sentence]:
    """Yield the sentences of a file, with ids, ranges and number of columns checked."""
    sentence: _Sentence | None = None
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
            sentence = _Sentence(number)
        if not line.startswith("#"):
            _add(line, sentence, f"{path}, line {number}", number)
        elif sentence.words:
            raise CorpusError(
                f"{path}, line {number}: a comment between the words of a sentence; expected "
                "comments before its first word, and a blank line after its last."
            )
        elif line.removeprefix("#").strip() == "newdoc":
            sentence.comments["newdoc"] = ""
        else:
            sentence.comments.update({k: v for k, v in parse_comment_line(line) if v})


def _add(line: str, sentence: _Sentence, where: str, number: int) -> None:
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


def _row(sentence: _Sentence, path: Path) -> dict:
    if not sentence.words:
        raise CorpusError(
            f"{path}, line {sentence.line}: a sentence without words; expected at least one."
        )
    columns = list(zip(*sentence.words, strict=True))
    row: dict = {"words": list(columns[FORM])}
    for name, index in (("upos", UPOS), ("xpos", XPOS), ("deprel", DEPREL), ("head", HEAD)):
        given = [value not in (ABSENT, "") for value in columns[index]]
        if not any(given):
            row[name] = None
        elif index != XPOS and not all(given):
            raise CorpusError(
                f"{path}, line {sentence.lines[given.index(False)]}: no {name.upper()}, though "
                "other words of the sentence have one; expected it for all of them or for none."
            )
        else:
            row[name] = list(columns[index])
    if row["head"] is not None:
        row["head"] = _heads(row["head"], sentence, path)
    return row


def _heads(values: Sequence[str], sentence: _Sentence, path: Path) -> list[int]:
    heads: list[int] = []
    for value, line in zip(values, sentence.lines, strict=True):
        try:
            head = parse_int_value(value)
        except ParseException:
            head = None
        if head is None or not 0 <= head <= len(values):
            raise CorpusError(
                f"{path}, line {line}: head {value!r}; expected a word of the sentence, 0 (the "
                f"root) to {len(values)}."
            )
        heads.append(head)
    roots = [line for head, line in zip(heads, sentence.lines, strict=True) if head == 0]
    if not roots:
        raise CorpusError(
            f"{path}, line {sentence.line}: a sentence without a root; expected one word with head "
            "0."
        )
    if len(roots) > 1:
        raise CorpusError(
            f"{path}, line {roots[1]}: a second root (the first is on line {roots[0]}); expected "
            "one word with head 0."
        )
    if word := find_cycle(heads):
        raise CorpusError(
            f"{path}, line {sentence.lines[word - 1]}: following the heads from word {word} leads "
            "back to it, a cycle; expected a tree."
        )
    return heads


def _misc(column: str, key: str) -> str | None:
    """Return the value of a key of MISC, None if the word lacks it."""
    if key not in column:
        return None
    # Not the library's parser: it cuts a value at its second equals sign.
    for item in column.split("|"):
        name, _, value = item.partition("=")
        if name == key:
            return value
    return None


def _entities(
    values: Sequence[str | None], key: str, fields: str | None, sentence: _Sentence, path: Path
) -> list[str]:
    if key != "Entity":
        tags = ["O" if value is None else value for value in values]
        if word := find_iob2_break(tags):
            raise CorpusError(
                f"{path}, line {sentence.lines[word - 1]}: {key}={tags[word - 1]} after "
                f"{tags[word - 2] if word > 1 else 'the start of the sentence'} is not IOB2; "
                "expected O, B-TYPE, or I-TYPE after a tag of the same type."
            )
        return tags
    if not any(values):  # nor is there need to know the order of fields
        return innermost_tags(len(values), [])
    names = (fields or "").split("-")
    if not ("etype" in names and {"GRP", "eid"} & set(names)):
        raise CorpusError(
            f"{path}, line {sentence.line}: Entity= without the order of its fields (found "
            f"{fields!r}); expected a comment such as `# global.Entity = GRP-etype-identity` in "
            "this sentence or before it."
        )
    try:
        spans = spans_from_brackets(values, names)
    except ValueError as error:
        position, message = error.args
        raise CorpusError(
            f"{path}, line {sentence.lines[position]}: {message}; expected matching brackets."
        ) from error
    return innermost_tags(len(values), spans)
