"""Penn Treebank brackets: the treebank itself, and trees that belong to another one's sentences."""

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ontogeny.corpora.constituents import (
    Event,
    Fault,
    Tree,
    align,
    assemble,
    phrase_counts,
    plain_word,
    preterminals,
)
from ontogeny.corpora.text import read_lines
from ontogeny.errors import ConfigError, CorpusError

SUFFIXES = (".ptb", ".mrg")
# Sections of the Wall Street Journal by split, as parsing has used them since Collins (1997).
SECTIONS = {"train": ["02-21"], "dev": ["22"], "test": ["23"]}

# A word ends at white space of ASCII: Unicode has more, which occurs inside words.
BRACKET = re.compile(r"\(|\)|[^\s()]+", re.ASCII)

logger = logging.getLogger("ontogeny")


def read_trees(path: str | os.PathLike[str]) -> tuple[list[Tree], list[Fault]]:
    """Read a file of bracketed trees: `.mrg` of the Penn Treebank, `.ptb` of GUM.

    A tree may take one line or many. What becomes of empty elements, function tags and wrappers,
    and which trees are at fault, is said in `assemble`. Returns the trees that aren't, and the
    faults of those that are. Raises `CorpusError` as `assemble` does; also if the file is absent,
    isn't UTF-8, or has no tree of either sort.
    """
    faults: list[Fault] = []
    trees = list(assemble(_events(path), str(path), faults))
    if not trees and not faults:
        raise CorpusError(f"{path}: no trees; expected Penn Treebank brackets.")
    return trees, faults


def _events(path: str | os.PathLike[str]) -> Iterator[Event]:
    opened = 0  # the line of the bracket that is the latest symbol, so that the next is its label
    for number, line in enumerate(read_lines(path), start=1):
        for symbol in BRACKET.findall(line):
            if opened:
                bracket, opened = opened, 0
                if symbol not in "()":
                    yield "open", symbol, bracket
                    continue
                yield "open", "", bracket
            if symbol == "(":
                opened = number
            else:
                yield ("close", "", number) if symbol == ")" else ("word", symbol, number)
    if opened:
        yield "open", "", opened


def add_constituents(
    rows_by_file: Mapping[Path, Sequence[dict]], brackets: Sequence[str | os.PathLike[str]]
) -> list[dict]:
    """Return the rows with `phrase_start` and `phrase_end` from the trees that match their words.

    `rows_by_file` has the sentences of each file of a treebank; `brackets` are files of trees, or
    folders of them. A treebank's file has its trees in the file that bears its name (`a.conllu` in
    `a.ptb`); if none of the names fit, the trees of all files, in the order of their names, serve
    all sentences. Which tree belongs to which sentence: `align`. Trees at fault (`assemble`) are
    left out, and sentences without a tree have null. How many either are, with the first of them,
    goes to the log as a warning.

    Raises `CorpusError` as `read_trees` does; also if there are no trees or none of them matches.
    """
    files = [file for path in map(Path, brackets) for file in _tree_files(path)]
    by_name = {file.stem for file in files} & {path.stem for path in rows_by_file}
    trees: dict[str, list[Tree]] = {}
    left_out: list[str] = []
    for file in files:
        if not by_name or file.stem in by_name:
            found, faults = read_trees(file)
            trees.setdefault(file.stem, []).extend(found)
            left_out += [f"{file}, line {fault.line}: {fault.message}" for fault in faults]
    _tell(left_out)
    everything = [tree for some in trees.values() for tree in some]
    result: list[dict] = []
    for path, rows in rows_by_file.items():
        own = trees.get(path.stem, []) if by_name else everything
        counts = align([row["words"] for row in rows], own)
        result += [
            {**row, "phrase_start": count and count[0], "phrase_end": count and count[1]}
            for row, count in zip(rows, counts, strict=True)
        ]
    missing = [row["sentence_id"] for row in result if row["phrase_start"] is None]
    sources = ", ".join(map(str, brackets))
    if len(missing) == len(result):
        raise CorpusError(
            f"{sources}: none of {len(everything)} trees has the words of a sentence of "
            f"{', '.join(map(str, list(rows_by_file)[:3]))}; expected trees of the same text. "
            "Correct `constituents` in the config, or leave it out."
        )
    if missing:
        logger.warning(
            "%d of %d sentences have no constituents, since no tree in %s has their words: %s%s",
            len(missing),
            len(result),
            sources,
            ", ".join(missing[:5]),
            ", ..." if len(missing) > 5 else "",
        )
    return result


