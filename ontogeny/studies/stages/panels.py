"""What the page shows of the study of stages."""

from ontogeny.page.panels import Panel
from ontogeny.studies.stages.tables import LANGUAGE, REGRESSION, STAGES

PANELS = (
    Panel(
        "Loss and local learning coefficient",
        STAGES,
        "curves",
        ("llc", "loss", "llc_rhat"),
        choices=("corpus", "metric"),
    ),
    Panel(
        "Local learning coefficient of layers, and of heads",
        STAGES,
        "curves",
        ("llc_refined",),
        series="layer",
        choices=("corpus", "head"),
    ),
    Panel(
        "Essential dynamics",
        STAGES,
        "curves",
        ("pc1", "pc2", "pc3"),
        series="metric",
        choices=("corpus",),
    ),
    Panel(
        "What the model comes to do",
        STAGES,
        "curves",
        tuple(metric.name for metric in (*LANGUAGE, *REGRESSION)),
        series="layer",
        choices=("corpus", "metric"),
    ),
)
