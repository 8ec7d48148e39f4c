"""The page itself: one file that needs neither a network nor a server."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ontogeny.files import atomic_path
from ontogeny.page.charts import colours, specification
from ontogeny.page.ledger import ledger, tally
from ontogeny.page.panels import Panel, Section
from ontogeny.page.rows import aggregated, compressed, packed, thinned

HERE = Path(__file__).parent


def write_page(
    sections: Sequence[Section],
    read: Callable[[Panel], pd.DataFrame],
    claims: pd.DataFrame,
    path: str | os.PathLike[str],
    forests: Mapping[str, str],
) -> None:
    """Write the page of some sections and of a ledger of claims.

    `read` returns the rows of a panel's table; `claims` has the columns of
    `ontogeny.results.claims.CLAIM_COLUMNS`; `forests` gives for a run and a corpus, as
    `run.corpus`, the path of its forest of claims, relative to the page. The same tables give the
    same bytes.
    """
    drawn: list[dict[str, Any]] = []
    parts = []
    for section in sections:
        shown = [
            prepared(panel, read(panel), f"{section.name}-{place}", section.name)
            for place, panel in enumerate(section.panels, start=1)
        ]
        drawn += shown
        parts.append({"section": section, "panels": shown})
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("page.html").render(
        parts=parts,
        ledger=ledger(claims, forests),
        tally=tally(claims),
        titles={section.name: section.title for section in sections},
        tiers=sorted(claims["tier"].dropna().unique()),
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        script=(HERE / "page.js").read_text(encoding="utf-8"),
        vega=vega(),
        data=compressed([panel for panel in drawn if panel["rows"]]),
    )
    with atomic_path(path) as scratch:
        scratch.write_text(text, encoding="utf-8", newline="\n")


def prepared(panel: Panel, frame: pd.DataFrame, name: str, study: str) -> dict[str, Any]:
    """Return what the page needs of a panel: its rows, packed, and how they are drawn."""
    rows, over = aggregated(frame, panel)
    rows, shorter = thinned(rows)
    columns = packed(rows, panel)
    coloured = "study" if panel.kind == "timeline" else panel.series
    levels = columns[coloured]["levels"] if coloured in columns else []
    if panel.kind == "timeline":
        choices: list[str] = []
    else:
        choices = [choice for choice in panel.choices if choice != panel.task]
    return {
        "id": name,
        "study": study,
        "title": panel.title,
        "kind": panel.kind,
        "series": panel.series,
        "across": panel.across,
        "task": panel.task,
        "choices": choices,
        "legend": [
            [str(level), colour] for level, colour in zip(levels, colours(levels), strict=True)
        ]
        if panel.kind != "heatmap"
        else [],
        "coloured": coloured,
        "over": [column.replace("_", " ") for column in over],
        "thinned": shorter,
        "rows": len(rows),
        "columns": columns,
        "units": {name: value_name(panel, name) for name in panel.metrics},
        "spec": specification(panel, levels),
    }


def value_name(panel: Panel, name: str) -> str:
    """Return what a metric of a panel is called, with its unit, if it has one."""
    unit = next(metric.unit for metric in panel.table.metrics if metric.name == name)
    words = name.replace("_", " ")
    return f"{words} ({unit})" if unit and unit != words else words


@cache
def vega() -> str:
    """Return Vega, Vega-Lite and their embedding as one script, for Altair's Vega-Lite."""
    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)
    return script.replace("</script", "<\\/script")
