"""The form in which every corpus is kept: a table with a row for each sentence."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ontogeny.errors import CorpusError
from ontogeny.files import atomic_path
from ontogeny.parquet import read_whole
from ontogeny.results.tables import UNREADABLE

SPLITS = ("train", "dev", "test")

SCHEMA = pa.schema(
    [
        pa.field("sentence_id", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("words", pa.list_(pa.string()), nullable=False),
        pa.field("upos", pa.list_(pa.string())),
        pa.field("xpos", pa.list_(pa.string())),
        pa.field("head", pa.list_(pa.int32())),  # 1-based, 0 = root
        pa.field("deprel", pa.list_(pa.string())),
        pa.field("entity", pa.list_(pa.string())),  # IOB2
        # Constituents, other than the root and the preterminals, that begin or end at the word.
        pa.field("phrase_start", pa.list_(pa.int32())),
        pa.field("phrase_end", pa.list_(pa.int32())),
    ]
)

ANNOTATIONS = ("upos", "xpos", "head", "deprel", "entity", "phrase_start", "phrase_end")
COUNTED = ("head", "phrase_start", "phrase_end")  # integers; the other annotations are strings


def write_split(
    sentences: pd.DataFrame | Sequence[dict],
    path: str | os.PathLike[str],
    source: str | None = None,
) -> None:
    """Check the sentences of one split and write them as parquet, whole or not at all.

    `sentences` has the columns of `SCHEMA`; an annotation that is absent or None is written as
    null, for all sentences or for a single one. Raises `CorpusError` as `check` does, naming
    `source` (the path, if None).
    """
    frame = pd.DataFrame(sentences).reindex(columns=SCHEMA.names)
    rows = [
        {name: None if _is_null(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]
    check(rows, source or str(path))
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    with atomic_path(path) as scratch:
        pq.write_table(table, scratch, compression="zstd", write_page_checksum=True)


def read_split(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read one split: columns as in `SCHEMA`, each cell a list with an entry for each word.

    Annotations that are null come as None. Raises `CorpusError` if the file isn't a corpus split.
    """
    try:
        with open(path, "rb") as handle:
            table = read_whole(handle, checksums=True)
        columns = {name: table.column(name).to_pylist() for name in table.schema.names}
    except UNREADABLE as error:
        raise CorpusError(
            f"{path}: not a readable corpus split ({error}). Delete it and run the workflow again."
        ) from error
    if table.schema.names != SCHEMA.names:
        raise CorpusError(
            f"{path}: its columns are {', '.join(table.schema.names)}; a corpus split has "
            f"{', '.join(SCHEMA.names)}."
        )
    return pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})


def available(sentences: pd.DataFrame) -> tuple[str, ...]:
    """Return the annotations that at least one sentence has, in the order of `ANNOTATIONS`."""
    return tuple(name for name in ANNOTATIONS if sentences[name].notna().any())


def require(
    sentences: pd.DataFrame, annotation: str, source: str, *, purpose: str, remedy: str
) -> None:
    """Raise `CorpusError` if no sentence has an annotation that something needs.

    The message names `source`, the `purpose` and the annotation, and says how to do without
    (`remedy`: what to leave out of the study).
    """
    has = available(sentences)
    if annotation not in has:
        raise CorpusError(
            f"{source}: {purpose} needs the column {annotation}, which this corpus does not have "
            f"(it has {', '.join(has) or 'no annotation'}). {remedy} of the study, or give the "
            "corpus that annotation."
        )


def check(rows: Sequence[dict], source: str) -> None:
    """Raise `CorpusError`, naming source, sentence and word, unless each row is well formed.

    Well formed: at least one sentence; sentence and document are named; at least one word in each
    sentence, none of them empty or mere space; every annotation as long as the sentence, with a
    value for each word; heads between 0 and the sentence's length that form a tree (one root, no
    cycle); entities in IOB2; counts of constituents not negative and balanced over the sentence.
    """
    if not rows:
        raise CorpusError(f"{source}: no sentences; expected at least one.")
    for number, row in enumerate(rows, start=1):
        for name in ("sentence_id", "document_id"):
            if not isinstance(row[name], str):
                raise CorpusError(
                    f"{source}: sentence number {number} has {row[name]!r} as {name}; expected a "
                    "string."
                )
        where = f"{source}: sentence {row['sentence_id']}"
        _check_words(row["words"], where)
        for name in ANNOTATIONS:
            if row[name] is not None:
                _check_annotation(row[name], name, len(row["words"]), where)
        if row["head"] is not None:
            check_heads(row["head"], where)
        if row["entity"] is not None:
            check_iob2(row["entity"], where)
        if row["phrase_start"] is not None or row["phrase_end"] is not None:
            _check_constituents(row["phrase_start"], row["phrase_end"], where)


