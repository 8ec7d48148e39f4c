"""What the page shows of a study: panels, each a drawing of rows of one table, declared.

A study that declares none is shown all the same, by what its tables say of their columns
(`default_panels`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ontogeny.results.tables import Table

# Columns that all panels share, and that are never named in one.
CLOCK = ("run", "seed", "step")
MOST_LINES = 8  # that colours can tell apart
NOTHING = "–"  # what stands where a column has no value


@dataclass(frozen=True)
class Panel:
    """A panel of the page.

    `kind` is one of
    - `curves`: the value by step, a line for each value of the column `series`;
    - `heatmap`: the value as a colour, by step and upwards by the column `series`;
    - `profile`: the value by the column `across`, at the slider's step, a line for each `series`;
    - `timeline`: steps with their intervals, a lane for each value of `series`.

    Of the table come the rows of `metrics` that have in each column of `keep` the value, or one of
    the values, named there (None: null). Of `choices` and of the column `task` a reader sees one
    value at a time; the page has one choice of the task for all panels. `metric` is a column like
    any other. What is named nowhere is averaged over, seeds never. `null` is what the column
    `series` means by no value.
    """

    title: str
    table: Table
    kind: Literal["curves", "heatmap", "profile", "timeline"]
    metrics: tuple[str, ...]
    series: str = ""
    across: str = ""
    task: str = ""
    choices: tuple[str, ...] = ()
    null: str = NOTHING
    keep: Mapping[str, Any] = field(default_factory=dict)

    def order(self, column: str) -> tuple[str, ...]:
        """Return the values of a column in the order in which they are declared, if they are."""
        if column == "metric":
            return self.metrics
        return next((found.values for found in self.table.columns if found.name == column), ())

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that tell the panel's rows apart, in the order in which they are chosen."""
        names = [key.name for key in self.table.keys]
        clock = [name for name in CLOCK if name in names]
        shown = (*clock[:1], self.task, *self.choices, *clock[1:], self.series, self.across)
        return tuple(dict.fromkeys(name for name in shown if name))


@dataclass(frozen=True)
class Section:
    """A part of the page: a study with its panels, and links to its static figures.

    `figures` maps the path of each, relative to the page, to what it shows.
    """

    name: str
    title: str
    question: str
    panels: Sequence[Panel]
    figures: Mapping[str, str]


def is_timeline(table: Table) -> bool:
    """Say whether a table tells of milestones: when each came, of which study, run and seed."""
    names = {column.name for column in table.columns}
    return {"milestone", "study", "run", "seed", "low", "high"} <= names


def default_panels(tables: Iterable[Table]) -> list[Panel]:
    """Return panels for tables that none is declared of: of each that has steps, its metrics.

    The lines are the values of the last key column that lists a few; all other keys are chosen.
    """
    panels = []
    for table in tables:
        metrics = tuple(metric.name for metric in table.metrics)
        names = [key.name for key in table.keys]
        if is_timeline(table):
            panels.append(Panel("Milestones", table, "timeline", metrics, "milestone"))
        elif "step" in names:
            few = [key.name for key in table.keys if 1 < len(key.values) <= MOST_LINES]
            series = few[-1] if few else ""
            further = [name for name in names if name not in (*CLOCK, series)]
            panels.append(
                Panel(
                    f"Table {table.name}",
                    table,
                    "curves",
                    metrics,
                    series,
                    choices=("metric", *further),
                )
            )
    return panels
