"""The figure of an audit: distances between the checkpoints of a run, drawn from tables alone."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ontogeny.audit.tables import Finding
from ontogeny.errors import TableError
from ontogeny.figures.axes import step_axis
from ontogeny.figures.style import WIDTH, band, legend_below, over_seeds, statement, styled

LINE_COLOUR = "#0072B2"
# Vermillion and black of Okabe and Ito, told apart by their markers in grey as well.
MARKS: dict[str, dict[str, Any]] = {
    "stop": {"color": "#D55E00", "marker": "X", "markersize": 6, "label": "stops the studies"},
    "warn": {"color": "black", "marker": "D", "markersize": 5, "label": "to be looked at"},
}
PANELS = {
    "distance_to_last": "(a) to the last checkpoint",
    "distance_to_previous": "(b) to the checkpoint before",
}


@styled
def audit_figure(weights: pd.DataFrame, findings: Iterable[Finding]) -> Figure:
    """Draw the distances of one run's checkpoints, to the last and to the one before, against step.

    `weights` has the columns of the table `WEIGHTS`; distances are shown as a share of the norm of
    the last checkpoint of the same seed. Lines are means over seeds, bands go from the lowest to
    the highest. A checkpoint with a finding is marked where its own seed puts it: at the height of
    its distance, or at the bottom where none could be measured. Raises `TableError` if there are
    several runs.
    """
    runs = sorted(weights["run"].unique())
    if len(runs) > 1:
        raise TableError(
            f"the figure of an audit shows one run, the table holds {', '.join(runs)}. Select one "
            "before drawing."
        )
    shares = _shares(weights)
    if shares.empty:
        return statement("No two checkpoints could be compared, so there are no distances to show.")
    marked = _marked(findings, runs[0])
    figure = Figure(figsize=(WIDTH, 2.5), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (metric, title) in zip(panels, PANELS.items(), strict=True):
        own = shares[shares["metric"] == metric]
        step_axis(axes, weights["step"].unique())
        axes.set_title(title, loc="left")
        band(axes, over_seeds(own, "step"), color=LINE_COLOUR, gid=metric, marker="o")
        _mark(axes, own, marked)
    panels[0].set_ylabel("distance (share of the last norm)")
    panels[0].set_ylim(bottom=0)
    present = set(marked.values())
    handles = [
        Line2D([], [], linestyle="", fillstyle="none", **style)
        for severity, style in MARKS.items()
        if severity in present
    ]
    legend_below(figure, int(weights["seed"].nunique()), handles, columns=4)
    return figure


def _shares(weights: pd.DataFrame) -> pd.DataFrame:
    """Return the distances as shares of the norm of the last checkpoint that has one, by seed."""
    norms = weights[weights["metric"] == "norm"].sort_values("step")
    last = norms.groupby("seed")["value"].last()
    shares = weights[weights["metric"].isin(PANELS)].copy()
    shares["value"] /= shares["seed"].map(last)
    return shares[shares["value"].notna()]


def _marked(findings: Iterable[Finding], run: str) -> dict[tuple[int, int], str]:
    """Return the gravest severity of each seed and step that a finding of the run is about."""
    marked: dict[tuple[int, int], str] = {}
    for finding in findings:
        for step in finding.steps if finding.run == run and finding.severity in MARKS else ():
            place = (finding.seed, step)
            if marked.get(place) != "stop":
                marked[place] = finding.severity
    return marked


def _mark(axes: Axes, shares: pd.DataFrame, marked: dict[tuple[int, int], str]) -> None:
    heights = shares.set_index(["seed", "step"])["value"].to_dict()
    for severity, style in MARKS.items():
        places = [
            (step, heights.get((seed, step), 0.0))
            for (seed, step), found in sorted(marked.items())
            if found == severity
        ]
        if places:
            steps, values = zip(*places, strict=True)
            axes.plot(
                steps,
                values,
                **style | {"linestyle": "", "fillstyle": "none", "clip_on": False},
                zorder=5,
                gid=f"finding:{severity}",
            )
