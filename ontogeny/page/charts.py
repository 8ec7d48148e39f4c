"""The page's charts, as Vega-Lite: what is drawn, of rows that the page puts in.

Each chart takes rows named `rows` with the fields `step`, `value`, `seed`, `series` and `across`,
and has the parameters `step` (where the slider stands), `picked` (the line that is to stand out, or
none), `constant` and `ticks` (of the axis of steps).
"""

from typing import Any, TypeAlias

import altair as alt
from altair.utils.schemapi import debug_mode

from ontogeny.page.panels import Panel

# The palette of Okabe and Ito (2008, "Color universal design") with wine in place of yellow.
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#7A1F4B",
    "#000000",
)
# Of viridis, from dark to light; its yellows are lost on white.
ORDERED = ("#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39")
HEIGHT = 230
ONE_LINE = "value"  # what page.js calls the line of a panel that has one
GREY = "#555555"
Layers: TypeAlias = alt.LayerChart | alt.FacetChart
ROWS = alt.NamedData("rows")
CONFIG: dict[str, Any] = {
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "titleColor": GREY,
        "labelColor": GREY,
        "domainColor": "#999999",
        "tickColor": "#999999",
        "gridColor": "#ececec",
    },
    "legend": {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"},
}


def colours(levels: list[Any]) -> list[str]:
    """Return a colour for each value of a column: in order for numbers, else far apart."""
    numbers = [level for level in levels if isinstance(level, int | float)]
    if not numbers:
        return [PALETTE[place % len(PALETTE)] for place in range(len(levels))]
    last = max(len(numbers) - 1, 1)
    ordered = [_between(place / last) for place in range(len(numbers))]
    return ordered + [GREY] * (len(levels) - len(numbers))


