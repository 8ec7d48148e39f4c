"""OntoNotes 5 in the form of the CoNLL-2012 shared task."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ontogeny.corpora.constituents import Event, assemble, phrase_counts, plain_word
from ontogeny.corpora.text import read_lines
from ontogeny.errors import CorpusError

FOLDERS = {"train": ("train",), "dev": ("development", "dev"), "test": ("test",)}
# Where releases of the converted corpus keep the folders of the splits.
ABOVE = ("", "data", "v12/data", "v4/data", "conll-formatted-ontonotes-5.0/data")

# Columns (CoNLL-2012 shared task); predicates' arguments and coreference follow.
DOCUMENT, PART, NUMBER, WORD, TAG, BIT, NAME = 0, 1, 2, 3, 4, 5, 10
COLUMNS = 12
MISSING_TAG, MISSING_PARSE = "XX", "NOPARSE"
WITHOUT_NAMES = "pt"

COLUMN = re.compile(r"[^ \t]+")  # Unicode has more white space, which occurs inside words
BIT_PARTS = re.compile(r"\([^()*\s]+|\*|\)")
NAME_CELL = re.compile(r"(?:\((?P<opens>[^()*\s]+))?\*?(?P<closes>\))?")


def read_ontonotes(
    folder: str | os.PathLike[str], *, language: str = "english"
) -> dict[str, list[dict]]:
    """Read OntoNotes 5 (LDC2013T19) as rows for each split.

    `folder` holds `train`, `development` and `test` (or a release that holds them in `data`), with
    files `*gold_conll` at any depth, or where there are none `*_conll` or `*.conll`. Of a split
    that keeps languages apart (`data/english/...`) the folder of `language` is read.

    Rows have words (`plain_word`), `xpos`, `entity` (names, in IOB2) and constituents; there are no
    heads. A document is a part of a document. Sentences without a parse lack constituents, those
    without tags lack `xpos`. The New Testament (`pt/`) lacks `entity`, since its names were never
    annotated.

    Raises `CorpusError`, naming file and line, if a folder or its files are absent or a line
    breaks the format.
    """
    rows = {}
    for split, names in FOLDERS.items():
        files = _files(Path(folder), names, language)
        rows[split] = [row for path in files for row in read_conll_2012(path)]
    return rows


def _files(folder: Path, names: Sequence[str], language: str) -> list[Path]:
    candidates = [folder / above / name for above in ABOVE for name in names]
    split = next((candidate for candidate in candidates if candidate.is_dir()), None)
    if split is None:
        raise CorpusError(
            f"{folder}: no folder {' or '.join(names)}, also not in {', '.join(ABOVE[1:])}; "
            "expected OntoNotes 5 in its CoNLL-2012 form. Correct `folder` in the config."
        )
    by_language = split / "data" / language
    if (split / "data").is_dir() and not by_language.is_dir():
        raise CorpusError(f"{split / 'data'}: no folder {language}; correct `language`.")
    within = by_language if by_language.is_dir() else split
    for pattern in ("*gold_conll", "*_conll", "*.conll"):
        found = sorted(path for path in within.rglob(pattern) if "_auto_conll" not in path.name)
        if found:
            return found
    raise CorpusError(f"{within}: no files named *gold_conll; expected the annotated documents.")


def read_conll_2012(path: str | os.PathLike[str]) -> list[dict]:
    """Read one file of the CoNLL-2012 form; as `read_ontonotes`."""
    rows: list[dict] = []
    counts: dict[str, int] = {}
    for lines in _sentences(path):
        _, first = lines[0]
        document = f"{first[DOCUMENT]}/part_{first[PART]}"
        counts[document] = counts.get(document, 0) + 1
        starts, ends = _constituents(lines, path)
        tags = [columns[TAG] for _, columns in lines]
        named = first[DOCUMENT].split("/")[0] != WITHOUT_NAMES
        rows.append(
            {
                "sentence_id": f"{document}-{counts[document]}",
                "document_id": document,
                "words": [plain_word(columns[WORD]) for _, columns in lines],
                "xpos": None if set(tags) & {MISSING_TAG, "-"} else tags,
                "entity": _names(lines, path) if named else None,
                "phrase_start": starts,
                "phrase_end": ends,
            }
        )
    if not rows:
        raise CorpusError(f"{path}: no sentences; expected the CoNLL-2012 form.")
    return rows


# The lines of a sentence: the number of each in its file, and its columns.
Lines = list[tuple[int, list[str]]]


def _sentences(path: str | os.PathLike[str]) -> Iterator[Lines]:
    sentence: Lines = []
    for number, line in enumerate([*read_lines(path), ""], start=1):
        columns = COLUMN.findall(line)
        if not line.strip() or line.startswith(("#begin", "#end")):
            if sentence:
                yield sentence
            sentence = []
            continue
        where = f"{path}, line {number}"
        if len(columns) < COLUMNS:
            raise CorpusError(
                f"{where}: {len(columns)} columns; the CoNLL-2012 form has at least {COLUMNS}."
            )
        if columns[NUMBER] != str(len(sentence)):
            raise CorpusError(
                f"{where}: word number {columns[NUMBER]}; expected {len(sentence)}, the next one."
            )
        if columns[WORD] == "[WORD]":
            raise CorpusError(
                f"{where}: the word is [WORD], a skeleton without the text; expected the word. Run "
                "the release's skeleton2conll.sh first."
            )
        sentence.append((number, columns))


def _constituents(
    lines: Lines, path: str | os.PathLike[str]
) -> tuple[list[int], list[int]] | tuple[None, None]:
    bits = [columns[BIT] for _, columns in lines]
    if all(bit in ("-", "*") for bit in bits) or bits[0].startswith(f"({MISSING_PARSE}"):
        return None, None
    trees = list(assemble(_events(lines, path), str(path)))
    if len(trees) != 1:
        raise CorpusError(
            f"{path}, line {lines[0][0]}: {len(trees)} trees in a sentence; expected one."
        )
    return phrase_counts(trees[0])


def _events(lines: Lines, path: str | os.PathLike[str]) -> Iterator[Event]:
    """Yield brackets and words from the parse bits, in which `*` stands for the word itself."""
    for number, columns in lines:
        bit = columns[BIT]
        parts = BIT_PARTS.findall(bit)
        if "".join(parts) != bit or parts.count("*") != 1:
            raise CorpusError(
                f"{path}, line {number}: parse bit {bit!r}; expected brackets around one *."
            )
        for part in parts:
            if part == "*":
                yield "open", columns[TAG], number
                yield "word", columns[WORD], number
                yield "close", "", number
            else:
                yield ("close", "", number) if part == ")" else ("open", part[1:], number)


def _names(lines: Lines, path: str | os.PathLike[str]) -> list[str]:
    """Return the names as IOB2: `(GPE)` is one of a word, `(ORG*`, `*`, `*)` one of several."""
    tags = []
    current: str | None = None
    for number, columns in lines:
        cell = columns[NAME]
        where = f"{path}, line {number}"
        match = NAME_CELL.fullmatch(cell) if cell != "-" else NAME_CELL.fullmatch("*")
        if match is None or not cell:
            raise CorpusError(f"{where}: name {cell!r}; expected (TYPE*, *, *) or (TYPE).")
        begins, closes = match["opens"], match["closes"]
        if begins and current is not None:
            raise CorpusError(f"{where}: name {cell!r} inside another; expected them apart.")
        if closes and not begins and current is None:
            raise CorpusError(f"{where}: name {cell!r} closes none; expected one to be open.")
        current = begins or current
        tags.append("O" if current is None else f"{'B' if begins else 'I'}-{current}")
        if closes:
            current = None
    if current is not None:
        raise CorpusError(
            f"{path}, line {lines[-1][0]}: name {current} isn't closed in its sentence; expected "
            "a closing bracket."
        )
    return tags
