"""What a study is: the declaration by which the workflow knows it.

A study's declaration stands in `ontogeny/studies/{name}/study.py`. Whatever plans a run imports it,
so it imports neither torch nor matplotlib; `ontogeny/studies/__init__.py` lists all declarations.
`Config` is a configuration as `ontogeny.planning.configuration.validate` returns it, `Settings`
what stands in it under `studies`, for one study.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ontogeny.page.panels import Panel, default_panels
from ontogeny.results.tables import Table

Config = Mapping[str, Any]
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Need:
    """An annotation that a study needs of a corpus, what for, and what to do without it."""

    purpose: str
    annotation: str
    remedy: str


@dataclass(frozen=True)
class Joined:
    """A table of a study: its declaration, and the files of rows that jobs measured for it."""

    table: Table
    parts: Callable[[Config], list[str]]


@dataclass(frozen=True)
class Figure:
    """A figure of a study, or one for each of several values of its wildcards.

    `label` says in the report what it shows, `subcategory` where in the study's part of the report
    it stands; the latter may name wildcards. It is drawn from the tables `reads` alone, and anew
    only when one of them changes. `shown` returns the values of `wildcards` for which it is drawn:
    by default once, without any. Figures that have these three in common are drawn by one job.
    """

    name: str
    label: str
    subcategory: str
    reads: tuple[Table, ...]
    wildcards: tuple[str, ...] = ()
    shown: Callable[[Config], list[tuple[Any, ...]]] = lambda config: [()]

    @property
    def stem(self) -> str:
        """The name of its file, without suffix and with its wildcards open."""
        return ".".join([self.name, *(f"{{{wildcard}}}" for wildcard in self.wildcards)])


@dataclass(frozen=True)
class Milestones:
    """When things happen in a trajectory, as a study tells it: all that the atlas knows of a study.

    `find` takes the tables `reads`, in their order, and then the study's settings. It returns rows
    as `ontogeny.results.timeline` has them. Whatever plans a run imports it with the declaration.
    """

    reads: tuple[Table, ...]
    find: Callable[..., pd.DataFrame]


def nothing(*_: Any) -> Iterable[Any]:
    """Return nothing: of a study that needs nothing, or has no contradictions."""
    return ()


def as_written(settings: Settings) -> Settings:
    """Return a study's settings as they are: of a study that knows no abbreviations."""
    return settings


@dataclass(frozen=True)
class Study:
    """One line of research.

    - `name`: the same on every floor; `title`: in the report and on the page; `question`: what it
      asks, in a sentence.
    - `tables` and `figures`: what it makes.
    - `panels`: what the page shows of it; by default what its tables say of themselves.
    - `verdicts` returns the files of claims that its jobs write, to be joined.
    - `judged` returns the runs and corpora that its claims are about; each pair gets a forest.
    - `needs` returns what it needs of a corpus, by its settings and the corpus's name.
    - `contradictions` returns what in its settings can't be, each a message that begins with a key
      below the study's; it takes the settings, the whole configuration, and the names of sources.
      (Runs, steps and corpora that aren't there are found out for all studies alike.)
    - `completed` returns its settings with abbreviations written out.
    - `figure_settings` returns what its figures take beside tables, by the values of wildcards.
    - `milestones`: what of its tables stands in the atlas's timeline; None if nothing.
    - `reads_studies`: whether its jobs read the tables of others.
    - `reads_attention`: whether the attention of its runs is measured, which some models don't
      have.
    - `reads_features`: whether it takes features from `rules/features.smk`; its settings then have
      `words` for each split, `pooling`, `tokens_per_batch` and `precision`, and may have
      `normalised` and `segment`.
    """

    name: str
    title: str
    tables: tuple[Joined, ...]
    figures: tuple[Figure, ...]
    verdicts: Callable[[Config], list[str]]
    judged: Callable[[Config], list[tuple[str, str]]] = lambda config: []
    needs: Callable[[Settings, str], Iterable[Need]] = nothing
    contradictions: Callable[[Settings, Config, Iterable[str]], Iterable[str]] = nothing
    completed: Callable[[Settings], Settings] = as_written
    figure_settings: Callable[[Config, Mapping[str, str]], dict[str, Any]] = lambda *_: {}
    milestones: Milestones | None = None
    reads_studies: bool = False
    reads_attention: bool = False
    reads_features: bool = False
    question: str = ""
    panels: tuple[Panel, ...] = ()

    def figure(self, name: str) -> Figure:
        """Return a figure by its name."""
        return next(figure for figure in self.figures if figure.name == name)

    def figures_by_job(self) -> list[tuple[Figure, ...]]:
        """Return its figures, those together that one job draws.

        They read the same tables and are shown for the same values of the same wildcards, so that
        what one of them is drawn anew for is the same for all.
        """
        groups: dict[Any, list[Figure]] = {}
        for figure in self.figures:
            groups.setdefault((figure.reads, figure.wildcards, figure.shown), []).append(figure)
        return [tuple(figures) for figures in groups.values()]

    def shown_panels(self) -> list[Panel]:
        """Return the panels that the page has of it."""
        return list(self.panels) or default_panels(joined.table for joined in self.tables)

    def table_files(self) -> list[str]:
        """Return the paths of its tables."""
        return [table_file(joined.table) for joined in self.tables]

    def figure_files(self, config: Config) -> list[str]:
        """Return the paths of its figures, of each the svg."""
        return [
            f"results/figures/{self.name}/{'.'.join([figure.name, *map(str, values)])}.svg"
            for figure in self.figures
            for values in figure.shown(config)
        ]

    def targets(self, config: Config) -> list[str]:
        """Return all that the study makes to be looked at: tables, figures and claims."""
        claims = f"results/claims/{self.name}.tsv"
        return [*self.table_files(), *self.figure_files(config), claims]


def table_file(table: Table) -> str:
    """Return the path of a table."""
    return f"results/tables/{table.name}.parquet"