def _between(share: float) -> str:
    place = share * (len(ORDERED) - 1)
    low = min(int(place), len(ORDERED) - 2)
    mixed = (
        round(int(a, 16) + (int(b, 16) - int(a, 16)) * (place - low))
        for a, b in ((ORDERED[low][i : i + 2], ORDERED[low + 1][i : i + 2]) for i in range(1, 7, 2))
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def specification(panel: Panel, levels: list[Any], *, checked: bool = False) -> dict[str, Any]:
    """Return the Vega-Lite specification of a panel.

    `levels` are the values of its `series`, of a timeline its studies.
    """
    draw = {
        "curves": _curves,
        "heatmap": _heatmap,
        "profile": _profile,
        "timeline": _timeline,
    }[panel.kind]
    # Altair checks each part against the schema as it is made, and again at the end: a second a
    # panel. `checked` is for tests, which have them all checked.
    with debug_mode(checked):
        chart = draw(panel, levels).add_params(
            alt.param(name="step", value=0),
            alt.param(name="picked", value=""),
            alt.param(name="constant", value=1),
            alt.param(name="ticks", value=[0]),
        )
        size = alt.AutoSizeParams(type="fit-x", contains="padding")
        found: dict[str, Any] = chart.properties(width="container", autosize=size).to_dict(
            validate=checked
        )
    found["config"] = CONFIG
    # What Altair counts through a process isn't part of what is drawn.
    return _without(found, "name", of="view_")


def _without(part: Any, key: str, of: str) -> Any:
    if isinstance(part, dict):
        return {
            name: _without(value, key, of)
            for name, value in part.items()
            if not (name == key and isinstance(value, str) and value.startswith(of))
        }
    return [_without(value, key, of) for value in part] if isinstance(part, list) else part


def _steps(field: str = "step:Q", title: str | None = "step (updates, log)") -> alt.X:
    return alt.X(
        field,
        title=title,
        scale=alt.Scale(type="symlog", constant=alt.ExprRef("constant"), nice=False, zero=False),
        axis=alt.Axis(
            values=alt.ExprRef("ticks"),
            labelExpr="datum.value === 0 ? '0' : format(datum.value, '~s')",
            grid=False,
            labelOverlap="greedy",
            labelFlush=True,
        ),
    )


def _series(levels: list[Any]) -> alt.Color:
    levels = levels or [ONE_LINE]
    names = [str(level) for level in levels]
    return alt.Color("series:N", scale=alt.Scale(domain=names, range=colours(levels)), legend=None)


def _stands_out(strong: float, field: str = "series") -> Any:
    return (
        alt.when(f"picked === '' || picked === datum.{field}")
        .then(alt.value(strong))
        .otherwise(alt.value(strong * 0.15))
    )


def _here() -> alt.Chart:
    """A line where the slider stands."""
    return (
        alt.Chart(alt.sequence(1))
        .transform_calculate(here="step")
        .mark_rule(color="#222222", strokeWidth=1, strokeDash=[3, 3])
        .encode(x="here:Q")
    )


NUMBER = ".4~g"
NUMBERS = [
    alt.Tooltip("mean(value):Q", title="value", format=NUMBER),
    alt.Tooltip("min(value):Q", title="lowest seed", format=NUMBER),
    alt.Tooltip("max(value):Q", title="highest seed", format=NUMBER),
    alt.Tooltip("distinct(seed):Q", title="seeds"),
]


def _lines(x: alt.X, levels: list[Any], hover: list[alt.Tooltip]) -> list[alt.Chart]:
    base = alt.Chart(ROWS).encode(x=x, color=_series(levels))
    value = alt.Y("mean(value):Q", title=None, scale=alt.Scale(zero=False))
    band = base.mark_area().encode(
        y=alt.Y("min(value):Q", title=None), y2="max(value):Q", opacity=_stands_out(0.18)
    )
    line = base.mark_line(strokeWidth=1.8, clip=True).encode(y=value, opacity=_stands_out(1))
    near = base.mark_point(size=140, filled=True, opacity=0.001).encode(y=value, tooltip=hover)
    return [band, line, near]


def _curves(panel: Panel, levels: list[Any]) -> Layers:
    named = [alt.Tooltip("series:N", title=panel.series)] if panel.series else []
    hover = [alt.Tooltip("step:Q", format=",d"), *named, *NUMBERS]
    band, line, near = _lines(_steps(), levels, hover)
    dots = (
        alt.Chart(ROWS)
        .transform_filter("datum.step === step")
        .mark_point(size=46, filled=True)
        .encode(
            x=_steps(),
            y=alt.Y("mean(value):Q", title=None),
            color=_series(levels),
            opacity=_stands_out(1),
            tooltip=hover,
        )
    )
    return alt.layer(band, line, _here(), dots, near).properties(height=HEIGHT)


def _profile(panel: Panel, levels: list[Any]) -> Layers:
    named = [alt.Tooltip("series:N", title=panel.series)] if panel.series else []
    hover = [alt.Tooltip("across:O", title=panel.across), *named, *NUMBERS]
    across = alt.X(
        "across:O", title=panel.across.replace("_", " "), sort=None, axis=alt.Axis(labelAngle=0)
    )
    # All steps set the axes, so that they stay where they are while the slider moves.
    ground = (
        alt.Chart(ROWS)
        .mark_point(opacity=0, tooltip=None)
        .encode(x=across, y=alt.Y("value:Q", scale=alt.Scale(zero=False), title=None))
    )
    band, line, near = (
        layer.transform_filter("datum.step === step") for layer in _lines(across, levels, hover)
    )
    dots = near.mark_point(size=36, filled=True).encode(opacity=_stands_out(1))
    return alt.layer(ground, band, line, dots, near).properties(height=HEIGHT)


def _heatmap(panel: Panel, levels: list[Any]) -> Layers:
    cells = (
        alt.Chart(ROWS)
        .mark_rect()
        .encode(
            x=_steps("from:Q"),
            x2="to:Q",
            y=alt.Y("series:N", title=panel.series, sort=[str(level) for level in levels[::-1]]),
            color=alt.Color(
                "mean(value):Q",
                scale=alt.Scale(scheme="viridis", zero=False, nice=False),
                legend=alt.Legend(
                    title=None, gradientThickness=9, gradientLength=HEIGHT - 30, format=".3~g"
                ),
            ),
            tooltip=[
                alt.Tooltip("mean(step):Q", title="step", format=",d"),
                alt.Tooltip("series:N", title=panel.series),
                *NUMBERS,
            ],
        )
    )
    numbers = all(isinstance(level, int | float) for level in levels)
    height = HEIGHT if numbers else max(HEIGHT, 15 * len(levels))
    return alt.layer(cells, _here()).properties(height=height)


def _timeline(panel: Panel, levels: list[Any]) -> Layers:
    scale = alt.Scale(domain=levels, range=colours(levels))
    studies = alt.Color("study:N", scale=scale, legend=None)
    filled = alt.Fill("study:N", scale=scale, legend=None)
    lane = alt.Y(
        "series:N",
        title=None,
        sort=alt.EncodingSortField("order", order="ascending"),
        axis=alt.Axis(grid=True, labelLimit=220, ticks=False, domain=False),
    )
    hover = [
        alt.Tooltip("series:N", title="milestone"),
        alt.Tooltip("study:N"),
        alt.Tooltip("seed:N"),
        alt.Tooltip("value:Q", title="step", format=",.0f"),
        alt.Tooltip("low:Q", title="from", format=",.0f"),
        alt.Tooltip("high:Q", title="to", format=",.0f"),
    ]
    base = alt.Chart(ROWS).encode(y=lane, color=studies, tooltip=hover)
    interval = base.mark_rule(strokeWidth=2).encode(
        x=_steps("from:Q"), x2="to:Q", opacity=_stands_out(0.45, "study")
    )
    reached = alt.when("datum.value <= step")
    points = base.mark_point(size=52, strokeWidth=1.6).encode(
        x=_steps("value:Q"),
        fill=reached.then(filled).otherwise(alt.value("white")),
        opacity=_stands_out(0.8, "study"),
    )
    # The page makes it as high as the lanes that the chosen run has.
    return alt.layer(interval, points, _here()).properties(height=HEIGHT)
