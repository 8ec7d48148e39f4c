"""The splits of a corpus on disk, and the statistics beside them."""

import csv
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from ontogeny.corpora.corpus import ANNOTATIONS, SPLITS, split_path, write_split
from ontogeny.files import atomic_path

Row = tuple[str, str, int | str]  # of the statistics: split, metric, value


def write_splits(
    name: str,
    splits: Mapping[str, Sequence[dict]],
    folder: str | os.PathLike[str],
    further: Sequence[Row] = (),
) -> None:
    """Write `{split}.parquet` for the splits of a corpus, and `statistics.tsv`, to `folder`.

    The latter holds `statistics`, then what is `further` known. Nothing is put in place before all
    is written. A split that the corpus no longer has is removed. Raises `CorpusError` as
    `write_split` does.
    """
    with ExitStack() as stack:
        for split, rows in splits.items():
            scratch = stack.enter_context(atomic_path(split_path(folder, split)))
            write_split(rows, scratch, source=f"corpora: {name}: {split}")
        scratch = stack.enter_context(atomic_path(Path(folder) / "statistics.tsv"))
        with open(scratch, "w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
            writer.writerow(["split", "metric", "value"])
            writer.writerows(statistics(splits))
            writer.writerows(further)
    for split in SPLITS:
        if split not in splits:
            split_path(folder, split).unlink(missing_ok=True)


def statistics(splits: Mapping[str, Sequence[dict]]) -> list[Row]:
    """Return the size of each split as (split, metric, value).

    Metrics: `sentences`, `words`, `word_types`, `documents`; `sentences_without_X` for each
    annotation X (`constituents` for phrase_start and phrase_end); `upos_X`, the words of each tag;
    `entities_X`, the spans of each type.
    """
    table: list[Row] = []
    for split, rows in splits.items():
        words = [word for row in rows for word in row["words"]]
        numbers = {
            "sentences": len(rows),
            "words": len(words),
            "word_types": len(set(words)),
            "documents": len({row["document_id"] for row in rows}),
        }
        for column in ANNOTATIONS:
            label = "constituents" if column == "phrase_start" else column
            if column != "phrase_end":
                numbers[f"sentences_without_{label}"] = sum(row.get(column) is None for row in rows)
        tags = Counter(tag for row in rows for tag in row.get("upos") or ())
        spans = Counter(
            tag[2:] for row in rows for tag in row.get("entity") or () if tag.startswith("B-")
        )
        numbers |= {f"upos_{tag}": count for tag, count in sorted(tags.items())}
        numbers |= {f"entities_{kind}": count for kind, count in sorted(spans.items())}
        table += [(split, metric, value) for metric, value in numbers.items()]
    return table