def _check_words(words: object, where: str) -> None:
    if isinstance(words, str) or not isinstance(words, Sequence | np.ndarray):
        raise CorpusError(f"{where}: its words are {words!r}; expected a list of strings.")
    if len(words) == 0:
        raise CorpusError(f"{where}: has no words.")
    for position, word in enumerate(words, start=1):
        if not isinstance(word, str) or not word.strip():
            raise CorpusError(
                f"{where}, word {position}: is {word!r}; expected a string that is not blank."
            )


def _check_annotation(values: Sequence, name: str, length: int, where: str) -> None:
    if len(values) != length:
        raise CorpusError(f"{where}: {len(values)} values of {name} for {length} words.")
    kinds = int | np.integer if name in COUNTED else str
    for position, value in enumerate(values, start=1):
        if not isinstance(value, kinds):
            expected = "an integer" if name in COUNTED else "a string"
            raise CorpusError(
                f"{where}, word {position}: {name} is {value!r}; expected {expected}."
            )


def check_heads(heads: Sequence[int], where: str) -> None:
    """Raise `CorpusError` unless the heads (1-based, 0 = root) form a tree with one root."""
    length = len(heads)
    for position, head in enumerate(heads, start=1):
        if not 0 <= head <= length:
            raise CorpusError(
                f"{where}, word {position}: head {head} is out of range; expected 0 to {length}."
            )
    roots = [position for position, head in enumerate(heads, start=1) if head == 0]
    if len(roots) != 1:
        raise CorpusError(f"{where}: {len(roots)} roots; expected one word with head 0.")
    if word := find_cycle(heads):
        raise CorpusError(f"{where}, word {word}: its heads form a cycle; expected a tree.")


def find_cycle(heads: Sequence[int]) -> int:
    """Return a word (1-based) that is its own ancestor, or 0 if there is none.

    `heads`, shape (words,), is 1-based with 0 for a root, and within range.
    """
    # Path doubling: after k rounds every word points to its 2^k-th ancestor; in a tree all are
    # the root's parent (0) after log2(length) rounds. What is left then lies on a cycle.
    ancestors = np.concatenate([[0], np.asarray(heads)])
    for _ in range(len(heads).bit_length()):
        ancestors = ancestors[ancestors]
    return int(ancestors.max())


def check_iob2(tags: Sequence[str], where: str) -> None:
    """Raise `CorpusError` unless the entity tags are O, B-type, or I-type after the same type."""
    if word := find_iob2_break(tags):
        previous = tags[word - 2] if word > 1 else "O"
        raise CorpusError(
            f"{where}, word {word}: entity tag {tags[word - 1]!r} after {previous!r} is not IOB2."
        )


def find_iob2_break(tags: Sequence[str]) -> int:
    """Return the first word (1-based) whose tag breaks IOB2, or 0 if none does."""
    previous = "O"
    for position, tag in enumerate(tags, start=1):
        prefix, _, kind = tag.partition("-")
        begins = prefix == "B" and kind
        continues = prefix == "I" and kind and previous in (f"B-{kind}", f"I-{kind}")
        if not (tag == "O" or begins or continues):
            return position
        previous = tag
    return 0


def _check_constituents(
    starts: Sequence[int] | None, ends: Sequence[int] | None, where: str
) -> None:
    if starts is None or ends is None:
        raise CorpusError(f"{where}: phrase_start and phrase_end; one is null, the other is not.")
    open_constituents = np.cumsum(starts) - np.cumsum(ends)
    if min(starts) < 0 or min(ends) < 0 or open_constituents.min() < 0 or open_constituents[-1]:
        raise CorpusError(f"{where}: constituents that begin and end don't balance.")


def _is_null(value: object) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def split_path(folder: str | os.PathLike[str], split: str) -> Path:
    """Return where a corpus folder keeps a split (`train`, `dev` or `test`)."""
    return Path(folder) / f"{split}.parquet"
