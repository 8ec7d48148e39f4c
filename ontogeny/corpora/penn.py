"""Constituents from Penn Treebank brackets, alone or aligned to the sentences of a treebank."""

import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from ontogeny.corpora.text import read_lines
from ontogeny.errors import ConfigError, CorpusError

WRAPPERS = ("", "ROOT", "TOP", "S1", "VROOT")
EMPTY_ELEMENT = "-NONE-"
SUFFIXES = (".ptb", ".mrg")
# Sections of the Wall Street Journal by split, as parsing has used them since Collins (1997).
SECTIONS = {"train": ["02-21"], "dev": ["22"], "test": ["23"]}

BRACKET = re.compile(r"\(|\)|[^\s()]+")
ESCAPES = {
    "-LRB-": "(",
    "-RRB-": ")",
    "-LSB-": "[",
    "-RSB-": "]",
    "-LCB-": "{",
    "-RCB-": "}",
    "``": '"',
    "''": '"',
}
# What two treebanks of one text may write differently without meaning another word.
QUOTES = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'"})

logger = logging.getLogger("ontogeny")


@dataclass
class Tree:
    """A constituent or, with a word and no children, a preterminal."""

    label: str
    children: list["Tree"] = field(default_factory=list)
    word: str | None = None


def read_trees(path: str | os.PathLike[str]) -> list[Tree]:
    """Read a file of bracketed trees (`.mrg` of the Penn Treebank, `.ptb` of GUM), however broken.

    Empty elements (`-NONE-`: traces, null complementisers) are dropped, with the constituents that
    hold nothing else; labels lose function tags and indices (`NP-SBJ-1` is `NP`); words stay as
    written. Wrappers stay too: `phrase_counts` sees through them. A tree of empty elements only is
    left out.

    Raises `CorpusError`, naming file and line, if brackets don't match, a bracket holds nothing,
    or a word stands outside a preterminal; also if the file is absent, not UTF-8, or has no tree.
    """
    trees = list(assemble(_events(path), str(path)))
    if not trees:
        raise CorpusError(f"{path}: no trees; expected Penn Treebank brackets.")
    return trees


# What a tree is assembled from: ("open", label, line), ("word", word, line), ("close", "", line).
Event = tuple[str, str, int]


def _events(path: str | os.PathLike[str]) -> Iterator[Event]:
    opened = False  # the latest event is a bracket, so that a symbol is its label
    for number, line in enumerate(read_lines(path), start=1):
        for symbol in BRACKET.findall(line):
            if opened:
                opened = False
                if symbol not in "()":
                    yield "open", symbol, number
                    continue
                yield "open", "", number
            if symbol == "(":
                opened = True
            else:
                yield ("close", "", number) if symbol == ")" else ("word", symbol, number)
    if opened:
        yield "open", "", number


def assemble(events: Iterable[Event], source: str) -> Iterator[Tree]:
    """Yield the trees that a series of brackets and words forms; as `read_trees` otherwise."""
    stack: list[tuple[Tree, int]] = []
    for kind, text, line in events:
        where = f"{source}, line {line}"
        if kind == "open":
            stack.append((Tree(_category(text)), line))
        elif kind == "word":
            if not stack or stack[-1][0].children or stack[-1][0].word is not None:
                raise CorpusError(
                    f"{where}: the word {text!r} stands alone; expected it in brackets of its own "
                    "with its tag before it."
                )
            stack[-1][0].word = text
        else:
            if not stack:
                raise CorpusError(f"{where}: a closing bracket too many; expected an opening one.")
            tree, start = stack.pop()
            if tree.word is None and not tree.children and tree.label != EMPTY_ELEMENT:
                raise CorpusError(
                    f"{where}: the brackets of {tree.label or 'no label'} hold nothing; expected a "
                    "word or constituents."
                )
            if stack and stack[-1][0].word is not None:
                raise CorpusError(
                    f"{where}: a constituent beside the word {stack[-1][0].word!r}; expected "
                    "nothing but a word beside its tag."
                )
            if stack:
                stack[-1][0].children.append(tree)
            elif (whole := _without_empty(tree)) is not None:
                yield whole
    if stack:
        raise CorpusError(
            f"{source}, line {stack[0][1]}: the tree that begins here isn't closed; expected a "
            "closing bracket for each opening one."
        )


def _category(label: str) -> str:
    """Return a label without function tags and indices: NP-SBJ-1 is NP, -LRB- and PRP$ stay."""
    if label.startswith("-"):
        return label
    return re.split(r"[-=|]", label, maxsplit=1)[0] or label


def _without_empty(tree: Tree) -> Tree | None:
    """Return the tree without its empty elements, None if it has no other word."""
    # Not recursive, since coordinations of speech can be deeper than Python's stack.
    for node in _children_first(tree):
        node.children = [c for c in node.children if c.children or _is_word(c)]
    return tree if tree.children or _is_word(tree) else None


def _is_word(node: Tree) -> bool:
    return node.word is not None and node.label != EMPTY_ELEMENT


def _children_first(tree: Tree) -> list[Tree]:
    """Return all nodes, each after its children, and children from the last to the first."""
    order, stack = [], [tree]
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(node.children)
    return order[::-1]


