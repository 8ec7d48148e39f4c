"""Constituents: trees, what begins and ends at each word, and trees aligned to sentences."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from ontogeny.errors import CorpusError

WRAPPERS = ("", "ROOT", "TOP", "S1", "VROOT")
EMPTY_ELEMENT = "-NONE-"

FUNCTION_TAG = re.compile(r"[-=|]")
ESCAPED_BRACKET = re.compile(r"-(?:LRB|RRB|LSB|RSB|LCB|RCB)-")
BRACKETS = dict(zip(("LRB", "RRB", "LSB", "RSB", "LCB", "RCB"), "()[]{}", strict=True))
# What two treebanks of one text may write differently without meaning another word.
QUOTES = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'"})

# What a tree is assembled from: ("open", label, line), ("word", word, line), ("close", "", line).
Event = tuple[str, str, int]


@dataclass(slots=True)
class Tree:
    """A constituent or, with a word and no children, a preterminal."""

    label: str
    children: list["Tree"] = field(default_factory=list)
    word: str | None = None


class Fault(NamedTuple):
    """What is wrong with a tree, on which line, and whether it is just that it holds nothing."""

    line: int
    message: str
    empty: bool = False


def assemble(
    events: Iterable[Event], source: str, faults: list[Fault] | None = None
) -> Iterator[Tree]:
    """Yield the trees that a series of brackets and words forms.

    Empty elements (`-NONE-`: traces, null complementisers) are dropped, with the constituents that
    hold nothing else; labels lose function tags and indices (`NP-SBJ-1` is `NP`); words stay as
    written. Wrappers stay too: `phrase_counts` sees through them. A tree of empty elements only is
    left out.

    A tree is at fault if it holds nothing but wrappers, as a parser's `(())` for a sentence without
    one; if a bracket in it holds nothing, or a constituent other than a wrapper holds one without a
    label; or if not each word stands in a bracket of its own, after its tag. With `faults` it is
    left out and the first of its faults added there, else it is refused.

    Raises `CorpusError`, naming `source` and the line, if brackets don't match or a word stands
    outside of all; without `faults`, if a tree is at fault.
    """
    stack: list[tuple[Tree, int]] = []
    own: list[Fault] = []  # of the tree at hand
    bare = True  # nothing but wrappers so far
    for kind, text, line in events:
        if kind == "open":
            stack.append((Tree(_category(text)), line))
            bare = bare and text in WRAPPERS
        elif kind == "word":
            bare = False
            if not stack or stack[-1][0].children or stack[-1][0].word is not None:
                message = (
                    f"the word {text!r} stands alone; expected it in brackets of its own with its "
                    "tag before it"
                )
                own.append(Fault(line, message))
            if not stack:
                raise _refused(source, own[0])
            stack[-1][0].word = text
        elif not stack:
            message = "a closing bracket too many; expected an opening one"
            raise _refused(source, Fault(line, message))
        else:
            tree, first = stack.pop()
            parent = stack[-1][0] if stack else None
            own += _faults_of(tree, parent, first, line)
            if parent is not None:
                parent.children.append(tree)
                continue
            if bare:
                own = [Fault(first, "brackets around nothing; expected a tree", empty=True)]
            if own and faults is None:
                raise _refused(source, own[0])
            if own and faults is not None:
                faults.append(own[0])
            elif (whole := _without_empty(tree)) is not None:
                yield whole
            own, bare = [], True
    if stack:
        message = (
            "the tree that begins here isn't closed; expected a closing bracket for each opening "
            "one"
        )
        raise _refused(source, (own or [Fault(stack[0][1], message)])[0])


def _faults_of(tree: Tree, parent: Tree | None, first: int, last: int) -> Iterator[Fault]:
    """Yield what is wrong with a bracket that is closed, from the `first` line to the `last`."""
    if tree.word is None and not tree.children and tree.label != EMPTY_ELEMENT:
        yield Fault(
            last,
            f"the brackets of {tree.label or 'no label'} hold nothing; expected a word or "
            "constituents",
        )
    elif not tree.label and parent is not None and parent.label not in WRAPPERS:
        yield Fault(first, f"brackets without a label inside {parent.label}; expected one")
    if parent is not None and parent.word is not None:
        yield Fault(
            last,
            f"a constituent beside the word {parent.word!r}; expected nothing but a word beside "
            "its tag",
        )


def _refused(source: str, fault: Fault) -> CorpusError:
    return CorpusError(f"{source}, line {fault.line}: {fault.message}.")


@lru_cache(maxsize=1 << 16)
def _category(label: str) -> str:
    """Return a label without function tags and indices: NP-SBJ-1 is NP, -LRB- and PRP$ stay."""
    if label.startswith("-"):
        return label
    return FUNCTION_TAG.split(label, maxsplit=1)[0] or label


def _without_empty(tree: Tree) -> Tree | None:
    """Return the tree without its empty elements, None if it has no other word."""
    # Not recursive, since coordinations of speech can be deeper than Python's stack.
    for node in _children_first(tree):
        if node.children:
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
    length = len(preterminals(top))
    starts, ends = [0] * length, [0] * length
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
    """Return a word as its text has it: `-LRB-` as (, paired grave accents as ", `1\\/2` as 1/2.

    Brackets are restored inside words too (`friend-LRB-s-RRB-`). OntoNotes writes a slash before
    `.`, `?` and `-` that stand alone where markup would have taken them; it goes.
    """
    if word in ("``", "''"):
        return '"'
    if len(word) == 2 and word[0] == "/" and word[1] in ".?-":
        return word[1]
    word = ESCAPED_BRACKET.sub(lambda escape: BRACKETS[escape[0].strip("-")], word)
    return word.replace("\\/", "/").replace("\\*", "*")


def align(
    sentences: Sequence[Sequence[str]], trees: Sequence[Tree]
) -> list[tuple[list[int], list[int]] | None]:
    """Return for each sentence the `phrase_counts` of its tree, None where it has none.

    A tree belongs to a sentence if its words are the same, apart from escapes of brackets and the
    shape of quotation marks, and if trees and sentences follow in the same order. As many
    sentences as possible get a tree (the longest common subsequence: Hunt and Szymanski 1977), so
    that a tree which is missing, superfluous or of other words costs one sentence and no more.
    """
    places: dict[tuple[str, ...], list[int]] = {}
    for place, tree in enumerate(trees):
        words = tuple(_comparable(leaf.word or "") for leaf in preterminals(tree))
        places.setdefault(words, []).append(place)
    # Of the common subsequences of each length so far: the last tree of the one that ends first,
    # and that pair of sentence and tree with the pairs before it.
    ends: list[int] = []
    chains: list[_Chain] = []
    for number, sentence in enumerate(sentences):
        for place in reversed(places.get(tuple(map(_comparable, sentence)), [])):
            length = bisect_left(ends, place)
            chain = _Chain(number, place, chains[length - 1] if length else None)
            ends[length : length + 1] = [place]
            chains[length : length + 1] = [chain]
    counts: list[tuple[list[int], list[int]] | None] = [None] * len(sentences)
    pair = chains[-1] if chains else None
    while pair is not None:
        counts[pair.sentence] = phrase_counts(trees[pair.tree])
        pair = pair.before
    return counts


class _Chain(NamedTuple):
    sentence: int
    tree: int
    before: "_Chain | None"


@lru_cache(maxsize=1 << 16)
def _comparable(word: str) -> str:
    return plain_word("".join(word.split())).translate(QUOTES)
