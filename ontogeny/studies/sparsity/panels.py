"""What the page shows of the study of sparsity."""

from ontogeny.page.panels import Panel
from ontogeny.studies.sparsity.tables import SPARSITY

INDICES = ("chi", "entropy")  # the figures have the others

PANELS = (
    Panel(
        "Concentration and word frequency, by layer",
        SPARSITY,
        "heatmap",
        ("rho", "rank_correlation", "mean"),
        series="layer",
        choices=("corpus", "metric", "quantity", "measure", "role"),
        keep={
            "word_class": "all",
            "measure": INDICES,
            "site": ("embedding", "residual", "recurrent", "attention"),
        },
    ),
    Panel(
        "Open and closed classes",
        SPARSITY,
        "curves",
        ("rho", "mean"),
        series="word_class",
        choices=("corpus", "metric", "site", "layer", "quantity", "measure", "role"),
        keep={"measure": INDICES},
    ),
)