def preterminals(tree: Tree) -> list[Tree]:
    """Return the preterminals from left to right."""
    leaves, stack = [], [tree]
    while stack:
        node = stack.pop()
        if node.word is not None:
            leaves.append(node)
        stack.extend(reversed(node.children))
    return leaves


def root(tree: Tree) -> Tree:
    """Return the topmost constituent, or preterminal, below the wrappers.

    Treebanks wrap a tree in brackets without a label, or in ROOT or TOP, and others don't wrap it.
    So a wrapper around a single constituent isn't part of the tree; around several it is its root.
    """
    while tree.label in WRAPPERS and tree.word is None and len(tree.children) == 1:
        tree = tree.children[0]
    return tree


def phrase_counts(tree: Tree) -> tuple[list[int], list[int]]:
    """Return how many constituents begin, and how many end, at each word; two lists (words,).

    Neither the root (`root`: it would begin and end every sentence, and tell nothing) nor the
    preterminals count. Of a unary chain each node counts.
    """
    top = root(tree)
    starts, ends = [0] * len(preterminals(top)), [0] * len(preterminals(top))
    position = 0
    stack = [(top, False)]
    while stack:
        node, done = stack.pop()
        if node.word is not None:
            position += 1
        elif done:
            ends[position - 1] += node is not top
        else:
            starts[position] += node is not top
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node.children))
    return starts, ends


def plain_word(word: str) -> str:
    """Return a word as its text has it: `-LRB-` as (, a pair of grave accents as ", `1\\/2` as 1/2.

    OntoNotes writes a slash before `.`, `?` and `-` that stand alone where the Penn Treebank would
    take them for markup; it goes too.
    """
    if word in ESCAPES:
        return ESCAPES[word]
    if len(word) == 2 and word[0] == "/" and word[1] in ".?-":
        return word[1]
    return word.replace("\\/", "/").replace("\\*", "*")


def align(
    sentences: Sequence[Sequence[str]], trees: Sequence[Tree]
) -> list[tuple[list[int], list[int]] | None]:
    """Return for each sentence the `phrase_counts` of its tree, None where it has none.

    A tree belongs to a sentence if its words are the same, apart from escapes of brackets and the
    shape of quotation marks; and trees and sentences follow in the same order. A tree that is
    missing, superfluous or of other words so costs one sentence and no more.
    """
    wanted = [tuple(_comparable(word) for word in words) for words in sentences]
    leaves = [[leaf.word or "" for leaf in preterminals(tree)] for tree in trees]
    given = [tuple(map(_comparable, words)) for words in leaves]
    counts: list[tuple[list[int], list[int]] | None] = [None] * len(sentences)
    matcher = SequenceMatcher(a=wanted, b=given, autojunk=False)
    for first, tree, length in matcher.get_matching_blocks():
        for offset in range(length):
            counts[first + offset] = phrase_counts(trees[tree + offset])
    return counts


def _comparable(word: str) -> str:
    return plain_word("".join(word.split())).translate(QUOTES)


def add_constituents(rows: Sequence[dict], trees: Sequence[Tree], source: str) -> list[dict]:
    """Return the rows with `phrase_start` and `phrase_end` from the trees that match them.

    Sentences without a matching tree have null there; how many, and the first of them, goes to
    the log as a warning. `source` names the sentences' file in it.
    """
    counts = align([row["words"] for row in rows], trees)
    missing = [row["sentence_id"] for row, count in zip(rows, counts, strict=True) if count is None]
    if missing:
        logger.warning(
            "%s: %d of %d sentences have no constituents, since no tree has their words (%d trees "
            "read): %s%s",
            source,
            len(missing),
            len(rows),
            len(trees),
            ", ".join(missing[:5]),
            ", ..." if len(missing) > 5 else "",
        )
    return [
        {**row, "phrase_start": count and count[0], "phrase_end": count and count[1]}
        for row, count in zip(rows, counts, strict=True)
    ]


def read_penn(
    folder: str | os.PathLike[str], sections: Mapping[str, Sequence[str | int]] | None = None
) -> dict[str, list[dict]]:
    """Read the Wall Street Journal part of Penn Treebank 3 (LDC99T42) as rows for each split.

    `folder` holds the sections `00` to `24` (`parsed/mrg/wsj` of the release), each with its
    `wsj_XXXX.mrg`. `sections` gives for each split its sections, single (`23`) or as a range
    (`02-21`); `SECTIONS` if None. Rows have words (`plain_word`), `xpos` and constituents; there
    are no heads. A document is a file.

    Raises `ConfigError` if a section is named wrongly or serves two splits, `CorpusError` if the
    folder lacks one, and as `read_trees` does.
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
    return {
        split: [row for name in names for row in _read_section(Path(folder) / name)]
        for split, names in plan.items()
    }


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


def _read_section(folder: Path) -> list[dict]:
    files = bracket_files(folder)
    if not files:
        raise CorpusError(
            f"{folder}: no .mrg files; expected a section of the Penn Treebank there. Point "
            "`folder` at the release's parsed/mrg/wsj."
        )
    rows = []
    for path in files:
        for number, tree in enumerate(read_trees(path), start=1):
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
