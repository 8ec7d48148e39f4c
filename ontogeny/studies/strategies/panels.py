"""What the page shows of the study of strategies."""

from ontogeny.page.panels import Panel
from ontogeny.studies.strategies.tables import CONDITION, STRATEGIES

PANELS = (
    Panel(
        "Answers by evaluation set",
        STRATEGIES,
        "curves",
        ("accuracy", "loss"),
        series="subset",
        choices=("metric", *CONDITION),
    ),
    Panel(
        "Probes by layer, at this step",
        STRATEGIES,
        "profile",
        ("probe_accuracy", "probe_accuracy_new_types"),
        series="subset",
        across="layer",
        choices=("metric", *CONDITION),
    ),
)
