"""The page's charts: valid Vega-Lite, and colours that everybody can tell apart."""

import itertools
import json

import numpy as np
import pytest
from made_rows import MILESTONES, PLAIN

from ontogeny.page.charts import PALETTE, colours, specification
from ontogeny.page.panels import default_panels
from ontogeny.results.tables import RUN, SEED, STEP, Metric, Table
from ontogeny.runs.panels import PANELS as OF_RUNS
from ontogeny.studies import STUDIES

PANELS = [
    *OF_RUNS,
    *default_panels([PLAIN, MILESTONES]),
    *(panel for study in STUDIES for panel in study.shown_panels()),
]
# What a red-green blind eye sees of linear RGB (Machado, Oliveira and Fernandes 2009, table 1).
BLIND = {
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
}


@pytest.mark.parametrize("kind", ["curves", "heatmap", "profile", "timeline"])
def test_charts_keep_to_the_schema_of_vega_lite(kind):
    panel = next(panel for panel in PANELS if panel.kind == kind)
    for levels in ([], ["a", "b"], [0, 1, 2, "whole model"]):
        checked = specification(panel, levels, checked=True)
        assert checked == specification(panel, levels)


def test_a_chart_is_the_same_however_many_were_made_before():
    panel = PANELS[0]
    assert json.dumps(specification(panel, ["a"])) == json.dumps(specification(panel, ["a"]))


def test_the_one_line_of_a_panel_without_series_has_a_colour():
    panel = default_panels([Table("one", (RUN, SEED, STEP), (Metric("size", "how large", "m"),))])
    assert panel[0].series == ""
    scale = specification(panel[0], [])["layer"][1]["encoding"]["color"]["scale"]
    assert scale == {"domain": ["value"], "range": [PALETTE[0]]}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: f"{panel.table.name}: {panel.title}")
def test_panels_name_columns_and_metrics_of_their_tables(panel):
    keys = {key.name for key in panel.table.keys} | {"metric"}
    assert set(panel.columns) <= keys | {"step"}
    assert set(panel.keep) <= keys
    assert set(panel.metrics) <= {metric.name for metric in panel.table.metrics}
    assert panel.metrics


def lab(colour, matrix):
    """CIE Lab of a colour as an eye with that matrix sees it."""
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(matrix) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = xyz @ seen / [0.9505, 1, 1.089]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("matrix", [np.eye(3), *BLIND.values()], ids=["sighted", *BLIND])
def test_colours_of_lines_are_told_apart_by_every_eye(matrix):
    for one, other in itertools.combinations(PALETTE, 2):
        assert np.linalg.norm(lab(one, matrix) - lab(other, matrix)) > 10, (one, other)


@pytest.mark.parametrize("number", [1, 2, 5, 25])
def test_colours_of_layers_grow_lighter(number):
    lightness = [lab(colour, np.eye(3))[0] for colour in colours(list(range(number)))]
    assert (np.diff(lightness) > 0).all()