def _tell(left_out: Sequence[str]) -> None:
    if left_out:
        logger.warning("%d trees are left out (the first: %s)", len(left_out), left_out[0])


def _tree_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = bracket_files(path)
    if not files:
        raise CorpusError(f"{path}: no files of trees; expected some named *.ptb or *.mrg.")
    return files


def read_penn(
    folder: str | os.PathLike[str], sections: Mapping[str, Sequence[str | int]] | None = None
) -> dict[str, list[dict]]:
    """Read the Wall Street Journal part of Penn Treebank 3 (LDC99T42) as rows for each split.

    `folder` holds the sections `00` to `24` (`parsed/mrg/wsj` of the release), each with its
    `wsj_XXXX.mrg`. `sections` gives for each split its sections, single (`23`) or as a range
    (`02-21`); `SECTIONS` if None. Rows have words (`plain_word`), `xpos` and constituents; there
    are no heads. A document is a file. Trees that hold nothing, as a parser's `(())`, are left out,
    and how many, with the first of them, goes to the log.

    Raises `ConfigError` if a section is named wrongly or serves two splits, `CorpusError` if the
    folder lacks one, if a tree is at fault otherwise (`assemble`), since its sentence would be
    missing, and as `read_trees` does.
    """
    plan = {split: _section_names(names) for split, names in (sections or SECTIONS).items()}
    taken: dict[str, str] = {}
    for split, names in plan.items():
        for name in names:
            if taken.setdefault(name, split) != split:
                raise ConfigError(
                    f"sections: section {name} is in {taken[name]} and in {split}; expected each "
                    "in one split."
                )
    left_out: list[str] = []
    splits = {
        split: [row for name in names for row in _read_section(Path(folder) / name, left_out)]
        for split, names in plan.items()
    }
    _tell(left_out)
    return splits


def _section_names(sections: Sequence[str | int]) -> list[str]:
    names = []
    for section in sections:
        match = re.fullmatch(r"(\d\d?)(?:-(\d\d?))?", str(section))
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not 0 <= first <= last <= 24:
            raise ConfigError(
                f"sections: {section!r}; expected a section from 00 to 24, or a range such as "
                "02-21."
            )
        names += [f"{number:02d}" for number in range(first, last + 1)]
    return list(dict.fromkeys(names))


def _read_section(folder: Path, left_out: list[str]) -> list[dict]:
    files = bracket_files(folder)
    if not files:
        raise CorpusError(
            f"{folder}: no .mrg files; expected a section of the Penn Treebank there. Point "
            "`folder` at the release's parsed/mrg/wsj."
        )
    rows = []
    for path in files:
        trees, faults = read_trees(path)
        for fault in faults:
            if not fault.empty:
                raise CorpusError(f"{path}, line {fault.line}: {fault.message}.")
            left_out.append(f"{path}, line {fault.line}: {fault.message}")
        for number, tree in enumerate(trees, start=1):
            leaves = preterminals(tree)
            starts, ends = phrase_counts(tree)
            rows.append(
                {
                    "sentence_id": f"{path.stem}-{number}",
                    "document_id": path.stem,
                    "words": [plain_word(leaf.word or "") for leaf in leaves],
                    "xpos": [leaf.label for leaf in leaves],
                    "phrase_start": starts,
                    "phrase_end": ends,
                }
            )
    return rows


def bracket_files(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the files of bracketed trees in a folder, by name; none if there is no folder."""
    return sorted(p for p in Path(folder).glob("*") if p.suffix.lower() in SUFFIXES)
