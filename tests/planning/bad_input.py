"""The table of cases of bad input, and the names of its entries in the design's list."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DESIGN_LIST = (
    "unknown key",
    "misspelt study",
    "task the corpus cannot serve",
    "step that a run does not have",
    "missing checkpoint",
    "truncated checkpoint",
    "hash mismatch",
    "malformed CoNLL-U",
    "sentence longer than the model",
    "trees whose words do not match",
    "tokenizer that drops a word",
    "NaN in training",
    "disk full",
)


@dataclass(frozen=True)
class Case:
    """What is wrong, how to bring it about, and what is said of it.

    `provoke(folder, whole)` makes its input in `folder` and may write into `folder/out` alone;
    `whole` is a trajectory without fault. `error` None: it is no error, but is logged.
    """

    name: str
    error: type[Exception] | None
    parts: tuple[str, ...]
    provoke: Callable[[Path, Path], None]


CASES: list[Case] = []


def case(name, error, *parts):
    """Enter the decorated function into the table; FOLDER in a part is the folder of the test."""

    def enter(provoke):
        CASES.append(Case(name, error, parts, provoke))
        return provoke

    return enter
