"""Named entities from CoNLL-U's MISC column, as one IOB2 tag for each word."""

import re
from collections.abc import Sequence
from itertools import accumulate

# One item of an `Entity=` value: "(attributes" opens a span, "(attributes)" is a span of one word,
# "id)" closes one. Brackets inside an attribute are percent-encoded by the format.
ITEM = re.compile(r"\((?P<opens>[^()]+)(?P<whole>\))?|(?P<closes>[^()]+)\)")
UNTYPED = "untyped"  # a mention whose type the treebank leaves blank


def spans_from_brackets(
    values: Sequence[str | None], fields: Sequence[str]
) -> list[tuple[int, int, str]]:
    """Return the entity spans of a sentence as (first node, last node, type), 0-based, inclusive.

    `values` has for each node of the sentence, words and empty nodes in their order, its `Entity=`
    value as GUM and CorefUD 1.0 write it (Nedoluzhko et al. 2022), or None; `fields` are the names
    of the attributes, in order, from the file's `# global.Entity` comment. Spans may nest and
    cross. A closing bracket ends the latest open span of its id, and each part of a discontinuous
    mention is a span of its own.

    The type may be blank (`(e1--1`), or left out with all that follows it (`(e1)`): CorefUD has
    treebanks that annotate coreference and no types, or types of some entities alone. Such a
    mention is of a type of its own, `UNTYPED`. That it is a mention is annotated, so "no entity"
    would be wrong of its words, and so would be the type of a wider mention around it.

    Raises `ValueError` with the 0-based node and a message if brackets don't match.
    """
    identifier = fields.index("GRP") if "GRP" in fields else fields.index("eid")
    kind = fields.index("etype")
    spans: list[tuple[int, int, str]] = []
    opened: list[tuple[str, str, int]] = []  # id, type, first word
    for position, value in enumerate(values):
        if value is None:
            continue
        if ITEM.sub("", value):
            raise ValueError(position, f"Entity={value!r} is not a series of (..., (...) and ...)")
        for item in ITEM.finditer(value):
            if item["opens"] is None:
                matching = [i for i, (name, _, _) in enumerate(opened) if name == item["closes"]]
                if not matching:
                    raise ValueError(
                        position, f"Entity={value!r} closes {item['closes']}, which is not open"
                    )
                _, type_, start = opened.pop(matching[-1])
                spans.append((start, position, type_))
                continue
            # The last attribute may hold hyphens of its own: the name of a Wikipedia article.
            attributes = item["opens"].split("-", len(fields) - 1)
            attributes += [""] * (len(fields) - len(attributes))
            name, type_ = attributes[identifier], attributes[kind] or UNTYPED
            if not name:
                raise ValueError(position, f"Entity={value!r} opens an entity without an id")
            if item["whole"]:
                spans.append((position, position, type_))
            else:
                opened.append((name, type_, position))
    if opened:
        name, _, start = opened[-1]
        raise ValueError(start, f"entity {name} is not closed in its sentence")
    return sorted(spans)


def overt_spans(
    spans: Sequence[tuple[int, int, str]], overt: Sequence[bool]
) -> list[tuple[int, int, str]]:
    """Return spans of nodes as spans of words, both 0-based and inclusive; those of none left out.

    `overt` says of each node whether it is a word: CorefUD's mentions may begin or end on an empty
    node, which stands for what is left out, and be nothing else (a dropped subject). A span that
    begins on one begins at the next word, one that ends on one ends at the last word before it.
    Of spans of the same words the one of more nodes comes first, as around the other.
    """
    words = [0, *accumulate(overt)]  # before each node
    found = [
        (words[first], words[last + 1] - 1, first - last, type_) for first, last, type_ in spans
    ]
    in_order = sorted((span for span in found if span[0] <= span[1]), key=lambda span: span[:3])
    return [(first, last, type_) for first, last, _, type_ in in_order]


def innermost_tags(length: int, spans: Sequence[tuple[int, int, str]]) -> list[str]:
    """Return one IOB2 tag for each of `length` words: the type of the smallest span around it.

    Probing asks for one type a word, and mentions nest: in "the mayor of Paris" the whole is a
    person and "Paris" a place. The innermost span is taken, for two reasons. It is what flat
    schemes such as OntoNotes' annotate, so that results on either compare; and it says what the
    word itself helps to name, where the outermost would label whole relative clauses by the noun
    they hang on. Of two spans of one length around a word, the one that begins later counts; of
    two on the same words, the one that comes later in `spans`.

    Where an outer span goes on after an inner one, IOB2 makes it begin again: "B-".
    """
    owner = [-1] * length
    order = sorted(range(len(spans)), key=lambda i: (spans[i][0] - spans[i][1], spans[i][0]))
    for index in order:  # the widest first, so that the smallest has the last word
        start, end, _ = spans[index]
        owner[start : end + 1] = [index] * (end + 1 - start)
    tags = []
    previous = -1
    for index in owner:
        if index < 0:
            tags.append("O")
        else:
            tags.append(("I-" if index == previous else "B-") + spans[index][2])
        previous = index
    return tags
