"""What the page shows of the study of push-down."""

from ontogeny.page.panels import Panel
from ontogeny.studies.pushdown.tables import MIGRATION, PRIMARY_METRIC, PUSHDOWN

SCORES = tuple(dict.fromkeys(PRIMARY_METRIC.values()))

PANELS = (
    Panel(
        "Score of the probe, by layer and step",
        PUSHDOWN,
        "heatmap",
        SCORES,
        series="layer",
        task="task",
        choices=("corpus", "subset"),
    ),
    Panel(
        "Score by layer, at this step",
        PUSHDOWN,
        "profile",
        SCORES,
        series="task",
        across="layer",
        choices=("corpus", "subset"),
    ),
    Panel(
        "Shallowest sufficient layer",
        MIGRATION,
        "curves",
        ("shallowest_sufficient_layer", "expected_layer"),
        series="task",
        choices=("corpus", "metric", "subset"),
    ),
    Panel(
        "Selectivity",
        PUSHDOWN,
        "curves",
        ("selectivity",),
        series="layer",
        task="task",
        choices=("corpus", "subset"),
    ),
)
