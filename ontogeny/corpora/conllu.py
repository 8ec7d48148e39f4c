"""Universal Dependencies treebanks in CoNLL-U."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conllu.exceptions import ParseException
from conllu.parser import parse_int_value

from ontogeny.corpora.conllu_format import (
    DEPREL,
    FORM,
    HEAD,
    MISC,
    UPOS,
    XPOS,
    Sentence,
    read_sentences,
)
from ontogeny.corpora.corpus import find_cycle, find_iob2_break
from ontogeny.corpora.entities import innermost_tags, overt_spans, spans_from_brackets
from ontogeny.corpora.penn import add_constituents
from ontogeny.errors import CorpusError

ABSENT = "_"
UNDERSCORES = ("PUNCT", "SYM")  # what an underscore of the text is tagged as

logger = logging.getLogger("ontogeny")


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
    is `# newdoc id`, else the file name, with a number if the document begins within the file. A
    column that is "_" for all words of a sentence isn't given, and null there. A single "_" among
    XPOS tags stays as a tag, since treebanks may leave XPOS empty for some words; among UPOS, HEAD
    or DEPREL it is an error.

    `entities` says where entities stand: "Entity" for bracketed spans in MISC as GUM and CorefUD
    write them (of nested spans the innermost counts: `innermost_tags`; brackets on empty nodes:
    `overt_spans`; blank types: `spans_from_brackets`), any other word for a key of MISC that holds
    an IOB2 tag, a word without it being "O". `constituents` are files of bracketed trees, or
    folders of them (`penn.add_constituents`). What isn't asked for is null.

    The log tells, with their number and the place of the first, of words that were withheld in a
    part of the files (`withheld_words`), of documents whose id is empty, and of mentions without a
    word, which are left out.

    Raises `CorpusError`, naming file and line, what was found and what was expected, if a file
    breaks the format: encoding, number of columns, ids, ranges, heads that don't form a tree with
    one root, entities, no sentences, or words all of which were withheld.
    """
    told: dict[str, list[str]] = {"withheld": [], "unnamed": [], "without a word": []}
    rows_by_file: dict[Path, list[dict]] = {}
    found_entities = False
    for path in map(Path, paths):
        document, documents, fields = path.stem, 0, None
        rows = rows_by_file[path] = []
        for number, sentence in enumerate(read_sentences(path), start=1):
            where = f"{path}, line {sentence.line}"
            if "newdoc" in sentence.comments or "newdoc id" in sentence.comments:
                documents += 1
                document = sentence.comments.get("newdoc id") or f"{path.stem}-{documents}"
            if sentence.unnamed:
                told["unnamed"].append(f"{path}, line {sentence.unnamed}")
            fields = sentence.comments.get("global.Entity", fields)
            row = _row(sentence, path)
            row["sentence_id"] = sentence.comments.get("sent_id") or f"{path.stem}-{number}"
            row["document_id"] = document
            told["withheld"] += [where] * withheld_words(row)
            if entities is not None:
                row["entity"], found, dropped = _entities(entities, fields, sentence, path)
                found_entities |= found
                told["without a word"] += [where] * dropped
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
    everything = [row for rows in rows_by_file.values() for row in rows]
    _tell(told, everything)
    return everything if constituents is None else add_constituents(rows_by_file, constituents)


def withheld_words(row: Mapping[str, Any]) -> int:
    """Return how many words of a sentence are "_" since its treebank may not give the text.

    An underscore of the text is "_" too, but punctuation or a symbol. So all count if one of them
    is tagged as something else, or has no tag, and else none.
    """
    tags = [
        row["upos"][place] if row.get("upos") else None
        for place, word in enumerate(row["words"])
        if word == ABSENT
    ]
    return 0 if all(tag in UNDERSCORES for tag in tags) else len(tags)


def _tell(told: Mapping[str, Sequence[str]], rows: Sequence[Mapping[str, Any]]) -> None:
    """Say in the log what was read though it is odd; `told` has for each kind all places."""
    messages = {
        "withheld": (
            f"of {sum(len(row['words']) for row in rows)} words are {ABSENT!r} for text that was "
            "withheld, and are read as they stand. Restore them as the treebank's README says"
        ),
        "unnamed": (
            "documents have an empty `# newdoc id =`, and are named after their file and number"
        ),
        "without a word": "mentions have empty nodes alone, no word, and are left out of `entity`",
    }
    for kind, places in told.items():
        if places:
            logger.warning("%d %s (the first: %s)", len(places), messages[kind], places[0])


def _row(sentence: Sentence, path: Path) -> dict:
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


def _heads(values: Sequence[str], sentence: Sentence, path: Path) -> list[int]:
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
    key: str, fields: str | None, sentence: Sentence, path: Path
) -> tuple[list[str], bool, int]:
    """Return the tags of a sentence, whether a word has the key, and how many mentions have none.

    The last are the mentions of empty nodes alone.
    """
    if key != "Entity":
        values = [_misc(columns[MISC], key) for columns in sentence.words]
        tags = ["O" if value is None else value for value in values]
        if word := find_iob2_break(tags):
            raise CorpusError(
                f"{path}, line {sentence.lines[word - 1]}: {key}={tags[word - 1]} after "
                f"{tags[word - 2] if word > 1 else 'the start of the sentence'} is not IOB2; "
                "expected O, B-TYPE, or I-TYPE after a tag of the same type."
            )
        return tags, any(value is not None for value in values), 0
    lines, columns, overt = zip(*sentence.nodes, strict=True)
    brackets = [_misc(column, key) for column in columns]
    found = any(value is not None for value in brackets)
    if not any(brackets):  # nor is there need to know the order of fields
        return innermost_tags(len(sentence.words), []), found, 0
    names = (fields or "").split("-")
    if not ("etype" in names and {"GRP", "eid"} & set(names)):
        raise CorpusError(
            f"{path}, line {sentence.line}: Entity= without the order of its fields (found "
            f"{fields!r}); expected a comment such as `# global.Entity = GRP-etype-identity` in "
            "this sentence or before it."
        )
    try:
        spans = spans_from_brackets(brackets, names)
    except ValueError as error:
        position, message = error.args
        raise CorpusError(
            f"{path}, line {lines[position]}: {message}; expected matching brackets."
        ) from error
    of_words = overt_spans(spans, overt)
    return innermost_tags(len(sentence.words), of_words), found, len(spans) - len(of_words)
