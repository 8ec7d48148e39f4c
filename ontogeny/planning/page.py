"""What the page is made of, as the configuration has it: pure functions of paths."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ontogeny.page.panels import Section
from ontogeny.planning.layout import forests, loss_figures
from ontogeny.planning.study import Config, Study, table_file
from ontogeny.runs.panels import PANELS as OF_RUNS

PAGE = "results/atlas/index.html"
RUNS = Section("runs", "Runs", "How does the loss fall in what is trained here?", OF_RUNS, {})


def section_of(study: Study) -> Section:
    """Return the part of the page that is a study's, without links to its figures."""
    return Section(study.name, study.title, study.question, study.shown_panels(), {})


def sections(config: Config, studies: Iterable[Study]) -> list[Section]:
    """Return the parts of the page: first one with a timeline, then runs trained here, studies."""
    parts = [
        replace(section_of(study), figures=links(study.figure_files(config))) for study in studies
    ]
    if losses := loss_figures(config):
        parts.insert(0, replace(RUNS, figures=links(losses)))
    # A timeline is where a reader begins.
    return sorted(parts, key=lambda part: not any(p.kind == "timeline" for p in part.panels))


def tables(config: Config, studies: Iterable[Study]) -> list[str]:
    """Return the paths of the tables that the page's panels read."""
    shown = [panel for part in sections(config, studies) for panel in part.panels]
    return list(dict.fromkeys(table_file(panel.table) for panel in shown))


def forest_links(config: Config, studies: Iterable[Study]) -> dict[str, str]:
    """Return for what a forest of claims is of, as `run.corpus`, the link to it."""
    files = forests(config, studies)
    return {path.split("/forest.")[-1].removesuffix(".svg"): link(path) for path in files}


def links(paths: Iterable[str]) -> Mapping[str, str]:
    """Return for each figure its link, and what that says: its name, then what it is of."""
    found = {}
    for path in paths:
        name, *values = path.split("/")[-1].removesuffix(".svg").split(".")
        found[link(path)] = ": ".join(
            [name.replace("_", " "), *[" on ".join(values)][: len(values)]]
        )
    return found


def link(path: str) -> str:
    """Return a path of the results relative to the page."""
    return "../" + path.removeprefix("results/")
